//! One attempt: instantiate, replay, go on, and report how it ended.

use super::bindings::abide::runtime::types as wit_types;
use super::bindings::exports::abide::runtime::guest as wit;
use super::components::Loaded;
use super::executor::Shared;
use super::guest::{Guest, GuestParts, Link};
use super::host;
use super::output::Output;
use super::sandbox::Scope;
use super::session::{Halt, Session, Surroundings};
use crate::engine::LoadedJournal;
use crate::engine::executor::Tell;
use abide_core::command::{Command, End};
use abide_core::effect::AttemptStart;
use abide_core::ids::{Attempt, InvocationId};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tracing::Instrument;
use wasmtime::{Store, Trap, WasmBacktrace};

/// Frames of a guest's backtrace that a report shows.
const FRAMES_MAX: usize = 12;

/// Runs one attempt to its end and reports it. When it is stopped, it ends without a report, also in the
/// middle of a computation: guests let others go on every few milliseconds.
pub async fn run(
    shared: Arc<Shared>,
    start: AttemptStart,
    told: mpsc::UnboundedReceiver<Tell>,
    stopped: oneshot::Receiver<()>,
) {
    let span = tracing::debug_span!(
        "attempt",
        invocation = %start.invocation,
        attempt = start.attempt,
        handler = %start.target,
    );
    let report = Report { shared: shared.clone(), invocation: start.invocation, attempt: start.attempt };
    let attempt = async {
        let (place, _slot) = shared.slots.take().await;
        report.ended(execute(&shared, start, Admitted { told, place }).await);
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

/// What an attempt that was let in has: where it hears from the engine, and its place among those that
/// start.
struct Admitted {
    told: mpsc::UnboundedReceiver<Tell>,
    place: OwnedSemaphorePermit,
}

/// Returns how the attempt ended, or None when it was stopped and nobody wants to know.
async fn execute(shared: &Shared, mut start: AttemptStart, admitted: Admitted) -> Option<End> {
    let Some(loaded) = shared.components.get(&start.deployment) else {
        let message =
            format!("the deployment {} is not loaded: its component is missing or damaged", start.deployment);
        return Some(crashed(message));
    };
    let journal = match shared.journals.load(&mut start) {
        Ok(Some(journal)) => journal,
        Ok(None) => return None,
        Err(error) => return Some(crashed(format!("the journal cannot be read: {error}"))),
    };
    let id = start.invocation.to_string();
    let output = Output::new(id.clone(), start.target.to_string(), shared.components.limits().log_bytes_max);
    let seed = seed_of(start.seed);
    let invocation = wit::Invocation {
        id,
        target: wit_types::Target {
            service: start.target.service.clone(),
            key: start.target.key.clone(),
            handler: start.target.handler.clone(),
        },
        headers: host::headers(journal.input.headers.clone()),
        random_seed: seed,
        input: journal.input.body.to_vec(),
    };
    let mut store = new_store(shared, &loaded, &start, journal, admitted, &output, seed);
    let result = invoke(&mut store, &loaded, &invocation).await;
    Some(match result {
        Ok(result) => returned(&mut store, &loaded, &start, result),
        Err(error) => return halted(&mut store, &error, &output),
    })
}

fn new_store(
    shared: &Shared,
    loaded: &Loaded,
    start: &AttemptStart,
    journal: LoadedJournal,
    admitted: Admitted,
    output: &Arc<Output>,
    seed: u64,
) -> Store<Guest> {
    let limits = shared.components.limits();
    let scope = Scope::new(start.begun_at);
    let inboxes = shared.inboxes.clone();
    let around = Surroundings {
        append: Box::new(move |append| inboxes.send(append.invocation, Command::Append(append))),
        catalog: shared.catalog.clone(),
        clock: shared.clock.clone(),
        scope: scope.clone(),
        output: output.clone(),
        suspend_after_ms: limits.suspend_after_ms,
    };
    let session = Session::new(start, journal, around);
    let Admitted { told, place } = admitted;
    let link = Link { session, told, pressure: shared.slots.pressure.clone(), start: Some(place) };
    let parts = GuestParts {
        settings: &loaded.settings,
        limits,
        scope,
        output: output.clone(),
        seed,
        link: Some(link),
    };
    Guest::into_store(shared.components.engine().engine(), parts)
}

type Result<T> = wasmtime::Result<T>;
type Answered = std::result::Result<Vec<u8>, wit::HandlerError>;

async fn invoke(store: &mut Store<Guest>, loaded: &Loaded, invocation: &wit::Invocation) -> Result<Answered> {
    let instance = loaded.pre.instantiate_async(&mut *store).await?;
    instance.abide_runtime_guest().call_invoke(&mut *store, invocation).await
}

/// The guest came to its end.
fn returned(store: &mut Store<Guest>, loaded: &Loaded, start: &AttemptStart, result: Answered) -> End {
    let bytes_max = store.data().limits.value_bytes_max;
    let session = store.data_mut().session().expect("an attempt has a session");
    if let Err(report) = session.finish() {
        return End::Mismatched(report);
    }
    match result {
        Ok(value) => match check_result(loaded, start, &value, bytes_max) {
            Ok(()) => End::Returned(value.into()),
            Err(message) => crashed(message),
        },
        Err(wit::HandlerError::Terminal(failure)) => End::Failed(host::failure(failure)),
        Err(wit::HandlerError::Retryable(error)) => {
            End::Crashed { message: error.message, op: None, retry_after_ms: error.retry_after_ms }
        }
    }
}

fn check_result(
    loaded: &Loaded,
    start: &AttemptStart,
    value: &[u8],
    bytes_max: usize,
) -> std::result::Result<(), String> {
    host::check_value("the handler's result", value.len(), bytes_max).map_err(|error| error.to_string())?;
    let service = loaded.manifest.services.iter().find(|service| service.name == start.target.service);
    let output =
        service.and_then(|service| service.handler(&start.target.handler)).map(|handler| &handler.output);
    let is_json = output.is_some_and(|output| output.content_type.as_deref() == Some("application/json"));
    match std::str::from_utf8(value) {
        Err(error) if is_json => {
            Err(format!("the handler's result is declared as JSON but is not UTF-8: {error}"))
        }
        _ => Ok(()),
    }
}

/// The guest did not come to its end: it waits, was stopped, or crashed.
fn halted(store: &mut Store<Guest>, error: &wasmtime::Error, output: &Output) -> Option<End> {
    let session = store.data_mut().session().expect("an attempt has a session");
    match error.downcast_ref::<Halt>() {
        Some(Halt::Stopped) => None,
        Some(Halt::Suspended { waiting_on, outcomes_seen }) => {
            Some(End::Suspended { waiting_on: waiting_on.clone(), outcomes_seen: *outcomes_seen })
        }
        Some(Halt::AwaitsRetry { waiting_on, outcomes_seen }) => {
            Some(End::AwaitsRetry { waiting_on: waiting_on.clone(), outcomes_seen: *outcomes_seen })
        }
        Some(Halt::Mismatched(report)) => {
            let mut report = report.clone();
            report.backtrace = backtrace(error);
            Some(End::Mismatched(report))
        }
        None => {
            // What the guest did before it crashed happened: it is recorded.
            session.flush();
            let op = session.running_op();
            Some(End::Crashed { message: describe(error, output), op, retry_after_ms: None })
        }
    }
}

/// Says in words why a guest crashed.
pub fn describe(error: &wasmtime::Error, output: &Output) -> String {
    let tail = output.stderr_tail();
    let mut text = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) if !tail.is_empty() => format!("the guest panicked: {tail}"),
        Some(Trap::UnreachableCodeReached) => "the guest trapped: unreachable code was reached".into(),
        Some(Trap::StackOverflow) => "the guest trapped: stack overflow".into(),
        Some(Trap::MemoryOutOfBounds) => {
            "the guest trapped: memory access out of bounds, or its stack overflowed (endless recursion?)"
                .into()
        }
        Some(trap) => format!("the guest trapped: {trap}"),
        None => match error.downcast_ref::<wasmtime_wasi::I32Exit>() {
            Some(exit) => {
                format!("the guest ended its process with code {}: return from the handler instead", exit.0)
            }
            None => format!("{}", error.root_cause()),
        },
    };
    if let Some(backtrace) = backtrace(error) {
        text.push('\n');
        text.push_str(&backtrace);
    }
    text
}

/// Returns the guest's frames, the innermost first, as far as the component names them. Those of a
/// panic itself are left out: they are always the same, and many.
fn backtrace(error: &wasmtime::Error) -> Option<String> {
    let backtrace = error.downcast_ref::<WasmBacktrace>()?;
    let names = backtrace.frames().iter().map(|frame| match frame.func_name() {
        Some(name) => format!("  at {:#}", rustc_demangle::demangle(name)),
        None => format!("  at function {}", frame.func_index()),
    });
    let names: Vec<_> = names.collect();
    let panicking = names.iter().rposition(|name| name.contains("core::panicking::"));
    let shown = &names[panicking.map_or(0, |last| last + 1)..];
    let lines = &shown[..shown.len().min(FRAMES_MAX)];
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Returns the seed of an invocation's random numbers: the same on every attempt, and after a restart in
/// the middle of its journal.
fn seed_of(id: InvocationId) -> u64 {
    let digest: [u8; 32] = Sha256::digest(id.to_bytes()).into();
    u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

fn crashed(message: String) -> End {
    End::Crashed { message, op: None, retry_after_ms: None }
}

/// Reports the end of the attempt, whatever happens to its task.
struct Report {
    shared: Arc<Shared>,
    invocation: InvocationId,
    attempt: Attempt,
}

impl Report {
    fn ended(&self, end: Option<End>) {
        let Some(end) = end else { return };
        tracing::debug!(?end, "the attempt ended");
        let (invocation, attempt) = (self.invocation, self.attempt);
        let ended = Command::Ended { invocation, attempt, end, jitter: rand::random() };
        self.shared.inboxes.send(invocation, ended);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ended(Some(crashed("the runtime panicked in this attempt; its log says more".into())));
        }
        self.shared.forget(self.invocation, self.attempt);
    }
}
