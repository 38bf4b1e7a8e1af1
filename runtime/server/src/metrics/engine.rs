//! What the drivers count: attempts, journals, retries.

use super::handlers::Handlers;
use super::partitions::Partitions;
use abide_core::command::End;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

/// How attempts end, as labels.
const ENDS: [&str; 8] =
    ["returned", "failed", "suspended", "crashed", "mismatched", "lost", "stopped", "put_off"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEnd {
    end: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRetry {
    of: &'static str,
}

/// Counted by the drivers, with relaxed additions.
#[derive(Debug)]
pub struct EngineMetrics {
    pub handlers: Handlers,
    pub partitions: Partitions,
    pub attempts_started: Counter,
    attempts_ended: [Counter; ENDS.len()],
    /// Attempts that begin because the one before crashed.
    pub handler_retries: Counter,
    /// Run blocks that failed and will be tried again.
    pub run_retries: Counter,
    pub entries: Counter,
    pub entry_bytes: Counter,
    pub outcomes: Counter,
    pub outcome_bytes: Counter,
    pub purged: Counter,
}

impl EngineMetrics {
    pub fn new(registry: &mut Registry) -> Self {
        let ended = Family::<OfEnd, Counter>::default();
        let retries = Family::<OfRetry, Counter>::default();
        let metrics = Self {
            handlers: Handlers::new(registry),
            partitions: Partitions::default(),
            attempts_started: Counter::default(),
            attempts_ended: ENDS.map(|end| ended.get_or_create_owned(&OfEnd { end })),
            handler_retries: retries.get_or_create_owned(&OfRetry { of: "handler" }),
            run_retries: retries.get_or_create_owned(&OfRetry { of: "run" }),
            entries: Counter::default(),
            entry_bytes: Counter::default(),
            outcomes: Counter::default(),
            outcome_bytes: Counter::default(),
            purged: Counter::default(),
        };
        let attempts = metrics.attempts_started.clone();
        registry.register("abide_attempts_started", "Attempts that were started", attempts);
        let help = "Attempts that ended, by how: `returned`, `failed`, `suspended`, `crashed`, `mismatched`, `lost`, \
                    `stopped`, `put_off`";
        registry.register("abide_attempts_ended", help, ended);
        registry.register(
            "abide_retries",
            "Tries after a failure, or after being put off, of whole handlers and of run blocks",
            retries,
        );
        metrics.register_journals(registry);
        metrics
    }

    fn register_journals(&self, registry: &mut Registry) {
        registry.register("abide_journal_entries", "Entries appended to journals", self.entries.clone());
        registry.register_with_unit(
            "abide_journal_entry",
            "Size of the entries appended to journals, about",
            Unit::Bytes,
            self.entry_bytes.clone(),
        );
        registry.register("abide_journal_outcomes", "Outcomes recorded in journals", self.outcomes.clone());
        registry.register_with_unit(
            "abide_journal_outcome",
            "Size of the outcomes recorded in journals, about",
            Unit::Bytes,
            self.outcome_bytes.clone(),
        );
        registry.register(
            "abide_invocations_purged",
            "Completed invocations that were forgotten",
            self.purged.clone(),
        );
    }

    /// Returns the counter of attempts that end like this.
    pub fn ended(&self, end: &End) -> &Counter {
        let index = match end {
            End::Returned(_) => 0,
            End::Failed(_) => 1,
            End::Suspended { .. } | End::AwaitsRetry { .. } => 2,
            End::Crashed { .. } => 3,
            End::Mismatched(_) => 4,
            End::Lost => 5,
            End::Stopped => 6,
            End::PutOff { .. } => 7,
        };
        &self.attempts_ended[index]
    }
}
