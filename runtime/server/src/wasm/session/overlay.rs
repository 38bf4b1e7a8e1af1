//! What an attempt knows of the state of its object, so that it need not ask again.
//!
//! Only for a handler that has the state to itself. What is known depends on nothing but what the guest
//! asked and what it was told, in that order, so a replay knows the same at the same places.

use abide_core::entry::{Entry, Outcome};
use abide_core::ids::OpId;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};

/// Bytes of names and values an attempt remembers; when they are more, it forgets all and starts anew.
/// Journals depend on it: with another number, invocations under way would not replay.
const OVERLAY_BYTES_MAX: usize = 1 << 20;
/// What a name without a value counts, apart from its own bytes.
const NAME_OVERHEAD: usize = 64;

#[derive(Debug, Default)]
pub struct Overlay {
    known: HashMap<String, Option<Bytes>>,
    /// Of all that is known.
    bytes: usize,
    /// Everything was cleared: what is not among the known is absent.
    others_are_absent: bool,
    /// Something was too much to be remembered.
    has_forgotten: bool,
    /// Names of the reads under way whose outcome will be known.
    reading: BTreeMap<OpId, String>,
    /// The last write of each name while reads are under way: what they say is older.
    written: HashMap<String, OpId>,
}

impl Overlay {
    /// Returns what is known of a value; None: it has to be asked.
    pub fn get(&self, name: &str) -> Option<Option<Bytes>> {
        match self.known.get(name) {
            Some(value) => Some(value.clone()),
            None => self.others_are_absent.then_some(None),
        }
    }

    /// Says whether all that the attempt has written is among the known: then what it knows nothing of is as the store
    /// says, whatever of its writes has not come there yet.
    pub fn remembers_all(&self) -> bool {
        !self.has_forgotten
    }

    /// The guest asks for something.
    pub fn asked(&mut self, op: OpId, entry: &Entry) {
        match entry {
            Entry::GetState { name } => _ = self.reading.insert(op, name.clone()),
            Entry::SetState { name, value } => self.write(op, name, Some(value.clone())),
            Entry::ClearState { name } => self.write(op, name, None),
            Entry::ClearAllState => self.clear_all(),
            Entry::Run { .. }
            | Entry::Sleep { .. }
            | Entry::Call(_)
            | Entry::Send { .. }
            | Entry::Attach { .. }
            | Entry::Cancel { .. }
            | Entry::Kill { .. }
            | Entry::StateKeys
            | Entry::Awakeable { .. }
            | Entry::CompleteAwakeable { .. }
            | Entry::ReceiveSignal { .. }
            | Entry::SendSignal { .. }
            | Entry::GetPromise { .. }
            | Entry::PeekPromise { .. }
            | Entry::CompletePromise { .. } => {}
        }
    }

    /// The guest is told the outcome of an operation.
    pub fn told(&mut self, op: OpId, outcome: &Outcome) {
        let Some(name) = self.reading.remove(&op) else { return };
        let is_stale = self.written.get(&name).is_some_and(|written| *written > op);
        self.forget_writes();
        if is_stale {
            return;
        }
        match outcome {
            Outcome::Empty => self.know(name, None),
            Outcome::Value(value) => self.know(name, Some(value.clone())),
            Outcome::Failure(_) | Outcome::Names(_) => {}
        }
    }

    /// The guest does not wait for the operation any more.
    pub fn forget(&mut self, op: OpId) {
        self.reading.remove(&op);
        self.forget_writes();
    }

    fn write(&mut self, op: OpId, name: &str, value: Option<Bytes>) {
        if !self.reading.is_empty() {
            self.written.insert(name.to_owned(), op);
        }
        self.know(name.to_owned(), value);
    }

    fn clear_all(&mut self) {
        *self = Self { others_are_absent: true, ..Self::default() };
    }

    fn forget_writes(&mut self) {
        if self.reading.is_empty() {
            self.written.clear();
        }
    }

    fn know(&mut self, name: String, value: Option<Bytes>) {
        if let Some(old) = self.known.remove(&name) {
            self.bytes -= size(&name, &old);
        }
        let bytes = size(&name, &value);
        if self.bytes + bytes > OVERLAY_BYTES_MAX {
            self.known.clear();
            self.bytes = 0;
            self.others_are_absent = false;
            self.has_forgotten = true;
        }
        if bytes <= OVERLAY_BYTES_MAX {
            self.bytes += bytes;
            self.known.insert(name, value);
        }
    }
}

fn size(name: &str, value: &Option<Bytes>) -> usize {
    NAME_OVERHEAD + name.len() + value.as_ref().map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha12Rng;

    fn get(name: &str) -> Entry {
        Entry::GetState { name: name.into() }
    }

    fn set(name: &str, value: impl Into<Bytes>) -> Entry {
        Entry::SetState { name: name.into(), value: value.into() }
    }

    fn value(text: &'static str) -> Option<Option<Bytes>> {
        Some(Some(Bytes::from_static(text.as_bytes())))
    }

    #[test]
    fn what_was_read_or_written_is_known() {
        let mut overlay = Overlay::default();
        overlay.asked(0, &get("a"));
        overlay.asked(1, &get("b"));
        assert_eq!(overlay.get("a"), None, "it is asked, but nothing is told yet");
        overlay.told(0, &Outcome::Value("old".into()));
        overlay.told(1, &Outcome::Empty);
        assert_eq!((overlay.get("a"), overlay.get("b")), (value("old"), Some(None)));
        overlay.asked(2, &set("a", "new"));
        overlay.asked(3, &Entry::ClearState { name: "c".into() });
        assert_eq!((overlay.get("a"), overlay.get("c")), (value("new"), Some(None)));
        overlay.asked(4, &Entry::ClearAllState);
        overlay.asked(5, &set("b", "late"));
        assert_eq!(
            (overlay.get("a"), overlay.get("b"), overlay.get("z")),
            (Some(None), value("late"), Some(None))
        );
    }

    #[test]
    fn a_read_that_comes_after_a_write_says_nothing() {
        let mut overlay = Overlay::default();
        overlay.asked(0, &get("a"));
        overlay.asked(1, &get("b"));
        overlay.asked(2, &set("a", "new"));
        overlay.told(0, &Outcome::Value("old".into()));
        assert_eq!(overlay.get("a"), value("new"));
        overlay.asked(3, &Entry::ClearAllState);
        overlay.told(1, &Outcome::Value("old".into()));
        assert_eq!(overlay.get("b"), Some(None));
        overlay.asked(4, &set("b", vec![0; OVERLAY_BYTES_MAX]));
        overlay.asked(5, &get("c"));
        overlay.asked(6, &set("c", vec![0; OVERLAY_BYTES_MAX]));
        overlay.told(5, &Outcome::Value("old".into()));
        assert_eq!((overlay.get("b"), overlay.get("c")), (None, None), "both are too large to be remembered");
    }

    #[test]
    fn a_read_that_nobody_waits_for_says_nothing() {
        let mut overlay = Overlay::default();
        overlay.asked(0, &get("a"));
        overlay.forget(0);
        overlay.told(0, &Outcome::Empty);
        assert_eq!(overlay.get("a"), None);
    }

    #[test]
    fn too_much_is_forgotten_all_at_once() {
        let mut overlay = Overlay::default();
        overlay.asked(0, &Entry::ClearAllState);
        let half = OVERLAY_BYTES_MAX / 2;
        overlay.asked(1, &set("a", vec![1; half]));
        assert_eq!(overlay.get("z"), Some(None));
        overlay.asked(2, &set("b", vec![2; half]));
        assert_eq!((overlay.get("a"), overlay.get("z")), (None, None));
        assert_eq!(overlay.get("b"), Some(Some(vec![2; half].into())));
        overlay.asked(3, &set("b", "small"));
        assert_eq!(
            (overlay.get("b"), overlay.bytes),
            (value("small"), NAME_OVERHEAD + "b".len() + "small".len())
        );
    }

    /// Whatever happens in whatever order: what is known is what is there.
    #[test]
    fn what_is_known_is_true() {
        let names = ["a", "b", "c", "d"];
        for seed in 0..30 {
            let mut rng = ChaCha12Rng::seed_from_u64(seed);
            let mut overlay = Overlay::default();
            let mut state: HashMap<&str, Bytes> = HashMap::new();
            let mut under_way: Vec<(OpId, Outcome)> = Vec::new();
            for op in 0..300 {
                let name = names[rng.random_range(0..names.len())];
                match rng.random_range(0..100) {
                    0..30 => {
                        let there = state.get(name).cloned();
                        under_way.push((op, there.map_or(Outcome::Empty, Outcome::Value)));
                        overlay.asked(op, &get(name));
                    }
                    30..50 => {
                        let value = Bytes::from(vec![op as u8; rng.random_range(0..OVERLAY_BYTES_MAX / 2)]);
                        overlay.asked(op, &set(name, value.clone()));
                        state.insert(name, value);
                    }
                    50..55 => {
                        overlay.asked(op, &Entry::ClearState { name: name.into() });
                        state.remove(name);
                    }
                    55..57 => {
                        overlay.asked(op, &Entry::ClearAllState);
                        state.clear();
                    }
                    57..60 => overlay.forget(op.saturating_sub(5)),
                    _ if under_way.is_empty() => {}
                    _ => {
                        let (read, outcome) = under_way.remove(0);
                        overlay.told(read, &outcome);
                    }
                }
                for name in names {
                    let known = overlay.get(name);
                    assert!(
                        known.is_none_or(|known| known.as_ref() == state.get(name)),
                        "seed {seed} op {op}"
                    );
                }
            }
        }
    }
}
