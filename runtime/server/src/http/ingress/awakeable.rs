//! Awakeables: somebody outside, who got the id, says what the handler waits for.

use crate::http::error::IngressError;
use crate::http::path::AwakeableVerb;
use crate::http::{AppState, body};
use abide_core::entry::{Failure, Outcome};
use abide_core::ids::AwakeableId;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;

/// What whoever waits for a rejected awakeable gets to see.
const REJECTED_CODE: u16 = 500;

/// Completes an awakeable. Whether it is still waited for makes no difference: whoever sends twice
/// because the first answer was lost must not be told off.
pub async fn complete(
    state: &AppState,
    request: Request,
    id: AwakeableId,
    verb: AwakeableVerb,
) -> Result<Response, IngressError> {
    // Not refused because of much else to do: it brings something that was accepted nearer to its end.
    let mut room = state.engine.room_beside();
    let (version, body) = (request.version(), request.into_body());
    let body = body::read_into(&mut room, version, body, state.ingress_body).await?;
    state.engine.complete_awakeable(id, outcome(verb, body), room).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn outcome(verb: AwakeableVerb, body: Bytes) -> Outcome {
    match verb {
        AwakeableVerb::Resolve if body.is_empty() => Outcome::Empty,
        AwakeableVerb::Resolve => Outcome::Value(body),
        AwakeableVerb::Reject => {
            let reason = String::from_utf8_lossy(&body).into_owned();
            Outcome::Failure(Failure::new(REJECTED_CODE, reason).within_limits())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_becomes_an_outcome() {
        let (resolve, reject) = (AwakeableVerb::Resolve, AwakeableVerb::Reject);
        assert_eq!(outcome(resolve, "".into()), Outcome::Empty);
        assert_eq!(outcome(resolve, "not json".into()), Outcome::Value("not json".into()));
        assert_eq!(outcome(reject, "Very bad".into()), Outcome::Failure(Failure::new(500, "Very bad")));
        let odd = Bytes::from_static(b"caf\xe9");
        assert_eq!(outcome(reject, odd), Outcome::Failure(Failure::new(500, "caf\u{fffd}")));
        match outcome(reject, vec![b'x'; 100_000].into()) {
            Outcome::Failure(failure) => assert!(failure.message.len() < 10_000),
            other => panic!("{other:?}"),
        }
    }
}
