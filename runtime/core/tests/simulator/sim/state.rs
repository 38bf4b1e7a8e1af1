//! What a session keeps for its guest: where it is in its journal, and what it waits for.

use super::address;
use super::guest::{Halt, Host};
use super::program::{Asking, Callee, Program, RunKind, Site, Step};
use super::rng::Rng;
use super::session::Said;
use abide_core::command::{Append, Ask, End, FailedRun, FinishedRun, ReadAhead};
use abide_core::effect::AttemptStart;
use abide_core::entry::{Entry, Failure, Outcome};
use abide_core::ids::{Attempt, CANCEL_OP, InvocationId, OpId};
use abide_core::invocation::MismatchReport;
use abide_core::replay::{Cursor, Deliveries, Replayed};
use abide_core::target::ObjectKey;
use abide_core::time::Timestamp;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Waiting,
    Executing,
    /// Its result, or its failure, is on the way to the journal.
    Reported,
}

pub struct RunBlock {
    pub state: RunState,
    pub site: Site,
    pub kind: RunKind,
    /// Outcomes the guest knew when it asked: the closure may depend on all of them.
    pub knew: usize,
}

/// What the guest sees of its session.
pub struct State {
    pub invocation: InvocationId,
    pub attempt: Attempt,
    /// As whom its program knows itself.
    seed: InvocationId,
    object: Option<ObjectKey>,
    pub program: Rc<Program>,
    /// What the calls and sends became.
    children: BTreeMap<Site, InvocationId>,
    pub cursor: Cursor,
    pub deliveries: Deliveries,
    pub known: BTreeMap<OpId, Outcome>,
    pub handed_out: Vec<(OpId, Outcome)>,
    pub open: BTreeSet<OpId>,
    /// What the core may settle at any time.
    foreign: BTreeSet<OpId>,
    /// Outcomes that were recorded when its journal was read.
    recorded_outcomes: u32,
    pub runs: BTreeMap<OpId, RunBlock>,
    pub held: BTreeMap<OpId, Timestamp>,
    pub allowed_until: OpId,
    pub appended: OpId,
    pub entries: Vec<Ask>,
    /// The state as its attempt can read it itself, if nobody else may write it.
    pub sees: Option<BTreeMap<String, Bytes>>,
    /// What its attempt has read itself, and the guest has not heard.
    read_ahead: Option<OpId>,
    pub finished: Vec<FinishedRun>,
    pub failed: Vec<FailedRun>,
    pub rng: Rng,
    pub now: Timestamp,
    pub is_healed: bool,
}

impl State {
    pub fn new(start: &AttemptStart, input: &Bytes, seed: u64) -> Self {
        Self {
            invocation: start.invocation,
            attempt: start.attempt,
            seed: start.seed,
            object: start.target.object(),
            program: Rc::new(Program::of(input, &start.target)),
            children: BTreeMap::new(),
            cursor: Cursor::new(Vec::new()),
            deliveries: Deliveries::default(),
            known: BTreeMap::new(),
            handed_out: Vec::new(),
            open: BTreeSet::new(),
            foreign: BTreeSet::new(),
            recorded_outcomes: start.outcomes_len,
            runs: BTreeMap::new(),
            held: start.held.iter().copied().collect(),
            allowed_until: 0,
            appended: start.entries_len,
            entries: Vec::new(),
            sees: None,
            read_ahead: None,
            finished: Vec::new(),
            failed: Vec::new(),
            rng: Rng::new(seed),
            now: start.begun_at,
            is_healed: false,
        }
    }

    pub fn hold(&mut self, op: OpId, retry_at: Timestamp) {
        self.foreign.remove(&op);
        self.held.insert(op, retry_at);
        if let Some(run) = self.runs.get_mut(&op) {
            run.state = RunState::Waiting;
        }
    }

    /// Hands out the next outcome that somebody waits for; says whether there was one.
    pub fn hand_out(&mut self) -> Result<bool, MismatchReport> {
        while let Some(settled) = self.deliveries.next() {
            if settled.op == CANCEL_OP {
                self.handed_out.push((settled.op, settled.outcome));
                self.cancel();
                return Ok(true);
            }
            if settled.op >= self.cursor.asked() {
                self.cursor.finish()?;
            }
            self.handed_out.push((settled.op, settled.outcome.clone()));
            self.foreign.remove(&settled.op);
            self.runs.remove(&settled.op);
            if self.open.remove(&settled.op) {
                self.known.insert(settled.op, settled.outcome);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All that is waited for fails; what else may come of it is ignored.
    fn cancel(&mut self) {
        for op in std::mem::take(&mut self.open) {
            self.runs.remove(&op);
            self.known.insert(op, Outcome::Failure(Failure::cancelled()));
        }
    }

    /// Says whether the guest has asked for something that the core does not know yet.
    pub fn has_asked(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Says whether nothing can come before what the guest does itself.
    fn is_alone(&self) -> bool {
        let is_replaying =
            self.cursor.is_replaying() || self.deliveries.handed_out() < self.recorded_outcomes;
        let is_open = !self.foreign.is_empty() || !self.failed.is_empty();
        !is_replaying && !is_open && self.deliveries.is_settled()
    }

    /// Reads a value of the state before the core does. What the guest has written and not told yet it does not see: the
    /// core finds out.
    fn read_itself(&mut self, op: OpId, entry: &Entry) -> Option<ReadAhead> {
        let (Entry::GetState { name }, Some(sees)) = (entry, &self.sees) else { return None };
        if !self.is_alone() || !self.rng.chance(70) {
            return None;
        }
        let outcome = sees.get(name).cloned().map_or(Outcome::Empty, Outcome::Value);
        self.read_ahead = Some(op);
        Some(self.deliveries.take_as_read(op, outcome, self.now))
    }

    /// Hands out what its attempt has read itself, if that is next; says whether somebody waits for it.
    pub fn hand_out_read(&mut self) -> bool {
        let Some(op) = self.read_ahead.filter(|op| Some(*op) == self.deliveries.next_op()) else {
            return false;
        };
        self.read_ahead = None;
        let read = self.deliveries.next().expect("it is the next");
        self.handed_out.push((op, read.outcome.clone()));
        let is_awaited = self.open.remove(&op);
        if is_awaited {
            self.known.insert(op, read.outcome);
        }
        is_awaited
    }

    /// Has the guest hear what its run blocks came to before the core does, where nothing else can come first.
    pub fn hear_itself(&mut self) {
        if !self.is_alone() || self.has_asked() {
            return;
        }
        for run in self.finished.iter_mut().filter(|run| run.heard.is_none()) {
            self.deliveries.take_for_granted(run, self.now);
        }
    }

    pub fn batch(&mut self) -> Option<Append> {
        if self.entries.is_empty() && self.finished.is_empty() && self.failed.is_empty() {
            return None;
        }
        let unheard = self.finished.iter().filter(|run| run.heard.is_none()).map(|run| run.op);
        self.foreign.extend(unheard.chain(self.failed.iter().map(|run| run.op)));
        let append = Append {
            invocation: self.invocation,
            attempt: self.attempt,
            object: self.object.clone(),
            run: self.object.as_ref().and_then(address::workflow_run),
            first_op: self.appended,
            entries: std::mem::take(&mut self.entries),
            finished: std::mem::take(&mut self.finished),
            failed: std::mem::take(&mut self.failed),
            jitter: 0,
        };
        self.appended += append.entries.len() as u32;
        Some(append)
    }

    pub fn ends(&mut self, end: End) -> Said {
        Said::Ended(self.batch(), end)
    }
}

impl Asking for State {
    fn identity(&self) -> InvocationId {
        self.seed
    }

    fn child(&self, site: Site) -> Option<InvocationId> {
        self.children.get(&site).copied()
    }

    fn new_id(&mut self, to: &Callee) -> InvocationId {
        address::id(&to.target, to.idempotency_key, self.now, &mut self.rng)
    }
}

impl Host for State {
    fn program(&self) -> Rc<Program> {
        self.program.clone()
    }

    fn ask(&mut self, site: Site, step: &Step, entry: Entry) -> Result<OpId, Halt> {
        let mut entry = entry;
        let is_fickle = matches!(step, Step::Run(RunKind::Fickle));
        let changes_its_mind =
            is_fickle && self.cursor.is_replaying() && !self.is_healed && self.rng.chance(30);
        if changes_its_mind {
            entry = Entry::Run { name: "another".into(), retry: None };
        }
        let mut child = child_of(&entry);
        let mut is_foreign = entry.is_awaitable() && !matches!(entry, Entry::Run { .. });
        let op = match self.cursor.next(&entry) {
            Ok(Replayed::Recorded(op)) => {
                child = self.cursor.recorded(op).and_then(child_of);
                op
            }
            Ok(Replayed::RecordedWithOtherInput(op)) => panic!("{} op {op}: other input", self.invocation),
            Ok(Replayed::Fresh(op)) => {
                let outcomes_before = self.deliveries.handed_out();
                let read = self.read_itself(op, &entry);
                is_foreign &= read.is_none();
                self.entries.push(Ask { entry, outcomes_before, read });
                op
            }
            Err(report) => {
                assert!(changes_its_mind, "{} does not replay: {report:?}", self.invocation);
                return Err(Halt::Mismatch(report));
            }
        };
        self.children.extend(child.map(|child| (site, child)));
        if step.is_awaited() {
            self.open.insert(op);
        }
        if is_foreign {
            self.foreign.insert(op);
        }
        if let Step::Run(kind) = step {
            let (state, knew) = (RunState::Waiting, self.handed_out.len());
            self.runs.insert(op, RunBlock { state, site, kind: *kind, knew });
        }
        Ok(op)
    }

    fn outcome(&self, op: OpId) -> Option<&Outcome> {
        self.known.get(&op)
    }

    fn forget(&mut self, op: OpId) {
        self.open.remove(&op);
        self.runs.remove(&op);
    }

    fn traps_now(&mut self) -> bool {
        !self.is_healed && self.rng.chance(40)
    }
}

/// Returns what a call or send became.
pub fn child_of(entry: &Entry) -> Option<InvocationId> {
    match entry {
        Entry::Call(request) | Entry::Send { request, .. } => Some(request.child),
        _ => None,
    }
}
