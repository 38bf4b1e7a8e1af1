//! What handlers take and give, and how the manifest describes it.

use std::ops::Deref;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::guest;
use crate::codec::{self, Decode, Encode};
use crate::error::TerminalError;

/// Raw bytes as input or output: `application/octet-stream` instead of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

/// Plain text as input or output: `text/plain` instead of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Text(pub String);

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// What a handler can take: JSON of any type that is `Deserialize` and `JsonSchema`, [`Bytes`],
/// [`Text`], or `()` for nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the input of a handler",
    note = "it needs `Deserialize` and `JsonSchema`: put `#[data]` on the type, or derive both"
)]
pub trait Input: Decode {
    /// Describes the type in the manifest.
    #[doc(hidden)]
    fn describe() -> guest::Payload;
}

/// What a handler can give: JSON of any type that is `Serialize` and `JsonSchema`, [`Bytes`],
/// [`Text`], or `()` for nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the output of a handler",
    note = "it needs `Serialize` and `JsonSchema`: put `#[data]` on the type, or derive both"
)]
pub trait Output: Encode {
    /// Describes the type in the manifest.
    #[doc(hidden)]
    fn describe() -> guest::Payload;
}

impl<T: DeserializeOwned + JsonSchema> Input for T {
    fn describe() -> guest::Payload {
        json_or_nothing::<T>(SchemaSettings::draft2020_12())
    }
}

impl<T: Serialize + JsonSchema> Output for T {
    fn describe() -> guest::Payload {
        json_or_nothing::<T>(SchemaSettings::draft2020_12().for_serialize())
    }
}

impl Input for Bytes {
    fn describe() -> guest::Payload {
        plain("application/octet-stream")
    }
}

impl Output for Bytes {
    fn describe() -> guest::Payload {
        plain("application/octet-stream")
    }
}

impl Input for Text {
    fn describe() -> guest::Payload {
        plain("text/plain")
    }
}

impl Output for Text {
    fn describe() -> guest::Payload {
        plain("text/plain")
    }
}

/// Reads the body of a request.
pub(crate) fn read_input<I: Input>(body: Vec<u8>) -> Result<I, TerminalError> {
    let has_body = !body.is_empty();
    I::decode(body).map_err(|error| {
        let reason = if has_body { error.reason.as_str() } else { "the request has no body" };
        TerminalError::new(format!("Failed to deserialize input: {reason}")).with_code(400)
    })
}

/// Writes the body of a response.
pub(crate) fn write_output<O: Output>(output: O) -> Result<Vec<u8>, TerminalError> {
    codec::into_body(output)
        .map_err(|error| TerminalError::new(format!("Failed to serialize output: {error}")))
}

fn plain(content_type: &str) -> guest::Payload {
    guest::Payload { content_type: Some(content_type.to_owned()), schema: None }
}

fn json_or_nothing<T: JsonSchema>(settings: SchemaSettings) -> guest::Payload {
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let is_null = schema.get("type").is_some_and(|kind| kind == "null");
    // The counterpart of `codec::into_body`.
    if is_null && size_of::<T>() == 0 {
        return guest::Payload { content_type: None, schema: None };
    }
    guest::Payload {
        content_type: Some("application/json".to_owned()),
        schema: Some(schema.as_value().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Input>(body: &str) -> Result<T, String> {
        read_input(body.as_bytes().to_vec()).map_err(|error| format!("{} {error}", error.code()))
    }

    #[derive(Serialize, JsonSchema)]
    struct Done;

    #[test]
    fn json_comes_and_goes() {
        assert_eq!(read::<Vec<u32>>("[1,2]"), Ok(vec![1, 2]));
        assert_eq!(write_output("a").unwrap(), b"\"a\"");
    }

    #[test]
    fn input_that_does_not_deserialize_is_a_terminal_400() {
        assert_eq!(
            read::<u32>("oops"),
            Err("400 Failed to deserialize input: expected value at line 1 column 1".into())
        );
        assert_eq!(read::<u32>(""), Err("400 Failed to deserialize input: the request has no body".into()));
    }

    #[test]
    fn an_empty_body_is_null() {
        assert_eq!(read::<Option<u32>>(""), Ok(None));
    }

    #[test]
    fn nothing_has_neither_bytes_nor_content_type() {
        assert_eq!(write_output(()).unwrap(), b"");
        assert_eq!(write_output(Done).unwrap(), b"");
        assert_eq!(<() as Output>::describe().content_type, None);
        assert_eq!(<Done as Output>::describe().content_type, None);
        assert_eq!(read::<()>(""), Ok(()));
    }

    #[test]
    fn raw_types_pass_through() {
        assert_eq!(write_output(Bytes(vec![0xff])).unwrap(), vec![0xff]);
        assert_eq!(read::<Text>("abc"), Ok(Text("abc".into())));
        assert_eq!(<Text as Output>::describe().content_type.as_deref(), Some("text/plain"));
    }

    #[test]
    fn schemas_are_of_draft_2020_12() {
        let schema = <u32 as Input>::describe().schema.unwrap();
        assert!(schema.contains("https://json-schema.org/draft/2020-12/schema"), "{schema}");
    }
}
