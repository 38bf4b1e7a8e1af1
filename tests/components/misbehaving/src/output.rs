//! An output that is not what it says.

use abide_sdk::registry::{Output, Payload};
use abide_sdk::{Encode, serde_json};
use std::borrow::Cow;

/// Says JSON, gives bytes that are no text in any encoding.
pub struct NotJson;

impl Encode for NotJson {
    fn encode(&self) -> Result<Cow<'_, [u8]>, serde_json::Error> {
        Ok(Cow::Borrowed(&[0xff, 0xfe, 0x00, 0x80]))
    }
}

impl Output for NotJson {
    fn describe() -> Payload {
        Payload { content_type: Some("application/json".to_owned()), schema: None }
    }
}
