//! A client that costs little: one HTTP/1.1 connection that is kept.

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use tokio::net::TcpStream;

pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    invocation_id: String,
}

pub struct Client {
    host: HeaderValue,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { host: HeaderValue::from_str(&address.to_string())?, sender })
    }

    /// Sends a request and returns the whole answer.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        request.headers_mut().insert(header::HOST, self.host.clone());
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    pub async fn get(&mut self, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        self.send(Request::get(path).body(Full::default())?).await
    }

    /// Sends a message; returns the id of its invocation.
    pub async fn send_one_way(&mut self, path: &str, body: Bytes) -> anyhow::Result<String> {
        let (status, answer) = self.post_json(path, body).await?;
        if !status.is_success() {
            bail!("{path} answers {status}: {}", String::from_utf8_lossy(&answer));
        }
        accepted(&answer)
    }

    pub async fn post_json(&mut self, path: &str, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
        self.send(post(path, JSON, body)?).await
    }

    /// Returns the answer to a GET, which has to be a success.
    pub async fn get_as<T: DeserializeOwned>(&mut self, path: &str) -> anyhow::Result<T> {
        let (status, answer) = self.get(path).await?;
        if !status.is_success() {
            bail!("{path} answers {status}: {}", String::from_utf8_lossy(&answer));
        }
        serde_json::from_slice(&answer).with_context(|| format!("the answer of {path}"))
    }
}

/// Returns the id in the answer to a message.
pub fn accepted(answer: &[u8]) -> anyhow::Result<String> {
    let accepted: Accepted = serde_json::from_slice(answer).context("the answer to a message")?;
    Ok(accepted.invocation_id)
}

/// Returns a request with a body of this type.
pub fn post(path: &str, content_type: HeaderValue, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
    let request = Request::builder().method(Method::POST).uri(path);
    Ok(request.header(header::CONTENT_TYPE, content_type).body(Full::new(body))?)
}
