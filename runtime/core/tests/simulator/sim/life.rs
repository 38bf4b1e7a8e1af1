//! One life of an invocation, as the disk has seen it: from its submission to its answer.

use abide_core::command::Submission;
use abide_core::entry::{Answer, Entry, EntryRow, Outcome, OutcomeRow};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use abide_core::limits::{CALL_DEPTH_MAX, OPEN_ATTACHES_KEPT, OPEN_CALLS_KEPT, SIGNALS_KEPT};
use std::collections::BTreeMap;

pub struct Life {
    pub id: InvocationId,
    pub submission: Submission,
    pub entries: Vec<EntryRow>,
    pub outcomes: BTreeMap<OpId, OutcomeRow>,
    /// So much of its journal is from an earlier invocation, and its program knows itself by that one's id.
    pub entries_kept: u32,
    pub seed: InvocationId,
    /// Whom it waits for, as far as the core remembers that.
    calls_kept: BTreeMap<OpId, InvocationId>,
    attaches_kept: BTreeMap<OpId, InvocationId>,
    mail: BTreeMap<String, Mail>,
}

/// The signals of one name, and who wants one, in order.
#[derive(Default)]
struct Mail {
    arrived: Vec<Outcome>,
    asked: Vec<OpId>,
    /// Whoever wanted one when the invocation was cancelled wants none any more.
    given_up: Vec<OpId>,
}

/// A life that is over.
pub struct Ended<'a> {
    pub life: &'a Life,
    pub answer: &'a Answer,
    pub attempts: u32,
    /// It was ended from outside or by its retry policy, wherever it was.
    pub is_killed: bool,
}

impl Life {
    pub fn new(submission: Submission) -> Self {
        let id = submission.invocation;
        let (entries, outcomes, mail) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let (calls_kept, attaches_kept) = (BTreeMap::new(), BTreeMap::new());
        Self { id, submission, entries, outcomes, entries_kept: 0, seed: id, calls_kept, attaches_kept, mail }
    }

    /// It begins with a part of the journal of another. What that received is not received again.
    pub fn restarted(submission: Submission, seed: InvocationId, entries: Vec<EntryRow>) -> Self {
        Self { entries_kept: entries.len() as u32, seed, entries, ..Self::new(submission) }
    }

    pub fn asks(&mut self, op: OpId, row: EntryRow) {
        assert_eq!(op as usize, self.entries.len(), "the journal of {} grows at its end", self.id);
        match &row.entry {
            Entry::ReceiveSignal { name } => {
                let is_given_up = self.is_given_up(&row);
                let mail = self.mail.entry(name.clone()).or_default();
                if is_given_up { mail.given_up.push(op) } else { mail.asked.push(op) }
            }
            Entry::Call(request)
                if self.submission.depth < CALL_DEPTH_MAX && self.calls_kept.len() < OPEN_CALLS_KEPT =>
            {
                self.calls_kept.insert(op, request.child);
            }
            Entry::Attach { invocation } if self.attaches_kept.len() < OPEN_ATTACHES_KEPT => {
                self.attaches_kept.insert(op, *invocation);
            }
            _ => {}
        }
        self.entries.push(row);
    }

    /// Says whether a guest that had not heard of its cancellation asked this: it gives it up as soon as
    /// it does.
    pub fn is_given_up(&self, row: &EntryRow) -> bool {
        self.outcomes.get(&CANCEL_OP).is_some_and(|cancel| row.outcomes_before <= cancel.order)
    }

    /// Returns whom it has called and not heard of.
    pub fn open_calls(&self) -> impl Iterator<Item = InvocationId> {
        let open = (0..).zip(&self.entries).filter(|(op, _)| !self.outcomes.contains_key(op));
        open.filter_map(|(_, row)| match &row.entry {
            Entry::Call(request) => Some(request.child),
            _ => None,
        })
    }

    /// Returns whose end it waits for and perhaps did not begin, and by which operation.
    pub fn open_attaches(&self) -> impl Iterator<Item = (OpId, InvocationId)> {
        let joined = self.calls_kept.iter().filter(|(_, callee)| callee.is_computed());
        joined.chain(&self.attaches_kept).map(|(op, invocation)| (*op, *invocation))
    }

    pub fn settles(&mut self, op: OpId, row: OutcomeRow) {
        assert_eq!(row.order as usize, self.outcomes.len(), "outcomes of {} come in order", self.id);
        let earlier = self.outcomes.insert(op, row);
        assert!(earlier.is_none(), "{} op {op} has two outcomes", self.id);
        self.calls_kept.remove(&op);
        self.attaches_kept.remove(&op);
        if op == CANCEL_OP {
            self.mail.values_mut().for_each(|mail| {
                mail.given_up.extend(mail.asked.split_off(mail.arrived.len().min(mail.asked.len())));
            });
        }
    }

    /// A signal comes; it is dropped when too many are kept.
    pub fn signal_arrives(&mut self, name: &str, outcome: &Outcome) {
        let kept = |mail: &Mail| mail.arrived.len().saturating_sub(mail.asked.len());
        let all_kept: usize = self.mail.values().map(kept).sum();
        let mail = self.mail.entry(name.to_owned()).or_default();
        if mail.arrived.len() < mail.asked.len() || all_kept < SIGNALS_KEPT {
            mail.arrived.push(outcome.clone());
        }
    }

    /// Returns the outcomes in the order of the journal, the cancellation among them.
    pub fn outcomes_in_order(&self) -> Vec<(OpId, &OutcomeRow)> {
        let mut outcomes: Vec<_> = self.outcomes.iter().map(|(op, row)| (*op, row)).collect();
        outcomes.sort_by_key(|(_, row)| row.order);
        outcomes
    }

    pub fn outcome(&self, op: OpId) -> Option<&Outcome> {
        self.outcomes.get(&op).map(|row| &row.outcome)
    }
}

impl Ended<'_> {
    /// Signals of a name are received once, in the order of their arrival.
    pub fn check_mail(&self) {
        let id = self.life.id;
        for (name, mail) in &self.life.mail {
            let given_up = mail.given_up.iter().find(|op| self.life.outcome(**op).is_some());
            assert_eq!(given_up, None, "{id} receives {name} where it has given up");
            for (place, op) in mail.asked.iter().enumerate() {
                let (received, arrived) = (self.life.outcome(*op), mail.arrived.get(place));
                // One that is killed may not come to take what is there for it.
                let is_lost = self.is_killed && received.is_none();
                assert!(
                    received == arrived || is_lost,
                    "{id} op {op} receives {name}: {received:?}, {arrived:?}"
                );
            }
        }
    }
}
