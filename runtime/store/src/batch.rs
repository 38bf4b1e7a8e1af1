//! What is written: operations, the fence that guards them, and the batch that makes them one.

use bytes::Bytes;
use std::cmp::Ordering;
use std::sync::Arc;

/// The number of a committed batch: dense, from 1, and it goes on where it stopped when the store is opened again.
pub type Sequence = u64;

/// The partition under which a store keeps what belongs to no partition.
pub const META_PARTITION: u16 = u16::MAX;

/// The partition of what guests log.
pub const LOG_PARTITION: u16 = u16::MAX - 1;

/// One change of one key. All kinds are absolute, so applying one twice is the same as applying it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Put {
        key: Vec<u8>,
        value: Bytes,
    },
    /// The same with a large value, of which others have a piece, too: it is written as it is, and not copied.
    PutPieces {
        key: Vec<u8>,
        pieces: Arc<[Bytes]>,
    },
    Delete {
        key: Vec<u8>,
    },
}

/// What a key is given.
#[derive(Clone, Debug)]
pub enum Value {
    Whole(Bytes),
    Pieces(Arc<[Bytes]>),
}

impl Value {
    /// Returns its pieces, one after the other.
    pub fn pieces(&self) -> &[Bytes] {
        match self {
            Value::Whole(value) => std::slice::from_ref(value),
            Value::Pieces(pieces) => pieces,
        }
    }

    /// Returns the bytes of all pieces.
    pub fn bytes(&self) -> u64 {
        self.pieces().iter().map(|piece| piece.len() as u64).sum()
    }

    /// Returns the value in one piece.
    pub fn into_whole(self) -> Bytes {
        match self {
            Value::Whole(value) => value,
            Value::Pieces(pieces) => pieces.concat().into(),
        }
    }
}

impl Op {
    /// Returns the key this operation changes.
    pub fn key(&self) -> &[u8] {
        match self {
            Op::Put { key, .. } | Op::PutPieces { key, .. } | Op::Delete { key } => key,
        }
    }

    /// Returns what the key holds afterwards.
    pub fn value(&self) -> Option<Value> {
        match self {
            Op::Put { value, .. } => Some(Value::Whole(value.clone())),
            Op::PutPieces { pieces, .. } => Some(Value::Pieces(pieces.clone())),
            Op::Delete { .. } => None,
        }
    }

    /// Returns the bytes of the value.
    pub fn value_bytes(&self) -> u64 {
        match self {
            Op::Put { value, .. } => value.len() as u64,
            Op::PutPieces { pieces, .. } => pieces.iter().map(|piece| piece.len() as u64).sum(),
            Op::Delete { .. } => 0,
        }
    }

    /// Returns the bytes of key and value together.
    pub fn bytes(&self) -> u64 {
        self.key().len() as u64 + self.value_bytes()
    }
}

/// The right to write to a partition. Acquiring the partition again takes it from everyone who held it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    pub partition: u16,
    pub epoch: u64,
}

/// Operations that happen together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub fence: Fence,
    pub ops: Vec<Op>,
}

/// What a reader wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Every committed batch, also those a power cut would still take away.
    Latest,
    /// Only what survives a crash.
    Durable,
}

/// What a key holds, as far as that is not kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peeked {
    Absent,
    Value(Bytes),
    /// A value in a file of its own, of so many bytes.
    Apart {
        bytes: u64,
    },
}

/// In which order the pairs of a span, or the lines of a list, come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    Ascending,
    Descending,
}

impl Order {
    /// Compares two things; the one that comes first is the less.
    #[must_use]
    pub fn compare<T: Ord + ?Sized>(self, left: &T, right: &T) -> Ordering {
        match self {
            Order::Ascending => left.cmp(right),
            Order::Descending => right.cmp(left),
        }
    }

    /// Says whether `left` comes before `right`.
    #[must_use]
    pub fn is_before<T: Ord + ?Sized>(self, left: &T, right: &T) -> bool {
        self.compare(left, right).is_lt()
    }
}
