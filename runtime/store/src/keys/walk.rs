//! What whoever walks over much of the store asks of keys.

use super::{HEAD, Span, Tag, decode_object, with_object};
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::target::ObjectKey;

/// Returns the smallest key after this one; also of a part that ends a key.
#[must_use]
pub fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// Returns the key with another tag and the rest as it is.
#[must_use]
pub fn with_tag(key: &[u8], tag: Tag) -> Vec<u8> {
    let mut key = key.to_vec();
    if let Some(byte) = key.get_mut(HEAD - 1) {
        *byte = tag as u8;
    }
    key
}

/// Returns the keys of one tag that belong to one object, whatever follows: a name, a position, nothing.
#[must_use]
pub fn of_object(partition: PartitionId, tag: Tag, object: &ObjectKey) -> Span {
    let start = with_object(partition, tag, object);
    let mut end = start.clone();
    // No position has all these bytes, and no name begins with one of them.
    end.extend_from_slice(&[0xff; 9]);
    (start, end)
}

/// Reads the object and the position of a key of [`Tag::KeyWaiter`].
#[must_use]
pub fn decode_waiter(key: &[u8]) -> Option<(ObjectKey, u64)> {
    let (object, position) = decode_object(key, Tag::KeyWaiter)?;
    Some((object, u64::from_be_bytes(position.try_into().ok()?)))
}

/// Reads the invocation of a key of a tag whose keys begin with one.
#[must_use]
pub fn decode_id(key: &[u8]) -> Option<InvocationId> {
    InvocationId::from_bytes(key.get(HEAD..HEAD + InvocationId::LEN)?)
}

#[cfg(test)]
mod tests {
    use super::super::{encode, objects};
    use super::*;
    use abide_core::rows::RowKey;

    const ID: InvocationId = InvocationId { unique: 0x0102 << 112, partition_key: 0xff };
    const P: PartitionId = PartitionId(3);

    fn object(service: &str, key: &str) -> ObjectKey {
        ObjectKey { service: service.into(), key: key.into() }
    }

    #[test]
    fn spans_of_services_and_objects_do_not_mix() {
        let all =
            [object("S", ""), object("S", "a"), object("S", "a\0"), object("S", "\0"), object("Sa", "")];
        let keys_of = |of: &ObjectKey| {
            [
                (Tag::State, RowKey::State(of.clone(), "\u{10ffff}".into())),
                (Tag::KeyQueue, RowKey::KeyQueue(of.clone())),
                (Tag::KeyWaiter, RowKey::KeyWaiter(of.clone(), u64::MAX - 1)),
            ]
        };
        for each in &all {
            for (tag, row_key) in keys_of(each) {
                let key = encode(P, &row_key);
                let holds = |(start, end): Span| (start..end).contains(&key);
                assert_eq!(holds(objects(P.0, tag, "S", "", None)), each.service == "S", "{row_key:?}");
                for of in &all {
                    assert_eq!(holds(of_object(P, tag, of)), each == of, "{row_key:?} in {of}");
                }
            }
        }
        let waiter = encode(P, &RowKey::KeyWaiter(object("S", "k"), 7));
        assert_eq!(decode_waiter(&waiter), Some((object("S", "k"), 7)));
        assert_eq!(decode_id(&encode(P, &RowKey::Entry(ID, 7))), Some(ID));
        assert_eq!(
            with_tag(&encode(P, &RowKey::Invocation(ID)), Tag::Completed),
            encode(P, &RowKey::Completed(ID))
        );
    }
}
