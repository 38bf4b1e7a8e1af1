//! What the disks have seen, step by step: the lives of all invocations, what they did to each other
//! and to objects. A crash undoes none of it, so everything that is checked here holds for good.

use super::catalogue::{Offered, is_offered, offered};
use super::ledger::Ledger;
use super::life::{Ended, Life};
use super::model;
use super::object_writes::no_edit;
use super::partition::Step;
use super::states::States;
use super::table::{Table, completed, live, state_version};
use abide_core::command::{self, Append, Command, End, Expected, Restart, Settle, Submission};
use abide_core::entry::{Answer, Entry, EntryRow, Failure, Outcome, OutcomeRow};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use abide_core::invocation::Origin;
use abide_core::limits::CALL_DEPTH_MAX;
use abide_core::manifest::HandlerMode;
use abide_core::retry::OnMaxAttempts;
use abide_core::rows::{Row, RowKey};
use abide_core::target::Target;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct History {
    lives: BTreeMap<InvocationId, Life>,
    pub ledger: Ledger,
    states: States,
    /// Submissions from outside: who was asked for, with which input.
    submitted: BTreeSet<(InvocationId, Bytes)>,
    /// Results that closures gave; each execution gives another one.
    pub results: BTreeSet<Bytes>,
    killed: BTreeSet<InvocationId>,
    pub invocations: u64,
}

impl History {
    pub fn is_submitted(&mut self, submission: &Submission) {
        self.submitted.insert((submission.invocation, submission.input.body.clone()));
    }

    /// Says whether the invocation was ever there.
    pub fn is_known(&self, id: InvocationId) -> bool {
        self.lives.contains_key(&id) || self.ledger.lives(id) > 0
    }

    /// Says whether an invocation was ended from outside.
    pub fn was_killed(&self, id: InvocationId) -> bool {
        self.killed.contains(&id)
    }

    /// A step becomes durable; `before` is what was there.
    pub fn observe(&mut self, before: &Table, step: &Step) {
        match &step.command {
            Command::Submit(submission) => self.is_submit_applied(before, submission),
            command => self.ledger.command(before, command, self.is_live(command)),
        }
        match &step.command {
            Command::Append(append) => self.is_appended(append, step),
            Command::Restart(restart) => self.is_restarted(restart, step),
            Command::Settle(settle) => self.is_settled(settle, step),
            Command::Signal(signal) => {
                if let Some(life) = self.lives.get_mut(&signal.invocation) {
                    life.signal_arrives(&signal.name, &signal.outcome);
                }
            }
            Command::EditState(edit)
                if edit.expected.is_none() && no_edit(before, &edit.object).is_none() =>
            {
                self.states.edit(&edit.object, &edit.values);
            }
            Command::ReplaceState { edit, .. }
                if edit.expected == Some(state_version(before, &edit.object)) =>
            {
                self.states.edit(&edit.object, &edit.values);
            }
            Command::PurgeObject { object, .. } => self.states.purge(object),
            Command::PurgeRest { invocation } => self.is_forgotten(before, *invocation, step),
            Command::PurgePromise { object, name, .. } => self.states.purge_promise(object, name),
            Command::ForgetPromise { object, name } => self.states.forget_promise(object, name, step.now),
            _ => {}
        }
        self.are_settled(step);
        for (key, row) in &step.writes {
            if let (RowKey::Completed(id), Some(_)) = (key, row)
                && completed(before, *id).is_none()
            {
                self.has_ended(*id, step);
            }
        }
    }

    fn is_forgotten(&mut self, before: &Table, id: InvocationId, step: &Step) {
        let Some(row) = completed(before, id) else { return };
        let is_over = step.write(&RowKey::Completed(id)).is_none();
        let is_run = row.deployment.is_some() && offered(&row.target).is_some_and(Offered::is_workflow_run);
        if let Some(object) = row.target.object().filter(|_| is_over && is_run) {
            self.states.check_forgotten(&object);
        }
    }

    /// What comes from afar is for this operation, not for one of an earlier invocation with the id.
    fn is_settled(&mut self, settle: &Settle, step: &Step) {
        let Settle { invocation: id, op, expected, outcome } = settle;
        let Some(written) = step.outcome(*id, *op) else { return };
        assert_eq!(written.outcome, *outcome, "{id} op {op} comes to something else");
        let life = &self.lives[id];
        let row = &life.entries[*op as usize];
        let is_meant = match (&row.entry, expected) {
            (Entry::Sleep { duration_ms, .. }, Expected::Sleep { at }) => {
                *at == row.at.plus_millis(*duration_ms)
            }
            (Entry::Call(request), Expected::Answer { callee }) => request.child == *callee,
            (Entry::Attach { invocation }, Expected::Answer { callee }) => invocation == callee,
            (Entry::ReceiveSignal { name }, Expected::Signal { name: said }) => name == said,
            (Entry::GetPromise { name }, Expected::Promise { name: said }) => name == said,
            _ => false,
        };
        assert!(is_meant, "{id} op {op}, {}, hears of {expected:?}", row.entry);
        if let (Entry::GetPromise { name }, Some(object)) = (&row.entry, life.submission.target.object()) {
            self.states.hears_promise(&object, name, outcome);
        }
    }

    fn are_settled(&mut self, step: &Step) {
        let outcomes = step.writes.iter().filter_map(|(key, row)| match (key, row) {
            (RowKey::Outcome(id, op), Some(Row::Outcome(row))) => Some((row.order, *id, *op, row)),
            _ => None,
        });
        let mut outcomes: Vec<_> = outcomes.collect();
        outcomes.sort_by_key(|(order, ..)| *order);
        for (_, id, op, row) in outcomes {
            let life = self.lives.get_mut(&id).unwrap_or_else(|| panic!("{id} does not live"));
            life.settles(op, row.clone());
            if op == CANCEL_OP {
                life.open_calls().for_each(|callee| self.ledger.cancels(id, callee));
            }
        }
    }

    fn is_live(&self, command: &Command) -> bool {
        match command {
            Command::Attach { invocation, .. } => self.lives.contains_key(invocation),
            _ => false,
        }
    }

    fn is_submit_applied(&mut self, before: &Table, submission: &Submission) {
        let id = submission.invocation;
        let is_known = live(before, id).is_some() || completed(before, id).is_some();
        self.ledger.submit(submission, is_known);
        if !is_known {
            let is_submitted = self.submitted.contains(&(id, submission.input.body.clone()));
            let is_outside = submission.origin == Origin::Ingress;
            assert!(is_submitted || !is_outside, "nobody asked for {id}");
            let earlier = self.lives.insert(id, Life::new(submission.clone()));
            assert!(earlier.is_none(), "{id} lives twice");
        }
    }

    fn is_restarted(&mut self, restart: &Restart, step: &Step) {
        let id = restart.invocation;
        let (Some(Row::Invocation(row)), Some(Row::Input(input))) =
            (step.write(&RowKey::Invocation(id)), step.write(&RowKey::Input(id)))
        else {
            return;
        };
        let submission = Submission {
            invocation: id,
            target: row.target.clone(),
            origin: row.origin.clone(),
            input: input.clone(),
            idempotency_key: None,
            begin_at: None,
            ticket: None,
            depth: 0,
        };
        assert_eq!(row.depth, 0, "nobody's call waits for {id}");
        let entry = |op| step.entry(id, op).expect("each entry that is kept is written").clone();
        let entries = (0..restart.entries_kept).map(entry).collect();
        let life = Life::restarted(submission, row.seed.unwrap_or(id), entries);
        assert!(self.lives.insert(id, life).is_none(), "{id} lives twice");
    }

    fn is_appended(&mut self, append: &Append, step: &Step) {
        let id = append.invocation;
        for (op, ask) in (append.first_op..).zip(&append.entries) {
            let entry = &ask.entry;
            let Some(row) = step.entry(id, op) else { continue };
            let is_as_asked = row.entry == *entry && row.outcomes_before == ask.outcomes_before;
            assert!(is_as_asked, "{id} op {op} is recorded as {row:?}, not as {ask:?}");
            let life = self.lives.get_mut(&id).unwrap_or_else(|| panic!("{id} does not live"));
            life.asks(op, row.clone());
            let (depth, outcome) = (life.submission.depth, step.outcome(id, op).map(|row| &row.outcome));
            if let Entry::Call(request) = entry {
                let is_refused = matches!(outcome, Some(Outcome::Failure(failure)) if failure.code == 508);
                assert_eq!(is_refused, depth == CALL_DEPTH_MAX, "{id} op {op} calls from a depth of {depth}");
                if life.is_given_up(row) && !is_refused {
                    self.ledger.cancels(id, request.child);
                }
            }
            self.ledger.entry((id, op), row, depth);
            if let Some(object) = life.submission.target.object() {
                self.states.asks(&object, is_exclusive(&life.submission.target), row, outcome);
            }
        }
    }

    fn has_ended(&mut self, id: InvocationId, step: &Step) {
        let life = self.lives.remove(&id).unwrap_or_else(|| panic!("{id} ends and did not live"));
        let (answer, attempts) = step.end(id);
        let ended = Ended { life: &life, answer, attempts, is_killed: is_killed(&step.command) };
        ended.check_mail();
        check_cause(&ended, &step.command);
        model::check(&ended, &self.results);
        if let Some(object) = life.submission.target.object()
            && is_exclusive(&life.submission.target)
            && attempts > 0
        {
            self.states.apply(&object, &life);
        }
        if matches!(step.command, Command::Kill(_)) {
            life.open_calls().for_each(|callee| self.ledger.kills(id, callee));
            self.killed.insert(id);
        }
        life.open_attaches().for_each(|(op, of)| self.ledger.detaches(of, (id, op)));
        self.ledger.answered(id, answer.clone());
        self.invocations += 1;
    }

    /// Everything is over.
    pub fn check_at_the_end(&mut self, tables: &[&Table]) {
        assert_eq!(self.lives.keys().next(), None, "this never ended");
        self.ledger.check_at_the_end();
        self.states.check_at_the_end(tables);
    }
}

fn is_exclusive(target: &Target) -> bool {
    offered(target).is_some_and(|offered| offered.mode == HandlerMode::Exclusive)
}

/// Says whether an invocation is ended wherever it is: from outside, or by its retry policy.
fn is_killed(command: &Command) -> bool {
    match command {
        Command::Kill(_) | Command::Append(_) => true,
        Command::Ended(ended) => matches!(ended.end, End::Crashed { .. } | End::Lost),
        _ => false,
    }
}

/// An invocation ends because its guest, somebody else or its policy says so.
fn check_cause(ended: &Ended<'_>, command: &Command) {
    let (id, target) = (ended.life.id, &ended.life.submission.target);
    let is_failure = |failure: Failure| *ended.answer == Answer::Failure(failure);
    match command {
        Command::Kill(_) => assert!(is_failure(Failure::killed()), "{id} is killed"),
        Command::Cancel(_) => {
            assert!(is_failure(Failure::cancelled()) && ended.attempts == 0, "{id} is cancelled");
        }
        Command::Begin { .. } => {
            let code = match ended.answer {
                Answer::Failure(failure) => failure.code,
                Answer::Value(_) => 0,
            };
            let is_right = offered(target).map_or(code == 404, |_| code == 400) && !is_offered(target);
            // One that did not begin under its own id, and was restarted under another.
            let is_run = offered(target).is_some_and(Offered::is_workflow_run);
            let is_stray_run = code == 409 && is_run && !id.is_computed();
            assert!((is_right || is_stray_run) && ended.attempts == 0, "{target} is refused with {code}");
        }
        Command::Append(_) | Command::Ended(command::Ended { end: End::Crashed { .. } | End::Lost, .. }) => {
            let kills = offered(target).is_some_and(|offered| offered.on_max_attempts == OnMaxAttempts::Kill);
            let is_exhausted =
                ["trap", "flaky"].iter().any(|message| is_failure(Failure::new(500, *message)));
            let is_lost = matches!(
                (command, ended.answer),
                (Command::Ended(said), Answer::Failure(failure))
                    if said.end == End::Lost && failure.code == 500
            );
            assert!(kills && (is_exhausted || is_lost), "{id} is given up");
        }
        Command::Ended(command::Ended { end: End::Returned(_) | End::Failed(_), .. }) => {}
        other => panic!("{id} ends because of {other:?}"),
    }
}

impl Step {
    fn entry(&self, id: InvocationId, op: OpId) -> Option<&EntryRow> {
        match self.write(&RowKey::Entry(id, op))? {
            Row::Entry(row) => Some(row),
            other => panic!("an entry is stored as {other:?}"),
        }
    }

    fn outcome(&self, id: InvocationId, op: OpId) -> Option<&OutcomeRow> {
        match self.write(&RowKey::Outcome(id, op))? {
            Row::Outcome(row) => Some(row),
            other => panic!("an outcome is stored as {other:?}"),
        }
    }

    fn end(&self, id: InvocationId) -> (&Answer, u32) {
        match (self.write(&RowKey::Answer(id)), self.write(&RowKey::Completed(id))) {
            (Some(Row::Answer(answer)), Some(Row::Invocation(row))) => (answer, row.tries()),
            other => panic!("{id} ends without an answer: {other:?}"),
        }
    }
}
