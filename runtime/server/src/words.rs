//! The words users know for what the core calls by variants: Restate's, where it has the thing.

use crate::engine::StatusFilter;
use abide_core::invocation::{MismatchReport, PauseReason};
use abide_core::manifest::{HandlerMode, ServiceKind};

/// Returns the word for a status.
#[must_use]
pub fn status_word(status: StatusFilter) -> &'static str {
    match status {
        StatusFilter::Scheduled => "scheduled",
        StatusFilter::Pending => "pending",
        StatusFilter::Running => "running",
        StatusFilter::Suspended => "suspended",
        StatusFilter::BackingOff => "backing-off",
        StatusFilter::Paused => "paused",
        StatusFilter::Completed => "completed",
    }
}

/// Returns the word for a kind of service.
#[must_use]
pub fn service_ty(kind: ServiceKind) -> &'static str {
    match kind {
        ServiceKind::Service => "Service",
        ServiceKind::Object => "VirtualObject",
        ServiceKind::Workflow => "Workflow",
    }
}

/// Returns the word for how a handler runs; None for plain services, whose handlers are all alike.
#[must_use]
pub fn handler_ty(kind: ServiceKind, mode: HandlerMode) -> Option<&'static str> {
    match (kind, mode) {
        (ServiceKind::Service, HandlerMode::Exclusive | HandlerMode::Shared) => None,
        (ServiceKind::Workflow, HandlerMode::Exclusive) => Some("Workflow"),
        (ServiceKind::Object, HandlerMode::Exclusive) => Some("Exclusive"),
        (ServiceKind::Object | ServiceKind::Workflow, HandlerMode::Shared) => Some("Shared"),
    }
}

/// Returns the word for why an invocation is paused, and a sentence for a person.
#[must_use]
pub fn pause_words(reason: &PauseReason) -> (&'static str, String) {
    match reason {
        PauseReason::AttemptsExhausted => {
            ("attempts-exhausted", "its retry policy is exhausted; the last failure says why".to_owned())
        }
        PauseReason::JournalMismatch(report) => ("journal-mismatch", mismatch_text(report)),
        PauseReason::LimitReached(text) => ("limit-reached", text.clone()),
        PauseReason::ByPerson => ("by-person", "somebody paused it; a resume lets it go on".to_owned()),
    }
}

fn mismatch_text(report: &MismatchReport) -> String {
    let recorded = report.recorded.as_deref().unwrap_or("nothing");
    let asked = report.asked.as_deref().unwrap_or("nothing more");
    format!(
        "its code does not do what its journal records: operation {} was {recorded}, the code now asks for {asked}; \
         nothing is lost, deploy the code it began with and resume it",
        report.op
    )
}
