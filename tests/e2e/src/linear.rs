//! Decides whether what concurrent clients saw of one register is linearizable: whether each operation
//! can have happened at one moment between its call and its answer.
//!
//! This is the search of Wing and Gong with Lowe's memory. A configuration is which operations have
//! happened and what the register holds then; none is looked at twice. An operation without an answer
//! may have happened at any moment after its call, or never.

use crate::rng::Rng;
use serde_json::{Value, json};
use std::collections::HashSet;

/// What a client asks of a register, which holds 0 at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Read,
    /// The answer is the sum.
    Add(i64),
    /// The answer is whether the register held `from`.
    Swap {
        from: i64,
        to: i64,
    },
}

impl Ask {
    /// Returns the handler of the guest's object that does it, and its input.
    #[must_use]
    pub fn call(self) -> (&'static str, Value) {
        match self {
            Self::Read => ("read", Value::Null),
            Self::Add(by) => ("add", json!(by)),
            Self::Swap { from, to } => ("swap", json!({ "from": from, "to": to })),
        }
    }

    /// Returns what an answer of that handler says, if it is one.
    #[must_use]
    pub fn answer(self, said: &Value) -> Option<Answer> {
        match self {
            Self::Read | Self::Add(_) => said.as_i64().map(Answer::Value),
            Self::Swap { .. } => said.as_bool().map(Answer::Swapped),
        }
    }
}

/// What one client knows of the registers: from it follows what it asks next.
pub struct Known {
    client: usize,
    values: Vec<i64>,
}

impl Known {
    #[must_use]
    pub fn nothing(client: usize, registers: usize) -> Self {
        Self { client, values: vec![0; registers] }
    }

    /// Chooses a register and what to ask of it. `n` counts what this client asks: no two swap to the same value.
    pub fn choose(&self, n: usize, rng: &mut Rng) -> (usize, Ask) {
        let register = rng.below(self.values.len() as u64) as usize;
        let ask = match rng.below(4) {
            0 => Ask::Read,
            1 => Ask::Swap { from: self.values[register], to: (self.client * 1_000_000 + n) as i64 },
            _ => Ask::Add(1 + rng.below(9) as i64),
        };
        (register, ask)
    }

    /// Takes note of what came of it.
    pub fn learn(&mut self, register: usize, event: &Event) {
        match (event.answered, event.ask) {
            (Some((_, Answer::Value(value))), _) => self.values[register] = value,
            (Some((_, Answer::Swapped(true))), Ask::Swap { to, .. }) => self.values[register] = to,
            _ => {}
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Value(i64),
    Swapped(bool),
}

/// One operation of a client; times are of one clock that all clients share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub client: usize,
    pub ask: Ask,
    pub called_at: u64,
    /// None: the client never learned it.
    pub answered: Option<(u64, Answer)>,
}

/// Checks the history of one register.
///
/// # Errors
/// There is no order that explains it; the text shows where the best attempt ended.
pub fn check(history: &[Event]) -> Result<(), String> {
    let (mut answered, mut lost): (Vec<_>, Vec<_>) =
        history.iter().copied().partition(|event| event.answered.is_some());
    lost.retain(|event| event.ask != Ask::Read);
    answered.sort_by_key(|event| event.called_at);
    lost.sort_by_key(|event| event.called_at);
    let search = Search { answered, lost };
    let mut seen = HashSet::new();
    let mut open = vec![Configuration::default()];
    let mut best = Configuration::default();
    while let Some(configuration) = open.pop() {
        if configuration.first == search.answered.len() {
            return Ok(());
        }
        if configuration.count() > best.count() {
            best = configuration.clone();
        }
        for next in search.successors(&configuration) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Err(search.explain(&best))
}

/// Which operations have happened, and what the register holds then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Configuration {
    value: i64,
    /// All answered operations before this one have happened, this one has not.
    first: usize,
    /// Those behind it that have happened, in order.
    beyond: Vec<usize>,
    /// Those without an answer that have happened, in order.
    lost: Vec<usize>,
}

impl Configuration {
    fn count(&self) -> usize {
        self.first + self.beyond.len()
    }

    /// Lets an answered operation happen.
    fn with(&self, index: usize, value: i64) -> Self {
        let mut next = Self { value, ..self.clone() };
        insert(&mut next.beyond, index);
        let run = next.beyond.iter().zip(next.first..).take_while(|(index, expected)| **index == *expected);
        let run = run.count();
        next.first += run;
        next.beyond.drain(..run);
        next
    }

    fn with_lost(&self, index: usize, value: i64) -> Self {
        let mut next = Self { value, ..self.clone() };
        insert(&mut next.lost, index);
        next
    }
}

fn insert(sorted: &mut Vec<usize>, index: usize) {
    let place = sorted.binary_search(&index).expect_err("an operation happens once");
    sorted.insert(place, index);
}

struct Search {
    /// By the time of the call.
    answered: Vec<Event>,
    lost: Vec<Event>,
}

impl Search {
    /// Returns the answered operations that may happen next: those called before the first answer that
    /// is still to come. Also returns the time of that answer.
    fn candidates(&self, configuration: &Configuration) -> (Vec<usize>, u64) {
        let mut horizon = u64::MAX;
        let mut candidates = Vec::new();
        for (index, event) in self.answered.iter().enumerate().skip(configuration.first) {
            if event.called_at > horizon {
                break;
            }
            if configuration.beyond.binary_search(&index).is_err() {
                let (answered_at, _) = event.answered.expect("only answered ones are in this list");
                horizon = horizon.min(answered_at);
                candidates.push(index);
            }
        }
        (candidates, horizon)
    }

    fn successors(&self, configuration: &Configuration) -> Vec<Configuration> {
        let (candidates, horizon) = self.candidates(configuration);
        let open = self.lost.iter().enumerate().filter(|(index, event)| {
            event.called_at <= horizon && configuration.lost.binary_search(index).is_err()
        });
        let lost = open.filter_map(|(index, event)| {
            let (value, _) = apply(event.ask, configuration.value);
            // One that changes nothing may as well never have happened.
            (value != configuration.value).then(|| configuration.with_lost(index, value))
        });
        let answered = candidates.iter().rev().filter_map(|index| {
            let event = self.answered[*index];
            let (value, answer) = apply(event.ask, configuration.value);
            let (_, expected) = event.answered.expect("only answered ones are in this list");
            (answer == expected).then(|| configuration.with(*index, value))
        });
        // The last one is looked at first: better one that was answered, and the earliest of those.
        lost.chain(answered).collect()
    }

    fn explain(&self, best: &Configuration) -> String {
        let (candidates, _) = self.candidates(best);
        let shown = candidates.iter().map(|index| format!("  {:?}", self.answered[*index]));
        format!(
            "not linearizable: {} of {} operations can be put in an order, {} of {} unanswered ones among them; \
             the register then holds {}, and none of these can be next:\n{}",
            best.count(),
            self.answered.len(),
            best.lost.len(),
            self.lost.len(),
            best.value,
            shown.collect::<Vec<_>>().join("\n")
        )
    }
}

fn apply(ask: Ask, value: i64) -> (i64, Answer) {
    match ask {
        Ask::Read => (value, Answer::Value(value)),
        Ask::Add(by) => (value + by, Answer::Value(value + by)),
        Ask::Swap { from, to } if from == value => (to, Answer::Swapped(true)),
        Ask::Swap { .. } => (value, Answer::Swapped(false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(called_at: u64, answered_at: u64, ask: Ask, answer: Answer) -> Event {
        Event { client: 0, ask, called_at, answered: Some((answered_at, answer)) }
    }

    fn add(called_at: u64, answered_at: u64, by: i64, sum: i64) -> Event {
        event(called_at, answered_at, Ask::Add(by), Answer::Value(sum))
    }

    fn read(called_at: u64, answered_at: u64, value: i64) -> Event {
        event(called_at, answered_at, Ask::Read, Answer::Value(value))
    }

    fn swap(called_at: u64, answered_at: u64, from: i64, to: i64, is_done: bool) -> Event {
        event(called_at, answered_at, Ask::Swap { from, to }, Answer::Swapped(is_done))
    }

    fn lost(called_at: u64, ask: Ask) -> Event {
        Event { client: 0, ask, called_at, answered: None }
    }

    fn is_accepted(history: &[Event]) -> bool {
        check(history).is_ok()
    }

    #[test]
    fn what_happens_one_after_the_other_has_one_explanation() {
        assert!(is_accepted(&[]));
        assert!(is_accepted(&[read(0, 1, 0), add(2, 3, 5, 5), read(4, 5, 5), swap(6, 7, 5, 8, true)]));
        assert!(is_accepted(&[swap(0, 1, 3, 4, false), read(2, 3, 0)]));
        assert!(!is_accepted(&[read(0, 1, 1)]));
        assert!(!is_accepted(&[swap(0, 1, 0, 4, false)]));
        assert!(!is_accepted(&[swap(0, 1, 0, 4, true), read(2, 3, 0)]));
    }

    #[test]
    fn what_happens_at_once_may_be_in_any_order() {
        assert!(is_accepted(&[add(0, 10, 1, 3), add(0, 10, 2, 2), read(1, 9, 0), read(2, 8, 2)]));
        assert!(is_accepted(&[add(0, 100, 1, 3), add(10, 20, 2, 2), read(30, 40, 2), read(50, 60, 3)]));
        assert!(is_accepted(&[swap(0, 10, 0, 1, true), swap(0, 10, 0, 2, false), swap(0, 10, 1, 3, true)]));
    }

    #[test]
    fn a_lost_update_is_rejected() {
        assert!(!is_accepted(&[add(0, 10, 1, 1), add(5, 15, 1, 1)]));
        assert!(!is_accepted(&[add(0, 1, 1, 1), add(2, 3, 1, 2), read(4, 5, 1)]));
        assert!(!is_accepted(&[swap(0, 10, 0, 1, true), swap(0, 10, 0, 2, true)]));
    }

    #[test]
    fn a_doubled_update_is_rejected() {
        assert!(!is_accepted(&[add(0, 1, 1, 1), read(2, 3, 2)]));
        assert!(!is_accepted(&[add(0, 10, 1, 2)]));
        // One without an answer may have happened once, not twice.
        assert!(is_accepted(&[lost(0, Ask::Add(1)), read(2, 3, 1)]));
        assert!(!is_accepted(&[lost(0, Ask::Add(1)), read(2, 3, 2)]));
    }

    #[test]
    fn a_stale_read_is_rejected() {
        assert!(!is_accepted(&[add(0, 1, 1, 1), read(2, 3, 0)]));
        // The update is still going on, but somebody has seen it already.
        assert!(!is_accepted(&[add(0, 100, 1, 1), read(10, 20, 1), read(30, 40, 0)]));
        assert!(is_accepted(&[add(0, 100, 1, 1), read(10, 25, 1), read(20, 40, 0)]));
    }

    #[test]
    fn what_was_not_answered_may_have_happened_late_or_never() {
        let history = |value| [lost(5, Ask::Add(7)), read(0, 1, 0), read(6, 7, 0), read(10, 11, value)];
        assert!(is_accepted(&history(0)));
        assert!(is_accepted(&history(7)));
        assert!(!is_accepted(&[lost(5, Ask::Add(7)), read(0, 1, 7)]), "before it was asked");
        assert!(!is_accepted(&[lost(5, Ask::Add(7)), read(6, 7, 7), read(8, 9, 0)]), "taken back");
    }

    #[test]
    fn a_long_history_of_many_clients_is_searched_quickly() {
        // Eight clients, each answered long after the others have called; the order is the one of the index.
        let busy = |n: u64| add(n * 10, n * 10 + 85, 1, n as i64 + 1);
        let mut history: Vec<_> = (0..4_000).map(busy).collect();
        assert!(is_accepted(&history));
        history.push(read(50_000, 50_001, 3_999));
        let told = check(&history).expect_err("the last update is lost");
        assert!(told.contains("4000 of 4001"), "{told}");
    }
}
