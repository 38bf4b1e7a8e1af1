//! Who may call handlers.
//!
//! By default everybody who reaches the port may. Settings ask for a token everywhere, or for some services;
//! a token may be good for some services only. Pages of other sites may call only when their origin is
//! allowed; the web page of this server calls handlers over the admin port.

use crate::access::Login;
use crate::access::grant::Grant;
use crate::config::IngressConfig;
use crate::http::admin::bearer;
use crate::http::error::IngressError;
use crate::http::guard::{self, ANY, Hosts, Site};
use crate::http::{AppState, Peer};
use abide_core::ids::InvocationId;
use axum::extract::Request;
use http::request::Parts;
use http::{HeaderValue, header};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer, ExposeHeaders};

/// How long a browser may remember what it was allowed.
const CORS_MAX_AGE: Duration = Duration::from_secs(600);

/// How the ingress is guarded.
#[derive(Clone)]
pub struct IngressDoor {
    hosts: Hosts,
    origins: Vec<String>,
    require_token: bool,
    require_token_for: BTreeSet<String>,
    no_token_for: BTreeSet<String>,
}

impl IngressDoor {
    #[must_use]
    pub fn new(config: &IngressConfig) -> Self {
        Self {
            hosts: Hosts::new(config.listen.ip(), &config.allowed_hosts),
            origins: config.cors_origins.clone(),
            require_token: config.require_token,
            require_token_for: config.require_token_for.iter().cloned().collect(),
            no_token_for: config.no_token_for.iter().cloned().collect(),
        }
    }

    /// Says whether a page of this origin may call.
    fn allows(&self, origin: &str) -> bool {
        let is_named = |name: &String| name == ANY || name.eq_ignore_ascii_case(origin);
        self.origins.iter().any(is_named)
    }

    /// Says whether any call needs a token.
    fn has_rules(&self) -> bool {
        self.require_token || !self.require_token_for.is_empty()
    }

    /// Says whether there is no service that is called without a token.
    fn needs_token_always(&self) -> bool {
        self.require_token && self.no_token_for.is_empty()
    }

    /// Says whether calls of a service need a token; None: of something that belongs to no service.
    fn needs_token(&self, service: Option<&str>) -> bool {
        match service {
            None => self.has_rules(),
            Some(name) => {
                let is_asked = self.require_token || self.require_token_for.contains(name);
                is_asked && !self.no_token_for.contains(name)
            }
        }
    }

    /// Returns what tells browsers which pages may call, and lets those see the answers.
    pub fn cors(&self) -> CorsLayer {
        let door = self.clone();
        let is_allowed =
            move |origin: &HeaderValue, _: &Parts| origin.to_str().is_ok_and(|origin| door.allows(origin));
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(is_allowed))
            .allow_methods(AllowMethods::mirror_request())
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(ExposeHeaders::any())
            .max_age(CORS_MAX_AGE)
    }
}

/// Somebody who sent a request. Whether a token is needed is known once it is known what is called.
pub struct Caller {
    token: Option<String>,
    from: Option<IpAddr>,
}

/// Lets a request in, if it does not come from a page that has no business here.
///
/// # Errors
/// It does.
pub fn admit(state: &AppState, request: &Request) -> Result<Caller, IngressError> {
    let (door, uri, headers) = (&state.ingress_door, request.uri(), request.headers());
    if let Some(host) = door.hosts.foreign(uri, headers) {
        return Err(IngressError::ForeignHost(host.to_owned()));
    }
    if let Site::Foreign(origin) = guard::site(uri, headers)
        && !door.allows(origin)
    {
        return Err(IngressError::ForeignOrigin(origin.to_owned()));
    }
    if !door.has_rules() {
        return Ok(Caller { token: None, from: None });
    }
    let from = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    Ok(Caller { token: bearer(headers).map(str::to_owned), from })
}

impl Caller {
    /// Checks that the caller may call a service. A token that let it in is not shown to the handler.
    ///
    /// # Errors
    /// A token is needed, and this is not the one.
    pub fn may_call(
        &self,
        state: &AppState,
        service: &str,
        request: &mut Request,
    ) -> Result<(), IngressError> {
        if !state.ingress_door.needs_token(Some(service)) {
            return Ok(());
        }
        self.log_in(state, Some(service))?;
        request.headers_mut().remove(header::AUTHORIZATION);
        Ok(())
    }

    /// Checks, before anything is looked for, that this is not somebody who may see nothing at all.
    ///
    /// # Errors
    /// As [`Caller::may_call`].
    pub fn may_look(&self, state: &AppState) -> Result<(), IngressError> {
        if !state.ingress_door.needs_token_always() {
            return Ok(());
        }
        let grant = self.known(state)?;
        if grant.may_call_any() { Ok(()) } else { Err(IngressError::ForbiddenHere) }
    }

    /// Checks that the caller may see or complete an invocation: whoever may call its service may. `named` is the
    /// service that its id was computed of. Where nobody knows the service, it may be any, also a moment later.
    ///
    /// # Errors
    /// As [`Caller::may_call`].
    pub fn may_touch(
        &self,
        state: &AppState,
        id: InvocationId,
        named: Option<&str>,
    ) -> Result<(), IngressError> {
        if !state.ingress_door.has_rules() {
            return Ok(());
        }
        let recorded = state.engine.invocation(id)?.map(|row| row.target.service);
        let service = recorded.as_deref().or(named);
        if !state.ingress_door.needs_token(service) {
            return Ok(());
        }
        self.log_in(state, service)
    }

    fn log_in(&self, state: &AppState, service: Option<&str>) -> Result<(), IngressError> {
        let grant = self.known(state)?;
        match service {
            Some(service) if !grant.may_call(service) => Err(IngressError::Forbidden(service.to_owned())),
            None if !grant.may_call_all() => Err(IngressError::ForbiddenHere),
            Some(_) | None => Ok(()),
        }
    }

    fn known(&self, state: &AppState) -> Result<Arc<Grant>, IngressError> {
        match state.access.login(self.token.as_deref(), self.from) {
            Login::Known(grant) => Ok(grant),
            Login::Missing => Err(IngressError::Unauthorized),
            Login::Wrong => Err(IngressError::WrongToken),
            Login::Blocked => Err(IngressError::TooManyLogins),
        }
    }
}
