//! What is counted of queries in SQL.

use super::histogram::{Histogram, LONG};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use std::time::Instant;

/// What became of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryOutcome {
    Answered,
    /// It makes no sense, or would change something.
    Refused,
    Timeout,
    Memory,
    /// Its turn did not come.
    Busy,
    Broken,
    /// Whoever asked went away before there was an answer.
    GivenUp,
}

impl QueryOutcome {
    const ALL: [Self; 7] =
        [Self::Answered, Self::Refused, Self::Timeout, Self::Memory, Self::Busy, Self::Broken, Self::GivenUp];

    fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Busy => "busy",
            Self::Broken => "broken",
            Self::GivenUp => "given-up",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

/// Counted by whoever answers queries.
#[derive(Clone, Debug)]
pub struct SqlMetrics {
    queries: [Counter; QueryOutcome::ALL.len()],
    duration: Histogram,
}

impl SqlMetrics {
    pub fn new(registry: &mut Registry) -> Self {
        let queries = Family::<OfOutcome, Counter>::default();
        let of = |outcome: QueryOutcome| queries.get_or_create_owned(&OfOutcome { outcome: outcome.word() });
        let metrics = Self { queries: QueryOutcome::ALL.map(of), duration: Histogram::new(LONG) };
        registry.register("abide_sql_queries", "Queries in SQL, by outcome", queries);
        registry.register_with_unit(
            "abide_sql_query_duration",
            "Time from a query in SQL to its answer, with the wait for its turn",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        metrics
    }

    /// A query comes. It counts as given up unless its end is told.
    #[must_use]
    pub fn begin(&self) -> Counted {
        Counted { metrics: self.clone(), began: Instant::now(), outcome: QueryOutcome::GivenUp }
    }
}

/// A query that is counted when this goes.
pub struct Counted {
    metrics: SqlMetrics,
    began: Instant,
    outcome: QueryOutcome,
}

impl Counted {
    /// Says what became of it.
    pub fn ends(mut self, outcome: QueryOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.metrics.queries[self.outcome as usize].inc();
        self.metrics.duration.observe(self.began.elapsed());
    }
}
