//! What invocations do to each other, counted: everything that was asked for reaches its addressee
//! once, and nothing does that nobody asked for.

use super::rng::mix_bytes;
use super::table::{Table, answer, listeners};
use abide_core::command::{Command, EndRequest, Expected, Signal, Submission};
use abide_core::entry::{Answer, Entry, EntryRow, Failure, Outcome, Request};
use abide_core::ids::{AwakeableId, InvocationId, OpId};
use abide_core::invocation::{Listener, Origin};
use abide_core::limits::CALL_DEPTH_MAX;
use abide_core::time::Timestamp;
use std::collections::BTreeMap;
use std::fmt;

/// Whoever asks: an operation of an invocation.
type Asker = (InvocationId, OpId);

fn asker(listener: Listener) -> Asker {
    (listener.caller, listener.op)
}

/// Something that is on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    /// With a digest of all that was asked, and of how deep in calls.
    Submit(InvocationId, Asker, u64),
    Attach(InvocationId, Asker),
    Detach(InvocationId, Asker),
    Cancel(InvocationId),
    Kill(InvocationId),
    /// The end of the first reaches what it called.
    SpreadCancel(InvocationId, InvocationId),
    SpreadKill(InvocationId, InvocationId),
    Awakeable(AwakeableId, u64),
    Signal(InvocationId, String, u64),
}

/// What an operation that waits for an invocation will hear.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    /// The answer of this life of the invocation, which it called.
    Called(usize),
    /// As `Called`, but it only listens.
    Listens(usize),
    Now(Outcome),
}

#[derive(Default)]
pub struct Ledger {
    under_way: BTreeMap<Deed, u64>,
    /// Answers that operations wait for, by who gives them.
    due: BTreeMap<(InvocationId, Asker), Vec<Due>>,
    /// All answers of each invocation.
    answers: BTreeMap<InvocationId, Vec<Answer>>,
    replies: BTreeMap<InvocationId, usize>,
}

impl Ledger {
    fn sent(&mut self, deed: Deed) {
        *self.under_way.entry(deed).or_default() += 1;
    }

    fn arrived(&mut self, deed: Deed) {
        let count = self.under_way.get_mut(&deed).unwrap_or_else(|| panic!("nobody asked for {deed:?}"));
        *count -= 1;
        if *count == 0 {
            self.under_way.remove(&deed);
        }
    }

    fn waits(&mut self, callee: InvocationId, by: Asker, due: Due) {
        let all = self.due.entry((callee, by)).or_default();
        // An earlier invocation with the id of this one may have listened with the same operation.
        if !matches!(due, Due::Listens(_)) || !all.contains(&due) {
            all.push(due);
        }
    }

    /// Returns how many lives of an invocation are over.
    pub fn lives(&self, id: InvocationId) -> usize {
        self.answers.get(&id).map_or(0, Vec::len)
    }

    pub fn answered(&mut self, id: InvocationId, answer: Answer) {
        self.answers.entry(id).or_default().push(answer);
    }

    /// Whoever waits outside for the end of the invocation is told.
    pub fn replied(&mut self, id: InvocationId, said: &Answer) {
        let count = self.replies.entry(id).or_default();
        let meant = self.answers.get(&id).and_then(|answers| answers.get(*count));
        assert_eq!(meant, Some(said), "{id} is replied before its answer is durable, or twice");
        *count += 1;
    }

    /// An invocation that is so deep in calls has asked for this. A call that would be too deep is refused.
    pub fn entry(&mut self, by: (InvocationId, OpId), row: &EntryRow, depth: u32) {
        match &row.entry {
            Entry::Call(_) if depth == CALL_DEPTH_MAX => {}
            Entry::Call(request) => self.submits(by, request, None, depth + 1),
            Entry::Send { request, delay_ms } => {
                self.submits(by, request, delay_ms.map(|delay| row.at.plus_millis(delay)), 0);
            }
            Entry::Attach { invocation } => self.sent(Deed::Attach(*invocation, by)),
            Entry::Cancel { invocation } => self.sent(Deed::Cancel(*invocation)),
            Entry::Kill { invocation } => self.sent(Deed::Kill(*invocation)),
            Entry::CompleteAwakeable { awakeable, outcome } => {
                self.sent(Deed::Awakeable(*awakeable, digest(outcome)));
            }
            Entry::SendSignal { invocation, name, outcome } => {
                self.sent(Deed::Signal(*invocation, name.clone(), digest(outcome)));
            }
            Entry::Run { .. }
            | Entry::Sleep { .. }
            | Entry::GetState { .. }
            | Entry::SetState { .. }
            | Entry::ClearState { .. }
            | Entry::ClearAllState
            | Entry::StateKeys
            | Entry::Awakeable { .. }
            | Entry::ReceiveSignal { .. }
            | Entry::GetPromise { .. }
            | Entry::PeekPromise { .. }
            | Entry::CompletePromise { .. } => {}
        }
    }

    fn submits(&mut self, by: Asker, request: &Request, begin_at: Option<Timestamp>, depth: u32) {
        let key = &request.idempotency_key;
        let asked = digest(&(&request.target, &request.input, &request.headers, key, begin_at, depth));
        self.sent(Deed::Submit(request.child, by, asked));
    }

    /// A cancellation goes on to what its invocation called.
    pub fn cancels(&mut self, caller: InvocationId, callee: InvocationId) {
        self.sent(Deed::SpreadCancel(caller, callee));
    }

    /// One that has ended waits for no end any more.
    pub fn detaches(&mut self, invocation: InvocationId, by: (InvocationId, OpId)) {
        self.sent(Deed::Detach(invocation, by));
    }

    /// A kill goes on to what its invocation called.
    pub fn kills(&mut self, caller: InvocationId, callee: InvocationId) {
        self.sent(Deed::SpreadKill(caller, callee));
    }

    /// A submission is applied; `is_known`: the invocation was there before.
    pub fn submit(&mut self, submission: &Submission, is_known: bool) {
        let id = submission.invocation;
        match submission.origin {
            Origin::Ingress => {}
            Origin::Restart { .. } => panic!("{id} is submitted by a restart"),
            Origin::Send { caller, op } => self.arrived(deed_of(submission, (caller, op))),
            Origin::Call { caller, op } => {
                let by = (caller, op);
                self.arrived(deed_of(submission, by));
                if !is_known {
                    self.waits(id, by, Due::Called(self.lives(id)));
                } else if submission.idempotency_key.is_some() {
                    self.sent(Deed::Attach(id, by));
                } else {
                    let refusal = Failure::new(409, "the workflow method was already invoked");
                    self.waits(id, by, Due::Now(Outcome::Failure(refusal)));
                }
            }
        }
    }

    /// A command other than a submission is applied. `is_live`: the invocation it is for.
    pub fn command(&mut self, before: &Table, command: &Command, is_live: bool) {
        match command {
            Command::Attach { invocation, listener } => {
                self.arrived(Deed::Attach(*invocation, asker(*listener)));
                let due = match answer(before, *invocation) {
                    _ if is_live => Due::Listens(self.lives(*invocation)),
                    Some(answer) => Due::Now(answer.clone().into()),
                    None => Due::Now(Outcome::Failure(Failure::new(404, "not found"))),
                };
                self.waits(*invocation, asker(*listener), due);
            }
            Command::Detach { invocation, listener } => {
                self.arrived(Deed::Detach(*invocation, asker(*listener)));
                // It may have ended just now, and told nobody yet.
                let all = listeners(before, *invocation).map_or(&[][..], |row| &row.listeners);
                if all.contains(listener) {
                    self.hears_no_more(*invocation, asker(*listener));
                }
            }
            Command::Cancel(EndRequest { invocation, caller: None, ticket: None }) => {
                self.arrived(Deed::Cancel(*invocation));
            }
            Command::Kill(EndRequest { invocation, caller: None, ticket: None }) => {
                self.arrived(Deed::Kill(*invocation));
            }
            Command::Cancel(EndRequest { invocation, caller: Some(caller), .. }) => {
                self.arrived(Deed::SpreadCancel(*caller, *invocation));
            }
            Command::Kill(EndRequest { invocation, caller: Some(caller), .. }) => {
                self.arrived(Deed::SpreadKill(*caller, *invocation));
            }
            Command::CompleteAwakeable { awakeable, outcome, ticket: None } => {
                self.arrived(Deed::Awakeable(*awakeable, digest(outcome)));
            }
            Command::Signal(Signal { invocation, name, outcome, ticket: None }) => {
                self.arrived(Deed::Signal(*invocation, name.clone(), digest(outcome)));
            }
            Command::Settle(settle) => {
                if let Expected::Answer { callee } = settle.expected {
                    self.hears(callee, (settle.invocation, settle.op), &settle.outcome);
                }
            }
            _ => {}
        }
    }

    /// An operation is taken off the list of an invocation.
    fn hears_no_more(&mut self, callee: InvocationId, by: Asker) {
        let due = self.due.get_mut(&(callee, by)).unwrap_or_else(|| panic!("{by:?} listens to {callee}"));
        let last = due.iter().rposition(|due| matches!(due, Due::Listens(_)));
        due.remove(last.unwrap_or_else(|| panic!("{by:?} listens to {callee}, not {due:?}")));
        if due.is_empty() {
            self.due.remove(&(callee, by));
        }
    }

    /// An operation hears the end it waits for, once for each time it asked.
    fn hears(&mut self, callee: InvocationId, by: Asker, outcome: &Outcome) {
        let answers = self.answers.get(&callee).map_or(&[][..], Vec::as_slice);
        let due = self.due.get_mut(&(callee, by));
        let due = due.unwrap_or_else(|| panic!("{by:?} hears {callee} and does not wait"));
        let is_it = |due: &Due| match due {
            Due::Called(life) | Due::Listens(life) => {
                answers.get(*life).is_some_and(|said| Outcome::from(said.clone()) == *outcome)
            }
            Due::Now(said) => said == outcome,
        };
        let place = due.iter().position(is_it);
        due.remove(place.unwrap_or_else(|| panic!("{by:?} hears {outcome:?} of {callee}, not {due:?}")));
        if due.is_empty() {
            self.due.remove(&(callee, by));
        }
    }

    /// All is said and done.
    pub fn check_at_the_end(&self) {
        assert_eq!(self.under_way.keys().next(), None, "this never arrived");
        assert!(self.due.is_empty(), "this was never heard: {:?}", self.due.first_key_value());
        for (id, answers) in &self.answers {
            assert_eq!(self.replies.get(id), Some(&answers.len()), "{id} was not replied each time");
        }
    }
}

fn deed_of(submission: &Submission, by: Asker) -> Deed {
    let Submission { invocation, target, input, idempotency_key, begin_at, depth, .. } = submission;
    let asked = digest(&(target, &input.body, &input.headers, idempotency_key, begin_at, depth));
    Deed::Submit(*invocation, by, asked)
}

fn digest(what: &impl fmt::Debug) -> u64 {
    mix_bytes(format!("{what:?}").as_bytes())
}
