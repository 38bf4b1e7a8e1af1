//! What nearly every service needs: `use abide_sdk::prelude::*;`.

pub use crate::{
    Bytes, Context, HandlerError, HandlerResult, InvocationHandle, ObjectContext, RetryPolicy,
    RetryableError, SharedObjectContext, SharedWorkflowContext, Target, TerminalError, Text, WorkflowContext,
    data, http, object, race, service, workflow,
};

pub use futures_util::future::{Either, FutureExt, join_all, select_all, try_join_all};
/// Waits for the first of several futures, polled in the order they are written.
///
/// This is `futures::select_biased!`. The unbiased `select!` polls in random order, which would
/// make the handler's operations differ between attempts.
pub use futures_util::select_biased as select;
pub use futures_util::stream::{self, FuturesUnordered, StreamExt, TryStreamExt};
pub use futures_util::{join, try_join};
pub use rand_traits::{Rng, RngExt};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use std::pin::pin;
pub use std::time::Duration;
pub use tracing::{debug, error, info, trace, warn};
pub use uuid::Uuid;
