//! Which content types and bodies a handler takes.
//!
//! Only type and emptiness are looked at: whether JSON is well-formed is found by the handler.

use abide_core::manifest::Payload;

/// Why a request does not fit the handler's input. The texts are those existing clients know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    #[error(
        "input validation error: Expected body and content-type to be empty, \
         but wasn't with content-type '{0:?}'"
    )]
    NotEmpty(Option<String>),
    #[error("input validation error: Empty content-type")]
    NoContentType,
    #[error("input validation error: Content-type '{given}' does not match '{expected}'")]
    OtherContentType { given: String, expected: String },
    #[error("input validation error: Empty body not allowed")]
    EmptyBody,
}

/// Checks a request against what the handler declared.
///
/// # Errors
/// Says what does not fit.
pub fn check(declared: &Payload, content_type: Option<&str>, is_body_empty: bool) -> Result<(), BadInput> {
    let is_nothing = is_body_empty && content_type.is_none();
    match declared.content_type.as_deref() {
        _ if is_nothing => Ok(()),
        // The npm client sends the type of JSON with every call, also with one that has no input.
        None if is_body_empty => Ok(()),
        None => Err(BadInput::NotEmpty(content_type.map(str::to_owned))),
        Some("*/*") => Ok(()),
        Some(expected) => check_typed(expected, content_type, is_body_empty),
    }
}

fn check_typed(expected: &str, content_type: Option<&str>, is_body_empty: bool) -> Result<(), BadInput> {
    let given = content_type.ok_or(BadInput::NoContentType)?;
    if !is_match(expected, given) {
        let (given, expected) = (essence(given).to_owned(), expected.to_owned());
        return Err(BadInput::OtherContentType { given, expected });
    }
    if is_body_empty && is_json(expected) {
        return Err(BadInput::EmptyBody);
    }
    Ok(())
}

fn is_match(expected: &str, given: &str) -> bool {
    let (expected, given) = (essence(expected), essence(given));
    match expected.strip_suffix("/*") {
        Some(family) => given.split_once('/').is_some_and(|(first, _)| first.eq_ignore_ascii_case(family)),
        None => expected.eq_ignore_ascii_case(given),
    }
}

/// Returns the type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Says whether the type is that of JSON.
pub fn is_json(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_handler_takes() {
        let json = Some("application/json");
        let other = "does not match 'application/json'";
        // Declared, content type, empty body, complaint.
        let cases = [
            (json, json, false, ""),
            (json, Some("application/json; charset=utf-8"), false, ""),
            (json, Some("Application/JSON"), false, ""),
            (json, None, true, ""),
            (json, Some("text/plain"), false, other),
            (json, Some("application/x-www-form-urlencoded"), false, other),
            (json, None, false, "Empty content-type"),
            (json, json, true, "Empty body not allowed"),
            (None, None, true, ""),
            (None, json, false, "but wasn't with content-type 'Some(\"application/json\")'"),
            (None, json, true, ""),
            (None, None, false, "but wasn't with content-type 'None'"),
            (Some("text/plain"), Some("text/plain"), false, ""),
            (Some("text/plain"), Some("text/plain"), true, ""),
            (Some("text/*"), Some("text/csv"), false, ""),
            (Some("text/*"), Some("image/png"), false, "does not match 'text/*'"),
            (Some("*/*"), None, false, ""),
            (Some("*/*"), Some("image/png"), false, ""),
        ];
        for (declared, given, is_empty, complaint) in cases {
            let payload = Payload { content_type: declared.map(str::to_owned), schema: None };
            match check(&payload, given, is_empty) {
                Ok(()) => assert_eq!(complaint, "", "{declared:?} {given:?} {is_empty}"),
                Err(bad) => {
                    let text = bad.to_string();
                    assert!(text.starts_with("input validation error: "));
                    assert!(!complaint.is_empty() && text.ends_with(complaint), "{text}");
                }
            }
        }
    }
}
