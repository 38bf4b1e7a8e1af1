//! Who refers to a deployment: how many live invocations run on each.
//!
//! They are counted by walking over all live ones, so a count is kept for a while: the longer it took, the
//! longer, and however often it is asked for, counting takes a small part of one processor.

use crate::engine::{EngineError, EngineHandle};
use abide_core::ids::DeploymentId;
use abide_core::time::Timestamp;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// For so long at least a count is kept.
const KEPT_MS_MIN: u64 = 1_000;
/// A count is kept so many times as long as it took.
const KEPT_TIMES: u64 = 20;

/// Live invocations that run on each deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    live: BTreeMap<DeploymentId, u64>,
}

impl Usage {
    /// Returns how many live invocations run on a deployment.
    #[must_use]
    pub fn of(&self, id: &DeploymentId) -> u64 {
        self.live.get(id).copied().unwrap_or(0)
    }
}

/// Counts, and remembers.
#[derive(Default)]
pub struct Counter {
    last: Arc<Mutex<Option<Counted>>>,
}

struct Counted {
    usage: Arc<Usage>,
    until: Timestamp,
}

impl Counter {
    /// Returns a count that is not old.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn recent(&self, engine: &EngineHandle) -> Result<Arc<Usage>, EngineError> {
        // Whoever asks while it is counted waits for that count.
        let last = self.last.clone().lock_owned().await;
        let began = engine.now();
        if let Some(counted) = last.as_ref().filter(|counted| began < counted.until) {
            return Ok(counted.usage.clone());
        }
        count(engine, last, KEPT_TIMES).await
    }

    /// Counts now: what is to be removed must not be judged by an old count.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn now(&self, engine: &EngineHandle) -> Result<Arc<Usage>, EngineError> {
        let last = self.last.clone().lock_owned().await;
        count(engine, last, 0).await
    }

    /// Forgets the count, because invocations were moved.
    pub async fn forget(&self) {
        *self.last.lock().await = None;
    }
}

/// Counts, and remembers that for so many times as long as it took. Whoever asked may go away meanwhile: the next one
/// waits all the same, and does not count beside this.
async fn count(
    engine: &EngineHandle,
    mut last: OwnedMutexGuard<Option<Counted>>,
    kept_times: u64,
) -> Result<Arc<Usage>, EngineError> {
    let engine = engine.clone();
    let counting = tokio::task::spawn_blocking(move || {
        let began = engine.now();
        let usage = Arc::new(count_live(&engine)?);
        let now = engine.now();
        let kept_ms = now.millis_since(began).saturating_mul(kept_times).max(KEPT_MS_MIN);
        *last = Some(Counted { usage: usage.clone(), until: now.plus_millis(kept_ms) });
        Ok(usage)
    });
    counting.await.unwrap_or_else(|error| {
        Err(EngineError::Stopped { reason: format!("the invocations could not be counted: {error}") })
    })
}

fn count_live(engine: &EngineHandle) -> Result<Usage, EngineError> {
    let mut usage = Usage::default();
    engine.visit_live(|_, row| {
        if let Some(deployment) = &row.deployment {
            match usage.live.get_mut(deployment) {
                Some(count) => *count += 1,
                None => _ = usage.live.insert(deployment.clone(), 1),
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::http::tests::world::World;
    use std::pin::pin;
    use std::task::{Context, Waker};

    /// Else whoever asks and goes away, time and again, has as much counted at once as there are threads for it.
    #[test]
    fn who_goes_away_lets_nobody_count_beside() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
        runtime.unwrap().block_on(async {
            let world = World::start(&Config::default());
            let counter = Counter::default();
            // The only thread that could count has something else to do.
            let (done, busy) = std::sync::mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || busy.recv());
            {
                let asking = pin!(counter.recent(&world.state.engine));
                assert!(asking.poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            assert!(counter.last.try_lock().is_err(), "it is still to be counted");
            drop(done);
            assert!(counter.last.lock().await.is_some(), "the count is there for others");
        });
    }
}
