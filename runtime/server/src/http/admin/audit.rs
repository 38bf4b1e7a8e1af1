//! What of a request goes into the audit trail.

use crate::audit::Record;
use crate::clock::Clock;
use crate::time;
use abide_core::limits::cut;
use axum::extract::Request;
use axum::response::Response;
use std::net::SocketAddr;

/// Parameters whose values are recorded; of all others only the names are. Values may be secret: an upload
/// carries the environment of its handlers.
const SHOWN: [&str; 9] =
    ["allow_host", "breaking", "deployment", "dry_run", "force", "from", "key", "migrate", "reject"];

/// Bytes of the path of a line, and of its query: what is longer tells nothing more, and fills the trail.
const SHOWN_BYTES_MAX: usize = 1 << 10;

/// What a handler adds to the line of its request: it puts this into the extensions of its answer.
#[derive(Clone, Debug)]
pub struct Detail(pub String);

/// A change that somebody asked for, and that has no answer yet.
pub struct Asked(Record);

impl Asked {
    pub fn of(request: &Request, who: String, from: Option<SocketAddr>) -> Self {
        Self(Record {
            at: String::new(),
            who,
            from,
            method: request.method().to_string(),
            path: cut(request.uri().path().to_owned(), SHOWN_BYTES_MAX),
            query: request.uri().query().map(|query| cut(shown(query), SHOWN_BYTES_MAX)),
            status: 0,
            detail: None,
        })
    }

    /// Returns the line, now that it is known what came of it.
    pub fn answered(self, response: &Response, clock: &dyn Clock) -> Record {
        let detail = response.extensions().get::<Detail>().map(|detail| detail.0.clone());
        Record { at: time::rfc3339(clock.now()), status: response.status().as_u16(), detail, ..self.0 }
    }
}

fn shown(query: &str) -> String {
    let part = |part: &str| match part.split_once('=') {
        Some((name, _)) if !SHOWN.contains(&name) => format!("{name}=***"),
        Some(_) | None => part.to_owned(),
    };
    query.split('&').map(part).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_cut() {
        let uri = format!("/{}?{}", "p".repeat(20_000), "force&".repeat(5_000));
        let request = Request::builder().uri(uri).body(axum::body::Body::empty()).unwrap();
        let Asked(record) = Asked::of(&request, "ops".to_owned(), None);
        assert_eq!((record.path.len(), record.query.unwrap().len()), (SHOWN_BYTES_MAX, SHOWN_BYTES_MAX));
        assert!(record.path.ends_with("(cut)"));
    }

    #[test]
    fn values_that_may_be_secret_are_not_shown() {
        let query = "env=PASSWORD=hush&allow_host=a.test&force=true&reject";
        assert_eq!(shown(query), "env=***&allow_host=a.test&force=true&reject");
    }
}
