//! Ids: who is meant. All are newtypes; the text forms are promises to users.

use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// One of the P owners of keys. Every invocation belongs to exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionId(pub u16);

impl PartitionId {
    /// Returns the owner of a partition key among `partitions` many.
    #[must_use]
    pub fn of(partition_key: u64, partitions: u16) -> Self {
        debug_assert!(partitions > 0);
        let index = partition_key % u64::from(partitions.max(1));
        Self(u16::try_from(index).expect("a remainder by a u16 fits a u16"))
    }
}

/// Number of an operation within its invocation: dense, from 0, in the order of the guest's calls.
pub type OpId = u32;

/// Stands for the cancellation of the invocation among its outcomes. No operation has this number.
pub const CANCEL_OP: OpId = OpId::MAX;

/// Number of a guest execution within its invocation, from 1. Messages of older ones are ignored.
pub type Attempt = u32;

/// Names one durable run of a handler.
///
/// The high 48 bits of `unique` are the time of creation, so that neighbours in time are neighbours
/// in the store; `partition_key` names the owner for good, whatever the number of partitions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InvocationId {
    pub unique: u128,
    pub partition_key: u64,
}

const TIME_BITS: u32 = 48;
const RANDOM_BITS: u32 = 128 - TIME_BITS;
/// In place of the time of creation: the id is computed. It would be the year 10889.
const COMPUTED: u128 = (1 << TIME_BITS) - 1;

impl InvocationId {
    /// Length of the binary form in bytes.
    pub const LEN: usize = 24;

    /// Builds an id from the time of creation, 80 bits that make it unique, and its owner.
    #[must_use]
    pub fn new(created_at: Timestamp, random: u128, partition_key: u64) -> Self {
        let random = random & ((1 << RANDOM_BITS) - 1);
        Self { unique: (u128::from(created_at.0) << RANDOM_BITS) | random, partition_key }
    }

    /// Builds the id of an invocation that is one of a kind: the same idempotency key, or the same
    /// workflow, is the same id. It does not tell the time of creation.
    #[must_use]
    pub fn computed(digest: u128, partition_key: u64) -> Self {
        let digest = digest & ((1 << RANDOM_BITS) - 1);
        Self { unique: (COMPUTED << RANDOM_BITS) | digest, partition_key }
    }

    /// Returns the smallest id that begins with this time; None for one that no id begins with.
    #[must_use]
    pub fn first_of(time: Timestamp) -> Option<Self> {
        (u128::from(time.0) < COMPUTED).then(|| Self::new(time, 0, 0))
    }

    /// Returns when the invocation was created, where the id tells.
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        let millis = self.unique >> RANDOM_BITS;
        (millis != COMPUTED).then(|| Timestamp(u64::try_from(millis).expect("48 bits fit a u64")))
    }

    /// Says whether the id was made by [`Self::computed`].
    #[must_use]
    pub fn is_computed(&self) -> bool {
        self.unique >> RANDOM_BITS == COMPUTED
    }

    /// Returns the partition that owns this invocation.
    #[must_use]
    pub fn partition(&self, partitions: u16) -> PartitionId {
        PartitionId::of(self.partition_key, partitions)
    }

    /// Returns the binary form; its order is the order of creation.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..16].copy_from_slice(&self.unique.to_be_bytes());
        bytes[16..].copy_from_slice(&self.partition_key.to_be_bytes());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; None when the length is another.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::LEN {
            return None;
        }
        Some(Self {
            unique: u128::from_be_bytes(bytes[..16].try_into().ok()?),
            partition_key: u64::from_be_bytes(bytes[16..].try_into().ok()?),
        })
    }
}

/// `inv_1` + 11 base-62 digits of the partition key + 22 of the unique part, as in Restate.
impl fmt::Display for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("inv_1")?;
        write_base62(f, u128::from(self.partition_key), 11)?;
        write_base62(f, self.unique, 22)
    }
}

impl fmt::Debug for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not an id. The words are those existing ingress clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseIdError {
    BadFormat,
    UnknownVersion,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadFormat => "bad format",
            Self::UnknownVersion => "unrecognized codec version",
        })
    }
}

impl std::error::Error for ParseIdError {}

impl FromStr for InvocationId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let digits = text.strip_prefix("inv_").ok_or(ParseIdError::BadFormat)?;
        if !digits.starts_with('1') {
            return Err(ParseIdError::UnknownVersion);
        }
        if digits.len() != 34 || !digits.is_ascii() {
            return Err(ParseIdError::BadFormat);
        }
        let partition_key = read_base62(&digits[1..12]).ok_or(ParseIdError::BadFormat)?;
        let unique = read_base62(&digits[12..]).ok_or(ParseIdError::BadFormat)?;
        Ok(Self { unique, partition_key: u64::try_from(partition_key).map_err(|_| ParseIdError::BadFormat)? })
    }
}

/// Names one operation of one invocation that somebody outside completes. Tells its owner, so that it
/// can be completed without a look into an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AwakeableId {
    pub invocation: InvocationId,
    pub op: OpId,
    /// Tells one invocation with a computed id from the one that had this id before it. 0 where there was
    /// none, see [`crate::invocation::InvocationRow::birth`].
    pub birth: Attempt,
}

/// As it was before ids told the birth, with the birth above the operation: one of 0 is the same bytes.
impl Serialize for AwakeableId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let birth_and_op = u64::from(self.birth) << 32 | u64::from(self.op);
        (self.invocation, birth_and_op).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AwakeableId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (invocation, birth_and_op) = <(InvocationId, u64)>::deserialize(deserializer)?;
        let op = OpId::try_from(birth_and_op & u64::from(u32::MAX)).expect("32 bits fit");
        let birth = Attempt::try_from(birth_and_op >> 32).expect("32 bits fit");
        Ok(Self { invocation, op, birth })
    }
}

/// `sign_1` + 11 base-62 digits of the partition key + 22 of the invocation's unique part + 6 of the
/// operation; `sign_2` has 6 more, of the birth.
impl fmt::Display for AwakeableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.birth == 0 { "sign_1" } else { "sign_2" })?;
        write_base62(f, u128::from(self.invocation.partition_key), 11)?;
        write_base62(f, self.invocation.unique, 22)?;
        write_base62(f, u128::from(self.op), 6)?;
        if self.birth == 0 { Ok(()) } else { write_base62(f, u128::from(self.birth), 6) }
    }
}

impl fmt::Debug for AwakeableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AwakeableId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let digits = text.strip_prefix("sign_").ok_or(ParseIdError::BadFormat)?;
        let (digits, birth) = match digits.as_bytes() {
            [b'1', ..] => (digits, None),
            [b'2', ..] if digits.len() > 6 && digits.is_ascii() => {
                let (digits, birth) = digits.split_at(digits.len() - 6);
                (digits, Some(birth))
            }
            [b'2', ..] => return Err(ParseIdError::BadFormat),
            _ => return Err(ParseIdError::UnknownVersion),
        };
        if digits.len() != 40 || !digits.is_ascii() {
            return Err(ParseIdError::BadFormat);
        }
        let read = |digits: &str| read_base62(digits).ok_or(ParseIdError::BadFormat);
        let number = |digits: &str| u32::try_from(read(digits)?).map_err(|_| ParseIdError::BadFormat);
        let partition_key = u64::try_from(read(&digits[1..12])?).map_err(|_| ParseIdError::BadFormat)?;
        let unique = read(&digits[12..34])?;
        let birth = birth.map_or(Ok(0), number)?;
        // Each id has one text.
        if birth == 0 && text.starts_with("sign_2") {
            return Err(ParseIdError::BadFormat);
        }
        Ok(Self { invocation: InvocationId { unique, partition_key }, op: number(&digits[34..])?, birth })
    }
}

/// Names an uploaded component: `dp_1` + 22 base-62 digits of its digest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeploymentId(String);

impl DeploymentId {
    /// Builds the id from the first 128 bits of the component's digest: the same bytes are the
    /// same deployment.
    #[must_use]
    pub fn from_digest(digest: u128) -> Self {
        struct Digits(u128);
        impl fmt::Display for Digits {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_base62(f, self.0, 22)
            }
        }
        Self(format!("dp_1{}", Digits(digest)))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DeploymentId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let digits = text.strip_prefix("dp_").ok_or(ParseIdError::BadFormat)?;
        if !digits.starts_with('1') {
            return Err(ParseIdError::UnknownVersion);
        }
        if digits.len() != 23 || !digits.is_ascii() {
            return Err(ParseIdError::BadFormat);
        }
        read_base62(&digits[1..]).ok_or(ParseIdError::BadFormat)?;
        Ok(Self(text.to_owned()))
    }
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn write_base62(f: &mut fmt::Formatter<'_>, mut value: u128, width: usize) -> fmt::Result {
    let mut text = [b'0'; 22];
    for slot in text[..width].iter_mut().rev() {
        let digit = usize::try_from(value % 62).expect("a digit is below 62");
        *slot = DIGITS[digit];
        value /= 62;
    }
    f.write_str(std::str::from_utf8(&text[..width]).expect("digits are ASCII"))
}

fn read_base62(text: &str) -> Option<u128> {
    text.bytes().try_fold(0u128, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        value.checked_mul(62)?.checked_add(u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_id_survives_its_text() {
        for (unique, partition_key) in [(0, 0), (u128::MAX, u64::MAX), (1 << 80, 7)] {
            let id = InvocationId { unique, partition_key };
            let text = id.to_string();
            assert_eq!(text.len(), 38);
            assert_eq!(text.parse(), Ok(id));
            assert_eq!(InvocationId::from_bytes(&id.to_bytes()), Some(id));
        }
    }

    #[test]
    fn ids_of_later_invocations_sort_later() {
        let earlier = InvocationId::new(Timestamp(1), u128::MAX, u64::MAX);
        let later = InvocationId::new(Timestamp(2), 0, 0);
        assert!(earlier.to_bytes() < later.to_bytes());
    }

    #[test]
    fn no_time_reaches_the_computed_ids() {
        let first = InvocationId::first_of(Timestamp(2)).unwrap();
        assert!(InvocationId::new(Timestamp(1), u128::MAX, u64::MAX) < first);
        assert!(first <= InvocationId::new(Timestamp(2), 0, 0));
        let last = InvocationId::first_of(Timestamp((1 << 48) - 2)).unwrap();
        assert!(last < InvocationId::computed(0, 0));
        assert_eq!(InvocationId::first_of(Timestamp((1 << 48) - 1)), None);
        assert_eq!(InvocationId::first_of(Timestamp(u64::MAX)), None);
    }

    #[test]
    fn a_bad_id_is_named() {
        let parse = |text: &str| text.parse::<InvocationId>();
        assert_eq!(parse("foo"), Err(ParseIdError::BadFormat));
        assert_eq!(parse(&format!("inv_2{}", "0".repeat(33))), Err(ParseIdError::UnknownVersion));
        assert_eq!(parse(&format!("inv_1{}", "z".repeat(33))), Err(ParseIdError::BadFormat));
        assert_eq!(parse(&format!("inv_1{}ä", "0".repeat(31))), Err(ParseIdError::BadFormat));
    }

    #[test]
    fn an_awakeable_id_survives_its_text() {
        for (unique, partition_key, op) in [(0, 0, 0), (u128::MAX, u64::MAX, u32::MAX), (1 << 80, 7, 17)] {
            for birth in [0, 1, u32::MAX] {
                let id = AwakeableId { invocation: InvocationId { unique, partition_key }, op, birth };
                assert_eq!(id.to_string().parse(), Ok(id));
            }
        }
        let zeros = |count| "0".repeat(count);
        assert!(format!("sign_1{}", zeros(39)).parse::<AwakeableId>().is_ok());
        for bad in [format!("sign_2{}", zeros(39)), format!("sign_2{}", zeros(45)), "sign_2ä".repeat(7)] {
            assert_eq!(bad.parse::<AwakeableId>(), Err(ParseIdError::BadFormat), "{bad}");
        }
        assert_eq!("sign_foo".parse::<AwakeableId>(), Err(ParseIdError::UnknownVersion));
        assert_eq!("foo".parse::<AwakeableId>(), Err(ParseIdError::BadFormat));
    }

    #[test]
    fn a_computed_id_says_so() {
        assert!(InvocationId::computed(u128::MAX, 1).is_computed());
        assert!(!InvocationId::new(Timestamp(1), u128::MAX, 1).is_computed());
    }

    #[test]
    fn a_deployment_id_survives_its_text() {
        let id = DeploymentId::from_digest(12_345);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("dp_foo".parse::<DeploymentId>().is_err());
    }
}
