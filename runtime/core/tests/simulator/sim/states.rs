//! A simpler model of objects and workflows: a plain map, changed by whoever has the key, one after
//! the other. It has to explain every read and what is stored at the end.

use super::life::Life;
use super::table::Table;
use abide_core::entry::{Entry, EntryRow, Failure, Outcome};
use abide_core::limits::UNCLAIMED_KEPT_MIN_MS;
use abide_core::rows::{Row, RowKey};
use abide_core::target::ObjectKey;
use abide_core::time::Timestamp;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
pub struct States {
    objects: BTreeMap<ObjectKey, State>,
}

#[derive(Default)]
struct State {
    /// As those who had the key have left it, each applied as a whole.
    values: BTreeMap<String, Bytes>,
    /// Changes that were asked, and those of them that are in `values`.
    asked: u64,
    applied: u64,
    /// What shared handlers read between two changes, and how many were before.
    reads: VecDeque<(u64, Entry, Option<Outcome>)>,
    /// What they came to, and when.
    promises: BTreeMap<String, (Outcome, Timestamp)>,
}

impl States {
    fn of(&mut self, object: &ObjectKey) -> &mut State {
        self.objects.entry(object.clone()).or_default()
    }

    /// A handler asks for something, and has the outcome at once or not.
    pub fn asks(
        &mut self,
        object: &ObjectKey,
        is_exclusive: bool,
        row: &EntryRow,
        outcome: Option<&Outcome>,
    ) {
        let (state, entry) = (self.of(object), &row.entry);
        let said = |name| state.promises.get(name).map(|(outcome, _)| outcome);
        match entry {
            Entry::GetState { .. } | Entry::StateKeys if !is_exclusive => {
                state.reads.push_back((state.asked, entry.clone(), outcome.cloned()));
            }
            Entry::SetState { .. } | Entry::ClearState { .. } | Entry::ClearAllState => {
                assert!(is_exclusive, "a shared handler of {object} asks for {entry}");
                state.asked += 1;
            }
            Entry::GetPromise { name } => {
                assert_eq!(outcome, said(name), "{object} has promise {name}");
            }
            Entry::PeekPromise { name } => {
                let meant = said(name).unwrap_or(&Outcome::Empty);
                assert_eq!(outcome, Some(meant), "{object} has promise {name}");
            }
            Entry::CompletePromise { name, outcome: completed } => {
                let refusal = Failure::new(409, format!("promise {name:?} was completed before"));
                let meant = match said(name).is_some() {
                    true => Outcome::Failure(refusal),
                    false => Outcome::Empty,
                };
                state.promises.entry(name.clone()).or_insert_with(|| (completed.clone(), row.at));
                assert_eq!(outcome, Some(&meant), "{object} completes promise {name}");
            }
            _ => {}
        }
    }

    /// Who waited for a promise hears it.
    pub fn hears_promise(&mut self, object: &ObjectKey, name: &str, outcome: &Outcome) {
        let message = format!("workflow {object} was purged before promise {name:?} was completed");
        let purged = Outcome::Failure(Failure::new(404, message));
        let meant = self.of(object).promises.get(name).map_or(purged, |(outcome, _)| outcome.clone());
        assert_eq!(*outcome, meant, "{object} has promise {name}");
    }

    /// Whoever had the key has ended: all it did happens at once.
    pub fn apply(&mut self, object: &ObjectKey, life: &Life) {
        let state = self.of(object);
        // What was taken over from an earlier invocation has happened before.
        for (op, row) in (0..).zip(&life.entries).skip(life.entries_kept as usize) {
            match &row.entry {
                Entry::SetState { name, value } => {
                    state.change(|values| _ = values.insert(name.clone(), value.clone()));
                }
                Entry::ClearState { name } => state.change(|values| _ = values.remove(name)),
                Entry::ClearAllState => state.change(BTreeMap::clear),
                entry => state.check_read(entry, life.outcome(op)),
            }
        }
        state.explain_reads();
        assert_eq!(state.applied, state.asked, "somebody else changed {object} meanwhile");
    }

    /// A person replaces the state while nobody may write it.
    pub fn edit(&mut self, object: &ObjectKey, values: &BTreeMap<String, Bytes>) {
        let state = self.of(object);
        assert_eq!(state.applied, state.asked, "{object} is edited in the middle of something");
        state.asked += 1;
        state.change(|stored| stored.clone_from(values));
    }

    /// A workflow is forgotten with its run.
    pub fn purge(&mut self, object: &ObjectKey) {
        let state = self.of(object);
        state.asked += 1;
        state.change(BTreeMap::clear);
    }

    pub fn purge_promise(&mut self, object: &ObjectKey, name: &str) {
        self.of(object).promises.remove(name);
    }

    /// A promise without a run has been kept long enough; who waits for one that is open goes on waiting.
    pub fn forget_promise(&mut self, object: &ObjectKey, name: &str, now: Timestamp) {
        if let Some((_, at)) = self.of(object).promises.remove(name) {
            assert!(
                now >= at.plus_millis(UNCLAIMED_KEPT_MIN_MS),
                "{object} forgets {name} of {at:?} at {now:?}"
            );
        }
    }

    /// Nothing of a workflow is left when its run is.
    pub fn check_forgotten(&mut self, object: &ObjectKey) {
        let state = self.of(object);
        assert!(state.promises.is_empty() && state.values.is_empty(), "{object} is forgotten in part");
    }

    /// Compares what the model comes to with what is stored.
    pub fn check_at_the_end(&mut self, tables: &[&Table]) {
        let mut stored: BTreeMap<(&ObjectKey, &str), &Bytes> = BTreeMap::new();
        for (key, row) in tables.iter().flat_map(|table| table.iter()) {
            if let (RowKey::State(object, name), Row::State(value)) = (key, row) {
                stored.insert((object, name), value);
            }
        }
        self.objects.values_mut().for_each(State::explain_reads);
        assert!(self.objects.values().all(|state| state.reads.is_empty()), "reads are not explained");
        let values = |(object, state): (&'_ ObjectKey, &'_ State)| {
            let object = object.clone();
            let values = state.values.clone().into_iter();
            values.map(move |(name, value)| ((object.clone(), name), value)).collect::<Vec<_>>()
        };
        let meant: BTreeMap<_, _> = self.objects.iter().flat_map(values).collect();
        let meant = meant.iter().map(|((object, name), value)| ((object, name.as_str()), value));
        assert!(stored.into_iter().eq(meant), "the state that is stored is another");
    }
}

impl State {
    fn change(&mut self, change: impl FnOnce(&mut BTreeMap<String, Bytes>)) {
        self.explain_reads();
        change(&mut self.values);
        self.applied += 1;
    }

    /// What shared handlers have read at this place is what is there now.
    fn explain_reads(&mut self) {
        while let Some((_, entry, outcome)) = self.reads.pop_front_if(|(place, ..)| *place == self.applied) {
            self.check_read(&entry, outcome.as_ref());
        }
    }

    fn check_read(&self, entry: &Entry, outcome: Option<&Outcome>) {
        let meant = match entry {
            Entry::GetState { name } => {
                self.values.get(name).map_or(Outcome::Empty, |value| Outcome::Value(value.clone()))
            }
            Entry::StateKeys => Outcome::Names(self.values.keys().cloned().collect()),
            _ => return,
        };
        assert_eq!(outcome, Some(&meant), "{entry} reads what nobody wrote");
    }
}
