//! The engine against a store whose disk stands still: nothing the outside could notice happens
//! before the write that justifies it is durable, and what nobody could notice does not wait.

use abide_core::command::{Append, Ask, Command, End, Ended, FinishedRun, Message, Submission};
use abide_core::effect::AttemptStart;
use abide_core::entry::{Answer, Entry, Outcome};
use abide_core::ids::{Attempt, DeploymentId, InvocationId, PartitionId};
use abide_core::invocation::{InputRow, Listener, Origin};
use abide_core::manifest::{
    HandlerManifest, HandlerMode, HandlerOptions, Payload, Retention, ServiceKind, ServiceManifest,
    ServiceRow,
};
use abide_core::rows::{Row, RowKey};
use abide_core::target::Target;
use abide_core::time::Timestamp;
use abide_server::clock::SystemClock;
use abide_server::engine::executor::{Executor, Tell};
use abide_server::engine::{
    Called, Engine, EngineHandle, Inboxes, Load, LoadLimits, Parts, Retrieved, Submitted,
};
use abide_server::logs::{GuestLogs, LogCounters, LogLimits};
use abide_server::metrics::Metrics;
use abide_server::traces::Traces;
use abide_store::{Batch, META_PARTITION, MemoryStore, Op, Store, codec, keys};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// What the engine asked of the executor.
#[derive(Debug)]
enum Asked {
    Start(Box<AttemptStart>),
    Tell(Tell),
}

struct Recorder(mpsc::UnboundedSender<Asked>);

impl Executor for Recorder {
    fn start(&self, start: AttemptStart) {
        let _ = self.0.send(Asked::Start(Box::new(start)));
    }

    fn tell(&self, _: InvocationId, _: Attempt, tell: Tell) {
        let _ = self.0.send(Asked::Tell(tell));
    }
}

struct World {
    store: Arc<MemoryStore>,
    engine: EngineHandle,
    inboxes: Inboxes,
    asked: mpsc::UnboundedReceiver<Asked>,
}

/// Panics where it should start an attempt.
struct Broken;

impl Executor for Broken {
    fn start(&self, start: AttemptStart) {
        panic!("as it should be, instead of {}", start.target);
    }

    fn tell(&self, _: InvocationId, _: Attempt, _: Tell) {}
}

/// Says when it is closed.
struct Closable(mpsc::UnboundedSender<()>);

impl Executor for Closable {
    fn start(&self, _: AttemptStart) {}

    fn tell(&self, _: InvocationId, _: Attempt, _: Tell) {}

    fn close(&self) {
        let _ = self.0.send(());
    }
}

fn start(store: Arc<MemoryStore>) -> World {
    let (sender, asked) = mpsc::unbounded_channel();
    let (inboxes, engine) = start_with(Arc::new(Recorder(sender)), store.clone());
    World { store, engine, inboxes, asked }
}

fn start_with(executor: Arc<dyn Executor>, store: Arc<MemoryStore>) -> (Inboxes, EngineHandle) {
    let clock = Arc::new(SystemClock);
    let logs = GuestLogs::open(store.clone(), clock, LogLimits::default(), LogCounters::default()).unwrap();
    let metrics = Metrics::new();
    let load = Load::new(LoadLimits::default(), metrics.refused.clone());
    let engine = Engine::new(Parts {
        store,
        clock: Arc::new(SystemClock),
        partitions: 3,
        metrics,
        load,
        logs,
        traces: Traces::off(),
    });
    let inboxes = engine.inboxes();
    (inboxes, engine.start(executor).unwrap())
}

fn store_with_a_service() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    offer(&store, "Greeter", ServiceKind::Service, HandlerMode::Shared);
    offer(&store, "Counter", ServiceKind::Object, HandlerMode::Exclusive);
    store
}

fn offer(store: &MemoryStore, name: &str, kind: ServiceKind, mode: HandlerMode) {
    offer_kept(store, name, kind, mode, Retention::default());
}

fn offer_kept(store: &MemoryStore, name: &str, kind: ServiceKind, mode: HandlerMode, retention: Retention) {
    let handler = HandlerManifest {
        name: "greet".into(),
        mode,
        input: Payload::default(),
        output: Payload::default(),
        docs: None,
        options: HandlerOptions { retention, ..HandlerOptions::default() },
    };
    let manifest =
        ServiceManifest { name: name.into(), kind, handlers: vec![handler], docs: None, is_private: false };
    let row = ServiceRow { deployment: DeploymentId::from_digest(1), revision: 1, manifest };
    let fence = store.acquire(META_PARTITION).unwrap();
    let op = Op::Put { key: keys::service(name), value: codec::encode(&row) };
    store.commit(Batch { fence, ops: vec![op] }).unwrap();
}

fn submission_to(engine: &EngineHandle, target: Target, idempotency_key: Option<&str>) -> Submission {
    Submission {
        invocation: engine.address(&target, idempotency_key, false),
        target,
        origin: Origin::Ingress,
        input: InputRow { headers: Vec::new(), body: Bytes::new() },
        begin_at: None,
        idempotency_key: idempotency_key.map(Into::into),
        ticket: None,
        depth: 0,
    }
}

fn greeter() -> Target {
    Target { service: "Greeter".into(), key: None, handler: "greet".into() }
}

impl World {
    fn submission(&self) -> Submission {
        self.submission_to(greeter(), None)
    }

    fn submission_to(&self, target: Target, idempotency_key: Option<&str>) -> Submission {
        submission_to(&self.engine, target, idempotency_key)
    }

    async fn next(&mut self) -> Asked {
        let asked = tokio::time::timeout(Duration::from_secs(10), self.asked.recv());
        asked.await.expect("the engine asks for something").expect("the engine lives")
    }

    async fn next_start(&mut self) -> AttemptStart {
        match self.next().await {
            Asked::Start(start) => *start,
            other @ Asked::Tell(_) => panic!("expected a start, got {other:?}"),
        }
    }

    fn append(
        &self,
        start: &AttemptStart,
        entries: Vec<Entry>,
        finished: Vec<(u32, Outcome)>,
        first_op: u32,
    ) {
        let append = Append {
            invocation: start.invocation,
            attempt: start.attempt,
            object: start.target.object(),
            run: None,
            first_op,
            entries: entries.into_iter().map(|entry| Ask { entry, outcomes_before: 0, read: None }).collect(),
            finished: finished.into_iter().map(|(op, outcome)| FinishedRun::new(op, outcome)).collect(),
            failed: Vec::new(),
            jitter: 0,
        };
        self.inboxes.send(start.invocation, Command::Append(append));
    }

    fn ended(&self, start: &AttemptStart, end: End) {
        let (invocation, attempt) = (start.invocation, start.attempt);
        self.inboxes.send(invocation, Command::Ended(Ended { invocation, attempt, end, jitter: 0 }));
    }

    /// Waits until the engine has nothing to do any more.
    async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

fn run(name: &str) -> Entry {
    Entry::Run { name: name.into(), retry: None }
}

#[tokio::test]
async fn an_empty_handler_runs_before_the_disk_and_answers_after_it() {
    let mut world = start(store_with_a_service());
    world.store.hold_durability();
    let (engine, submission) = (world.engine.clone(), world.submission());
    let call = tokio::spawn(async move { engine.call(submission).await });
    let attempt = world.next_start().await;
    world.ended(&attempt, End::Returned(Bytes::from_static(b"done")));
    world.settle().await;
    assert!(!call.is_finished(), "the answer left before it was durable");
    world.store.release_durability();
    let answer = Answer::Value(Bytes::from_static(b"done"));
    assert_eq!(call.await.unwrap().unwrap(), Called::Answered(Retrieved { answer, kept_until: None }));
}

#[tokio::test]
async fn who_waits_hears_that_the_driver_panicked() {
    let (_, engine) = start_with(Arc::new(Broken), store_with_a_service());
    let call = engine.call(submission_to(&engine, greeter(), None));
    let error = tokio::time::timeout(Duration::from_secs(10), call).await.expect("it hears").unwrap_err();
    assert!(error.to_string().contains("of partition") && error.to_string().contains("panicked"), "{error}");
    assert!(error.to_string().starts_with(&engine.refusal().expect("it takes nothing")), "{error}");
}

/// Else attempts that wait would start, one within the end of the other, while the process ends.
#[tokio::test]
async fn no_attempt_starts_after_a_fault() {
    let (sender, mut closed) = mpsc::unbounded_channel();
    let store = store_with_a_service();
    let _engine = start_with(Arc::new(Closable(sender)), store.clone());
    assert!(closed.try_recv().is_err());
    store.crash();
    let closed = tokio::time::timeout(Duration::from_secs(10), closed.recv()).await;
    assert_eq!(closed.expect("it is closed"), Some(()));
}

#[tokio::test]
async fn a_submission_is_accepted_only_when_durable() {
    let mut world = start(store_with_a_service());
    world.store.hold_durability();
    let (engine, submission) = (world.engine.clone(), world.submission());
    let id = submission.invocation;
    let submit = tokio::spawn(async move { engine.submit(submission).await });
    world.next_start().await;
    world.settle().await;
    assert!(!submit.is_finished(), "202 left before the submission was durable");
    assert!(world.engine.invocation(id).unwrap().is_none(), "a reader sees what a crash would take away");
    world.store.release_durability();
    submit.await.unwrap().unwrap();
    assert!(world.engine.invocation(id).unwrap().is_some());
}

#[tokio::test]
async fn a_run_block_waits_for_the_disk_but_its_outcome_does_not() {
    let mut world = start(store_with_a_service());
    world.store.hold_durability();
    let (engine, submission) = (world.engine.clone(), world.submission());
    tokio::spawn(async move { engine.call(submission).await });
    let attempt = world.next_start().await;
    world.append(&attempt, vec![run("pay")], vec![], 0);
    world.settle().await;
    assert!(world.asked.try_recv().is_err(), "the closure was allowed before its entry was durable");
    world.store.release_durability();
    assert!(matches!(world.next().await, Asked::Tell(Tell::AllowRuns { until: 1 })));
    world.store.hold_durability();
    world.append(&attempt, vec![], vec![(0, Outcome::Empty)], 1);
    assert!(matches!(world.next().await, Asked::Tell(Tell::Settled(settled)) if settled.op == 0));
}

#[tokio::test]
async fn a_crash_keeps_what_was_durable_and_nothing_else() {
    let mut world = start(store_with_a_service());
    let (kept, lost) = (world.submission(), world.submission());
    world.engine.submit(kept.clone()).await.unwrap();
    world.next_start().await;
    world.store.hold_durability();
    let (engine, submission) = (world.engine.clone(), lost.clone());
    tokio::spawn(async move { engine.submit(submission).await });
    world.next_start().await;

    let mut world = start(Arc::new(world.store.crash()));
    let again = world.next_start().await;
    assert_eq!((again.invocation, again.attempt), (kept.invocation, 2));
    world.settle().await;
    assert!(world.asked.try_recv().is_err(), "the lost submission began again");
    assert!(world.engine.invocation(lost.invocation).unwrap().is_none());
}

/// Leaves messages to the last partition in the outbox of another one.
fn leave(store: &MemoryStore, from: u16, messages: Vec<Message>) {
    let fence = store.acquire(from).unwrap();
    let put = |(sequence, message)| Op::Put {
        key: keys::encode(PartitionId(from), &RowKey::Outbox(PartitionId(2), sequence)),
        value: codec::encode_row(&Row::Outbox(message)),
    };
    let ops = (1..).zip(messages).map(put).collect();
    store.commit(Batch { fence, ops }).unwrap();
}

#[tokio::test]
async fn what_was_sent_before_a_crash_does_not_overtake_the_submission_that_it_is_about() {
    let store = store_with_a_service();
    let [invocation, caller] = [1, 2].map(|random| InvocationId::new(Timestamp(1), random, 2));
    let (listener, outcome) = (Listener { caller, op: 0 }, Outcome::Empty);
    let submission = Submission {
        invocation,
        target: greeter(),
        origin: Origin::Ingress,
        input: InputRow { headers: Vec::new(), body: Bytes::new() },
        begin_at: None,
        idempotency_key: None,
        ticket: None,
        depth: 0,
    };
    leave(&store, 0, vec![Message::Signal { invocation, name: "go".into(), outcome: outcome.clone() }]);
    let answer = Message::Answer { listener, callee: caller, outcome };
    leave(&store, 1, vec![answer, Message::Submit(submission)]);
    let mut world = start(store);
    let attempt = world.next_start().await;
    assert_eq!(attempt.invocation, invocation);
    world.append(&attempt, vec![Entry::ReceiveSignal { name: "go".into() }], vec![], 0);
    assert!(matches!(world.next().await, Asked::Tell(Tell::Settled(settled)) if settled.op == 0));
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let mut world = start(store_with_a_service());
    let (engine, submission) = (world.engine.clone(), world.submission());
    let id = submission.invocation;
    let call = tokio::spawn(async move { engine.call(submission).await });
    let attempt = world.next_start().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    world.ended(&attempt, End::Returned(Bytes::from_static(b"done")));
    let answer = world.engine.attach(id).await.unwrap();
    assert_eq!(answer.unwrap().answer, Answer::Value(Bytes::from_static(b"done")));
}

#[tokio::test]
async fn the_key_of_an_object_changes_hands_before_the_disk() {
    let mut world = start(store_with_a_service());
    world.store.hold_durability();
    let target = Target { service: "Counter".into(), key: Some("a".into()), handler: "greet".into() };
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let (engine, submission) = (world.engine.clone(), world.submission_to(target.clone(), None));
            tokio::spawn(async move { engine.call(submission).await })
        })
        .collect();
    for _ in 0..3 {
        let attempt = world.next_start().await;
        world.settle().await;
        assert!(world.asked.try_recv().is_err(), "two run on one key");
        world.ended(&attempt, End::Returned(Bytes::new()));
    }
    world.settle().await;
    assert!(calls.iter().all(|call| !call.is_finished()), "an answer left before it was durable");
    world.store.release_durability();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_same_idempotency_key_is_one_invocation() {
    let mut world = start(store_with_a_service());
    let target = Target { service: "Greeter".into(), key: None, handler: "greet".into() };
    let submission = world.submission_to(target, Some("k"));
    assert_eq!(world.engine.submit(submission.clone()).await.unwrap(), Submitted::New);
    assert_eq!(world.engine.submit(submission.clone()).await.unwrap(), Submitted::Known);
    let attempt = world.next_start().await;
    let (engine, again) = (world.engine.clone(), submission.clone());
    let while_running = tokio::spawn(async move { engine.call(again).await });
    world.settle().await;
    world.ended(&attempt, End::Returned(Bytes::from_static(b"done")));
    let answer = Answer::Value(Bytes::from_static(b"done"));
    match while_running.await.unwrap().unwrap() {
        Called::Answered(retrieved) => assert_eq!(retrieved.answer, answer),
        Called::WorkflowKnown => panic!("it is no workflow"),
    }
    match world.engine.call(submission).await.unwrap() {
        Called::Answered(Retrieved { answer: stored, kept_until: Some(_) }) => assert_eq!(stored, answer),
        other => panic!("expected a stored answer, got {other:?}"),
    }
    assert!(world.asked.try_recv().is_err(), "it ran twice");
}

fn answered(called: Called) -> Answer {
    match called {
        Called::Answered(retrieved) => retrieved.answer,
        Called::WorkflowKnown => panic!("it was submitted before"),
    }
}

#[tokio::test]
async fn a_workflow_that_ends_while_it_is_submitted_again_does_not_answer_the_second_call() {
    let store = store_with_a_service();
    offer(&store, "Signup", ServiceKind::Workflow, HandlerMode::Exclusive);
    let mut world = start(store);
    world.store.hold_durability();
    let target = Target { service: "Signup".into(), key: Some("a".into()), handler: "greet".into() };
    let submission = Submission {
        invocation: world.engine.address(&target, None, true),
        ..world.submission_to(target, None)
    };
    let call = |world: &World| {
        let (engine, submission) = (world.engine.clone(), submission.clone());
        tokio::spawn(async move { engine.call(submission).await })
    };
    let first = call(&world);
    let attempt = world.next_start().await;
    world.ended(&attempt, End::Returned(Bytes::from_static(b"first")));
    let second = call(&world);
    world.settle().await;
    world.store.release_durability();
    assert_eq!(answered(first.await.unwrap().unwrap()), Answer::Value(Bytes::from_static(b"first")));
    assert_eq!(second.await.unwrap().unwrap(), Called::WorkflowKnown);
}

#[tokio::test]
async fn a_call_is_not_answered_by_an_earlier_one_of_its_key_that_is_kept_for_no_time() {
    let store = store_with_a_service();
    let forgotten = Retention { idempotency_ms: 0, ..Retention::default() };
    offer_kept(&store, "Brief", ServiceKind::Service, HandlerMode::Shared, forgotten);
    let mut world = start(store);
    world.store.hold_durability();
    let target = Target { service: "Brief".into(), key: None, handler: "greet".into() };
    let mut calls = Vec::new();
    for output in ["first", "second"] {
        let (engine, submission) = (world.engine.clone(), world.submission_to(target.clone(), Some("k")));
        calls.push((output, tokio::spawn(async move { engine.call(submission).await })));
        let attempt = world.next_start().await;
        world.ended(&attempt, End::Returned(Bytes::from_static(output.as_bytes())));
    }
    world.settle().await;
    assert!(calls.iter().all(|(_, call)| !call.is_finished()), "an answer left before it was durable");
    world.store.release_durability();
    for (output, call) in calls {
        assert_eq!(answered(call.await.unwrap().unwrap()), Answer::Value(output.into()));
    }
}
