//! Outbound HTTP: only inside run blocks, and only to hosts the deployment allows.

use super::output::Output;
use super::sandbox::Scope;
use crate::traces::Trail;
use http_body_util::BodyExt;
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

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

    fn refusal(&self, authority: Option<&http::uri::Authority>) -> Option<String> {
        if !self.scope.is_in_run() {
            return Some(
                "HTTP outside a run block would be repeated on every replay: put it into ctx.run".into(),
            );
        }
        let Some(authority) = authority else { return Some("the request names no host".into()) };
        let is_allowed = self.allowed_hosts.iter().any(|allowed| matches(allowed, authority));
        (!is_allowed).then(|| {
            format!(
                "the deployment may not reach {authority}: allow it with \"abide deploy --allow-host {}\"",
                authority.host()
            )
        })
    }
}

/// `host` allows every port, `host:port` that one, `*` everything.
fn matches(allowed: &str, authority: &http::uri::Authority) -> bool {
    allowed == "*"
        || allowed.eq_ignore_ascii_case(authority.host())
        || allowed.eq_ignore_ascii_case(authority.as_str())
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        mut request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _finished: Later<Result<(), Error>>,
    ) -> Later<Sent> {
        if let Some(reason) = self.refusal(request.uri().authority()) {
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
            let (response, io) = default_send_request(request, options).await?;
            let io: Later<Result<(), Error>> = Box::new(io);
            Ok((response.map(BodyExt::boxed_unsync), io))
        })
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
        outbound.refusal(Some(&authority.parse().unwrap())).is_some()
    }

    #[test]
    fn only_run_blocks_reach_allowed_hosts() {
        assert!(!refused(true, &["api.test"], "api.test"));
        assert!(!refused(true, &["api.test"], "API.test:8443"));
        assert!(!refused(true, &["api.test:80"], "api.test:80"));
        assert!(!refused(true, &["*"], "api.test"));
        assert!(refused(false, &["*"], "api.test"));
        assert!(refused(true, &[], "api.test"));
        assert!(refused(true, &["api.test:80"], "api.test:81"));
        assert!(refused(true, &["api.test"], "evil.api.test"));
    }
}
