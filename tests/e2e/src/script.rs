//! What the handlers of the guest `abilities` are told to do, one function per step.
//!
//! A text `$n` stands for the result of step n.

use crate::Server;
use crate::api::escape;
use crate::http::Reply;
use serde_json::{Map, Value, json};

/// Builds a step without arguments, or one that is given as JSON.
#[must_use]
pub fn step(what: &str, arguments: Value) -> Value {
    let mut step = arguments.as_object().cloned().unwrap_or_else(Map::new);
    step.insert("do".into(), what.into());
    step.into()
}

/// Names a handler: `Service/handler`, or `Object/key/handler`, where the key may have slashes.
#[must_use]
#[track_caller]
pub fn to(target: &str) -> Value {
    let (service, rest) = target.split_once('/').expect("a target has a handler");
    match rest.rsplit_once('/') {
        Some((key, handler)) => json!({ "service": service, "key": key, "handler": handler }),
        None => json!({ "service": service, "handler": rest }),
    }
}

/// Returns the path of the same target.
#[must_use]
pub fn path(target: &str) -> String {
    let target = to(target);
    let part = |name: &str| target[name].as_str();
    let parts = [part("service"), part("key"), part("handler")].into_iter().flatten();
    parts.map(escape).collect::<Vec<_>>().join("/")
}

#[must_use]
pub fn call(target: &str, input: Value) -> Value {
    step("call", json!({ "to": to(target), "input": input }))
}

/// A call that is awaited later.
#[must_use]
pub fn start(target: &str, input: Value) -> Value {
    step("start", json!({ "to": to(target), "input": input }))
}

#[must_use]
pub fn send(target: &str, input: Value) -> Value {
    step("send", json!({ "to": to(target), "input": input }))
}

/// Adds to a call, start or send: `idempotencyKey`, `headers` or `delayMs`.
#[must_use]
pub fn with(mut request: Value, name: &str, value: Value) -> Value {
    request[name] = value;
    request
}

#[must_use]
pub fn post(url: &str, body: &str) -> Value {
    step("post", json!({ "url": url, "body": body }))
}

#[must_use]
pub fn sleep(ms: u64) -> Value {
    step("sleep", json!({ "ms": ms }))
}

#[must_use]
pub fn say(value: impl Into<Value>) -> Value {
    step("say", json!({ "value": value.into() }))
}

#[must_use]
pub fn fail(code: u16, message: &str) -> Value {
    step("fail", json!({ "code": code, "message": message }))
}

#[must_use]
pub fn get(name: &str) -> Value {
    step("get", json!({ "name": name }))
}

#[must_use]
pub fn set(name: &str, value: impl Into<Value>) -> Value {
    step("set", json!({ "name": name, "value": value.into() }))
}

#[must_use]
pub fn awakeable(name: &str) -> Value {
    step("awakeable", json!({ "name": name }))
}

/// Waits for the call or awakeable that step `of` made.
#[must_use]
pub fn wait_for(of: usize) -> Value {
    step("await", json!({ "of": of }))
}

/// Does a step; the result says how it went.
#[must_use]
pub fn attempt(of: Value) -> Value {
    step("try", json!({ "step": of }))
}

/// Does a step if a later one fails for good.
#[must_use]
pub fn undo(by: Value) -> Value {
    step("undo", json!({ "step": by }))
}

impl Server {
    /// Lets a handler do these steps and returns its answer.
    #[track_caller]
    pub fn act(&self, target: &str, steps: &[Value]) -> Reply {
        self.call(&path(target), &json!(steps))
    }

    /// Lets a handler do these steps, which have to work, and returns their results.
    #[track_caller]
    pub fn results(&self, target: &str, steps: &[Value]) -> Vec<Value> {
        let results = self.act(target, steps).expect(200).json();
        results.as_array().expect("a script has a list of results").clone()
    }

    /// Calls a handler that takes nothing.
    #[track_caller]
    pub fn ask(&self, target: &str) -> Value {
        self.ingress().request("POST", &format!("/restate/call/{}", path(target))).send().expect(200).json()
    }

    /// Lets a handler begin with these steps and returns the id of the invocation.
    #[track_caller]
    pub fn begin(&self, target: &str, steps: &[Value]) -> String {
        self.send(&path(target), &json!(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_have_slashes() {
        assert_eq!(path("Act/script"), "Act/script");
        assert_eq!(path("Thing/a/b c/script"), "Thing/a%2Fb%20c/script");
        assert_eq!(path("Thing//script"), "Thing//script");
        assert_eq!(to("Thing//script")["key"], "");
    }
}
