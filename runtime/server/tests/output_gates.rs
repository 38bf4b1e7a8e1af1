//! The engine against a store whose disk stands still: nothing the outside could notice happens
//! before the write that justifies it is durable, and what nobody could notice does not wait.

use abide_core::command::{Append, Command, End, Submission};
use abide_core::effect::AttemptStart;
use abide_core::entry::{Answer, Entry, Outcome};
use abide_core::ids::{Attempt, DeploymentId, InvocationId};
use abide_core::invocation::{InputRow, Origin};
use abide_core::manifest::{
    HandlerManifest, HandlerMode, HandlerOptions, Payload, ServiceKind, ServiceManifest, ServiceRow,
};
use abide_core::target::Target;
use abide_server::clock::SystemClock;
use abide_server::engine::executor::{Executor, Tell};
use abide_server::engine::{Engine, EngineHandle, Inboxes, Parts};
use abide_store::{Batch, META_PARTITION, MemoryStore, Op, Store, codec, keys};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// What the engine asked of the executor.
#[derive(Debug)]
enum Asked {
    Start(AttemptStart),
    Tell(Tell),
}

struct Recorder(mpsc::UnboundedSender<Asked>);

impl Executor for Recorder {
    fn start(&self, start: AttemptStart) {
        let _ = self.0.send(Asked::Start(start));
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

fn start(store: Arc<MemoryStore>) -> World {
    let (sender, asked) = mpsc::unbounded_channel();
    let engine = Engine::new(Parts { store: store.clone(), clock: Arc::new(SystemClock), partitions: 2 });
    let inboxes = engine.inboxes();
    let engine = engine.start(Arc::new(Recorder(sender))).unwrap();
    World { store, engine, inboxes, asked }
}

fn store_with_a_service() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let handler = HandlerManifest {
        name: "greet".into(),
        mode: HandlerMode::Shared,
        input: Payload::default(),
        output: Payload::default(),
        docs: None,
        options: HandlerOptions::default(),
    };
    let manifest = ServiceManifest {
        name: "Greeter".into(),
        kind: ServiceKind::Service,
        handlers: vec![handler],
        docs: None,
        is_private: false,
    };
    let row = ServiceRow { deployment: DeploymentId::from_digest(1), revision: 1, manifest };
    let fence = store.acquire(META_PARTITION).unwrap();
    let op = Op::Put { key: keys::service("Greeter"), value: codec::encode(&row) };
    store.commit(Batch { fence, ops: vec![op] }).unwrap();
    store
}

impl World {
    fn submission(&self) -> Submission {
        let target = Target { service: "Greeter".into(), key: None, handler: "greet".into() };
        Submission {
            invocation: self.engine.new_invocation_id(&target),
            target,
            origin: Origin::Ingress,
            input: InputRow { headers: Vec::new(), body: Bytes::new() },
            begin_at: None,
            is_acknowledged: false,
        }
    }

    async fn next(&mut self) -> Asked {
        let asked = tokio::time::timeout(Duration::from_secs(10), self.asked.recv());
        asked.await.expect("the engine asks for something").expect("the engine lives")
    }

    async fn next_start(&mut self) -> AttemptStart {
        match self.next().await {
            Asked::Start(start) => start,
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
            first_op,
            entries,
            finished,
            failed: Vec::new(),
            jitter: 0,
        };
        self.inboxes.send(start.invocation, Command::Append(append));
    }

    fn ended(&self, start: &AttemptStart, end: End) {
        let (invocation, attempt) = (start.invocation, start.attempt);
        self.inboxes.send(invocation, Command::Ended { invocation, attempt, end, jitter: 0 });
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
    assert_eq!(call.await.unwrap().unwrap(), Answer::Value(Bytes::from_static(b"done")));
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
    assert!(world.asked.try_recv().is_err(), "the closure was released before its entry was durable");
    world.store.release_durability();
    assert!(matches!(world.next().await, Asked::Tell(Tell::Release { until: 1 })));
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
    assert_eq!(answer, Some(Answer::Value(Bytes::from_static(b"done"))));
}
