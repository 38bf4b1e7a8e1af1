//! Payloads as a person sees them: JSON as JSON, other text as text, everything else as base64.

use crate::base64::base64;
use crate::http::limits::PAYLOAD_SHOWN_BYTES_MAX;
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One of `json`, `text` and `base64` is there, unless the payload is empty.
#[derive(Serialize, ToSchema)]
pub struct PayloadView {
    /// Length of the whole payload.
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    json: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// Only the beginning is shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_cut: bool,
}

impl PayloadView {
    pub fn of(payload: &Bytes) -> Self {
        Self::up_to(payload, PAYLOAD_SHOWN_BYTES_MAX)
    }

    /// Shows all of it.
    pub fn whole(payload: &Bytes) -> Self {
        Self::up_to(payload, usize::MAX)
    }

    fn up_to(payload: &Bytes, bytes_max: usize) -> Self {
        let is_cut = payload.len() > bytes_max;
        let shown = &payload[..payload.len().min(bytes_max)];
        let mut view = Self { bytes: payload.len(), json: None, text: None, base64: None, is_cut };
        match readable(shown, is_cut) {
            _ if shown.is_empty() => {}
            None => view.base64 = Some(base64(shown)),
            Some(text) => match serde_json::from_str(text) {
                Ok(json) if !is_cut => view.json = Some(json),
                _ => view.text = Some(text.to_owned()),
            },
        }
        view
    }
}

/// Returns the bytes as text, if they are; a character that the cut went through is left out.
fn readable(shown: &[u8], is_cut: bool) -> Option<&str> {
    match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(payload: impl Into<Bytes>) -> String {
        serde_json::to_string(&PayloadView::of(&payload.into())).unwrap()
    }

    #[test]
    fn payloads_as_a_person_sees_them() {
        assert_eq!(show(""), r#"{"bytes":0}"#);
        assert_eq!(show(r#"{"b":1,"a":2}"#), r#"{"bytes":13,"json":{"b":1,"a":2}}"#);
        assert_eq!(show("hello"), r#"{"bytes":5,"text":"hello"}"#);
        assert_eq!(show(vec![0xff, 0]), r#"{"bytes":2,"base64":"/wA="}"#);
        let long = "ä".repeat(PAYLOAD_SHOWN_BYTES_MAX) + "x";
        let shown: serde_json::Value = serde_json::from_str(&show(format!("x{long}"))).unwrap();
        assert_eq!((&shown["bytes"], &shown["is_cut"]), (&(long.len() + 1).into(), &true.into()));
        assert_eq!(shown["text"].as_str().unwrap().len(), PAYLOAD_SHOWN_BYTES_MAX - 1);
    }
}
