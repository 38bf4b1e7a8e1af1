//! What the world outside has seen, and would notice if it were undone.

use super::rng::mix;
use super::table::{Table, answer, completed, live};
use abide_core::command::Submission;
use abide_core::entry::{Answer, Entry, Outcome};
use abide_core::ids::{InvocationId, OpId};
use abide_core::rows::{Row, RowKey};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Outside {
    pub submitted: Vec<Submission>,
    pub accepted: BTreeSet<InvocationId>,
    pub replies: BTreeMap<InvocationId, Answer>,
    /// Closures that were executed: which run block they belonged to is noticed for good.
    pub executed: BTreeMap<(InvocationId, OpId), String>,
    /// Results that closures gave; each execution gives another one.
    pub results: BTreeSet<Bytes>,
    executions: u64,
}

impl Outside {
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
        let earlier = self.executed.insert((id, op), name.to_owned());
        assert!(earlier.is_none_or(|earlier| earlier == name), "{id} op {op} was another run block");
    }

    /// Returns the result of a closure: no two executions have the same one.
    pub fn closure_result(&mut self, id: InvocationId, op: OpId) -> Bytes {
        self.executions += 1;
        let result = mix(mix(id.unique as u64, u64::from(op)), self.executions);
        let result = Bytes::copy_from_slice(&result.to_le_bytes());
        self.results.insert(result.clone());
        result
    }

    pub fn is_accepted(&mut self, durable: &Table, id: InvocationId) {
        assert!(is_known(durable, id), "{id} is accepted before it is durable");
        self.accepted.insert(id);
    }

    pub fn is_replied(&mut self, durable: &Table, id: InvocationId, said: Answer) {
        assert_eq!(answer(durable, id), Some(&said), "{id} is replied before its answer is durable");
        let earlier = self.replies.insert(id, said);
        assert!(earlier.is_none(), "{id} is replied twice in one life of the process");
    }

    /// Nothing that was noticed is undone.
    pub fn check(&self, tables: &[&Table]) {
        let table_of = |id: InvocationId| tables[usize::from(id.partition(tables.len() as u16).0)];
        for id in &self.accepted {
            assert!(is_known(table_of(*id), *id), "{id} was accepted and is lost");
        }
        for (id, reply) in &self.replies {
            assert_eq!(answer(table_of(*id), *id), Some(reply), "the answer of {id} changed");
        }
        for ((id, op), name) in &self.executed {
            match table_of(*id).get(&RowKey::Entry(*id, *op)) {
                Some(Row::Entry(row)) => {
                    assert!(matches!(&row.entry, Entry::Run { name: recorded, .. } if recorded == name));
                }
                other => panic!("{id} op {op} was executed and is not in the journal: {other:?}"),
            }
        }
    }
}

fn is_known(table: &Table, id: InvocationId) -> bool {
    live(table, id).is_some() || completed(table, id).is_some()
}
