//! A simpler model of a guest: its program run straight through over the finished journal, which is
//! the oracle for what was random: results of closures, what others said, and who was first.

use super::address::NOBODY;
use super::guest::{Halt, Host, Task, Value};
use super::life::{Ended, Life};
use super::program::{Asking, Callee, Program, RunKind, Site, Step, own_policy};
use super::state::child_of;
use abide_core::entry::{Answer, Entry, Failure, Outcome, Request};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Compares what an invocation came to with its model.
pub fn check(ended: &Ended<'_>, results: &BTreeSet<Bytes>) {
    let Ended { life, answer, attempts, is_killed } = *ended;
    if attempts == 0 {
        assert_eq!(life.entries.len() as u32, life.entries_kept, "{} never ran", life.id);
        assert!(life.outcomes.len() <= life.entries.len(), "{} never ran", life.id);
        return;
    }
    let submission = &life.submission;
    let program = Rc::new(Program::of(&submission.input.body, &submission.target));
    let mut guest = Guest::new(life, program, results);
    let value = guest.run();
    assert_eq!(guest.asked as usize, life.entries.len(), "{} asks for less than is recorded", life.id);
    if is_killed {
        return;
    }
    let expected = match value.expect("the program came to its end") {
        Ok(value) => Answer::Value(value.to_le_bytes().to_vec().into()),
        Err(failure) => Answer::Failure(failure),
    };
    assert_eq!(*answer, expected, "{} answers otherwise than its model", life.id);
}

struct Guest<'a> {
    life: &'a Life,
    program: Rc<Program>,
    results: &'a BTreeSet<Bytes>,
    known: BTreeMap<OpId, Outcome>,
    open: BTreeSet<OpId>,
    asked: OpId,
    handed_out: u32,
    children: BTreeMap<Site, InvocationId>,
}

impl<'a> Guest<'a> {
    fn new(life: &'a Life, program: Rc<Program>, results: &'a BTreeSet<Bytes>) -> Self {
        Self {
            life,
            program,
            results,
            known: BTreeMap::new(),
            open: BTreeSet::new(),
            asked: 0,
            handed_out: 0,
            children: BTreeMap::new(),
        }
    }

    /// Returns what the program comes to; None when the journal does not reach so far.
    fn run(&mut self) -> Option<Value> {
        let mut task = Task::new(&self.program.clone().root);
        let mut outcomes = self.life.outcomes_in_order().into_iter();
        loop {
            match task.poll(self) {
                Err(_) => return None,
                Ok(Some(value)) => return Some(value),
                Ok(None) => {}
            }
            // The next outcome that somebody waits for wakes the program.
            outcomes.find(|(op, row)| self.hears(*op, &row.outcome))?;
        }
    }

    fn hears(&mut self, op: OpId, outcome: &Outcome) -> bool {
        self.handed_out += 1;
        if op == CANCEL_OP {
            let cancelled = |op| (op, Outcome::Failure(Failure::cancelled()));
            self.known.extend(std::mem::take(&mut self.open).into_iter().map(cancelled));
            return true;
        }
        let is_awaited = self.open.remove(&op);
        if is_awaited {
            self.known.insert(op, outcome.clone());
        }
        is_awaited
    }

    /// An outcome is one that this step can come to.
    fn check_outcome(&self, op: OpId, step: &Step) {
        let Some(outcome) = self.life.outcome(op) else { return };
        let is_right = match (step, outcome) {
            (Step::Run(_), Outcome::Value(value)) => self.results.contains(value),
            (Step::Run(kind), Outcome::Failure(failure)) => {
                *kind == RunKind::Refuses || { own_policy(*kind).is_some() && failure.message == "flaky" }
            }
            (Step::Run(_), _) => false,
            (Step::Sleep { .. }, outcome) => *outcome == Outcome::Empty,
            // The ledger and the model of objects know what these have to come to.
            _ => step.is_awaited(),
        };
        assert!(is_right, "{} op {op}, {step:?}, came to {outcome:?}", self.life.id);
    }
}

impl Asking for Guest<'_> {
    fn identity(&self) -> InvocationId {
        self.life.seed
    }

    fn child(&self, site: Site) -> Option<InvocationId> {
        self.children.get(&site).copied()
    }

    fn new_id(&mut self, _: &Callee) -> InvocationId {
        NOBODY
    }
}

impl Host for Guest<'_> {
    fn program(&self) -> Rc<Program> {
        self.program.clone()
    }

    fn ask(&mut self, site: Site, step: &Step, entry: Entry) -> Result<OpId, Halt> {
        let op = self.asked;
        // One that was killed may have come further than its journal.
        let row = self.life.entries.get(op as usize).ok_or(Halt::Trap)?;
        let child = child_of(&row.entry);
        let asked = with_child(entry, child);
        assert_eq!(asked, row.entry, "{} op {op} is recorded otherwise than its model asks", self.life.id);
        assert_eq!(
            self.handed_out, row.outcomes_before,
            "{} op {op} was asked at another time",
            self.life.id
        );
        self.asked += 1;
        self.children.extend(child.map(|child| (site, child)));
        self.check_outcome(op, step);
        if step.is_awaited() {
            self.open.insert(op);
        }
        Ok(op)
    }

    fn outcome(&self, op: OpId) -> Option<&Outcome> {
        self.known.get(&op)
    }

    fn forget(&mut self, op: OpId) {
        self.open.remove(&op);
    }

    fn traps_now(&mut self) -> bool {
        false
    }
}

/// The id of a child is drawn anew each time; the recorded one counts.
fn with_child(entry: Entry, child: Option<InvocationId>) -> Entry {
    let with = |request: Request| Request { child: child.unwrap_or(NOBODY), ..request };
    match entry {
        Entry::Call(request) => Entry::Call(with(request)),
        Entry::Send { request, delay_ms } => Entry::Send { request: with(request), delay_ms },
        other => other,
    }
}
