//! Keys of what guests log: a partition of its own, which the core does not know.

use super::{Span, Tag, after, head, rest_of, with_id, with_number};
use crate::LOG_PARTITION;
use abide_core::ids::{InvocationId, PartitionId};

/// Returns the key of some lines of a guest.
#[must_use]
pub fn log_chunk(number: u64) -> Vec<u8> {
    with_number(head(LOG_PARTITION, Tag::LogChunk, 8), number)
}

/// Reads the number of a key of [`Tag::LogChunk`].
#[must_use]
pub fn decode_log_chunk(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(rest_of(key, Tag::LogChunk)?.try_into().ok()?))
}

/// Returns the key that says where lines are among those of their invocation.
#[must_use]
pub fn log_place(id: InvocationId, number: u64) -> Vec<u8> {
    with_number(with_id(PartitionId(LOG_PARTITION), Tag::LogPlace, id), number)
}

/// Reads invocation and number of a key of [`Tag::LogPlace`].
#[must_use]
pub fn decode_log_place(key: &[u8]) -> Option<(InvocationId, u64)> {
    let (id, number) = rest_of(key, Tag::LogPlace)?.split_first_chunk::<{ InvocationId::LEN }>()?;
    Some((InvocationId::from_bytes(id)?, u64::from_be_bytes(number.try_into().ok()?)))
}

/// Returns the keys of the places of all lines of an invocation.
#[must_use]
pub fn logs_of(id: InvocationId) -> Span {
    (log_place(id, 0), after(&log_place(id, u64::MAX)))
}

/// Returns the key of what all lines come to.
#[must_use]
pub fn log_totals() -> Vec<u8> {
    head(LOG_PARTITION, Tag::LogTotals, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    const ID: InvocationId = InvocationId { unique: 0x0102 << 112, partition_key: 0xff };
    const ID_HEX: &str = "0102000000000000000000000000000000000000000000ff";

    #[test]
    fn keys_of_logs_have_their_golden_bytes_and_read_back() {
        assert_eq!(hex(&log_chunk(7)), "fffe190000000000000007");
        assert_eq!(hex(&log_place(ID, 7)), format!("fffe1a{ID_HEX}0000000000000007"));
        assert_eq!(hex(&log_totals()), "fffe1b");
        assert_eq!(decode_log_chunk(&log_chunk(7)), Some(7));
        assert_eq!(decode_log_place(&log_place(ID, 7)), Some((ID, 7)));
        let (start, end) = logs_of(ID);
        let next = InvocationId { partition_key: ID.partition_key + 1, ..ID };
        let holds = |id, number| (start.clone()..end.clone()).contains(&log_place(id, number));
        assert_eq!([holds(ID, 0), holds(ID, u64::MAX), holds(next, 0)], [true, true, false]);
    }
}
