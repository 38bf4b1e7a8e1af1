//! Sends a request with `wasi:http` and waits for it on the SDK's executor.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::poll::Pollable;
use wasip2::io::streams::StreamError;

use super::url::Url;
use super::{Error, Response};
use crate::reactor::Readiness;
use crate::scope;

/// How much is read from a response at once.
const READ_BYTES: u64 = 64 * 1024;
const CONTENT_LENGTH: &str = "content-length";

pub(super) async fn send(
    method: &str,
    url: Url<'_>,
    headers: &[(String, Vec<u8>)],
    body: &[u8],
    timeout: Option<Duration>,
) -> Result<Response, Error> {
    let request = build(method, &url, headers, body.len())?;
    let outgoing = request.body().map_err(|()| malformed("it has no body"))?;
    let response = outgoing_handler::handle(request, options(timeout)).map_err(|code| failed(code, &url))?;
    let receiving = pin!(receive(response, &url));
    let writing = pin!(write(outgoing, body));
    // Whoever answers before it has read the body may never read the rest of it, and a denied request never takes its
    // body. So it is the answer that counts, and what is not written when it is complete is dropped.
    match select(receiving, writing).await {
        Either::Left((response, _unwritten)) => response,
        Either::Right((_written, receiving)) => receiving.await,
    }
}

/// Waits for the response and reads all of it.
async fn receive(response: FutureIncomingResponse, url: &Url<'_>) -> Result<Response, Error> {
    ready(response.subscribe()).await;
    let answer = response.get().and_then(Result::ok).expect("ready, and asked for once");
    let response = answer.map_err(|code| failed(code, url))?;
    let headers = response.headers().entries();
    Ok(Response {
        url: url.text.to_owned(),
        status: response.status(),
        headers,
        body: read(&response).await?,
    })
}

fn build(
    method: &str,
    url: &Url<'_>,
    headers: &[(String, Vec<u8>)],
    body_len: usize,
) -> Result<OutgoingRequest, Error> {
    let fields = Fields::new();
    let append = |name: &str, value: &[u8]| {
        fields.append(name, value).map_err(|error| malformed(&format!("header \"{name}\": {error}")))
    };
    headers.iter().try_for_each(|(name, value)| append(name, value))?;
    let has_length = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(CONTENT_LENGTH));
    // Without it the body would go in chunks, which not every server takes, and none can refuse at once.
    if !has_length && (body_len > 0 || matches!(method, "POST" | "PUT" | "PATCH")) {
        append(CONTENT_LENGTH, body_len.to_string().as_bytes())?;
    }
    let request = OutgoingRequest::new(fields);
    let scheme = if url.is_https { Scheme::Https } else { Scheme::Http };
    request.set_method(&parse_method(method)).map_err(|()| malformed(&format!("method \"{method}\"")))?;
    request.set_scheme(Some(&scheme)).map_err(|()| malformed("scheme"))?;
    request.set_authority(Some(url.authority)).map_err(|()| Error::Url(url.text.to_owned()))?;
    request.set_path_with_query(Some(&url.path_and_query)).map_err(|()| Error::Url(url.text.to_owned()))?;
    Ok(request)
}

fn parse_method(method: &str) -> Method {
    match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn options(timeout: Option<Duration>) -> Option<RequestOptions> {
    let nanos = u64::try_from(timeout?.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // A host without one of these timeouts says so; the others still hold.
    let _unsupported = options.set_connect_timeout(Some(nanos));
    let _unsupported = options.set_first_byte_timeout(Some(nanos));
    let _unsupported = options.set_between_bytes_timeout(Some(nanos));
    Some(options)
}

async fn write(outgoing: OutgoingBody, mut body: &[u8]) -> Result<(), Error> {
    if !body.is_empty() {
        let stream = outgoing.write().map_err(|()| malformed("its body is taken"))?;
        while !body.is_empty() {
            ready(stream.subscribe()).await;
            let room = usize::try_from(stream.check_write().map_err(broken)?).unwrap_or(usize::MAX);
            let (now, later) = body.split_at(room.min(body.len()));
            stream.write(now).map_err(broken)?;
            body = later;
        }
        stream.flush().map_err(broken)?;
        ready(stream.subscribe()).await;
    }
    OutgoingBody::finish(outgoing, None).map_err(|error| Error::Transport(describe(&error)))
}

async fn read(response: &IncomingResponse) -> Result<Vec<u8>, Error> {
    let body: IncomingBody = response.consume().map_err(|()| malformed("the response has no body"))?;
    let stream = body.stream().map_err(|()| malformed("the response's body is taken"))?;
    let mut bytes = Vec::new();
    loop {
        ready(stream.subscribe()).await;
        match stream.read(READ_BYTES) {
            Ok(part) => bytes.extend(part),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(error) => return Err(broken(error)),
        }
    }
}

async fn ready(pollable: Pollable) {
    if !pollable.ready() {
        Readiness::new(pollable).await;
    }
}

fn failed(code: ErrorCode, url: &Url<'_>) -> Error {
    match code {
        ErrorCode::HttpRequestDenied if !scope::is_inside() => Error::OutsideRun,
        ErrorCode::HttpRequestDenied => Error::Denied(url.authority.to_owned()),
        code => Error::Transport(format!("{} {}: {}", url.authority, url.path_and_query, describe(&code))),
    }
}

fn broken(error: StreamError) -> Error {
    match error {
        StreamError::Closed => Error::Transport("the connection was closed".to_owned()),
        StreamError::LastOperationFailed(error) => Error::Transport(error.to_debug_string()),
    }
}

/// Says in words what WASI names in an enum, as far as the enum's own text does not.
fn describe(code: &ErrorCode) -> String {
    match code {
        ErrorCode::ConnectionRefused => "connection refused".to_owned(),
        ErrorCode::ConnectionTimeout => "timeout while connecting".to_owned(),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => "timeout".to_owned(),
        ErrorCode::ConnectionTerminated => "connection closed by the other side".to_owned(),
        ErrorCode::DnsError(_) => "host name not found".to_owned(),
        ErrorCode::TlsProtocolError => "TLS handshake failed".to_owned(),
        ErrorCode::TlsCertificateError => "the TLS certificate is not trusted".to_owned(),
        ErrorCode::InternalError(Some(text)) => text.clone(),
        other => format!("{other:?}").trim_start_matches("ErrorCode::").to_owned(),
    }
}

fn malformed(what: &str) -> Error {
    Error::Malformed(what.to_owned())
}
