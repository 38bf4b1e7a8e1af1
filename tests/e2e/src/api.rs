//! What tests ask of a server, in one line each.

use crate::Server;
use crate::guests::Guest;
use crate::http::Reply;
use crate::poll::{SOON, within};
use serde_json::{Value, json};
use std::time::Duration;

impl Server {
    /// Deploys a guest that may reach every host, and returns the id of the deployment.
    #[track_caller]
    pub fn deploy(&self, guest: Guest) -> String {
        self.deploy_with(guest, &[("allow_host", "*")])
    }

    /// Deploys a guest with these settings, and returns the id of the deployment.
    #[track_caller]
    pub fn deploy_with(&self, guest: Guest, settings: &[(&str, &str)]) -> String {
        let reply = self.upload(&guest.bytes(), settings);
        assert!([200, 201].contains(&reply.status), "{}", reply.text());
        text(&reply.json()["id"])
    }

    /// Uploads bytes as a component.
    #[track_caller]
    pub fn upload(&self, component: &[u8], settings: &[(&str, &str)]) -> Reply {
        let pairs: Vec<_> =
            settings.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let path = format!("/deployments?{}", pairs.join("&"));
        self.admin().request("POST", &path).body("application/wasm", component).send()
    }

    /// Changes environment variables of a deployment.
    #[track_caller]
    pub fn set_env(&self, deployment: &str, env: Value) -> Reply {
        let change = json!({ "env": env }).to_string();
        let path = format!("/deployments/{deployment}");
        self.admin().request("PATCH", &path).json(&change).send().expect(200)
    }

    /// Calls a handler with JSON and waits for its answer.
    #[track_caller]
    pub fn call(&self, target: &str, input: &Value) -> Reply {
        self.ingress().post(&format!("/restate/call/{target}"), &input.to_string())
    }

    /// Sends to a handler and returns the id of the invocation, which is durable then.
    #[track_caller]
    pub fn send(&self, target: &str, input: &Value) -> String {
        let reply = self.ingress().post(&format!("/restate/send/{target}"), &input.to_string()).expect(202);
        text(&reply.json()["invocationId"])
    }

    /// Sends to a handler that takes nothing.
    #[track_caller]
    pub fn send_nothing(&self, target: &str) -> String {
        let reply = self.ingress().request("POST", &format!("/restate/send/{target}")).send().expect(202);
        text(&reply.json()["invocationId"])
    }

    /// Waits for the end of an invocation.
    #[track_caller]
    pub fn attach(&self, id: &str) -> Reply {
        self.ingress().get(&format!("/restate/attach/{id}"))
    }

    /// Asks for the answer of an invocation, without waiting.
    #[track_caller]
    pub fn output(&self, id: &str) -> Reply {
        self.ingress().get(&format!("/restate/output/{id}"))
    }

    /// Returns what the admin port tells of an invocation.
    #[track_caller]
    pub fn invocation(&self, id: &str) -> Value {
        self.admin().get(&format!("/invocations/{id}")).expect(200).json()
    }

    /// Returns the journal of an invocation.
    #[track_caller]
    pub fn journal(&self, id: &str) -> Value {
        self.admin().get(&format!("/invocations/{id}/journal")).expect(200).json()
    }

    /// Returns the names of the entries of a journal, in order.
    #[track_caller]
    pub fn entry_names(&self, id: &str) -> Vec<String> {
        let journal = self.journal(id);
        let items = journal["items"].as_array().expect("a journal has items").clone();
        let entries = items.into_iter().filter(|item| item["item"] == "entry");
        entries.map(|entry| entry["name"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until an invocation is as it should be, and returns it.
    #[track_caller]
    pub fn invocation_when(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let look = || {
            last = self.invocation(id);
            is_so(&last).then(|| last.clone())
        };
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| within(SOON, what, look)));
        found.unwrap_or_else(|_| panic!("{what}: in vain, it is {last:#}"))
    }

    /// Waits until an invocation has a status.
    #[track_caller]
    pub fn wait_for_status(&self, id: &str, status: &str) -> Value {
        self.invocation_when(id, status, |invocation| invocation["status"] == status)
    }

    /// Returns the only invocation of a service.
    #[track_caller]
    pub fn only_invocation(&self, service: &str) -> String {
        let path = format!("/invocations?service={service}");
        let look = || {
            let listing = self.admin().get(&path).expect(200).json();
            let found = listing["invocations"].as_array().expect("a listing").clone();
            (found.len() == 1).then(|| text(&found[0]["id"]))
        };
        within(SOON, "one invocation of the service", look)
    }

    /// Waits until the log has a line with this text.
    #[track_caller]
    pub fn wait_for_log(&self, wanted: &str) {
        within(SOON, wanted, || self.log().contains(wanted).then_some(()));
    }
}

/// Returns the messages of the failures an invocation remembers, joined.
#[must_use]
pub fn failures(invocation: &Value) -> String {
    let failures = invocation["last_failures"].as_array().expect("a list of failures");
    failures.iter().map(|failure| text(&failure["message"])).collect::<Vec<_>>().join("\n")
}

/// Returns a JSON text as it is.
#[must_use]
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// Returns a number of milliseconds as a duration.
#[must_use]
pub fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Percent-encodes what is not plain in a segment of a path.
#[must_use]
pub fn escape(value: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~=".contains(byte);
    let escaped = value.bytes().map(|byte| match is_plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    escaped.collect()
}
