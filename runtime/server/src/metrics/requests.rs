//! What is counted per HTTP request. Routes are patterns, never paths, so there are few of them.

use super::histogram::{Histogram, SHORT};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Stands for every path that belongs to no route.
pub const UNMATCHED: &str = "(unmatched)";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatus {
    port: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    port: &'static str,
    route: String,
}

/// Counted by both ports.
#[derive(Debug)]
pub struct RequestMetrics {
    requests: Family<OfStatus, Counter>,
    duration: Family<OfRoute, Histogram, fn() -> Histogram>,
}

impl RequestMetrics {
    pub fn new(registry: &mut Registry) -> Self {
        let short: fn() -> Histogram = || Histogram::new(SHORT);
        let metrics = Self { requests: Family::default(), duration: Family::new_with_constructor(short) };
        registry.register(
            "abide_http_requests",
            "HTTP requests that were answered, by port, route and status",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "abide_http_request_duration",
            "Time until an HTTP request was answered; a call is answered when its handler ends",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        metrics
    }

    pub fn answered(&self, port: &'static str, route: &str, status: u16, took: Duration) {
        self.requests.get_or_create(&OfStatus { port, route: route.to_owned(), status }).inc();
        self.duration.get_or_create(&OfRoute { port, route: route.to_owned() }).observe(took);
    }
}
