//! What the world outside has asked for and seen, and would notice if it were undone.

use super::history::History;
use super::rng::mix;
use super::table::Table;
use abide_core::command::{Submission, Ticket};
use abide_core::effect::Notice;
use abide_core::entry::{Answer, Entry, Outcome};
use abide_core::ids::{InvocationId, OpId};
use abide_core::rows::{Row, RowKey};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// Submissions that may be repeated.
const RECENT_MAX: usize = 20;

#[derive(Default)]
pub struct Outside {
    pub history: History,
    pub recent: VecDeque<Submission>,
    /// Who waits for a notice, and the invocation that was submitted, if one was.
    tickets: BTreeMap<Ticket, Option<InvocationId>>,
    last_ticket: Ticket,
    executions: u64,
}

impl Outside {
    /// Returns a ticket for a request.
    pub fn ticket(&mut self, submitted: Option<InvocationId>) -> Ticket {
        self.last_ticket += 1;
        self.tickets.insert(self.last_ticket, submitted);
        self.last_ticket
    }

    pub fn submits(&mut self, submission: &Submission) {
        self.history.is_submitted(submission);
        if submission.invocation.is_computed() {
            self.recent.push_back(submission.clone());
        }
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    pub fn is_noticed(&mut self, ticket: Ticket, notice: Notice) {
        let submitted = self.tickets.remove(&ticket);
        let submitted =
            submitted.unwrap_or_else(|| panic!("request {ticket} hears {notice:?}, not the first"));
        if let Some(id) = submitted {
            assert!(matches!(notice, Notice::Done | Notice::Known), "{id} is submitted: {notice:?}");
            assert!(self.history.is_known(id), "{id} is accepted before it is durable");
        }
    }

    pub fn is_replied(&mut self, id: InvocationId, said: &Answer) {
        self.history.ledger.replied(id, said);
    }

    /// A closure starts: everything it may depend on has to be durable, and it is not done yet.
    pub fn closure_starts(
        &mut self,
        durable: &Table,
        id: InvocationId,
        op: OpId,
        name: &str,
        knew: &[(OpId, Outcome)],
    ) {
        match durable.get(&RowKey::Entry(id, op)) {
            Some(Row::Entry(row)) => {
                assert!(matches!(&row.entry, Entry::Run { name: recorded, .. } if recorded == name));
            }
            other => panic!("{id} op {op} is executed before its entry is durable: {other:?}"),
        }
        let is_done = durable.contains_key(&RowKey::Outcome(id, op));
        assert!(!is_done, "{id} op {op} is executed again after its outcome is durable");
        for (before, outcome) in knew {
            match durable.get(&RowKey::Outcome(id, *before)) {
                Some(Row::Outcome(row)) if row.outcome == *outcome => {}
                other => panic!("{id} op {op} depends on op {before}, which is not durable: {other:?}"),
            }
        }
    }

    /// Returns the result of a closure: no two executions have the same one.
    pub fn closure_result(&mut self, id: InvocationId, op: OpId) -> Bytes {
        self.executions += 1;
        let result = mix(mix(id.unique as u64, u64::from(op)), self.executions);
        let result = Bytes::copy_from_slice(&result.to_le_bytes());
        self.history.results.insert(result.clone());
        result
    }
}
