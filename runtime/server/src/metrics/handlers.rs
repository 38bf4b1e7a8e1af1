//! What is counted per handler. Only handlers that are deployed have labels of their own.

use super::histogram::{Histogram, LONG};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;

/// Stands for every handler that is asked for and not deployed: anybody may make up a name.
pub const NOT_DEPLOYED: &str = "(not deployed)";

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Result {
    Success,
    Failure,
    /// It failed after it was cancelled.
    Cancelled,
    Killed,
}

impl Result {
    const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Cancelled, Self::Killed];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Killed => "killed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfHandler {
    service: String,
    handler: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    service: String,
    handler: String,
    outcome: &'static str,
}

/// The counters of one handler. Whoever counts keeps them at hand.
#[derive(Clone, Debug)]
pub struct Handler {
    pub accepted: Counter,
    completed: [Counter; Result::ALL.len()],
    /// From submission to end.
    pub duration: Histogram,
    /// From the first attempt to the end.
    pub execution: Histogram,
    /// From the moment it was to begin to its first attempt.
    pub queued: Histogram,
}

impl Handler {
    pub fn completed(&self, result: Result) -> &Counter {
        &self.completed[result as usize]
    }
}

type Histograms = Family<OfHandler, Histogram, fn() -> Histogram>;

/// The counters of all handlers.
#[derive(Debug)]
pub struct Handlers {
    accepted: Family<OfHandler, Counter>,
    completed: Family<OfResult, Counter>,
    duration: Histograms,
    execution: Histograms,
    queued: Histograms,
}

impl Handlers {
    pub fn new(registry: &mut Registry) -> Self {
        let long: fn() -> Histogram = || Histogram::new(LONG);
        let handlers = Self {
            accepted: Family::default(),
            completed: Family::default(),
            duration: Family::new_with_constructor(long),
            execution: Family::new_with_constructor(long),
            queued: Family::new_with_constructor(long),
        };
        registry.register(
            "abide_invocations_accepted",
            "Invocations accepted from the ingress and from handlers",
            handlers.accepted.clone(),
        );
        registry.register(
            "abide_invocations_completed",
            "Invocations that ended, by outcome",
            handlers.completed.clone(),
        );
        registry.register_with_unit(
            "abide_invocation_duration",
            "Time from the submission of an invocation to its end",
            Unit::Seconds,
            handlers.duration.clone(),
        );
        registry.register_with_unit(
            "abide_invocation_execution",
            "Time from the first attempt of an invocation to its end, without delay and queue",
            Unit::Seconds,
            handlers.execution.clone(),
        );
        registry.register_with_unit(
            "abide_invocation_queue",
            "Time from the moment an invocation was to begin to its first attempt",
            Unit::Seconds,
            handlers.queued.clone(),
        );
        handlers
    }

    /// Returns the counters of a handler; they are there, at zero, from now on.
    pub fn of(&self, service: &str, handler: &str) -> Arc<Handler> {
        let of = OfHandler { service: service.to_owned(), handler: handler.to_owned() };
        let completed = |result: Result| {
            let OfHandler { service, handler } = of.clone();
            self.completed.get_or_create_owned(&OfResult { service, handler, outcome: result.word() })
        };
        Arc::new(Handler {
            completed: Result::ALL.map(completed),
            accepted: self.accepted.get_or_create_owned(&of),
            duration: self.duration.get_or_create_owned(&of),
            execution: self.execution.get_or_create_owned(&of),
            queued: self.queued.get_or_create_owned(&of),
        })
    }
}
