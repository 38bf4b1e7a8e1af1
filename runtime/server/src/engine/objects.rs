//! What is stored of objects and workflows, as a person sees it: state, who has the key, who waits,
//! promises; and the edit of a state.

use super::txn::TxnError;
use super::{EngineError, EngineHandle, Room, address};
use abide_core::command::{Command, EditState};
use abide_core::effect::Notice;
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::limits::STATE_NAMES_MAX;
use abide_core::manifest::ServiceKind;
use abide_core::object::{KeyQueueRow, PromiseRow, StateVersion};
use abide_core::rows::NamesOf;
use abide_core::target::ObjectKey;
use abide_store::keys::{self, Span, Tag};
use abide_store::{View, codec, pairs};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Bytes of a state that are read at most, of the states of one page of objects, and of a page of promises.
pub const STATE_READ_BYTES_MAX: usize = 64 << 20;
/// Those who wait that are counted for one object.
const WAITERS_COUNTED_MAX: usize = 100_000;

/// The state of an object, in the order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateRead {
    pub values: Vec<(String, Bytes)>,
    /// None: there is more than was read.
    pub version: Option<StateVersion>,
}

impl StateRead {
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values.iter().map(|(_, value)| value.len()).sum()
    }
}

/// An object of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRead {
    pub key: String,
    pub state_values: usize,
    pub state_bytes: usize,
    pub queue: Option<KeyQueueRow>,
}

/// Who waits for the key of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    pub holder: Option<InvocationId>,
    /// In order, with how many are before each.
    pub waiting: Vec<(usize, InvocationId)>,
    pub total: usize,
}

/// What a person wants a state to be.
#[derive(Clone, Debug)]
pub struct Edit {
    pub object: ObjectKey,
    pub kind: ServiceKind,
    pub expected: Option<StateVersion>,
    pub is_forced: bool,
    pub values: BTreeMap<String, Bytes>,
}

impl EngineHandle {
    fn owner(&self, object: &ObjectKey) -> PartitionId {
        PartitionId::of(address::partition_key(object), self.inner.inboxes.partitions())
    }

    /// Returns the state of an object or workflow.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn state(&self, object: &ObjectKey) -> Result<StateRead, EngineError> {
        let span = keys::names(self.owner(object), &NamesOf::State(object.clone()));
        let (mut state, mut bytes) = (StateRead::default(), 0);
        for pair in self.reader().walk(span) {
            let (key, value) = pair.map_err(TxnError::from)?;
            if bytes > STATE_READ_BYTES_MAX || state.values.len() > STATE_NAMES_MAX {
                return Ok(state);
            }
            let name = keys::decode_name(&key, Tag::State).expect("a span of names holds only names");
            let value: Bytes = codec::decode(&key, &value).map_err(TxnError::from)?;
            bytes += value.len();
            state.values.push((name, value));
        }
        let values = state.values.iter().map(|(name, value)| (name.as_str(), value));
        state.version = Some(StateVersion::of(values));
        Ok(state)
    }

    /// Replaces the state of an object or workflow; returns when that is durable. `Changed` when it is not
    /// as expected, `Held` while a handler may write it, `Full` when it is too much at once, `Absent` for a
    /// workflow without a run. `body` is the room of the values.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn edit_state(&self, edit: Edit, body: Room) -> Result<Notice, EngineError> {
        let Edit { object, kind, expected, is_forced, values } = edit;
        // Whatever it is, this id has the owner of the object.
        let of_object = address::workflow_run(&object);
        let run = (kind == ServiceKind::Workflow).then_some(of_object);
        self.ask_with(of_object, Some(body), |ticket| {
            Command::EditState(EditState { object, run, expected, is_forced, values, ticket })
        })
        .await
    }

    /// Returns objects of a service that have a state, a promise, or somebody who has the key, in the order
    /// of their keys; and whether there may be more behind them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn objects(
        &self,
        service: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<ObjectRead>, bool), EngineError> {
        const TAGS: [Tag; 3] = [Tag::State, Tag::KeyQueue, Tag::Promise];
        let places: Vec<_> = (0..self.inner.inboxes.partitions())
            .flat_map(|partition| TAGS.map(|tag| (partition, tag)))
            .collect();
        let first = |(partition, tag): &(u16, Tag), after: Option<&str>| {
            self.first_object(keys::objects(*partition, *tag, service, prefix, after), *tag)
        };
        let mut next = places.iter().map(|place| first(place, after)).collect::<Result<Vec<_>, _>>()?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        while let Some(key) = next.iter().flatten().min().cloned() {
            if found.len() == limit || bytes > STATE_READ_BYTES_MAX {
                return Ok((found, true));
            }
            let object = self.object(ObjectKey { service: service.to_owned(), key: key.clone() })?;
            bytes += object.state_bytes;
            found.push(object);
            for (place, next) in places.iter().zip(&mut next) {
                if next.as_deref() == Some(&key) {
                    *next = first(place, Some(&key))?;
                }
            }
        }
        Ok((found, false))
    }

    fn first_object(&self, (start, end): Span, tag: Tag) -> Result<Option<String>, EngineError> {
        let found = self.inner.store.scan_keys(View::Durable, &start, &end, 1).map_err(TxnError::from)?;
        Ok(found.first().and_then(|key| Some(keys::decode_object(key, tag)?.0.key)))
    }

    fn object(&self, object: ObjectKey) -> Result<ObjectRead, EngineError> {
        let state = self.state(&object)?;
        Ok(ObjectRead {
            state_values: state.values.len(),
            state_bytes: state.bytes(),
            queue: self.key_queue(&object)?,
            key: object.key,
        })
    }

    /// Returns who has the key of an object, and some of those who wait: the first ones after `from`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn inbox(&self, object: &ObjectKey, from: usize, limit: usize) -> Result<Inbox, EngineError> {
        let Some(queue) = self.key_queue(object)? else { return Ok(Inbox::default()) };
        let mut inbox = Inbox { holder: Some(queue.holder), ..Inbox::default() };
        let span = keys::waiters(self.owner(object), object, queue.head);
        for pair in pairs(&*self.inner.store, View::Durable, span).take(WAITERS_COUNTED_MAX) {
            let (key, value) = pair.map_err(TxnError::from)?;
            if inbox.total >= from && inbox.waiting.len() < limit {
                let id: InvocationId = codec::decode(&key, &value).map_err(TxnError::from)?;
                inbox.waiting.push((inbox.total, id));
            }
            inbox.total += 1;
        }
        Ok(inbox)
    }

    /// Returns promises of a workflow by name, the first ones after `after`; and whether there may be more
    /// behind them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn promises(
        &self,
        workflow: &ObjectKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(String, PromiseRow)>, bool), EngineError> {
        let of = NamesOf::Promises(workflow.clone());
        let (mut start, end) = keys::names(self.owner(workflow), &of);
        if let Some(after) = after {
            start.extend_from_slice(after.as_bytes());
            start.push(0);
        }
        let store = &self.inner.store;
        let found = store
            .scan_within(View::Durable, &start, &end, limit, STATE_READ_BYTES_MAX)
            .map_err(TxnError::from)?;
        let bytes: usize = found.iter().map(|(_, value)| value.len()).sum();
        let is_more = found.len() == limit || bytes >= STATE_READ_BYTES_MAX;
        let promise = |(key, value): (Vec<u8>, Bytes)| {
            let name = keys::decode_name(&key, Tag::Promise).expect("a span of names holds only names");
            Ok((name, codec::decode(&key, &value).map_err(TxnError::from)?))
        };
        let promises: Result<Vec<_>, EngineError> = found.into_iter().map(promise).collect();
        Ok((promises?, is_more))
    }
}
