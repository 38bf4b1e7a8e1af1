//! Replay: a cursor over the journal that says, for each entry the guest asks, what is known of it.

use crate::command::{FinishedRun, Heard, ReadAhead};
use crate::entry::{Entry, Outcome, Request, Settled};
use crate::ids::OpId;
use crate::invocation::MismatchReport;
use crate::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// What is known of an entry that the guest asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is in the journal.
    Recorded(OpId),
    /// As `Recorded`, but the bytes of its input are others. The recorded ones count.
    RecordedWithOtherInput(OpId),
    /// It is new: append it, then act.
    Fresh(OpId),
}

/// Walks through the journal of one attempt.
#[derive(Debug)]
pub struct Cursor {
    recorded: Vec<Entry>,
    asked: OpId,
}

impl Cursor {
    #[must_use]
    pub fn new(recorded: Vec<Entry>) -> Self {
        Self { recorded, asked: 0 }
    }

    /// Says whether the guest is still in the part that is recorded.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        (self.asked as usize) < self.recorded.len()
    }

    /// Returns an entry of the journal the attempt began with.
    #[must_use]
    pub fn recorded(&self, op: OpId) -> Option<&Entry> {
        self.recorded.get(op as usize)
    }

    /// Returns how many entries the guest has asked.
    #[must_use]
    pub fn asked(&self) -> OpId {
        self.asked
    }

    /// Gives back the memory of a journal that was gone through: all that is asked now is new.
    ///
    /// # Panics
    /// Something recorded was not asked yet.
    pub fn forget_recorded(&mut self) {
        assert!(!self.is_replaying(), "what is recorded is still to be compared");
        self.recorded = Vec::new();
    }

    /// Compares the next entry with the journal, arguments included.
    ///
    /// # Errors
    /// The guest asked for something else than the journal says.
    pub fn next(&mut self, asked: &Entry) -> Result<Replayed, MismatchReport> {
        let op = self.asked;
        let Some(recorded) = self.recorded.get(op as usize) else {
            self.asked += 1;
            return Ok(Replayed::Fresh(op));
        };
        match compare(recorded, asked) {
            Likeness::Same => {}
            Likeness::OtherInput => {
                self.asked += 1;
                return Ok(Replayed::RecordedWithOtherInput(op));
            }
            Likeness::Other => {
                return Err(MismatchReport {
                    op,
                    recorded: Some(recorded.to_string()),
                    asked: Some(asked.to_string()),
                    backtrace: None,
                });
            }
        }
        self.asked += 1;
        Ok(Replayed::Recorded(op))
    }

    /// Checks that the guest asked for all the journal holds, when it ends or cannot go on.
    ///
    /// # Errors
    /// The journal holds an entry the guest did not come to ask for.
    pub fn finish(&self) -> Result<(), MismatchReport> {
        match self.recorded.get(self.asked as usize) {
            None => Ok(()),
            Some(recorded) => Err(MismatchReport {
                op: self.asked,
                recorded: Some(recorded.to_string()),
                asked: None,
                backtrace: None,
            }),
        }
    }
}

enum Likeness {
    Same,
    OtherInput,
    Other,
}

fn compare(recorded: &Entry, asked: &Entry) -> Likeness {
    if recorded == asked {
        return Likeness::Same;
    }
    match (recorded, asked) {
        // A policy may change with the code; the name is what tells one run block from another.
        (Entry::Run { name: a, .. }, Entry::Run { name: b, .. }) if a == b => Likeness::Same,
        (Entry::Call(a), Entry::Call(b)) => compare_requests(a, b),
        (Entry::Send { request: a, delay_ms: c }, Entry::Send { request: b, delay_ms: d }) if c == d => {
            compare_requests(a, b)
        }
        (Entry::SetState { name: a, .. }, Entry::SetState { name: b, .. })
        | (Entry::CompletePromise { name: a, .. }, Entry::CompletePromise { name: b, .. })
            if a == b =>
        {
            Likeness::OtherInput
        }
        (
            Entry::SendSignal { invocation: a, name: c, .. },
            Entry::SendSignal { invocation: b, name: d, .. },
        ) if a == b && c == d => Likeness::OtherInput,
        (Entry::CompleteAwakeable { awakeable: a, .. }, Entry::CompleteAwakeable { awakeable: b, .. })
            if a == b =>
        {
            Likeness::OtherInput
        }
        _ => Likeness::Other,
    }
}

/// The id of the child is drawn anew by each attempt; the recorded one counts.
fn compare_requests(recorded: &Request, asked: &Request) -> Likeness {
    if recorded.target != asked.target || recorded.idempotency_key != asked.idempotency_key {
        return Likeness::Other;
    }
    if recorded.input == asked.input && recorded.headers == asked.headers {
        return Likeness::Same;
    }
    Likeness::OtherInput
}

/// Puts recorded outcomes, and those that arrive while the guest runs, in the order of the journal.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// Those that come next, none of them missing.
    ready: VecDeque<Settled>,
    /// Those behind one that is missing.
    early: BTreeMap<u32, Settled>,
    /// The order of the first of `ready`, or of what it waits for.
    next: u32,
}

impl Deliveries {
    /// Begins with the outcomes of a journal, in their order.
    #[must_use]
    pub fn of(recorded: Vec<Settled>) -> Self {
        if (0..).zip(&recorded).all(|(order, settled)| settled.order == order) {
            return Self { ready: recorded.into(), ..Self::default() };
        }
        let mut deliveries = Self::default();
        recorded.into_iter().for_each(|settled| deliveries.take_in(settled));
        deliveries
    }

    /// Takes an outcome; one that was taken before is ignored.
    pub fn take_in(&mut self, settled: Settled) {
        let missing = self.missing();
        if settled.order > missing {
            self.early.insert(settled.order, settled);
        } else if settled.order == missing {
            self.ready.push_back(settled);
            while let Some(settled) = self.early.remove(&self.missing()) {
                self.ready.push_back(settled);
            }
        }
    }

    /// Returns the order of the first outcome that has not arrived.
    fn missing(&self) -> u32 {
        self.next + self.ready.len() as u32
    }

    /// Returns the next outcome of the journal, if it has arrived.
    #[expect(clippy::should_implement_trait, reason = "it goes on after a None, and loops own the rest")]
    pub fn next(&mut self) -> Option<Settled> {
        let settled = self.ready.pop_front()?;
        self.next += 1;
        Some(settled)
    }

    /// Takes in what a run block came to as if the core had said that it comes next, and notes that there.
    pub fn take_for_granted(&mut self, run: &mut FinishedRun, at: Timestamp) {
        run.heard = Some(self.take_in_next(run.op, run.outcome.clone(), at));
    }

    /// The same for what an attempt has read itself.
    pub fn take_as_read(&mut self, op: OpId, outcome: Outcome, at: Timestamp) -> ReadAhead {
        let heard = self.take_in_next(op, outcome.clone(), at);
        ReadAhead { outcome, heard }
    }

    fn take_in_next(&mut self, op: OpId, outcome: Outcome, at: Timestamp) -> Heard {
        let order = self.missing();
        self.take_in(Settled { op, order, at, outcome });
        Heard { order, at }
    }

    /// Gives back the memory of outcomes that were handed out.
    pub fn shrink(&mut self) {
        self.ready.shrink_to_fit();
    }

    /// Returns the operation whose outcome is next, if that has arrived.
    #[must_use]
    pub fn next_op(&self) -> Option<OpId> {
        self.ready.front().map(|settled| settled.op)
    }

    /// Says whether all that arrived was handed out.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.ready.is_empty() && self.early.is_empty()
    }

    /// Says whether the next outcome of the journal has arrived.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Returns how many outcomes have been handed out.
    #[must_use]
    pub fn handed_out(&self) -> u32 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> Entry {
        Entry::Run { name: name.into(), retry: None }
    }

    fn sleep(duration_ms: u64) -> Entry {
        Entry::Sleep { duration_ms, name: None }
    }

    #[test]
    fn what_comes_after_a_forgotten_journal_is_fresh() {
        let mut cursor = Cursor::new(vec![run("pay")]);
        assert_eq!(cursor.next(&run("pay")), Ok(Replayed::Recorded(0)));
        cursor.forget_recorded();
        assert_eq!((cursor.is_replaying(), cursor.asked(), cursor.finish()), (false, 1, Ok(())));
        assert_eq!(cursor.next(&sleep(5)), Ok(Replayed::Fresh(1)));
    }

    #[test]
    fn recorded_entries_come_first_then_fresh_ones() {
        let mut cursor = Cursor::new(vec![run("pay"), sleep(5)]);
        assert_eq!(cursor.next(&run("pay")), Ok(Replayed::Recorded(0)));
        assert!(cursor.is_replaying());
        assert_eq!(cursor.next(&sleep(5)), Ok(Replayed::Recorded(1)));
        assert_eq!(cursor.next(&run("ship")), Ok(Replayed::Fresh(2)));
        assert_eq!(cursor.finish(), Ok(()));
    }

    #[test]
    fn other_code_is_told_with_both_sides() {
        let mut cursor = Cursor::new(vec![run("pay"), sleep(5)]);
        let report = cursor.next(&run("ship")).unwrap_err();
        assert_eq!(report.recorded.as_deref(), Some("run(\"pay\")"));
        assert_eq!(report.asked.as_deref(), Some("run(\"ship\")"));
        cursor.next(&run("pay")).unwrap();
        assert!(cursor.next(&sleep(6)).is_err());
        assert_eq!(cursor.finish().unwrap_err().recorded.as_deref(), Some("sleep(5 ms)"));
    }

    #[test]
    fn outcomes_are_handed_out_in_journal_order() {
        let settled = |order| Settled { op: order + 10, order, at: Timestamp(0), outcome: Outcome::Empty };
        let mut deliveries = Deliveries::default();
        deliveries.take_in(settled(1));
        assert!(deliveries.next().is_none());
        deliveries.take_in(settled(0));
        assert_eq!(deliveries.next().map(|settled| settled.op), Some(10));
        deliveries.take_in(settled(0));
        assert_eq!(deliveries.next().map(|settled| settled.op), Some(11));
        assert!(!deliveries.is_ready());
    }
}
