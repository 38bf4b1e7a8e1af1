//! What a guest hears before the core does, and when it has to wait for it.

use super::*;

impl World {
    /// Has the guest execute a run block, which is durable, and finish it.
    fn execute(&mut self, op: OpId) {
        self.session.flush();
        self.session.hear(Tell::AllowRuns { until: op + 1 });
        assert_eq!(self.next(), format!("execute {op}"));
        self.session.finish_run(op, value("ok")).unwrap();
    }

    /// Returns how many outcomes the guest had heard before each entry, of all messages to the core.
    fn asked_after(&self) -> Vec<Vec<u32>> {
        let said = self.said.lock();
        said.iter().map(|append| append.entries.iter().map(|ask| ask.outcomes_before).collect()).collect()
    }

    /// Returns what the attempt has read itself, of all messages to the core.
    fn read(&self) -> Vec<(String, ReadAhead)> {
        let said = self.said.lock();
        let asks = said.iter().flat_map(|append| &append.entries);
        asks.filter_map(|ask| Some((ask.entry.to_string(), ask.read.clone()?))).collect()
    }

    /// Returns what the guest is told without the core, in short.
    fn next_known(&mut self) -> String {
        match self.session.next_known().unwrap() {
            Some(Next::Completed(settled)) => format!("{} {:?}", settled.op, settled.outcome),
            Some(other) => format!("{other:?}"),
            None => "nothing".into(),
        }
    }

    /// Returns the run blocks of all messages to the core, and the places that the guest took for granted.
    fn finished(&self) -> Vec<Vec<(OpId, Option<u32>)>> {
        let said = self.said.lock();
        let runs = |append: &Append| {
            let places = append.finished.iter().map(|run| (run.op, run.heard.map(|heard| heard.order)));
            places.collect()
        };
        said.iter().map(runs).collect()
    }
}

#[test]
fn a_guest_that_goes_from_step_to_step_tells_each_together_with_the_next() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    for op in 0..3 {
        world.ask(run("step"));
        world.execute(op);
        assert!(world.session.hears_itself());
        assert_eq!(world.next(), format!("{op} Value(b\"ok\")"));
    }
    world.session.flush();
    let told = world.finished();
    assert_eq!(told, [vec![], vec![(0, Some(0))], vec![(1, Some(1))], vec![(2, Some(2))]]);
    assert_eq!(world.asked_after(), [vec![0], vec![1], vec![2], vec![]]);
}

#[test]
fn the_core_is_asked_for_the_order_while_something_else_may_come_first() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    world.ask(sleep(AN_HOUR_MS));
    world.session.forget(0);
    world.ask(run("beside a sleep that nobody waits for"));
    world.execute(1);
    assert!(!world.session.hears_itself(), "the sleep may be over first");
    world.session.flush();
    world.hear(0, 1, value("ok"));
    assert_eq!(world.next(), "1 Value(b\"ok\")");
    world.hear(1, 0, Outcome::Empty);
    assert_eq!(world.next(), "nothing");
    world.ask(run("alone"));
    world.execute(2);
    assert!(world.session.hears_itself(), "it is over");
}

#[test]
fn the_core_is_asked_for_the_order_of_a_run_block_after_one_that_it_has_not_answered() {
    let mut world = attempt(HandlerMode::Shared, (&[], &[]));
    world.ask(run("a"));
    world.ask(run("b"));
    world.execute(0);
    // It computed for long, so the core was told.
    world.session.tells_results();
    world.execute(1);
    assert!(!world.session.hears_itself());
    world.session.flush();
    assert_eq!(world.finished(), [vec![], vec![(0, None)], vec![(1, None)]]);
    world.hear(0, 0, value("ok"));
    world.hear(1, 1, value("ok"));
    assert_eq!((world.next(), world.next()), ("0 Value(b\"ok\")".into(), "1 Value(b\"ok\")".into()));
}

#[test]
fn what_was_asked_before_a_step_was_done_is_told_as_asked_before() {
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(run("a"));
    world.execute(0);
    world.ask(set("s", "1"));
    assert!(!world.session.hears_itself(), "it was asked without knowing what the step came to");
    world.session.flush();
    assert_eq!(world.asked_after().last(), Some(&vec![0]));
}

#[test]
fn a_value_is_read_by_the_attempt_and_told_with_what_follows() {
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(get("near"));
    assert_eq!(world.next_known(), "0 Value(b\"7\")");
    world.ask(set("near", "8"));
    world.ask(get("absent"));
    assert_eq!(world.next_known(), "2 Empty");
    assert_eq!(world.next_known(), "nothing");
    world.session.flush();
    assert_eq!(world.asked_after(), [[0, 1, 1]]);
    let read: Vec<_> =
        world.read().into_iter().map(|(entry, read)| (entry, read.outcome, read.heard.order)).collect();
    let expected = [(get("near"), value("7"), 0), (get("absent"), Outcome::Empty, 1)];
    assert_eq!(read, expected.map(|(entry, outcome, order)| (entry.to_string(), outcome, order)));
    // What the core says next is next.
    world.ask(sleep(5));
    world.hear(2, 3, Outcome::Empty);
    assert_eq!(world.next(), "3 Empty");
}

#[test]
fn the_core_is_asked_for_what_the_attempt_cannot_know() {
    for (mode, name) in [(HandlerMode::Shared, "near"), (HandlerMode::Exclusive, "large")] {
        let mut world = attempt(mode, (&[], &[]));
        world.ask(get(name));
        assert_eq!(world.next_known(), "nothing");
        world.session.flush();
        assert_eq!((world.read(), world.rest()), (vec![], "busy".into()));
        world.hear(0, 0, value("7"));
        assert_eq!(world.next(), "0 Value(b\"7\")");
    }
}

#[test]
fn nothing_is_read_ahead_of_what_may_come_first() {
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(sleep(AN_HOUR_MS));
    world.ask(get("near"));
    assert_eq!(world.next_known(), "nothing");
    world.session.flush();
    assert_eq!(world.read(), []);
    // Of two at once the second one has its place from the core.
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(get("near"));
    world.ask(get("absent"));
    assert_eq!((world.next_known(), world.next_known()), ("0 Value(b\"7\")".into(), "nothing".into()));
    world.session.flush();
    assert_eq!(world.read().len(), 1);
    world.hear(1, 1, Outcome::Empty);
    assert_eq!(world.next(), "1 Empty");
}

#[test]
fn what_the_attempt_wrote_and_has_forgotten_is_asked_of_the_core() {
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(set("near", "8"));
    world.ask(Entry::SetState { name: "large".into(), value: vec![0; 2 << 20].into() });
    world.ask(get("near"));
    assert_eq!(world.next_known(), "nothing", "the store may not have it yet");
    world.ask(Entry::ClearAllState);
    assert_eq!(world.session.known_state("near").unwrap(), Some(None));
}

#[test]
fn a_replay_reads_nothing_but_its_journal() {
    let journal: Recorded<'_> = (&[get("near")], &[(0, value("older"))]);
    let mut world = attempt(HandlerMode::Exclusive, journal);
    world.ask(get("near"));
    assert_eq!((world.next_known(), world.next()), ("nothing".into(), "0 Value(b\"older\")".into()));
    world.ask(get("absent"));
    assert_eq!(world.next_known(), "1 Empty");
}

#[test]
fn a_read_that_is_given_up_keeps_its_place() {
    let mut world = attempt(HandlerMode::Exclusive, (&[], &[]));
    world.ask(get("near"));
    world.session.forget(0);
    assert_eq!(world.next_known(), "nothing");
    world.ask(get("absent"));
    assert_eq!(world.next_known(), "1 Empty");
    world.session.flush();
    assert_eq!(world.read().iter().map(|(_, read)| read.heard.order).collect::<Vec<_>>(), [0, 1]);
}
