//! A small HTTP client for run blocks.
//!
//! It waits on the SDK's executor, so several requests, in several run blocks, are under way at
//! once. Outside run blocks the runtime refuses outbound HTTP, because replay would repeat it.
//!
//! Other clients for WASI, such as `wstd` or `waki`, work inside run blocks too, but while one of
//! them waits, the whole handler waits.
//!
//! ```
//! use abide_sdk::prelude::*;
//!
//! #[data]
//! struct Receipt { id: String }
//!
//! # async fn handler(ctx: &Context) -> HandlerResult<()> {
//! let receipt: Receipt = ctx.run("charge", async || {
//!     let request = http::post("https://pay.example/charges").json(&serde_json::json!({ "amount": 5 }));
//!     Ok(request.send().await?.error_for_status()?.json()?)
//! }).await?;
//! # Ok(()) }
//! # use abide_sdk::serde_json;
//! ```

mod error;
mod url;
#[cfg(target_family = "wasm")]
mod wasi;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{Error, StatusError};

/// Starts a GET request.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

/// Starts a POST request.
pub fn post(url: impl Into<String>) -> Request {
    request("POST", url)
}

/// Starts a PUT request.
pub fn put(url: impl Into<String>) -> Request {
    request("PUT", url)
}

/// Starts a DELETE request.
pub fn delete(url: impl Into<String>) -> Request {
    request("DELETE", url)
}

/// Starts a request with any method.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: Vec::new(),
        body: Ok(Vec::new()),
        timeout: None,
    }
}

/// A request that is being built.
#[must_use = "a request does nothing until it is sent"]
#[derive(Debug)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Result<Vec<u8>, Error>,
    timeout: Option<Duration>,
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Ok(body.into());
        self
    }

    /// Sets the body to JSON, and its content type.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(value).map_err(Error::Json);
        self.header("content-type", "application/json")
    }

    /// Limits the time to connect, to the first byte of the response, and between its parts.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request and reads the whole response.
    ///
    /// # Errors
    /// When no response came. A response with status 404 or 500 is not an error here; see
    /// [`Response::error_for_status`].
    pub async fn send(self) -> Result<Response, Error> {
        let url = url::Url::parse(&self.url)?;
        let body = self.body?;
        #[cfg(target_family = "wasm")]
        return wasi::send(&self.method, url, &self.headers, &body, self.timeout).await;
        #[cfg(not(target_family = "wasm"))]
        {
            let _unused_natively = (url, body, self.timeout, self.headers, self.method);
            Err(Error::Unavailable)
        }
    }
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    url: String,
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Response {
    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the headers in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Returns the first header of this name, if it is text; case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers().find(|(each, _)| each.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// Returns the body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// When it is not JSON of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(Error::Json)
    }

    /// Turns a status of 400 and above into an error, which makes a run block try again.
    ///
    /// # Errors
    /// When the status is 400 or above.
    pub fn error_for_status(self) -> Result<Self, Error> {
        if self.status < 400 {
            return Ok(self);
        }
        Err(Error::Status(StatusError { url: self.url.clone(), status: self.status, body: self.text() }))
    }
}
