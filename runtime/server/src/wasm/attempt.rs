//! One attempt: let in, executed on its journal, and reported how it ended.

use super::background::Heavy;
use super::execution::{CameTo, Execution, crashed};
use super::executor::{LetIn, Shared, Slot};
use super::guest::Link;
use super::output::{Keep, Output};
use super::sandbox::Scope;
use super::session::{CatchesUp, Purpose, Surroundings};
use super::start::{Found, Start, watch};
use crate::engine::executor::Tell;
use crate::engine::{Inboxes, JournalInRoom};
use crate::metrics::Held;
use crate::traces::Trail;
use abide_core::command::{Command, End, Ended};
use abide_core::effect::AttemptStart;
use abide_core::ids::{Attempt, InvocationId};
use std::sync::Arc;
use tokio::sync::mpsc;
use tracing::Instrument;

/// Runs one attempt to its end and reports it. When it is stopped, it ends without a report, also in the
/// middle of a computation: guests let others go on every few milliseconds. One of a crowd is in the background
/// already.
pub async fn run(shared: Arc<Shared>, let_in: LetIn) {
    let LetIn { start, told, stopped, place, slot, is_of_crowd } = let_in;
    let span = tracing::debug_span!(
        "attempt",
        invocation = %start.invocation,
        attempt = start.attempt,
        handler = %start.target,
    );
    let report =
        Report { shared: shared.clone(), invocation: start.invocation, attempt: start.attempt, is_of_crowd };
    let attempt = async {
        let heavy = Heavy::default();
        let beginning = Start::new(place);
        let admitted =
            Admitted { told, heavy: heavy.clone(), beginning: beginning.clone(), slot, is_of_crowd };
        let work = execute(shared.clone(), start, admitted, report);
        let work = Box::pin(watch(work, heavy.clone(), move |found| match found {
            Found::Waits => beginning.ends(),
            // A crowd leaves half of the places to others, and is let in no faster than it computes.
            Found::Computes if is_of_crowd => {}
            Found::Computes => beginning.takes_long(),
        }));
        if is_of_crowd {
            work.await;
        } else {
            shared.parts.components.engine().background().drive(work, &heavy).await;
        }
    };
    let attempt = async {
        tokio::select! {
            biased;
            _ = stopped => tracing::debug!("the attempt was stopped"),
            () = attempt => {}
        }
    };
    attempt.instrument(span).await;
}

/// What an attempt that was let in has: where it hears from the engine, what it tells when it computes
/// for long, its place among those that start, and its room in memory.
struct Admitted {
    told: mpsc::UnboundedReceiver<Tell>,
    heavy: Heavy,
    beginning: Start,
    slot: Slot,
    is_of_crowd: bool,
}

/// Returns what the guest of an invocation has to wait for before it asks for more.
fn catches_up(inboxes: &Inboxes, invocation: InvocationId) -> Option<CatchesUp> {
    if !inboxes.is_far_behind(invocation) {
        return None;
    }
    let inboxes = inboxes.clone();
    Some(Box::pin(async move { inboxes.catch_up(invocation).await }))
}

async fn execute(shared: Arc<Shared>, mut start: AttemptStart, admitted: Admitted, report: Report) {
    let Admitted { told, heavy, beginning, slot, is_of_crowd } = admitted;
    let _counted = Held::of(&shared.parts.metrics.guests.instances);
    let Some(loaded) = shared.parts.components.get(&start.deployment) else {
        let message =
            format!("the deployment {} is not loaded: its component is missing or damaged", start.deployment);
        return report.ended(crashed(message));
    };
    let JournalInRoom { journal, room } = match shared.loading.load(&mut start).await {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return,
        Err(error) => return report.ended(crashed(format!("the journal cannot be read: {error}"))),
    };
    let (limits, metrics) = (shared.parts.components.limits(), &shared.parts.metrics);
    metrics.guests.replayed_entries.inc_by(journal.entries.len() as u64);
    let keep = Keep {
        logs: shared.parts.logs.clone(),
        invocation: start.invocation,
        attempt: start.attempt,
        target: Arc::new(start.target.clone()),
    };
    let output = Output::new(Some(keep), limits.log_bytes_max);
    let scope = Scope::new(start.begun_at);
    let (teller, owner, invocation) = (shared.clone(), shared.parts.inboxes.clone(), start.invocation);
    let trail = Trail::of(start.invocation, &journal.input.headers, shared.parts.has_traces);
    let around = Surroundings {
        purpose: Purpose::Attempt,
        append: Box::new(move |append| {
            teller.send(append.invocation, Command::Append(append), is_of_crowd);
        }),
        catches_up: Box::new(move || catches_up(&owner, invocation)),
        catalog: shared.parts.catalog.clone(),
        is_crowded: Box::new({
            let shared = shared.clone();
            move |service| shared.is_crowded(service)
        }),
        read_ahead: Box::new({
            let journals = shared.parts.journals.clone();
            move |object, name| journals.read_ahead(invocation, object, name)
        }),
        clock: shared.parts.clock.clone(),
        scope: scope.clone(),
        output: output.clone(),
        suspend_after_ms: limits.suspend_after_ms,
        run_blocks: metrics.guests.run_blocks.clone(),
        trail,
        room,
    };
    let (share, idle) = (slot.share.clone(), metrics.guests.idle.clone());
    let link = |session| Link { session, told, share, start: beginning, idle };
    let (components, memory_bytes) = (&shared.parts.components, metrics.guests.memory_bytes.clone());
    let execution =
        Execution { components, loaded: &loaded, start: &start, output, scope, heavy, memory_bytes };
    let came_to = |CameTo { end, unsent, .. }: CameTo| {
        // What the guest did before it ended happened, also when it crashed then: it is recorded.
        if let Some(append) = unsent {
            report.tell(Command::Append(append));
        }
        if let Ok(end) = end {
            report.ended(end);
        }
    };
    execution.run(journal, around, link, came_to).await;
}

/// Reports the end of the attempt, whatever happens to its task.
struct Report {
    shared: Arc<Shared>,
    invocation: InvocationId,
    attempt: Attempt,
    is_of_crowd: bool,
}

impl Report {
    fn ended(&self, end: End) {
        tracing::debug!(?end, "the attempt ended");
        let (invocation, attempt) = (self.invocation, self.attempt);
        self.tell(Command::Ended(Ended { invocation, attempt, end, jitter: rand::random() }));
    }

    fn tell(&self, command: Command) {
        self.shared.send(self.invocation, command, self.is_of_crowd);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ended(crashed("the runtime panicked in this attempt; its log says more".into()));
        }
        self.shared.forget(self.invocation, self.attempt);
    }
}
