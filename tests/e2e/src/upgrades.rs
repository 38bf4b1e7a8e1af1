//! What tests of upgrades ask: the shop in its versions, uploads with options, and reports.

use crate::Server;
use crate::api::text;
use crate::guests::Guest;
use crate::http::Reply;
use crate::poll::{eventually, within};
use serde_json::{Value, json};
use std::time::Duration;

/// An order of something, told to `url`.
#[must_use]
pub fn order(price: &str, url: Option<&str>) -> Value {
    json!({ "item": "a lamp", "price": price, "url": url })
}

/// Returns the groups of a report that are of one kind.
#[must_use]
#[track_caller]
pub fn groups(report: &Value, kind: &str) -> Vec<Value> {
    let groups = report["groups"].as_array().unwrap_or_else(|| panic!("no report: {report:#}"));
    groups.iter().filter(|group| group["kind"] == kind).cloned().collect()
}

/// Returns the only group of a kind.
#[must_use]
#[track_caller]
pub fn group(report: &Value, kind: &str) -> Value {
    let found = groups(report, kind);
    assert_eq!(found.len(), 1, "one group that {kind}: {report:#}");
    found[0].clone()
}

impl Server {
    /// Uploads a guest that may reach every host, with these options.
    #[track_caller]
    pub fn upgrade(&self, guest: Guest, options: &[(&str, &str)]) -> Reply {
        self.upgrade_to(&guest.bytes(), options)
    }

    /// The same with a component.
    #[track_caller]
    pub fn upgrade_to(&self, component: &[u8], options: &[(&str, &str)]) -> Reply {
        let all: Vec<_> = [("allow_host", "*")].into_iter().chain(options.iter().copied()).collect();
        self.upload(component, &all)
    }

    /// Asks for something about a deployment: `check`, `promote`, `migrate`, with a query if need be.
    pub fn deployment_verb(&self, verb: &str, id: &str) -> Reply {
        self.admin().request("POST", &format!("/deployments/{id}/{verb}")).send()
    }

    /// Returns what the list says of a deployment.
    #[track_caller]
    pub fn deployment(&self, id: &str) -> Value {
        self.admin().get(&format!("/deployments/{id}")).expect(200).json()
    }

    /// Waits until a deployment has a status: counts are some seconds old at times.
    #[track_caller]
    pub fn deployment_when(&self, id: &str, status: &str) -> Value {
        eventually(status, || Some(self.deployment(id)).filter(|deployment| deployment["status"] == status))
    }

    /// Returns which deployment a service takes its calls to.
    #[track_caller]
    pub fn offered_by(&self, service: &str) -> String {
        text(&self.admin().get(&format!("/services/{service}")).expect(200).json()["deployment_id"])
    }

    /// Sends deliveries and waits until all of them wait for the courier; returns their ids.
    #[track_caller]
    pub fn deliveries(&self, count: usize, url: Option<&str>) -> Vec<String> {
        let ids: Vec<_> = (0..count).map(|_| self.send("Shop/deliver", &order("1.50", url))).collect();
        within(Duration::from_secs(400), "all deliveries wait for the courier", || {
            let listing = self.admin().get("/invocations?status=suspended&handler=deliver&limit=1000").json();
            (listing["invocations"].as_array().map(Vec::len) >= Some(count)).then_some(())
        });
        ids
    }

    /// Brings a courier to a delivery, and returns what that comes to.
    #[track_caller]
    pub fn finish_delivery(&self, id: &str) -> String {
        self.resolve(&self.pending_awakeable(id), &json!("Ann"));
        text(&self.attach(id).expect(200).json())
    }
}
