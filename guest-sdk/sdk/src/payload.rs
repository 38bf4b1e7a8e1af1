//! How inputs and outputs of handlers become bytes.

use std::any::TypeId;
use std::ops::Deref;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::guest;
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
pub trait Input: Sized {
    /// Describes the type in the manifest.
    #[doc(hidden)]
    fn describe() -> guest::Payload;
    /// Reads the body of the request.
    #[doc(hidden)]
    fn decode(body: Vec<u8>) -> Result<Self, TerminalError>;
}

/// What a handler can give: JSON of any type that is `Serialize` and `JsonSchema`, [`Bytes`],
/// [`Text`], or `()` for nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the output of a handler",
    note = "it needs `Serialize` and `JsonSchema`: put `#[data]` on the type, or derive both"
)]
pub trait Output {
    /// Describes the type in the manifest.
    #[doc(hidden)]
    fn describe() -> guest::Payload;
    /// Writes the body of the response.
    #[doc(hidden)]
    fn encode(self) -> Result<Vec<u8>, TerminalError>;
}

impl<T: DeserializeOwned + JsonSchema + 'static> Input for T {
    fn describe() -> guest::Payload {
        json_or_nothing::<T>(SchemaSettings::draft2020_12())
    }

    fn decode(body: Vec<u8>) -> Result<Self, TerminalError> {
        // A request without a body is JSON's null, so `Option` and `()` accept it.
        let json = if body.is_empty() { b"null" } else { body.as_slice() };
        serde_json::from_slice(json).map_err(|error| match body.is_empty() {
            true => bad_input("the request has no body"),
            false => bad_input(error),
        })
    }
}

impl<T: Serialize + JsonSchema + 'static> Output for T {
    fn describe() -> guest::Payload {
        json_or_nothing::<T>(SchemaSettings::draft2020_12().for_serialize())
    }

    fn encode(self) -> Result<Vec<u8>, TerminalError> {
        if is_nothing::<T>() {
            return Ok(Vec::new());
        }
        serde_json::to_vec(&self)
            .map_err(|error| TerminalError::new(format!("Failed to serialize output: {error}")))
    }
}

// Neither type implements serde's traits, so these do not overlap with the blanket implementations.
impl Input for Bytes {
    fn describe() -> guest::Payload {
        plain("application/octet-stream")
    }

    fn decode(body: Vec<u8>) -> Result<Self, TerminalError> {
        Ok(Self(body))
    }
}

impl Output for Bytes {
    fn describe() -> guest::Payload {
        plain("application/octet-stream")
    }

    fn encode(self) -> Result<Vec<u8>, TerminalError> {
        Ok(self.0)
    }
}

impl Input for Text {
    fn describe() -> guest::Payload {
        plain("text/plain")
    }

    fn decode(body: Vec<u8>) -> Result<Self, TerminalError> {
        String::from_utf8(body).map(Self).map_err(bad_input)
    }
}

impl Output for Text {
    fn describe() -> guest::Payload {
        plain("text/plain")
    }

    fn encode(self) -> Result<Vec<u8>, TerminalError> {
        Ok(self.0.into_bytes())
    }
}

fn bad_input(reason: impl std::fmt::Display) -> TerminalError {
    TerminalError::new(format!("Failed to deserialize input: {reason}")).with_code(400)
}

fn plain(content_type: &str) -> guest::Payload {
    guest::Payload { content_type: Some(content_type.to_owned()), schema: None }
}

fn is_nothing<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<()>()
}

fn json_or_nothing<T: JsonSchema + 'static>(settings: SchemaSettings) -> guest::Payload {
    if is_nothing::<T>() {
        return guest::Payload { content_type: None, schema: None };
    }
    let schema = settings.into_generator().into_root_schema_for::<T>();
    guest::Payload {
        content_type: Some("application/json".to_owned()),
        schema: Some(schema.as_value().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<T: Input>(body: &str) -> Result<T, String> {
        T::decode(body.as_bytes().to_vec()).map_err(|error| format!("{} {error}", error.code()))
    }

    #[test]
    fn json_comes_and_goes() {
        assert_eq!(decode::<Vec<u32>>("[1,2]"), Ok(vec![1, 2]));
        assert_eq!(Output::encode("a").unwrap(), b"\"a\"");
    }

    #[test]
    fn input_that_does_not_deserialize_is_a_terminal_400() {
        assert_eq!(
            decode::<u32>("oops"),
            Err("400 Failed to deserialize input: expected value at line 1 column 1".into())
        );
        assert_eq!(decode::<u32>(""), Err("400 Failed to deserialize input: the request has no body".into()));
    }

    #[test]
    fn an_empty_body_is_null() {
        assert_eq!(decode::<Option<u32>>(""), Ok(None));
    }

    #[test]
    fn nothing_has_neither_bytes_nor_content_type() {
        assert_eq!(().encode().unwrap(), b"");
        assert_eq!(<() as Output>::describe().content_type, None);
        assert_eq!(decode::<()>(""), Ok(()));
    }

    #[test]
    fn raw_types_pass_through() {
        assert_eq!(Bytes::decode(vec![0xff]).unwrap().encode().unwrap(), vec![0xff]);
        assert_eq!(decode::<Text>("abc"), Ok(Text("abc".into())));
        assert_eq!(<Text as Output>::describe().content_type.as_deref(), Some("text/plain"));
    }

    #[test]
    fn schemas_are_of_draft_2020_12() {
        let schema = <u32 as Input>::describe().schema.unwrap();
        assert!(schema.contains("https://json-schema.org/draft/2020-12/schema"), "{schema}");
    }
}
