//! One execution of a guest: it gets its invocation and its journal, and comes to an end or is halted.
//!
//! An attempt and a check run a guest by this same code; they differ in what surrounds its session.

use super::background::Heavy;
use super::bindings::abide::runtime::types::{HeaderParam, TargetParam};
use super::bindings::exports::abide::runtime::guest as wit;
use super::components::{Components, Loaded};
use super::guest::{Guest, GuestParts, Link};
use super::host;
use super::output::Output;
use super::sandbox::Scope;
use super::session::{Halt, Replay, Session, Surroundings};
use crate::engine::LoadedJournal;
use abide_core::command::{Append, End};
use abide_core::effect::AttemptStart;
use abide_core::entry::Header;
use abide_core::ids::InvocationId;
use prometheus_client::metrics::gauge::Gauge;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use wasmtime::{Store, Trap, WasmBacktrace};

/// Frames of a guest's backtrace that a report shows.
const FRAMES_MAX: usize = 12;

/// What wasmtime says of a guest that hands over more than it may; it has no type for that.
const TOO_MUCH_AT_ONCE: &str = "fuel allocated for hostcalls";

/// What is executed.
pub struct Execution<'a> {
    pub components: &'a Components,
    pub loaded: &'a Loaded,
    pub start: &'a AttemptStart,
    pub output: Arc<Output>,
    pub scope: Arc<Scope>,
    /// Told when the guest computes for long.
    pub heavy: Heavy,
    /// Counts the memory of all guests.
    pub memory_bytes: Gauge,
}

/// What came of an execution.
pub struct CameTo {
    /// An end that the core wants to hear of, or why there is none.
    pub end: std::result::Result<End, Halt>,
    /// What the guest did before it ended, as far as the core was not told.
    pub unsent: Option<Append>,
    pub replay: Replay,
}

type Result<T> = wasmtime::Result<T>;
type Answered = std::result::Result<Vec<u8>, wit::HandlerError>;

impl Execution<'_> {
    /// Runs the guest until it comes to its end, or cannot go on. Says what came of it before the instance is gone, which
    /// takes a while.
    pub async fn run<T>(
        &self,
        journal: LoadedJournal,
        around: Surroundings,
        link: impl FnOnce(Session) -> Link,
        tell: impl FnOnce(CameTo) -> T,
    ) -> T {
        let seed = seed_of(self.start.seed);
        let (id, target, input) =
            (self.start.invocation.to_string(), &self.start.target, journal.input.clone());
        let headers: Vec<_> = input.headers.iter().map(lent).collect();
        let invocation = wit::Invocation {
            id: &id,
            target: TargetParam {
                service: &target.service,
                key: target.key.as_deref(),
                handler: &target.handler,
            },
            headers: &headers,
            random_seed: seed,
            input: &input.body,
        };
        let trail = around.trail.clone();
        let session = Session::new(self.start, journal, around);
        let parts = GuestParts {
            settings: &self.loaded.settings,
            limits: self.components.limits(),
            scope: self.scope.clone(),
            output: self.output.clone(),
            seed,
            heavy: self.heavy.clone(),
            memory_bytes: self.memory_bytes.clone(),
            trail,
            link: Some(link(session)),
        };
        let mut store = Guest::into_store(self.components.engine().engine(), parts);
        let end = match self.heavy.note(invoke(&mut store, self.loaded, invocation)).await {
            Ok(result) => Ok(self.returned(&mut store, result)),
            Err(error) => self.halted(&mut store, &error),
        };
        store.data_mut().close_streams();
        let session = store.data_mut().session().expect("an execution has a session");
        let unsent = end.is_ok().then(|| session.take_unsent()).flatten();
        tell(CameTo { end, unsent, replay: session.replay() })
    }

    /// The guest came to its end.
    fn returned(&self, store: &mut Store<Guest>, result: Answered) -> End {
        let bytes_max = store.data().limits.value_bytes_max;
        let session = store.data_mut().session().expect("an execution has a session");
        if let Err(report) = session.finish() {
            return End::Mismatched(report);
        }
        match result {
            Ok(value) => match self.check_result(&value, bytes_max) {
                Ok(()) => End::Returned(value.into()),
                Err(message) => crashed(message),
            },
            Err(wit::HandlerError::Terminal(failure)) => End::Failed(host::failure(failure)),
            Err(wit::HandlerError::Retryable(error)) => {
                End::Crashed { message: error.message, op: None, retry_after_ms: error.retry_after_ms }
            }
        }
    }

    fn check_result(&self, value: &[u8], bytes_max: usize) -> std::result::Result<(), String> {
        host::check_value("the handler's result", value.len(), bytes_max)
            .map_err(|error| error.to_string())?;
        let target = &self.start.target;
        let service = self.loaded.manifest.services.iter().find(|service| service.name == target.service);
        let output =
            service.and_then(|service| service.handler(&target.handler)).map(|handler| &handler.output);
        let is_json = output.is_some_and(|output| output.content_type.as_deref() == Some("application/json"));
        match std::str::from_utf8(value) {
            Err(error) if is_json => {
                Err(format!("the handler's result is declared as JSON but is not UTF-8: {error}"))
            }
            _ => Ok(()),
        }
    }

    /// The guest did not come to its end: it waits, was stopped, or crashed.
    fn halted(&self, store: &mut Store<Guest>, error: &wasmtime::Error) -> std::result::Result<End, Halt> {
        let session = store.data_mut().session().expect("an execution has a session");
        match error.downcast_ref::<Halt>() {
            Some(halt @ (Halt::Stopped | Halt::Recorded(_))) => Err(halt.clone()),
            Some(Halt::Suspended { waiting_on, outcomes_seen }) => {
                Ok(End::Suspended { waiting_on: waiting_on.clone(), outcomes_seen: *outcomes_seen })
            }
            Some(Halt::AwaitsRetry { waiting_on, outcomes_seen, retry_at }) => {
                let (waiting_on, outcomes_seen) = (waiting_on.clone(), *outcomes_seen);
                Ok(End::AwaitsRetry { waiting_on, outcomes_seen, retry_at: *retry_at })
            }
            Some(Halt::PutOff(message)) => Ok(End::PutOff { message: message.clone() }),
            Some(Halt::Mismatched(report)) => {
                let mut report = report.clone();
                report.backtrace = backtrace(error);
                Ok(End::Mismatched(report))
            }
            None => {
                let op = session.running_op();
                Ok(End::Crashed { message: describe(error, &self.output), op, retry_after_ms: None })
            }
        }
    }
}

fn lent(header: &Header) -> HeaderParam<'_> {
    HeaderParam { name: &header.name, value: &header.value }
}

async fn invoke(
    store: &mut Store<Guest>,
    loaded: &Loaded,
    invocation: wit::Invocation<'_>,
) -> Result<Answered> {
    let instance = loaded.pre.instantiate_async(&mut *store).await?;
    instance.abide_runtime_guest().call_invoke(&mut *store, invocation).await
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
            None => cause(error),
        },
    };
    if let Some(backtrace) = backtrace(error) {
        text.push('\n');
        text.push_str(&backtrace);
    }
    text
}

fn cause(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    if cause.contains(TOO_MUCH_AT_ONCE) {
        return format!(
            "the guest hands over more at once than a value may have (guest value_bytes_max): {cause}"
        );
    }
    cause
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

/// The end of an attempt that is to be tried again.
pub fn crashed(message: String) -> End {
    End::Crashed { message, op: None, retry_after_ms: None }
}
