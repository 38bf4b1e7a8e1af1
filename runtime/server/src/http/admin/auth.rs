//! Who may use the admin port, and for what.
//!
//! On loopback nobody needs a token as long as there is none, and the guard keeps pages of other sites out. Elsewhere every request
//! carries one, except for what says nothing about anybody: the web page itself and the health.

use crate::access::Login;
use crate::access::grant::{Grant, Need};
use crate::config::AdminConfig;
use crate::http::admin::audit::Asked;
use crate::http::error::AdminError;
use crate::http::guard::{self, Hosts, Site};
use crate::http::{AppState, Peer};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinError;

/// Paths that everybody may read, and what is below the last one.
const PUBLIC: [&str; 3] = ["/", "/health", "/ui"];
const PUBLIC_FOLDER: &str = "/ui/";
/// What is asked with POST although it changes nothing.
const READING: [&str; 1] = ["/query"];

/// How the admin port is guarded.
pub struct AdminDoor {
    hosts: Hosts,
    needs_token: AtomicBool,
}

impl AdminDoor {
    #[must_use]
    pub fn new(config: &AdminConfig) -> Self {
        let needs_token = config.needs_token();
        // A token is not sent by itself, as a cookie is: whoever has it is not a page of others.
        let hosts = match (needs_token, config.allowed_hosts.as_slice()) {
            (true, []) => Hosts::any(),
            (_, names) => Hosts::new(config.listen.ip(), names),
        };
        Self { hosts, needs_token: AtomicBool::new(needs_token) }
    }

    /// Says whether requests need a token.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        self.needs_token.load(Ordering::Acquire)
    }

    /// Asks for a token from now on: somebody cares for tokens who did not at the start. There is no way back,
    /// a token that is gone must not open the door to all. Says whether none was needed before.
    pub fn close(&self) -> bool {
        !self.needs_token.swap(true, Ordering::AcqRel)
    }
}

/// Who may come in; handlers find it in the extensions of the request.
#[derive(Clone)]
pub enum Actor {
    /// It needs no token: the port is on loopback, or what it asks for is for everybody.
    Loopback,
    Token(Arc<Grant>),
}

impl Actor {
    fn name(&self) -> &str {
        match self {
            Actor::Loopback => "loopback",
            Actor::Token(grant) => &grant.name,
        }
    }

    /// Says whether it may do what needs this.
    pub fn may(&self, need: Need) -> bool {
        match self {
            Actor::Loopback => true,
            Actor::Token(grant) => grant.scope.allows(need),
        }
    }
}

/// Lets a request in or not, and records what it changed.
pub async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let mut response = match identify(&state, &request, peer) {
        Ok(actor) => let_in(state, actor, peer, request, next).await,
        // Not in the trail: whoever has no token could fill it until nothing else is left in it.
        Err(error) => error.into_response(),
    };
    harden(response.headers_mut());
    response
}

async fn let_in(
    state: AppState,
    actor: Actor,
    peer: Option<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let need = need(request.method(), request.uri().path());
    let is_change = !request.method().is_safe() && need != Some(Need::Read);
    let asked = is_change.then(|| Asked::of(&request, actor.name().to_owned(), peer));
    let Some(asked) = asked else { return respond(&actor, need, request, next).await };
    // On its own: a client that hangs up before the answer must not keep its change out of the trail.
    let change = tokio::spawn(async move {
        if let Some(refusal) = refusal(&actor, need) {
            let response = refusal.into_response();
            state.trail.refused(asked.answered(&response, &*state.clock), state.clock.now()).await;
            return response;
        }
        // Once more: what breaks off may have changed something before.
        let responding = tokio::spawn(async move { respond(&actor, need, request, next).await });
        let response = responding.await.unwrap_or_else(broke_off);
        state.trail.record(asked.answered(&response, &*state.clock)).await;
        response
    });
    change.await.unwrap_or_else(broke_off)
}

fn broke_off(error: JoinError) -> Response {
    AdminError::Internal(error.to_string()).into_response()
}

async fn respond(actor: &Actor, need: Option<Need>, mut request: Request, next: Next) -> Response {
    if let Some(refusal) = refusal(actor, need) {
        return refusal.into_response();
    }
    request.extensions_mut().insert(actor.clone());
    next.run(request).await
}

/// Says why an actor may not do what needs this, if it may not.
fn refusal(actor: &Actor, need: Option<Need>) -> Option<AdminError> {
    match (actor, need) {
        (Actor::Token(grant), Some(need)) if !grant.scope.allows(need) => Some(forbidden(grant, need)),
        (Actor::Token(_) | Actor::Loopback, Some(_) | None) => None,
    }
}

/// Says who sent a request.
fn identify(state: &AppState, request: &Request, peer: Option<SocketAddr>) -> Result<Actor, AdminError> {
    let (uri, headers) = (request.uri(), request.headers());
    if let Some(host) = state.admin_door.hosts.foreign(uri, headers) {
        return Err(AdminError::ForeignHost(host.to_owned()));
    }
    // What is only read is not answered to pages of others: there is no CORS on this port.
    if let Site::Foreign(origin) = guard::site(uri, headers)
        && !request.method().is_safe()
    {
        return Err(AdminError::ForeignOrigin(origin.to_owned()));
    }
    if need(request.method(), uri.path()).is_none() {
        return Ok(Actor::Loopback);
    }
    match state.access.login(bearer(headers), peer.map(|peer| peer.ip())) {
        Login::Known(grant) => Ok(Actor::Token(grant)),
        Login::Missing | Login::Wrong | Login::Blocked if !state.admin_door.needs_token() => {
            Ok(Actor::Loopback)
        }
        Login::Missing => Err(AdminError::Unauthorized),
        Login::Wrong => Err(AdminError::WrongToken),
        Login::Blocked => Err(AdminError::TooManyLogins),
    }
}

fn forbidden(grant: &Arc<Grant>, need: Need) -> AdminError {
    let need = match need {
        Need::Admin => "admin",
        Need::Deploy => "deploy or admin",
        Need::Read => "read, deploy or admin",
    };
    AdminError::Forbidden { name: grant.name.clone(), scope: grant.scope.name(), need }
}

/// Says what a request needs; None: nothing.
fn need(method: &Method, path: &str) -> Option<Need> {
    if method.is_safe() {
        let is_public = PUBLIC.contains(&path) || path.starts_with(PUBLIC_FOLDER);
        let is_of_admins = path == "/tokens" || path.starts_with("/tokens/");
        return match (is_public, is_of_admins) {
            (true, _) => None,
            (false, true) => Some(Need::Admin),
            (false, false) => Some(Need::Read),
        };
    }
    let is_of_deployments = path == "/deployments" || path.starts_with("/deployments/");
    Some(match path {
        _ if READING.contains(&path) => Need::Read,
        _ if is_of_deployments => Need::Deploy,
        _ => Need::Admin,
    })
}

/// Returns the token of a request.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Tells browsers to show nothing of this port within pages of others, and to guess no types.
fn harden(headers: &mut HeaderMap) {
    const SET: [(HeaderName, &str); 3] = [
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in SET {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_follows_the_scheme() {
        let cases = [
            (Some("Bearer s3cret"), Some("s3cret")),
            (Some("bearer  s3cret"), Some("s3cret")),
            (Some("Bearer "), Some("")),
            (Some("s3cret"), None),
            (Some("Basic s3cret"), None),
            (None, None),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(bearer(&headers), expected, "{value:?}");
        }
    }

    #[test]
    fn what_requests_need() {
        let cases = [
            ("GET", "/", None),
            ("GET", "/ui", None),
            ("GET", "/ui/app.js", None),
            ("GET", "/uix", Some(Need::Read)),
            ("GET", "/health", None),
            ("POST", "/health", Some(Need::Admin)),
            ("GET", "/invocations", Some(Need::Read)),
            ("GET", "/config", Some(Need::Read)),
            ("GET", "/tokens", Some(Need::Admin)),
            ("HEAD", "/deployments", Some(Need::Read)),
            ("POST", "/query", Some(Need::Read)),
            ("POST", "/backup", Some(Need::Admin)),
            ("POST", "/deployments", Some(Need::Deploy)),
            ("PATCH", "/deployments/dp_1", Some(Need::Deploy)),
            ("DELETE", "/deployments/dp_1", Some(Need::Deploy)),
            ("POST", "/deploymentsx", Some(Need::Admin)),
            ("PATCH", "/invocations/inv_1/kill", Some(Need::Admin)),
            ("POST", "/tokens", Some(Need::Admin)),
            ("PATCH", "/services/Cart", Some(Need::Admin)),
            ("POST", "/unknown", Some(Need::Admin)),
        ];
        for (method, path, expected) in cases {
            assert_eq!(need(&method.parse().unwrap(), path), expected, "{method} {path}");
        }
    }
}
