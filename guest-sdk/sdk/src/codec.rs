//! How values become bytes and come back: one rule for everything that is recorded or sent.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::types::Outcome;
use crate::error::TerminalError;
use crate::payload::{Bytes, Text};

/// How much of a value an error message shows.
const EXCERPT_BYTES: usize = 100;

/// What can be recorded and sent: JSON of any type that is `Serialize`, [`Bytes`] and [`Text`] as
/// they are.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded or sent",
    note = "it needs `Serialize`: put `#[data]` on the type, or derive it"
)]
pub trait Encode {
    /// Writes the value. One that is bytes already is not copied.
    #[doc(hidden)]
    fn encode(&self) -> Result<Cow<'_, [u8]>, serde_json::Error>;

    /// Writes a value that nobody needs afterwards.
    #[doc(hidden)]
    fn into_encoded(self) -> Result<Vec<u8>, serde_json::Error>
    where
        Self: Sized,
    {
        self.encode().map(Cow::into_owned)
    }
}

/// What can be read from a recorded or sent value: JSON of any type that is `Deserialize` and owns
/// its data, [`Bytes`] and [`Text`] as they are.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from what was recorded or sent",
    note = "it needs `Deserialize` and no borrowed fields: put `#[data]` on the type, or derive it"
)]
pub trait Decode: Sized {
    /// Reads a value. No bytes at all are JSON's null, so `Option` and `()` accept them.
    #[doc(hidden)]
    fn decode(bytes: Vec<u8>) -> Result<Self, Unreadable>;
}

/// Bytes that are no such value, and why: who tells of it shows them.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub(crate) reason: String,
    pub(crate) bytes: Vec<u8>,
}

impl<T: Serialize + ?Sized> Encode for T {
    fn encode(&self) -> Result<Cow<'_, [u8]>, serde_json::Error> {
        serde_json::to_vec(self).map(Cow::Owned)
    }
}

impl<T: DeserializeOwned> Decode for T {
    fn decode(bytes: Vec<u8>) -> Result<Self, Unreadable> {
        let json = if bytes.is_empty() { b"null" } else { bytes.as_slice() };
        serde_json::from_slice(json).map_err(|error| Unreadable { reason: error.to_string(), bytes })
    }
}

// Neither type implements serde's traits, so these do not overlap with the blanket implementations.
impl Encode for Bytes {
    fn encode(&self) -> Result<Cow<'_, [u8]>, serde_json::Error> {
        Ok(Cow::Borrowed(&self.0))
    }

    fn into_encoded(self) -> Result<Vec<u8>, serde_json::Error> {
        Ok(self.0)
    }
}

impl Decode for Bytes {
    fn decode(bytes: Vec<u8>) -> Result<Self, Unreadable> {
        Ok(Self(bytes))
    }
}

impl Encode for Text {
    fn encode(&self) -> Result<Cow<'_, [u8]>, serde_json::Error> {
        Ok(Cow::Borrowed(self.0.as_bytes()))
    }

    fn into_encoded(self) -> Result<Vec<u8>, serde_json::Error> {
        Ok(self.0.into_bytes())
    }
}

impl Decode for Text {
    fn decode(bytes: Vec<u8>) -> Result<Self, Unreadable> {
        String::from_utf8(bytes)
            .map(Self)
            .map_err(|error| Unreadable { reason: error.to_string(), bytes: error.into_bytes() })
    }
}

/// Writes the body of a request. `()` and unit structs are no body at all.
pub(crate) fn body<T: Encode + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let bytes = value.encode()?.into_owned();
    Ok(if is_nothing(size_of_val(value), &bytes) { Vec::new() } else { bytes })
}

/// As [`body`], of a response.
pub(crate) fn into_body<T: Encode>(value: T) -> Result<Vec<u8>, serde_json::Error> {
    let bytes = value.into_encoded()?;
    Ok(if is_nothing(size_of::<T>(), &bytes) { Vec::new() } else { bytes })
}

fn is_nothing(size: usize, bytes: &[u8]) -> bool {
    size == 0 && bytes == b"null"
}

/// Writes a value where failing is a mistake in the handler's code, which a new deployment repairs.
pub(crate) fn written<'a, T: Encode + ?Sized>(what: &str, value: &'a T) -> Cow<'a, [u8]> {
    value.encode().unwrap_or_else(|error| panic!("{what} does not serialize: {error}"))
}

/// Reads what somebody else sent. When it is of another type that is final: every attempt would
/// see the same, and only the handler knows what to do then.
pub(crate) fn sent<T: Decode>(what: &str, outcome: Outcome) -> Result<T, TerminalError> {
    decoded(what, bytes(what, outcome)?.unwrap_or_default()).map_err(TerminalError::new)
}

/// As [`sent`], for what may not be there yet.
pub(crate) fn sent_or_none<T: Decode>(what: &str, outcome: Outcome) -> Result<Option<T>, TerminalError> {
    let bytes = bytes(what, outcome)?;
    bytes.map(|bytes| decoded(what, bytes)).transpose().map_err(TerminalError::new)
}

/// Reads what this service recorded itself. When it is of another type that is no failure of the
/// invocation but a mistake in the code, which a new deployment can repair: the attempt ends.
///
/// `what` is written only when there is something to tell: a replay comes by here for every step.
pub(crate) fn recorded<T: Decode>(
    what: &(impl Display + ?Sized),
    outcome: Outcome,
) -> Result<T, TerminalError> {
    let bytes = bytes(what, outcome)?.unwrap_or_default();
    Ok(decoded(what, bytes).unwrap_or_else(|problem| panic!("{problem}")))
}

/// As [`recorded`], for what may not be there.
pub(crate) fn recorded_or_none<T: Decode>(what: &str, outcome: Outcome) -> Result<Option<T>, TerminalError> {
    let bytes = bytes(what, outcome)?;
    Ok(bytes.map(|bytes| decoded(what, bytes).unwrap_or_else(|problem| panic!("{problem}"))))
}

/// Reads the outcome of what only happens or fails.
pub(crate) fn nothing(what: &str, outcome: Outcome) -> Result<(), TerminalError> {
    bytes(what, outcome).map(|_ignored| ())
}

/// Reads a list of names.
pub(crate) fn names(what: &str, outcome: Outcome) -> Result<Vec<String>, TerminalError> {
    match outcome {
        Outcome::Names(names) => Ok(names),
        Outcome::Empty => Ok(Vec::new()),
        Outcome::Failure(failure) => Err(TerminalError::from_failure(failure)),
        Outcome::Value(_) => panic!("the runtime answered {what} with a value instead of names"),
    }
}

fn bytes(what: &(impl Display + ?Sized), outcome: Outcome) -> Result<Option<Vec<u8>>, TerminalError> {
    match outcome {
        Outcome::Value(bytes) => Ok(Some(bytes)),
        Outcome::Empty => Ok(None),
        Outcome::Failure(failure) => Err(TerminalError::from_failure(failure)),
        Outcome::Names(_) => panic!("the runtime answered {what} with names instead of a value"),
    }
}

/// Reads a value, or says what came and what was expected.
fn decoded<T: Decode>(what: &(impl Display + ?Sized), bytes: Vec<u8>) -> Result<T, String> {
    T::decode(bytes).map_err(|Unreadable { reason, bytes }| {
        let came = excerpt(&bytes);
        format!("{what} is {came}, which is not a {}: {reason}", std::any::type_name::<T>())
    })
}

fn excerpt(bytes: &[u8]) -> String {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT_BYTES)]);
    match bytes.len() {
        0 => "empty".to_owned(),
        length if length > EXCERPT_BYTES => format!("{start}… ({length} bytes)"),
        _ => start.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_bytes_and_text_come_and_go() {
        assert_eq!(*[1, 2].encode().unwrap(), *b"[1,2]");
        assert_eq!(*"a".encode().unwrap(), *b"\"a\"");
        assert_eq!(Vec::<u32>::decode(b"[1,2]".to_vec()), Ok(vec![1, 2]));
        assert_eq!(Bytes::decode(Bytes(vec![0xff]).into_encoded().unwrap()), Ok(Bytes(vec![0xff])));
        assert_eq!(Text::decode(Text::from("é").into_encoded().unwrap()), Ok(Text::from("é")));
    }

    #[test]
    fn bytes_and_text_are_not_copied() {
        let bytes = Bytes(vec![7; 100]);
        let place = bytes.as_ptr();
        assert_eq!(bytes.encode().unwrap().as_ptr(), place);
        let bytes = Bytes::decode(into_body(bytes).unwrap()).unwrap();
        assert_eq!(bytes.as_ptr(), place);
        let text = Text::from("x".repeat(100));
        let place = text.as_ptr();
        assert_eq!(text.encode().unwrap().as_ptr(), place);
        assert_eq!(Text::decode(into_body(text).unwrap()).unwrap().as_ptr(), place);
    }

    #[test]
    fn no_bytes_are_null() {
        assert_eq!(Option::<u32>::decode(Vec::new()), Ok(None));
        assert_eq!(<()>::decode(Vec::new()), Ok(()));
        assert!(u32::decode(Vec::new()).is_err());
    }

    #[test]
    fn only_nothing_has_no_body() {
        assert_eq!(body(&()).unwrap(), b"");
        assert_eq!(body(&None::<u32>).unwrap(), b"null");
        assert_eq!(body(&[(); 0]).unwrap(), b"[]");
        assert_eq!(body("").unwrap(), b"\"\"");
        assert_eq!(into_body(()).unwrap(), b"");
        assert_eq!(into_body(None::<u32>).unwrap(), b"null");
    }

    #[test]
    fn what_came_and_what_was_expected_is_told() {
        let read =
            |json: &str| sent::<u32>("signal \"n\"", Outcome::Value(json.into())).unwrap_err().to_string();
        assert_eq!(
            read("[]"),
            "signal \"n\" is [], which is not a u32: invalid type: sequence, expected u32 at line 1 column 0"
        );
        assert!(read("").starts_with("signal \"n\" is empty, which is not a u32: invalid type: null"));
        let long = format!("\"{}\"", "x".repeat(500));
        assert!(read(&long).contains("xxx… (502 bytes), which is not a u32"), "{}", read(&long));
    }

    #[test]
    fn a_missing_value_is_not_an_empty_one() {
        assert_eq!(recorded_or_none::<Bytes>("a", Outcome::Empty), Ok(None));
        assert_eq!(recorded_or_none::<Bytes>("a", Outcome::Value(Vec::new())), Ok(Some(Bytes::default())));
    }
}
