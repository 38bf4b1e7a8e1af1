//! Outbound HTTP: only inside run blocks, and only to hosts the deployment allows.

use super::output::Output;
use super::sandbox::Scope;
use crate::traces::Trail;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

/// How long each part of a request may take where the guest does not say.
const PART_TIMEOUT: Duration = Duration::from_secs(600);

/// Bytes of a body that are taken at once. Two times as many wait in memory of the host, for each request.
const BODY_CHUNK_BYTES: usize = 32 << 10;

type Later<T> = Box<dyn Future<Output = T> + Send>;
type Sent = Result<(http::Response<WasiBody>, Later<Result<(), Error>>), Error>;

/// Decides about each request of a guest.
pub struct Outbound {
    scope: Arc<Scope>,
    output: Arc<Output>,
    trail: Option<Trail>,
    allowed_hosts: Arc<[String]>,
}

impl Outbound {
    pub fn new(
        scope: Arc<Scope>,
        output: Arc<Output>,
        trail: Option<Trail>,
        allowed_hosts: Arc<[String]>,
    ) -> Self {
        Self { scope, output, trail, allowed_hosts }
    }

    fn refusal(&self, uri: &http::Uri) -> Option<String> {
        if !self.scope.is_in_run() {
            return Some(
                "HTTP outside a run block would be repeated on every replay: put it into ctx.run".into(),
            );
        }
        let Some(authority) = uri.authority() else { return Some("the request names no host".into()) };
        let is_allowed = self.allowed_hosts.iter().any(|allowed| matches(allowed, uri, authority));
        (!is_allowed).then(|| {
            format!(
                "the deployment may not reach {authority}: allow it with \"abide deploy --allow-host {}\"",
                authority.host()
            )
        })
    }
}

/// `host` allows every port, `host:port` that one, `*` everything.
fn matches(allowed: &str, uri: &http::Uri, authority: &http::uri::Authority) -> bool {
    let port = authority.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    allowed == "*"
        || allowed.eq_ignore_ascii_case(authority.host())
        || allowed.eq_ignore_ascii_case(&format!("{}:{port}", authority.host()))
}

/// Returns the longest that a request may take until its response begins. What sends it has a limit for each part but one:
/// the handshake of TLS, with a peer that says nothing, would never end.
fn longest(options: Option<RequestOptions>) -> Duration {
    let connect = options.and_then(|options| options.connect_timeout).unwrap_or(PART_TIMEOUT);
    let first_byte = options.and_then(|options| options.first_byte_timeout).unwrap_or(PART_TIMEOUT);
    connect.saturating_mul(3).saturating_add(first_byte)
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        mut request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _finished: Later<Result<(), Error>>,
    ) -> Later<Sent> {
        if let Some(reason) = self.refusal(request.uri()) {
            if self.output.may_log(reason.len()) {
                let warn = || tracing::warn!(target: "guest", reason, "outbound HTTP refused");
                self.output.whose().in_scope(warn);
            }
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        if let Some(trail) = &self.trail {
            trail.at(self.scope.run_op()).put_into(request.headers_mut());
        }
        Box::new(async move {
            let sent = timeout(longest(options), default_send_request(request, options));
            let (response, io) = sent.await.map_err(|_| Error::ConnectionTimeout)??;
            let io: Later<Result<(), Error>> = Box::new(io);
            Ok((response.map(BodyExt::boxed_unsync), io))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::time::Timestamp;

    fn refused(in_run: bool, allowed: &[&str], authority: &str) -> bool {
        let scope = Scope::new(Timestamp(0));
        if in_run {
            scope.enter_run(0);
        }
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let outbound = Outbound::new(scope, Output::new(None, 0), None, allowed.into());
        let url =
            if authority.contains("://") { authority.to_owned() } else { format!("http://{authority}/") };
        outbound.refusal(&url.parse().unwrap()).is_some()
    }

    #[test]
    fn only_run_blocks_reach_allowed_hosts() {
        assert!(!refused(true, &["api.test"], "api.test"));
        assert!(!refused(true, &["api.test"], "API.test:8443"));
        assert!(!refused(true, &["api.test:80"], "api.test:80"));
        assert!(!refused(true, &["api.test:80"], "api.test"));
        assert!(!refused(true, &["api.test:443"], "https://api.test/v1"));
        assert!(refused(true, &["api.test:443"], "api.test"));
        assert!(!refused(true, &["*"], "api.test"));
        assert!(refused(false, &["*"], "api.test"));
        assert!(refused(true, &[], "api.test"));
        assert!(refused(true, &["api.test:80"], "api.test:81"));
        assert!(refused(true, &["api.test"], "evil.api.test"));
    }

    /// A peer that takes the connection and says nothing.
    #[tokio::test]
    async fn a_handshake_that_never_ends_is_given_up() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scope = Scope::new(Timestamp(0));
        scope.enter_run(0);
        let mut outbound = Outbound::new(scope, Output::new(None, 0), None, vec!["*".to_owned()].into());
        let url = format!("https://{}/", silent.local_addr().unwrap());
        let body = http_body_util::Empty::new().map_err(|never: std::convert::Infallible| match never {});
        let request = http::Request::get(url).body(body.boxed_unsync()).unwrap();
        let part = Some(Duration::from_millis(20));
        let options =
            RequestOptions { connect_timeout: part, first_byte_timeout: part, between_bytes_timeout: None };
        let sent = outbound.send_request(request, Some(options), Box::new(async { Ok(()) }));
        let answer = timeout(Duration::from_secs(30), Box::into_pin(sent)).await.expect("it is given up");
        assert!(matches!(answer, Err(Error::ConnectionTimeout)));
    }
}
