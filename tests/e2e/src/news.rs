//! What reaches an invocation from outside: awakeables, signals, cancellation and the end.

use crate::Server;
use crate::api::{escape, text};
use crate::http::Reply;
use serde_json::Value;

impl Server {
    /// Waits until an invocation waits for an awakeable, and returns the id of the first.
    #[track_caller]
    pub fn pending_awakeable(&self, id: &str) -> String {
        let first = |it: &Value| Some(of_kind(it, "awakeable").first()?["id"].clone());
        let invocation = self.invocation_when(id, "an awakeable", |it| first(it).is_some());
        text(&first(&invocation).expect("that was waited for"))
    }

    /// Resolves an awakeable.
    #[track_caller]
    pub fn resolve(&self, awakeable: &str, value: &Value) {
        let path = format!("/restate/awakeables/{awakeable}/resolve");
        self.ingress().post(&path, &value.to_string()).expect(202);
    }

    /// Rejects an awakeable.
    #[track_caller]
    pub fn reject(&self, awakeable: &str, reason: &str) {
        let path = format!("/restate/awakeables/{awakeable}/reject");
        self.ingress().request("POST", &path).body("text/plain", reason).send().expect(202);
    }

    /// Sends a signal to an invocation.
    pub fn signal(&self, id: &str, name: &str, value: &Value) -> Reply {
        let path = format!("/invocations/{id}/signals/{}", escape(name));
        self.admin().post(&path, &value.to_string())
    }

    /// Asks for something about an invocation over the admin port: `cancel`, `kill`, `purge`, `resume`.
    pub fn admin_verb(&self, verb: &str, id: &str) -> Reply {
        self.admin().request("PATCH", &format!("/invocations/{id}/{verb}")).send()
    }

    /// Cancels an invocation that has not ended.
    #[track_caller]
    pub fn cancel(&self, id: &str) {
        let reply = self.admin_verb("cancel", id);
        assert!([200, 202].contains(&reply.status), "{}", reply.text());
    }

    /// Kills an invocation that has not ended.
    #[track_caller]
    pub fn kill_invocation(&self, id: &str) {
        self.admin_verb("kill", id).expect(200);
    }
}

/// Returns what of a kind an invocation waits for.
#[must_use]
pub fn of_kind(invocation: &Value, kind: &str) -> Vec<Value> {
    let waiting = invocation["waiting_for"].as_array().cloned().unwrap_or_default();
    waiting.into_iter().filter(|each| each["kind"] == kind).collect()
}
