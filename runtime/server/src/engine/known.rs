//! What a driver knows of its partition: rows that steps ask for again and again, decoded, as they are now.
//!
//! Invariant: nobody else writes these rows, and a batch that is refused ends the driver; so what is known is what the
//! store would say. Services are the exception: uploads write them, so their bytes are compared.

use super::txn::TxnError;
use abide_core::manifest::ServiceRow;
use abide_core::rows::{Row, RowKey};
use abide_store::codec;
use bytes::Bytes;
use lru::LruCache;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Rows that are known at once: those of the invocations that are on their way, and of the keys they hold.
const ROWS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");
/// Larger values of a state are read again.
const STATE_BYTES_MAX: usize = 1 << 10;

pub struct Known {
    rows: LruCache<RowKey, Row>,
    /// Decoding one for each invocation would cost more than the rest of its first step.
    services: HashMap<String, (Bytes, Arc<ServiceRow>)>,
}

impl Default for Known {
    fn default() -> Self {
        Self { rows: LruCache::new(ROWS_MAX), services: HashMap::new() }
    }
}

impl Known {
    pub fn get(&mut self, key: &RowKey) -> Option<Row> {
        if is_asked_for_again(key) { self.rows.get(key).cloned() } else { None }
    }

    /// Takes note of what a row is now, whether it was read or written.
    pub fn note(&mut self, key: RowKey, row: Option<Row>) {
        if !is_asked_for_again(&key) {
            return;
        }
        match row {
            Some(Row::State(value)) if value.len() > STATE_BYTES_MAX => _ = self.rows.pop(&key),
            Some(row) => _ = self.rows.put(key, row),
            None => _ = self.rows.pop(&key),
        }
    }

    /// Returns the row that is stored as `value`, decoded unless it is the one known already.
    pub fn service(&mut self, name: &str, key: &[u8], value: Bytes) -> Result<Arc<ServiceRow>, TxnError> {
        if let Some((known, row)) = self.services.get(name)
            && *known == value
        {
            return Ok(row.clone());
        }
        let row: Arc<ServiceRow> = Arc::new(codec::decode::<ServiceRow>(key, &value)?);
        self.services.insert(name.to_owned(), (value, row.clone()));
        Ok(row)
    }
}

/// Says whether many steps in a row read a row of this kind. Most others are read once, or are large.
fn is_asked_for_again(key: &RowKey) -> bool {
    match key {
        RowKey::Invocation(_)
        | RowKey::OutboxHead(_)
        | RowKey::OutboxTail(_)
        | RowKey::InboxMark(_)
        | RowKey::AttemptsPurged
        | RowKey::KeyQueue(_)
        | RowKey::State(..) => true,
        RowKey::Completed(_)
        | RowKey::Input(_)
        | RowKey::Answer(_)
        | RowKey::Entry(..)
        | RowKey::Outcome(..)
        | RowKey::Timer(_)
        | RowKey::Outbox(..)
        | RowKey::Service(_)
        | RowKey::Deployment(_)
        | RowKey::KeyWaiter(..)
        | RowKey::Promise(..)
        | RowKey::Names(_)
        | RowKey::Listeners(_)
        | RowKey::Mailbox(_)
        | RowKey::Signal(..)
        | RowKey::Created(..)
        | RowKey::Unclaimed(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::target::ObjectKey;

    fn state(name: &str) -> RowKey {
        RowKey::State(ObjectKey { service: "Counter".into(), key: "hot".into() }, name.into())
    }

    #[test]
    fn a_row_is_known_as_it_was_written_last() {
        let mut known = Known::default();
        known.note(state("count"), Some(Row::State("1".into())));
        known.note(state("count"), Some(Row::State("2".into())));
        assert_eq!(known.get(&state("count")), Some(Row::State("2".into())));
        known.note(state("count"), None);
        assert_eq!(known.get(&state("count")), None);
    }

    #[test]
    fn a_value_that_grew_is_forgotten_not_remembered_as_it_was() {
        let mut known = Known::default();
        known.note(state("text"), Some(Row::State("short".into())));
        known.note(state("text"), Some(Row::State(vec![b'x'; STATE_BYTES_MAX + 1].into())));
        assert_eq!(known.get(&state("text")), None);
    }
}
