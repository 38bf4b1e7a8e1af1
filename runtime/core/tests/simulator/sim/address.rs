//! Which id an invocation gets, as the real shell does it: the same object has the same owner, the
//! same idempotency key or workflow is the same invocation, everything else has a fresh id.

use super::catalogue::offered;
use super::rng::{Rng, mix, mix_bytes};
use abide_core::ids::InvocationId;
use abide_core::target::{ObjectKey, Target};
use abide_core::time::Timestamp;

/// Nobody has this id.
pub const NOBODY: InvocationId = InvocationId { unique: 1, partition_key: 1 };

/// Returns the id that is the same each time it is asked for, where the target or the idempotency
/// key makes it one of a kind.
pub fn computed(target: &Target, idempotency_key: Option<&str>) -> Option<InvocationId> {
    let digest = match (target.object(), idempotency_key) {
        (Some(object), _) if is_run(target) => of_object(&object, 1),
        (_, Some(key)) => mix(mix_bytes(format!("{target}").as_bytes()), mix_bytes(key.as_bytes())),
        (_, None) => return None,
    };
    let partition_key = target.object().map_or(mix(digest, 2), |object| of_object(&object, 0));
    Some(InvocationId::computed(u128::from(digest), partition_key))
}

/// Says whether the target is what a workflow comes to: another key has nothing to add, and is left out.
pub fn is_run(target: &Target) -> bool {
    offered(target).is_some_and(|offered| offered.is_workflow_run())
}

pub fn id(target: &Target, idempotency_key: Option<&str>, now: Timestamp, rng: &mut Rng) -> InvocationId {
    computed(target, idempotency_key).unwrap_or_else(|| {
        let random = (u128::from(rng.number()) << 64) | u128::from(rng.number());
        let partition_key = target.object().map_or(rng.number(), |object| of_object(&object, 0));
        InvocationId::new(now, random, partition_key)
    })
}

/// Returns the id of what a workflow comes to.
pub fn workflow_run(object: &ObjectKey) -> Option<InvocationId> {
    let ObjectKey { service, key } = object.clone();
    computed(&Target { service, key: Some(key), handler: "run".into() }, None)
}

/// Returns the partition key of an object or workflow.
pub fn owner(object: &ObjectKey) -> u64 {
    of_object(object, 0)
}

fn of_object(object: &ObjectKey, what: u64) -> u64 {
    mix(mix_bytes(object.service.as_bytes()), mix(mix_bytes(object.key.as_bytes()), what))
}
