//! The token of the admin port.

use crate::http::AppState;
use crate::http::error::AdminError;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};

/// Lets a request through when no token is asked for, or it carries the right one.
pub async fn check(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, AdminError> {
    match &state.admin_token {
        Some(token) if !carries(request.headers(), token) => Err(AdminError::Unauthorized),
        Some(_) | None => Ok(next.run(request).await),
    }
}

fn carries(headers: &HeaderMap, token: &str) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = value.and_then(|value| value.split_once(' '));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("bearer") && is_same(given.trim().as_bytes(), token.as_bytes())
    })
}

/// Compares in a time that tells nothing about either text: digests are compared, and as a whole.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let pairs = Sha256::digest(a).into_iter().zip(Sha256::digest(b));
    std::hint::black_box(pairs.fold(0, |difference, (a, b)| difference | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_the_whole_token_opens() {
        let cases = [
            (Some("Bearer s3cret"), true),
            (Some("bearer  s3cret"), true),
            (Some("Bearer s3cre"), false),
            (Some("Bearer s3cret2"), false),
            (Some("Bearer "), false),
            (Some("s3cret"), false),
            (Some("Basic s3cret"), false),
            (None, false),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(carries(&headers, "s3cret"), expected, "{value:?}");
        }
    }
}
