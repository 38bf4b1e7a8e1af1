//! Why there is no (usable) response.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong with an HTTP request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not one of http or https.
    Url(String),
    /// The body of the request or response is not the JSON it should be.
    Json(serde_json::Error),
    /// The request was made outside a run block.
    OutsideRun,
    /// The deployment may not reach this host.
    Denied(String),
    /// A method or header that HTTP does not allow.
    Malformed(String),
    /// Connection or protocol failed.
    Transport(String),
    /// The response has a status of 400 or above.
    Status(StatusError),
    /// This is a native build, not a component.
    Unavailable,
}

/// A response that reports an error.
#[derive(Debug, Clone)]
pub struct StatusError {
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) body: String,
}

/// As much of an error response's body as belongs in a message.
const BODY_SHOWN_CHARS: usize = 300;

impl StatusError {
    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the body as text.
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Url(url) => write!(f, "\"{url}\" is not an http:// or https:// URL"),
            Error::Json(error) => write!(f, "JSON: {error}"),
            Error::OutsideRun => f.write_str(
                "outbound HTTP is available only inside a run block: \
                 make the request in the closure of ctx.run(\"name\", async || ...)",
            ),
            Error::Denied(authority) => {
                write!(
                    f,
                    "this deployment may not reach {authority}; `abide deployments allow-host` changes that"
                )
            }
            Error::Malformed(what) => write!(f, "malformed HTTP request: {what}"),
            Error::Transport(reason) => write!(f, "HTTP request failed: {reason}"),
            Error::Status(error) => error.fmt(f),
            Error::Unavailable => f.write_str("HTTP works only in a component that the Abide runtime runs"),
        }
    }
}

impl StdError for Error {}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered with status {}", self.url, self.status)?;
        if !self.body.is_empty() {
            write!(f, ": {}", self.body.chars().take(BODY_SHOWN_CHARS).collect::<String>())?;
        }
        Ok(())
    }
}

impl StdError for StatusError {}
