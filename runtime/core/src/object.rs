//! What is stored of virtual objects and workflows besides their state.

use crate::entry::Outcome;
use crate::ids::InvocationId;
use crate::invocation::Listener;
use serde::{Deserialize, Serialize};

/// Who has the key of an object, and how many wait for it. Each of those has a row of its own, named
/// by its position, so that a long queue costs no more than a short one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyQueueRow {
    pub holder: InvocationId,
    /// Position of the first that waits, if it still does: one that was ended leaves a gap.
    pub head: u64,
    /// Position of the next that comes.
    pub tail: u64,
}

/// A durable promise of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseRow {
    /// None: it is not completed yet.
    pub outcome: Option<Outcome>,
    pub waiting: Vec<Listener>,
}
