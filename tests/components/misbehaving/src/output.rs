//! An output that is not what it says.

use abide_sdk::TerminalError;
use abide_sdk::registry::{Output, Payload};

/// Says JSON, gives bytes that are no text in any encoding.
pub struct NotJson;

impl Output for NotJson {
    fn describe() -> Payload {
        Payload { content_type: Some("application/json".to_owned()), schema: None }
    }

    fn encode(self) -> Result<Vec<u8>, TerminalError> {
        Ok(vec![0xff, 0xfe, 0x00, 0x80])
    }
}
