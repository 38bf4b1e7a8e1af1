//! Addresses: which id an invocation gets, and with it which partition owns it.
//!
//! The same object, the same owner. The same idempotency key, or the same workflow, is the same
//! invocation: its id is computed, so nobody has to look it up. Everything else gets a fresh id.

use abide_core::ids::InvocationId;
use abide_core::target::{ObjectKey, Target};
use abide_core::time::Timestamp;
use sha2::{Digest, Sha256};

/// Returns the partition key of an object or workflow.
#[must_use]
pub fn partition_key(object: &ObjectKey) -> u64 {
    low(digest(&[b"object", object.service.as_bytes(), object.key.as_bytes()]))
}

/// Returns the id of what a workflow comes to. There is one per key.
#[must_use]
pub fn workflow_run(object: &ObjectKey) -> InvocationId {
    let digest = digest(&[b"workflow", object.service.as_bytes(), object.key.as_bytes()]);
    InvocationId::computed(digest, partition_key(object))
}

/// Returns the id of the invocation that has this idempotency key.
#[must_use]
pub fn idempotent(target: &Target, idempotency_key: &str) -> InvocationId {
    let Target { service, key, handler } = target;
    // A plain service and an object with the empty key must not be mixed up.
    let (kind, key): (&[u8], &[u8]) = key.as_ref().map_or((b"plain", b""), |key| (b"keyed", key.as_bytes()));
    let digest = digest(&[kind, service.as_bytes(), key, handler.as_bytes(), idempotency_key.as_bytes()]);
    let partition_key = match target.object() {
        Some(object) => partition_key(&object),
        None => low(digest.rotate_left(64)),
    };
    InvocationId::computed(digest, partition_key)
}

/// Returns an id that nobody else has. Objects have their owner; a plain service may go anywhere, so
/// the caller says where.
#[must_use]
pub fn fresh(target: &Target, now: Timestamp, partition_key_of_plain: u64) -> InvocationId {
    let partition_key = target.object().map_or(partition_key_of_plain, |object| partition_key(&object));
    InvocationId::new(now, rand::random(), partition_key)
}

/// The first half of the digest of some texts, each told apart from the next.
fn digest(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    u128::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

fn low(digest: u128) -> u64 {
    (digest & u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(key: Option<&str>) -> Target {
        Target { service: "S".into(), key: key.map(Into::into), handler: "h".into() }
    }

    fn object(key: &str) -> ObjectKey {
        ObjectKey { service: "S".into(), key: key.into() }
    }

    #[test]
    fn the_same_is_the_same_and_the_rest_is_not() {
        assert_eq!(idempotent(&target(None), "k"), idempotent(&target(None), "k"));
        let others = [
            idempotent(&target(None), "k"),
            idempotent(&target(None), "l"),
            idempotent(&target(Some("")), "k"),
            idempotent(&target(Some("k")), ""),
            workflow_run(&object("k")),
            workflow_run(&object("")),
        ];
        for (index, id) in others.iter().enumerate() {
            assert!(id.is_computed());
            assert!(!others[..index].contains(id), "{index}");
        }
    }

    #[test]
    fn all_of_an_object_has_one_owner() {
        let owner = partition_key(&object("a/b"));
        assert_eq!(workflow_run(&object("a/b")).partition_key, owner);
        assert_eq!(idempotent(&target(Some("a/b")), "k").partition_key, owner);
        assert_eq!(fresh(&target(Some("a/b")), Timestamp(1), 7).partition_key, owner);
        assert_eq!(fresh(&target(None), Timestamp(1), 7).partition_key, 7);
    }

    #[test]
    fn computed_ids_never_change() {
        // Ids are stored and handed out: another digest would be another invocation.
        let golden = [
            (idempotent(&target(None), "k"), "inv_1BmvbhcpWdTy7n42DGM5RgAbUYscWf2cR7"),
            (idempotent(&target(Some("a")), "k"), "inv_10fASq3wh4QI7n42DGM5RlBGY30EQeAUR7"),
            (workflow_run(&object("k")), "inv_11506pEipJyA7n42DGM5NvxRsxWaLLVcWT"),
        ];
        for (id, text) in golden {
            assert_eq!(id.to_string(), text);
        }
    }
}
