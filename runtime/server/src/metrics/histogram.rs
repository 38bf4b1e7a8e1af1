//! A histogram that is counted in without a lock: two additions per observation.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in microseconds, from a millisecond to a day: for what may wait for a person.
pub const LONG: &[u64] = &[
    1_000,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    300_000_000,
    3_600_000_000,
    86_400_000_000,
];
/// Upper bounds in microseconds, from half a millisecond to half a minute: for a request, or a step.
pub const SHORT: &[u64] = &[
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
    30_000_000,
];

/// How often something took how long. Clones count together.
#[derive(Clone)]
pub struct Histogram {
    inner: Arc<Inner>,
}

struct Inner {
    bounds: &'static [u64],
    /// One per bound, and one for what is above all of them.
    counts: Box<[AtomicU64]>,
    sum_micros: AtomicU64,
}

impl Histogram {
    #[must_use]
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { inner: Arc::new(Inner { bounds, counts, sum_micros: AtomicU64::new(0) }) }
    }

    pub fn observe(&self, took: Duration) {
        self.observe_micros(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn observe_millis(&self, millis: u64) {
        self.observe_micros(millis.saturating_mul(1_000));
    }

    fn observe_micros(&self, micros: u64) {
        let Inner { bounds, counts, sum_micros } = &*self.inner;
        let bucket = bounds.partition_point(|bound| *bound < micros);
        counts[bucket].fetch_add(1, Ordering::Relaxed);
        sum_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").field("bounds", &self.inner.bounds).finish_non_exhaustive()
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let counts: Vec<_> = self.inner.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let sum = self.inner.sum_micros.load(Ordering::Relaxed) as f64 / 1e6;
        let bounds: Vec<_> = self.inner.bounds.iter().map(|micros| *micros as f64 / 1e6).collect();
        encode(encoder, &bounds, &counts, sum)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// Writes a histogram that somebody else counted; `counts` has one more than `bounds`.
pub fn encode(
    mut encoder: MetricEncoder<'_>,
    bounds: &[f64],
    counts: &[u64],
    sum: f64,
) -> Result<(), fmt::Error> {
    let upper = bounds.iter().copied().chain([f64::INFINITY]);
    let buckets: Vec<_> = upper.zip(counts.iter().copied()).collect();
    encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text;
    use prometheus_client::registry::Registry;

    #[test]
    fn an_observation_is_in_the_bucket_of_its_bound_and_all_above() {
        let (mut registry, histogram) = (Registry::default(), Histogram::new(&[1_000, 10_000]));
        registry.register("took", "How long", histogram.clone());
        for micros in [0, 1_000, 1_001, 10_000, 10_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut shown = String::new();
        text::encode(&mut shown, &registry).unwrap();
        for line in [
            "took_bucket{le=\"0.001\"} 2",
            "took_bucket{le=\"0.01\"} 4",
            "took_bucket{le=\"+Inf\"} 5",
            "took_sum 0.022002",
            "took_count 5",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} in\n{shown}");
        }
    }
}
