//! Requests that were told to come back later, by the limit they met.

use crate::engine::Overload;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLimit {
    limit: &'static str,
}

/// Counted where a request is refused.
#[derive(Clone, Debug)]
pub struct RefusedMetrics {
    counters: [Counter; Overload::ALL.len()],
}

impl RefusedMetrics {
    pub fn new(registry: &mut Registry) -> Self {
        let refused = Family::<OfLimit, Counter>::default();
        let counters =
            Overload::ALL.map(|overload| refused.get_or_create_owned(&OfLimit { limit: overload.limit() }));
        registry.register(
            "abide_requests_refused",
            "Requests that were told to come back later, by the limit they met",
            refused,
        );
        Self { counters }
    }

    /// Returns the counter of a limit.
    pub fn of(&self, overload: Overload) -> &Counter {
        &self.counters[overload.index()]
    }
}
