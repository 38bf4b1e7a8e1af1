//! What a driver knows of its partition: rows that steps ask for again and again, decoded, as they are now.
//!
//! Invariant: nobody else writes these rows, and a batch that is refused ends the driver; so what is known is what the
//! store would say. Services are the exception: uploads write them, so each transaction looks at them once, and compares
//! their bytes. That is as of a moment after all its commands came in, so whoever was told of an upload calls what it brought.

use super::txn::TxnError;
use abide_core::manifest::ServiceRow;
use abide_core::rows::{Row, RowKey};
use abide_store::codec;
use bytes::Bytes;
use lru::LruCache;
use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Rows that are known at once: those of the invocations that are on their way, and of the keys they hold.
const ROWS_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");
/// Larger values of a state are read again.
const STATE_BYTES_MAX: usize = 1 << 10;

pub struct Known {
    /// None: there is no such row.
    rows: LruCache<RowKey, Option<Row>>,
    /// Decoding one for each invocation would cost more than the rest of its first step.
    services: HashMap<String, Service>,
    /// Those that the current transaction has looked for in vain.
    missing_services: HashSet<String>,
    /// Transactions that have begun.
    transactions: u64,
}

/// Nothing is known of a row; the store has to be asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Unknown;

struct Service {
    stored: Bytes,
    row: Arc<ServiceRow>,
    /// The transaction that looked last.
    looked_at_in: u64,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            rows: LruCache::new(ROWS_MAX),
            services: HashMap::new(),
            missing_services: HashSet::new(),
            transactions: 0,
        }
    }
}

impl Known {
    /// Takes note that a transaction begins, whose commands are all there already.
    pub fn begin_transaction(&mut self) {
        self.transactions += 1;
        self.missing_services.clear();
    }

    /// Returns what a row is; None in it means that there is none.
    pub fn get(&mut self, key: &RowKey) -> Result<Option<Row>, Unknown> {
        match key {
            RowKey::Service(name) if self.missing_services.contains(name) => Ok(None),
            RowKey::Service(name) => {
                let known = self.services.get(name).filter(|known| known.looked_at_in == self.transactions);
                known.map(|known| Some(Row::Service(known.row.clone()))).ok_or(Unknown)
            }
            key if is_asked_for_again(key) => self.rows.get(key).cloned().ok_or(Unknown),
            _ => Err(Unknown),
        }
    }

    /// Takes note of what a row is now, whether it was read or written.
    pub fn note(&mut self, key: RowKey, row: Option<Row>) {
        if !is_asked_for_again(&key) {
            return;
        }
        match row {
            Some(Row::State(value)) if value.len() > STATE_BYTES_MAX => _ = self.rows.pop(&key),
            None if !comes_again(&key) => _ = self.rows.pop(&key),
            row => _ = self.rows.put(key, row),
        }
    }

    /// Takes note that there is no such row.
    pub fn note_absent(&mut self, key: RowKey) {
        match key {
            RowKey::Service(name) => _ = self.missing_services.insert(name),
            key => self.note(key, None),
        }
    }

    /// Returns the row that is stored as `value`, decoded unless it is the one known already.
    pub fn service(&mut self, name: &str, key: &[u8], value: Bytes) -> Result<Arc<ServiceRow>, TxnError> {
        let looked_at_in = self.transactions;
        if let Some(known) = self.services.get_mut(name)
            && known.stored == value
        {
            known.looked_at_in = looked_at_in;
            return Ok(known.row.clone());
        }
        let row: Arc<ServiceRow> = Arc::new(codec::decode::<ServiceRow>(key, &value)?);
        self.services.insert(name.to_owned(), Service { stored: value, row: row.clone(), looked_at_in });
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

/// Says whether a row that is gone is asked for again: the queue of a key is there only while the key is in use.
fn comes_again(key: &RowKey) -> bool {
    matches!(key, RowKey::KeyQueue(_) | RowKey::State(..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::{DeploymentId, InvocationId};
    use abide_core::manifest::{ServiceKind, ServiceManifest};
    use abide_core::target::ObjectKey;
    use abide_core::time::Timestamp;

    fn state(name: &str) -> RowKey {
        RowKey::State(ObjectKey { service: "Counter".into(), key: "hot".into() }, name.into())
    }

    #[test]
    fn a_row_is_known_as_it_was_written_last() {
        let mut known = Known::default();
        known.note(state("count"), Some(Row::State("1".into())));
        known.note(state("count"), Some(Row::State("2".into())));
        assert_eq!(known.get(&state("count")), Ok(Some(Row::State("2".into()))));
        known.note(state("count"), None);
        assert_eq!(known.get(&state("count")), Ok(None));
        known.note(state("count"), Some(Row::State("3".into())));
        assert_eq!(known.get(&state("count")), Ok(Some(Row::State("3".into()))));
    }

    #[test]
    fn a_value_that_grew_is_forgotten_not_remembered_as_it_was() {
        let mut known = Known::default();
        known.note(state("text"), Some(Row::State("short".into())));
        known.note(state("text"), Some(Row::State(vec![b'x'; STATE_BYTES_MAX + 1].into())));
        assert_eq!(known.get(&state("text")), Err(Unknown));
    }

    #[test]
    fn an_invocation_that_is_gone_takes_no_room() {
        let mut known = Known::default();
        let id = RowKey::Invocation(InvocationId::new(Timestamp(1), 2, 3));
        known.note(id.clone(), None);
        assert_eq!((known.get(&id), known.rows.len()), (Err(Unknown), 0));
    }

    #[test]
    fn each_transaction_looks_at_a_service_once() {
        let mut known = Known::default();
        let key = RowKey::Service("Counter".to_owned());
        for revision in [1, 2, 2] {
            let kind = ServiceKind::Object;
            let manifest = ServiceManifest {
                name: "Counter".into(),
                kind,
                handlers: vec![],
                docs: None,
                is_private: false,
            };
            let deployment = DeploymentId::from_digest(revision.into());
            let service = ServiceRow { deployment, revision, manifest };
            known.begin_transaction();
            assert_eq!(known.get(&key), Err(Unknown));
            let stored = codec::encode_row(&Row::Service(service.clone().into()));
            let row = known.service("Counter", &[], stored).unwrap();
            assert_eq!(*row, service);
            assert_eq!(known.get(&key), Ok(Some(Row::Service(row))));
        }
    }

    #[test]
    fn a_service_that_is_not_there_is_not_there_for_the_whole_transaction() {
        let mut known = Known::default();
        let key = RowKey::Service("Counter".to_owned());
        known.begin_transaction();
        assert_eq!(known.get(&key), Err(Unknown));
        known.note_absent(key.clone());
        assert_eq!(known.get(&key), Ok(None));
        known.begin_transaction();
        assert_eq!(known.get(&key), Err(Unknown));
    }
}
