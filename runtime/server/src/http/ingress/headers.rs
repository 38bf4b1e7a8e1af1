//! Which headers of a request the ingress acts on, and which are kept for the handler to see.

use crate::http::error::IngressError;
use crate::http::keys;
use abide_core::entry::Header;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};

pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
pub const LIMIT_KEY: &str = "x-restate-limit-key";
const INGRESS_PATH: &str = "x-restate-ingress-path";

/// They concern the connection or the ingress, not the handler.
const NOT_KEPT: [&str; 5] = ["connection", "host", IDEMPOTENCY_KEY, "idempotency-expires", INGRESS_PATH];

/// Returns the headers to keep, the path of the request first.
///
/// # Errors
/// A value is not text.
pub fn to_keep(parts: &Parts) -> Result<Vec<Header>, IngressError> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut kept = vec![Header { name: INGRESS_PATH.to_owned(), value: path.to_owned() }];
    for (name, value) in &parts.headers {
        if NOT_KEPT.contains(&name.as_str()) {
            continue;
        }
        let value = value.to_str().map_err(|_| IngressError::Header(name.clone()))?;
        kept.push(Header { name: name.as_str().to_owned(), value: value.to_owned() });
    }
    Ok(kept)
}

/// Returns the content type, if there is one.
///
/// # Errors
/// Its value is not text.
pub fn content_type(headers: &HeaderMap) -> Result<Option<&str>, IngressError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| IngressError::Header(header::CONTENT_TYPE))
}

/// Returns the idempotency key, if there is one; an empty value is one, too.
///
/// # Errors
/// It is not text, or too long.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, IngressError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let name = HeaderName::from_static(IDEMPOTENCY_KEY);
    let key = value.to_str().map_err(|_| IngressError::Header(name))?;
    keys::check_idempotency_key(key)?;
    Ok(Some(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Request};

    fn parts(name: &'static str, value: &[u8]) -> Parts {
        let request = Request::builder()
            .uri("/Probe/headers?foo=bar")
            .header("host", "localhost:8080")
            .header("idempotency-key", "k")
            .header("X-Restate-Ingress-Path", "/forged")
            .header(name, HeaderValue::from_bytes(value).unwrap());
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_handler_sees_the_path_and_the_callers_headers() {
        let kept = to_keep(&parts("X-My", b"1")).unwrap();
        let shown: Vec<_> = kept.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
        assert_eq!(shown, [("x-restate-ingress-path", "/Probe/headers?foo=bar"), ("x-my", "1")]);
    }

    #[test]
    fn a_value_that_is_not_ascii_is_refused() {
        let error = to_keep(&parts("x-bad", b"\xff\xfe")).unwrap_err();
        assert_eq!(error.to_string(), "bad header x-bad: the value is not visible ASCII");
    }

    #[test]
    fn idempotency_keys() {
        let read = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            let headers = HeaderMap::from_iter([(HeaderName::from_static("idempotency-key"), value)]);
            idempotency_key(&headers).map_err(|error| error.to_string())
        };
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read(b""), Ok(Some(String::new())));
        assert_eq!(read(b"a/b c"), Ok(Some("a/b c".to_owned())));
        assert_eq!(
            read("ä".as_bytes()),
            Err("bad header idempotency-key: the value is not visible ASCII".to_owned())
        );
        let complaint = read(&[b'k'; 1025]).unwrap_err();
        assert!(
            complaint.starts_with("the idempotency key has 1025 bytes, the limit is 1024"),
            "{complaint}"
        );
    }
}
