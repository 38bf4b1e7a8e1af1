//! A server whose store is in memory and whose handlers are in this file.

use crate::access::Access;
use crate::audit::{AuditConfig, Trail};
use crate::backup::Backups;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::deploy::Deployments;
use crate::engine::executor::{Executor, Tell};
use crate::engine::{Engine, Inboxes, JournalReader, Load, LoadedJournal, Parts, address};
use crate::http::{self, AdminDoor, AppState, IngressDoor, IngressUrl, OpenRequests};
use crate::logs::{GuestLogs, LogLimits};
use crate::metrics::{Levels, Metrics};
use crate::sql::{Sql, SqlLimits};
use crate::traces::Traces;
use crate::upgrade::Upgrades;
use crate::wasm::{Compiler, Components, GuestLimits, WasmEngine};
use abide_core::command::{Append, Ask, Command, End, Ended, FinishedRun};
use abide_core::effect::AttemptStart;
use abide_core::entry::{Entry, Failure, Outcome, Request};
use abide_core::ids::{Attempt, DeploymentId, InvocationId, OpId};
use abide_core::invocation::WaitSet;
use abide_core::manifest::{
    DeploymentRow, HandlerManifest, HandlerMode, HandlerOptions, Manifest, Payload, Retention, ServiceKind,
    ServiceManifest, ServiceRow, Settings,
};
use abide_core::target::Target;
use abide_core::time::Timestamp;
use abide_store::{Batch, META_PARTITION, MemoryStore, Op, Store, codec, keys};
use axum::Router;
use bytes::Bytes;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Several, so that invocations of different objects talk to each other over the outbox.
pub const PARTITIONS: u16 = 3;

pub struct World {
    pub ingress: Router,
    pub admin: Router,
    pub state: AppState,
    pub store: Arc<dyn Store>,
    folder: PathBuf,
}

impl World {
    pub fn start(setup: &Config) -> Self {
        Self::on(MemoryStore::new(), setup)
    }

    /// Starts on what a store holds already.
    pub fn on(store: impl Into<Arc<MemoryStore>>, setup: &Config) -> Self {
        static WORLDS: AtomicU32 = AtomicU32::new(0);
        let name = format!("abide-http-{}-{}", std::process::id(), WORLDS.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let store: Arc<MemoryStore> = store.into();
        add_services(&store);
        let store: Arc<dyn Store> = store;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let limits = GuestLimits { attempts_max: 1, ..GuestLimits::default() };
        let wasm = Arc::new(WasmEngine::new(&limits).unwrap());
        let components = Arc::new(Components::open(wasm, Compiler::Here, &folder, limits).unwrap());
        let deployments = Deployments::open(store.clone(), clock.clone(), components.clone()).unwrap();
        let grants = setup.admin.grants();
        let access = Access::open(&*store, deployments.clone(), clock.clone(), grants).unwrap();
        let metrics = Metrics::new();
        let logs = GuestLogs::open(store.clone(), clock.clone(), LogLimits::default(), metrics.logs.clone())
            .unwrap();
        let traces = Traces::off();
        let parts = Parts {
            store: store.clone(),
            clock: clock.clone(),
            partitions: PARTITIONS,
            metrics: metrics.clone(),
            load: Load::new(setup.load, metrics.refused.clone()),
            logs: logs.clone(),
            traces: traces.clone(),
        };
        let engine = Engine::new(parts);
        let handlers = Handlers { inboxes: engine.inboxes(), journals: engine.journals() };
        let engine = engine.start(Arc::new(handlers)).unwrap();
        metrics.look_up(Levels::new(engine.clone(), components.clone(), logs.clone(), &metrics));
        let ingress_url = IngressUrl { scheme: "http", listen: setup.ingress.listen };
        let backups = Backups::new(None, components.clone(), setup, clock.clone());
        let upgrades = Upgrades::new(engine.clone(), deployments.clone(), components, clock.clone());
        let sql = Sql::new(engine.clone(), deployments.clone(), SqlLimits::default(), metrics.sql.clone());
        let state = AppState {
            engine,
            deployments,
            upgrades,
            sql,
            metrics,
            logs,
            traces,
            clock,
            access: Arc::new(access),
            trail: Trail::new(&folder, AuditConfig::default()),
            backups,
            open: OpenRequests::default(),
            admin_door: Arc::new(AdminDoor::new(&setup.admin)),
            ingress_door: Arc::new(IngressDoor::new(&setup.ingress)),
            ingress_body: setup.ingress.body_limits(),
            settings: [].into(),
            ingress_url,
        };
        let (ingress, admin) = (http::ingress(state.clone()), http::admin(state.clone()));
        Self { ingress, admin, state, store, folder }
    }
}

impl World {
    /// Returns the lines of the audit trail.
    pub fn trail(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join(crate::audit::FILE)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Adds a deployment that invocations can be bound to; its handlers answer plain text, which is kept so long.
pub fn add_other(store: &MemoryStore, retention: Retention) -> DeploymentId {
    let mut services = services();
    for handler in services.iter_mut().flat_map(|service| &mut service.handlers) {
        handler.output.content_type = Some("text/plain".to_owned());
        handler.options.retention = retention;
    }
    let fence = store.acquire(META_PARTITION).unwrap();
    let (id, op) = deployment(2, services);
    store.commit(Batch { fence, ops: vec![op] }).unwrap();
    id
}

fn deployment(number: u8, services: Vec<ServiceManifest>) -> (DeploymentId, Op) {
    let id = DeploymentId::from_digest(number.into());
    let row = DeploymentRow {
        digest: [number; 32],
        size_bytes: 1,
        created_at: Timestamp(0),
        revisions: vec![1; services.len()],
        manifest: Manifest { sdk: "test/1".into(), services },
        settings: Settings::default(),
    };
    let op = Op::Put { key: keys::deployment(&id), value: codec::encode(&row) };
    (id, op)
}

fn add_services(store: &MemoryStore) {
    let fence = store.acquire(META_PARTITION).unwrap();
    let services = services();
    let (id, op) = deployment(1, services.clone());
    let mut ops = vec![op];
    for manifest in services {
        let key = keys::service(&manifest.name);
        let row = ServiceRow { deployment: id.clone(), revision: 1, manifest };
        ops.push(Op::Put { key, value: codec::encode(&row) });
    }
    store.commit(Batch { fence, ops }).unwrap();
}

const JSON: Option<&str> = Some("application/json");

fn services() -> Vec<ServiceManifest> {
    let (exclusive, shared) = (HandlerMode::Exclusive, HandlerMode::Shared);
    let mut private = handler("private_", shared, JSON, JSON);
    private.options.is_private = true;
    let mut hidden = service("Hidden", ServiceKind::Service, vec![handler("echo", shared, JSON, JSON)]);
    hidden.is_private = true;
    let mut brief = handler("brief", shared, JSON, JSON);
    brief.options.retention.journal_ms = 1;
    let probe = vec![
        brief,
        handler("echo", shared, JSON, JSON),
        handler("nothing", shared, None, None),
        handler("text", shared, Some("text/plain"), Some("text/plain")),
        handler("terminal", shared, JSON, JSON),
        handler("wait", shared, JSON, JSON),
        handler("signal", shared, JSON, JSON),
        handler("sleep", shared, JSON, JSON),
        handler("call", shared, JSON, JSON),
        handler("charge", shared, None, JSON),
        private,
    ];
    let counter = vec![
        handler("echo", exclusive, JSON, JSON),
        handler("get", shared, None, JSON),
        handler("wait", exclusive, JSON, JSON),
        handler("call", exclusive, JSON, JSON),
    ];
    let signup = vec![
        handler("run", exclusive, JSON, JSON),
        handler("click", shared, JSON, None),
        handler("get", shared, None, JSON),
    ];
    vec![
        service("Probe", ServiceKind::Service, probe),
        service("Counter", ServiceKind::Object, counter),
        service("SignupWorkflow", ServiceKind::Workflow, signup),
        hidden,
    ]
}

fn service(name: &str, kind: ServiceKind, handlers: Vec<HandlerManifest>) -> ServiceManifest {
    ServiceManifest { name: name.into(), kind, handlers, docs: None, is_private: false }
}

fn handler(name: &str, mode: HandlerMode, input: Option<&str>, output: Option<&str>) -> HandlerManifest {
    let payload =
        |content_type: Option<&str>| Payload { content_type: content_type.map(str::to_owned), schema: None };
    HandlerManifest {
        name: name.into(),
        mode,
        input: payload(input),
        output: payload(output),
        docs: None,
        options: HandlerOptions::default(),
    }
}

#[derive(Clone)]
struct Handlers {
    inboxes: Inboxes,
    journals: JournalReader,
}

/// What a handler does with its input: it answers, or asks for one thing and answers what that came to.
enum Doing {
    Answer(End),
    Ask(Entry),
    AskAndAnswer(Entry, End),
    /// A run block that comes to this, and then a try that fails; the next one answers what the block came to.
    RunAndFail(Outcome, End),
}

impl Executor for Handlers {
    fn start(&self, mut start: AttemptStart) {
        let handlers = self.clone();
        tokio::spawn(async move {
            if let Some(journal) = handlers.journals.load(&mut start).unwrap() {
                handlers.run(&start, &journal);
            }
        });
    }

    /// Nobody listens: whoever waits is suspended at once, and started again.
    fn tell(&self, _: InvocationId, _: Attempt, _: Tell) {}
}

impl Handlers {
    fn run(&self, start: &AttemptStart, journal: &LoadedJournal) {
        let outcomes_seen = u32::try_from(journal.outcomes.len()).unwrap();
        let suspended = End::Suspended { waiting_on: WaitSet::Ops(vec![0]), outcomes_seen };
        match (doing(&start.target, journal.input.body.clone()), journal.outcomes.first()) {
            (Doing::Answer(end), _) => self.end(start, end),
            (Doing::Ask(_) | Doing::RunAndFail(..), Some(settled)) => {
                self.end(start, answer(&settled.outcome));
            }
            (Doing::Ask(_), None) if !journal.entries.is_empty() => self.end(start, suspended),
            (Doing::Ask(entry), None) => {
                self.append(start, entry, Vec::new());
                self.end(start, suspended);
            }
            (Doing::AskAndAnswer(entry, end), _) => {
                self.append(start, entry, Vec::new());
                self.end(start, end);
            }
            (Doing::RunAndFail(outcome, end), None) => {
                let run = Entry::Run { name: "charge".into(), retry: None };
                self.append(start, run, vec![(0, outcome)]);
                self.end(start, end);
            }
        }
    }

    fn append(&self, start: &AttemptStart, entry: Entry, finished: Vec<(OpId, Outcome)>) {
        let append = Append {
            invocation: start.invocation,
            attempt: start.attempt,
            object: start.target.object(),
            run: None,
            first_op: 0,
            entries: vec![Ask { entry, outcomes_before: 0, read: None }],
            finished: finished.into_iter().map(|(op, outcome)| FinishedRun::new(op, outcome)).collect(),
            failed: Vec::new(),
            jitter: 0,
        };
        self.inboxes.send(start.invocation, Command::Append(append));
    }

    fn end(&self, start: &AttemptStart, end: End) {
        let ended = Ended { invocation: start.invocation, attempt: start.attempt, end, jitter: 0 };
        self.inboxes.send(start.invocation, Command::Ended(ended));
    }
}

fn doing(target: &Target, input: Bytes) -> Doing {
    let returned = |value: &'static str| Doing::Answer(End::Returned(value.into()));
    let promise = || "link".to_owned();
    match target.handler.as_str() {
        "nothing" => returned(""),
        "get" => returned("0"),
        "echo" if input.is_empty() => returned("null"),
        "echo" | "brief" => Doing::Answer(End::Returned(input)),
        "text" => Doing::Answer(End::Returned(input.to_ascii_uppercase().into())),
        "terminal" => Doing::Answer(End::Failed(failure(&input))),
        "wait" => Doing::Ask(Entry::Awakeable { name: Some("approval".into()) }),
        "signal" => Doing::Ask(Entry::ReceiveSignal { name: "go".into() }),
        "sleep" => Doing::Ask(Entry::Sleep { duration_ms: 3_600_000, name: None }),
        "call" => Doing::Ask(Entry::Call(request(&input))),
        "charge" => {
            let retry_after_ms = Some(3_600_000);
            let end = End::Crashed { message: "no connection".into(), op: None, retry_after_ms };
            Doing::RunAndFail(Outcome::Value("\"paid\"".into()), end)
        }
        "run" => Doing::Ask(Entry::GetPromise { name: promise() }),
        "click" => {
            let completed = Entry::CompletePromise { name: promise(), outcome: Outcome::Value(input) };
            Doing::AskAndAnswer(completed, End::Returned(Bytes::new()))
        }
        other => panic!("there is no handler {other}"),
    }
}

fn answer(outcome: &Outcome) -> End {
    match outcome {
        Outcome::Empty => End::Returned(Bytes::new()),
        Outcome::Value(value) => End::Returned(value.clone()),
        Outcome::Failure(failure) => End::Failed(failure.clone()),
        Outcome::Names(names) => panic!("no handler asks for names: {names:?}"),
    }
}

fn failure(input: &[u8]) -> Failure {
    let input: Value = serde_json::from_slice(input).unwrap();
    let code = input["code"].as_u64().map_or(500, |code| u16::try_from(code).unwrap());
    Failure::new(code, input["message"].as_str().unwrap())
}

/// A call of the target that a JSON text names; what follows a `>` is the callee's input.
fn request(input: &[u8]) -> Request {
    let input: String = serde_json::from_slice(input).unwrap();
    let (target, rest) = input.split_once('>').map_or((input.as_str(), None), |(to, rest)| (to, Some(rest)));
    let parts: Vec<&str> = target.split('/').collect();
    let target = match parts.as_slice() {
        [service, handler] => Target { service: (*service).into(), key: None, handler: (*handler).into() },
        [service, key, handler] => {
            Target { service: (*service).into(), key: Some((*key).into()), handler: (*handler).into() }
        }
        other => panic!("no target: {other:?}"),
    };
    Request {
        child: address::fresh(&target, Timestamp(1), 7),
        target,
        input: rest.map(|rest| Value::from(rest).to_string().into()).unwrap_or_default(),
        headers: Vec::new(),
        idempotency_key: None,
    }
}
