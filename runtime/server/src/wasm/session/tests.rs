//! The session against a core that is played by the test.

mod ahead;

use super::pace::TOLD_IN_PASSING_MAX;
use super::*;
use crate::clock::SystemClock;
use crate::engine::{JournalRooms, address};
use abide_core::command::ReadAhead;
use abide_core::effect::AttemptStart;
use abide_core::entry::{EntryRow, Failure, Request};
use abide_core::ids::DeploymentId;
use abide_core::invocation::InputRow;
use abide_core::manifest::{HandlerMode, ServiceKind};
use abide_core::target::Target;
use parking_lot::Mutex;

const CALLER: InvocationId = InvocationId { unique: 1 << 90, partition_key: 7 };
const AN_HOUR_MS: u64 = 3_600_000;

/// Knows one workflow, by its name.
struct Workflow(&'static str);

impl Catalog for Workflow {
    fn is_workflow_run(&self, service: &str, handler: &str) -> bool {
        service == self.0 && handler == "run"
    }
}

/// What the attempt can read itself of the state.
fn stored(name: &str) -> Option<Outcome> {
    match name {
        "near" => Some(value("7")),
        "absent" => Some(Outcome::Empty),
        _ => None,
    }
}

/// An attempt, and what it told the core.
struct World {
    session: Session,
    said: Arc<Mutex<Vec<Append>>>,
    scope: Arc<Scope>,
}

/// What the journal of an attempt holds: entries, and outcomes in their order.
type Recorded<'a> = (&'a [Entry], &'a [(OpId, Outcome)]);

fn attempt(mode: HandlerMode, recorded: Recorded<'_>) -> World {
    attempt_beside(Workflow("Workflow"), mode, recorded)
}

fn attempt_beside(catalog: Workflow, mode: HandlerMode, recorded: Recorded<'_>) -> World {
    attempt_after(0, catalog, mode, recorded)
}

/// An attempt whose first entries were taken over from an earlier invocation.
fn attempt_after(entries_kept: u32, catalog: Workflow, mode: HandlerMode, recorded: Recorded<'_>) -> World {
    session_for(Purpose::Attempt, entries_kept, catalog, mode, recorded)
}

fn check(recorded: Recorded<'_>) -> World {
    session_for(Purpose::Check, 0, Workflow("Workflow"), HandlerMode::Exclusive, recorded)
}

fn session_for(
    purpose: Purpose,
    entries_kept: u32,
    catalog: Workflow,
    mode: HandlerMode,
    (entries, outcomes): Recorded<'_>,
) -> World {
    let start = AttemptStart {
        invocation: CALLER,
        attempt: 1,
        birth: 0,
        seed: CALLER,
        entries_kept,
        deployment: DeploymentId::from_digest(1),
        target: Target { service: "Object".into(), key: Some("key".into()), handler: "handler".into() },
        kind: ServiceKind::Object,
        mode,
        begun_at: Timestamp(0),
        entries_len: 0,
        outcomes_len: 0,
        journal_bytes: 0,
        held: Vec::new(),
        input: None,
    };
    let row = |entry: &Entry| EntryRow { at: Timestamp(0), outcomes_before: 0, entry: entry.clone() };
    let journal = LoadedJournal {
        input: InputRow { headers: Vec::new(), body: Bytes::new() },
        entries: entries.iter().map(row).collect(),
        outcomes: (0..).zip(outcomes).map(|(order, (op, outcome))| settled(order, *op, outcome)).collect(),
    };
    let (said, scope) = (Arc::new(Mutex::new(Vec::new())), Scope::new(Timestamp(0)));
    let around = Surroundings {
        purpose,
        append: Box::new({
            let said = said.clone();
            move |append| said.lock().push(append)
        }),
        // It is behind all the time.
        catches_up: Box::new(|| Some(Box::pin(std::future::ready(())))),
        catalog: Arc::new(catalog),
        is_crowded: Box::new(|service| service == "Crowded"),
        read_ahead: Box::new(|_, name| stored(name)),
        clock: Arc::new(SystemClock),
        scope: scope.clone(),
        output: Output::new(None, 0),
        suspend_after_ms: 1_000,
        run_blocks: Histogram::new(&[]),
        trail: None,
        room: None,
    };
    World { session: Session::new(&start, journal, around), said, scope }
}

/// The outcome number `order`, some seconds after the one before.
fn settled(order: u32, op: OpId, outcome: &Outcome) -> Settled {
    Settled { op, order, at: Timestamp(u64::from(order + 1) * 1_000), outcome: outcome.clone() }
}

impl World {
    fn ask(&mut self, entry: Entry) -> OpId {
        self.session.ask(entry).unwrap()
    }

    fn hear(&mut self, order: u32, op: OpId, outcome: Outcome) {
        self.session.hear(Tell::Settled(settled(order, op, &outcome)));
    }

    /// Returns what the guest is told next, in short.
    fn next(&mut self) -> String {
        let outcome = self.session.next_outcome().unwrap();
        match outcome.or_else(|| self.session.next_run(Timestamp(0)).unwrap()) {
            Some(Next::Completed(settled)) => format!("{} {:?}", settled.op, settled.outcome),
            Some(Next::Cancelled) => "cancelled".into(),
            Some(Next::Execute(op)) => format!("execute {op}"),
            None => "nothing".into(),
        }
    }

    fn rest(&self) -> String {
        match self.session.rest(false, Timestamp(0)) {
            Ok(Rest::Busy { .. }) => "busy".into(),
            Ok(Rest::Idle) => "idle".into(),
            Err(error) => error.to_string(),
        }
    }

    /// Returns all entries the core was told of.
    fn entries(&mut self) -> Vec<Entry> {
        self.session.flush();
        self.said
            .lock()
            .iter()
            .flat_map(|append| append.entries.iter().map(|ask| ask.entry.clone()))
            .collect()
    }
}

fn sleep(duration_ms: u64) -> Entry {
    Entry::Sleep { duration_ms, name: None }
}

fn get(name: &str) -> Entry {
    Entry::GetState { name: name.into() }
}

fn set(name: &str, value: &'static str) -> Entry {
    Entry::SetState { name: name.into(), value: value.into() }
}

fn value(text: &'static str) -> Outcome {
    Outcome::Value(text.into())
}

fn cancelled() -> (OpId, Outcome) {
    (CANCEL_OP, Outcome::Failure(Failure::cancelled()))
}

fn wanted(service: &str, key: Option<&str>, handler: &str, idempotency_key: Option<&str>) -> Wanted {
    Wanted {
        target: Target { service: service.into(), key: key.map(Into::into), handler: handler.into() },
        input: Bytes::new(),
        headers: Vec::new(),
        idempotency_key: idempotency_key.map(Into::into),
    }
}

#[test]
fn a_cancellation_comes_at_its_place_on_every_replay() {
    let journal = [sleep(1), sleep(2), sleep(3)];
    let mut world =
        attempt(HandlerMode::Shared, (&journal, &[(0, Outcome::Empty), cancelled(), (1, Outcome::Empty)]));
    world.ask(sleep(1));
    world.ask(sleep(2));
    assert_eq!(world.next(), "0 Empty");
    // The third sleep is recorded but not asked yet: that is for what the guest does about it.
    assert_eq!(world.next(), "cancelled");
    assert_eq!(world.scope.now_ms(), 2_000, "the guest's clock goes on");
    assert!(world.session.is_replaying());
    world.session.forget(1);
    assert_eq!(world.ask(sleep(3)), 2);
    assert_eq!(world.next(), "nothing");
    assert!(!world.session.is_replaying());
    world.hear(3, 2, Outcome::Empty);
    assert_eq!(world.next(), "2 Empty");
}

#[tokio::test]
async fn a_journal_that_the_guest_has_gone_through_gives_its_room_back() {
    const BYTES: u32 = 1 << 20;
    let rooms = JournalRooms::new(2 * BYTES);
    let all = rooms.bytes_left();
    let journal = [sleep(1), set("name", "value"), sleep(AN_HOUR_MS)];
    let mut world = attempt(HandlerMode::Exclusive, (&journal, &[(0, Outcome::Empty)]));
    world.session.around.room = rooms.room("Object", BYTES.into()).await;
    world.ask(sleep(1));
    assert_eq!((world.next().as_str(), rooms.bytes_left()), ("0 Empty", all / 2), "there are entries left");
    world.ask(set("name", "other value"));
    assert_eq!(rooms.bytes_left(), all / 2);
    world.ask(sleep(AN_HOUR_MS));
    assert_eq!(rooms.bytes_left(), all);
    // It goes on as if the journal was there.
    assert!(!world.session.is_replaying() && world.session.finish().is_ok());
    assert_eq!(world.session.known_state("name").unwrap(), Some(Some("value".into())));
    assert_eq!(world.ask(sleep(7)), 3);
    assert_eq!((world.next().as_str(), world.entries()), ("nothing", vec![sleep(7)]));
}

#[test]
fn a_cancellation_reaches_a_guest_that_waits() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    world.ask(Entry::Awakeable { name: None });
    assert_eq!((world.next().as_str(), world.rest().as_str()), ("nothing", "idle"));
    let (op, outcome) = cancelled();
    world.hear(0, op, outcome);
    assert_eq!(world.next(), "cancelled");
    world.session.forget(0);
    world.ask(sleep(AN_HOUR_MS));
    assert_eq!(world.next(), "nothing");
}

#[test]
fn what_is_answered_at_once_is_waited_for_in_memory() {
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(Entry::StateKeys);
    world.ask(sleep(AN_HOUR_MS));
    assert_eq!(world.rest(), "busy");
    world.session.forget(0);
    assert_eq!(world.rest(), "busy", "its outcome comes all the same");
    world.hear(0, 0, Outcome::Names(Vec::new()));
    assert_eq!(world.next(), "nothing");
    assert_eq!(world.rest(), "the attempt is suspended", "nothing can happen for an hour");
    world.ask(Entry::Awakeable { name: None });
    assert_eq!(world.rest(), "idle", "somebody may complete it soon");
}

#[test]
fn only_a_guest_that_waits_for_nothing_durable_is_stuck() {
    let waits = [
        Entry::Call(Request {
            child: CALLER,
            target: Target { service: "S".into(), key: None, handler: "h".into() },
            input: Bytes::new(),
            headers: Vec::new(),
            idempotency_key: None,
        }),
        Entry::Attach { invocation: CALLER },
        Entry::Awakeable { name: None },
        Entry::ReceiveSignal { name: "s".into() },
    ];
    for entry in waits {
        let mut world = attempt(HandlerMode::Shared, (&[], &[]));
        world.ask(entry.clone());
        assert_eq!((world.next().as_str(), world.rest().as_str()), ("nothing", "idle"), "{entry}");
    }
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(set("a", "1"));
    assert_eq!(world.next(), "nothing");
    assert!(world.rest().contains("nothing can wake it"), "{}", world.rest());
}

#[test]
fn a_value_is_asked_once_and_replay_asks_as_often() {
    let journal = [get("a"), set("b", "2"), get("c")];
    let outcomes = [(0, value("1")), (2, Outcome::Empty)];
    for recorded in [(&[][..], &[][..]), (&journal[..], &outcomes[..])] {
        let mut world = attempt(HandlerMode::Exclusive, recorded);
        assert_eq!(world.session.known_state("a").unwrap(), None);
        assert_eq!(world.ask(get("a")), 0);
        world.hear(0, 0, value("1"));
        assert_eq!(world.next(), "0 Value(b\"1\")");
        assert_eq!(world.session.known_state("a").unwrap(), Some(Some("1".into())));
        world.ask(set("b", "2"));
        assert_eq!(world.session.known_state("b").unwrap(), Some(Some("2".into())));
        assert_eq!(world.ask(get("c")), 2);
        world.hear(1, 2, Outcome::Empty);
        assert_eq!(world.next(), "2 Empty");
        assert_eq!(world.session.known_state("c").unwrap(), Some(None));
        assert!(!world.session.is_replaying());
    }
}

#[test]
fn what_was_known_before_a_restart_in_the_middle_is_asked_again() {
    let recorded: Recorded<'_> = (&[set("a", "1"), get("b")], &[(1, value("2"))]);
    let mut world = attempt_after(2, Workflow("Workflow"), HandlerMode::Exclusive, recorded);
    world.ask(set("a", "1"));
    assert_eq!(world.session.known_state("a").unwrap(), Some(Some("1".into())), "as it was known there");
    world.ask(get("b"));
    assert_eq!(world.session.known_state("a").unwrap(), None, "somebody else may have written it since");
    assert!(world.next().starts_with("1 "), "the recorded outcome is told");
    assert_eq!(world.session.known_state("b").unwrap(), None);
    world.ask(set("a", "3"));
    assert_eq!(
        world.session.known_state("a").unwrap(),
        Some(Some("3".into())),
        "it has the state to itself now"
    );
}

#[test]
fn a_replay_that_writes_other_bytes_knows_the_recorded_ones() {
    let mut world = attempt(HandlerMode::Exclusive, (&[set("a", "recorded")], &[]));
    world.ask(set("a", "other"));
    assert_eq!(world.session.known_state("a").unwrap(), Some(Some("recorded".into())));
}

#[test]
fn a_shared_handler_asks_each_time() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    world.ask(get("a"));
    world.hear(0, 0, value("1"));
    assert_eq!(world.next(), "0 Value(b\"1\")");
    assert_eq!(world.session.known_state("a").unwrap(), None);
    assert!(world.session.ask(set("a", "2")).unwrap_err().to_string().contains("shared handler"));
}

#[test]
fn a_call_becomes_who_it_names() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    let object = |key: &str| ObjectKey { service: "Workflow".into(), key: key.into() };
    let (_, plain) = world.session.call(wanted("S", None, "h", None)).unwrap();
    assert_eq!(plain.partition_key, CALLER.partition_key);
    let (_, again) = world.session.call(wanted("S", None, "h", None)).unwrap();
    assert_ne!(plain, again);
    let (_, once) = world.session.call(wanted("S", None, "h", Some("k"))).unwrap();
    let sent = world.session.send(wanted("S", None, "h", Some("k")), None).unwrap();
    assert_eq!(once, sent);
    assert_eq!(once, address::idempotent(&wanted("S", None, "h", None).target, "k"));
    let (_, shared) = world.session.call(wanted("Workflow", Some("w"), "status", None)).unwrap();
    assert_eq!(shared.partition_key, address::partition_key(&object("w")));
    let run = world.session.send(wanted("Workflow", Some("w"), "run", Some("k")), Some(5)).unwrap();
    assert_eq!(run, address::workflow_run(&object("w")));
    let Some(Entry::Send { request, .. }) = world.entries().pop() else { panic!("it was sent last") };
    assert_eq!((request.child, request.idempotency_key), (run, None));
}

#[test]
fn a_replayed_call_keeps_its_id_whatever_is_deployed_since() {
    let asked = [
        wanted("S", None, "h", None),
        wanted("Object", Some("o"), "h", None),
        wanted("Old", Some("w"), "run", Some("k")),
        wanted("New", Some("w"), "run", Some("k")),
    ];
    let call_all = |world: &mut World| asked.clone().map(|wanted| world.session.call(wanted).unwrap());
    let mut world = attempt_beside(Workflow("Old"), HandlerMode::Shared, (&[], &[]));
    let first = call_all(&mut world);
    let mut again = attempt_beside(Workflow("New"), HandlerMode::Shared, (&world.entries(), &[]));
    assert_eq!(call_all(&mut again), first);
    assert!(again.entries().is_empty(), "nothing is new");
}

#[test]
fn the_core_hears_what_the_guest_runs_on() {
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(Entry::ClearAllState);
    world.session.flush();
    let object = ObjectKey { service: "Object".into(), key: "key".into() };
    assert_eq!(world.said.lock()[0].object.as_ref(), Some(&object));
}

#[test]
fn a_guest_that_asks_for_more_than_a_journal_holds_stops_there() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    for _ in 0..limits::JOURNAL_ENTRIES_MAX {
        world.ask(sleep(1));
    }
    let error = world.session.ask(sleep(1)).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(Halt::Stopped)), "{error}");
    let told: usize = world.said.lock().iter().map(|append| append.entries.len()).sum();
    assert_eq!(told, limits::JOURNAL_ENTRIES_MAX as usize + 1, "the core sees that it is too much");
}

#[test]
fn a_guest_that_does_not_wait_by_itself_does_after_each_message_to_the_core() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    let mut told = 0;
    for _ in 0..2 * APPEND_ENTRIES_MAX {
        world.ask(sleep(1));
        let before = std::mem::replace(&mut told, world.said.lock().len());
        assert_eq!(world.session.catches_up().is_some(), told > before);
    }
    assert!(told >= 2);
}

#[test]
fn a_guest_that_tells_little_and_often_is_held_up_unless_it_waits() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    let mut tells = |waits_after| {
        (1..=TOLD_IN_PASSING_MAX).any(|nth| {
            world.ask(sleep(1));
            world.session.tells_in_passing();
            // There is nothing new to tell.
            world.session.tells_in_passing();
            if nth == waits_after {
                world.session.has_waited();
            }
            world.session.catches_up().is_some()
        })
    };
    assert!(!tells(TOLD_IN_PASSING_MAX / 2) && !tells(1));
    assert!(tells(0), "it did not wait");
    assert!(!tells(1), "it was held up just now");
}

fn run(name: &str) -> Entry {
    Entry::Run { name: name.into(), retry: None }
}

#[test]
fn a_check_ends_where_something_new_is_asked() {
    let mut world = check((&[run("a"), set("s", "1")], &[(0, value("1"))]));
    world.ask(run("a"));
    assert_eq!(world.next(), "0 Value(b\"1\")");
    world.ask(set("s", "2"));
    let replay = world.session.replay();
    assert_eq!((replay.asked, replay.is_whole), (2, true));
    assert_eq!(replay.other_input, Some((1, "set-state(\"s\")".to_owned())));
    let error = world.session.ask(run("b")).unwrap_err();
    let Some(Halt::Recorded(beyond)) = error.downcast_ref() else { panic!("{error}") };
    assert_eq!(*beyond, Beyond::Asks { op: 2, entry: "run(\"b\")".into() });
    assert!(world.entries().is_empty(), "the core hears nothing of a check");
}

#[test]
fn no_run_block_is_executed_before_all_that_is_recorded_was_asked() {
    let journal = [run("a"), run("b")];
    let mut world = attempt(HandlerMode::Exclusive, (&journal, &[]));
    world.session.hear(Tell::AllowRuns { until: 2 });
    world.ask(run("a"));
    assert!(world.session.next_outcome().unwrap().is_none());
    let error = world.session.next_run(Timestamp(0)).unwrap_err();
    let Halt::Mismatched(report) = &error else { panic!("{error}") };
    assert_eq!((report.op, report.asked.as_ref()), (1, None));

    let mut world = attempt(HandlerMode::Exclusive, (&journal, &[]));
    world.session.hear(Tell::AllowRuns { until: 2 });
    world.ask(run("a"));
    world.ask(run("b"));
    assert_eq!(world.next(), "execute 0");
}

#[test]
fn a_check_ends_where_the_guest_waits_and_executes_nothing() {
    let mut world = check((&[run("a"), sleep(AN_HOUR_MS)], &[]));
    world.ask(run("a"));
    assert_eq!(world.next(), "nothing", "nobody allows the run block");
    let error = world.session.rest(false, Timestamp(0)).unwrap_err();
    let Some(Halt::Mismatched(report)) = error.downcast_ref() else { panic!("{error}") };
    assert_eq!(
        (report.op, report.asked.as_ref()),
        (1, None),
        "the recorded guest had asked for more by then"
    );
    world.ask(sleep(AN_HOUR_MS));
    assert_eq!(world.next(), "nothing");
    let error = world.session.rest(false, Timestamp(0)).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(Halt::Recorded(Beyond::Waits))), "{error}");
    assert!(world.entries().is_empty());
}

#[test]
fn a_check_sees_a_guest_that_nothing_can_wake() {
    let mut world = check((&[set("a", "1")], &[]));
    world.ask(set("a", "1"));
    assert_eq!(world.next(), "nothing");
    assert!(world.rest().contains("nothing can wake it"), "{}", world.rest());
    assert!(
        matches!(world.session.rest(true, Timestamp(0)), Ok(Rest::Busy { .. })),
        "a guest that yields goes on"
    );
}

#[test]
fn what_the_core_reads_for_one_message_is_bounded() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    for n in 0..20 {
        world.ask(get(&format!("far-{n}")));
    }
    world.session.flush();
    let lengths: Vec<_> = world.said.lock().iter().map(|append| append.entries.len()).collect();
    assert_eq!(lengths, [8, 8, 4]);
}
