//! Many clients at once: each has a connection of its own and asks one thing after the other.

use abide_e2e::Client;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a client asks.
pub struct Ask {
    pub path: String,
    pub body: Bytes,
}

/// What it was told.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Bytes,
    pub took: Duration,
}

impl Told {
    /// Says whether it was refused in the way a client can act on. Panics when it was neither accepted nor that.
    #[track_caller]
    pub fn is_shed(&self, limit: &str) -> bool {
        if [200, 202].contains(&self.status) {
            return false;
        }
        let said: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        assert_eq!((self.status, &said["metadata"]["limit"]), (429, &limit.into()), "{said:#}");
        let seconds: u32 = self.retry_after.as_deref().expect("a hint").parse().expect("seconds");
        assert!((1..=5).contains(&seconds) && !said["metadata"]["hint"].is_null(), "{said:#}");
        true
    }
}

/// Lets so many clients ask `each` times, all at once; `ask` says what the n-th question of a client is.
pub fn flood(
    server: Client,
    clients: usize,
    each: usize,
    ask: impl Fn(usize, usize) -> Ask + Send + Sync + 'static,
) -> Vec<Told> {
    let ask = Arc::new(ask);
    block_on(async move {
        let one = |client: usize| {
            let ask = ask.clone();
            tokio::spawn(async move {
                let mut line = connect(server).await;
                let mut told = Vec::with_capacity(each);
                for n in 0..each {
                    if line.is_closed() {
                        line = connect(server).await;
                    }
                    told.push(send(server, &mut line, ask(client, n)).await);
                }
                told
            })
        };
        let clients: Vec<_> = (0..clients).map(one).collect();
        let mut told = Vec::new();
        for client in clients {
            told.extend(client.await.expect("no panics"));
        }
        told
    })
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime can be made").block_on(future)
}

/// A connection.
type Line = http1::SendRequest<Full<Bytes>>;

async fn connect(server: Client) -> Line {
    let stream = tokio::net::TcpStream::connect(server.addr).await.expect("the port is open");
    let (line, connection) = http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP/1.1");
    tokio::spawn(connection);
    line
}

async fn send(server: Client, line: &mut Line, ask: Ask) -> Told {
    let begin = Instant::now();
    line.ready().await.expect("the connection is open");
    let request = http::Request::post(ask.path)
        .header("host", server.addr.to_string())
        .header("content-type", "application/json")
        .body(Full::new(ask.body))
        .expect("the request is well-formed");
    let response = line.send_request(request).await.expect("every request has an answer");
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.map(|value| value.to_str().expect("it is ASCII").to_owned());
    let body = response.into_body().collect().await.expect("a whole body").to_bytes();
    Told { status, retry_after, body, took: begin.elapsed() }
}
