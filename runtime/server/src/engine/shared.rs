//! Results that take long, shared by all who ask for the same in the same moment.
//!
//! Many people may look at the same page, each asking every few seconds: that costs one look at the
//! store, not many.

use super::EngineError;
use crate::clock::Clock;
use abide_core::time::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How long a result is used, in milliseconds, and how many times as long as it took.
const FRESH_MS: u64 = 1_000;
const FRESH_TIMES: u64 = 4;
/// Different results that are kept; the oldest go.
const KEPT_MAX: usize = 8;
/// Results that are worked out at the same time; more wait.
const AT_ONCE_MAX: usize = 2;

struct Kept<V> {
    value: Arc<V>,
    until: Timestamp,
}

/// One result; whoever asks while it is worked out waits for the lock.
type Slot<V> = Arc<tokio::sync::Mutex<Option<Kept<V>>>>;

/// See the module.
pub struct Shared<K, V> {
    slots: Mutex<HashMap<K, (Slot<V>, u64)>>,
    asked: std::sync::atomic::AtomicU64,
    working: Arc<Semaphore>,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self { slots: Mutex::default(), asked: 0.into(), working: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }
}

impl<K: Eq + Hash + Clone, V: Send + Sync + 'static> Shared<K, V> {
    /// Returns what `work` comes to, or came to for somebody else a moment ago.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn get(
        &self,
        key: K,
        clock: &Arc<dyn Clock>,
        work: impl FnOnce() -> Result<V, EngineError> + Send + 'static,
    ) -> Result<Arc<V>, EngineError> {
        let slot = self.slot(key);
        let mut kept = slot.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| clock.now() < kept.until) {
            return Ok(kept.value.clone());
        }
        let permit = self.working.clone().acquire_owned().await.expect("nobody closes it");
        let began_at = clock.now();
        let work = move || {
            // Held by the work, not by whoever asked, who may go away meanwhile.
            let _permit = permit;
            work()
        };
        let value = tokio::task::spawn_blocking(work).await.map_err(|error| EngineError::Stopped {
            reason: format!("the invocations could not be looked at: {error}"),
        })??;
        let now = clock.now();
        let fresh_ms = FRESH_MS.max(now.millis_since(began_at).saturating_mul(FRESH_TIMES));
        let value = Arc::new(value);
        *kept = Some(Kept { value: value.clone(), until: now.plus_millis(fresh_ms) });
        Ok(value)
    }

    fn slot(&self, key: K) -> Slot<V> {
        let number = self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut slots = self.slots.lock();
        if slots.len() >= KEPT_MAX && !slots.contains_key(&key) {
            let oldest = slots.iter().min_by_key(|(_, (_, asked))| *asked).map(|(key, _)| key.clone());
            slots.remove(&oldest.expect("it is not empty: checked above"));
        }
        let (slot, asked) = slots.entry(key).or_insert_with(|| (Slot::default(), number));
        *asked = number;
        slot.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct SetClock(Mutex<Timestamp>);

    impl Clock for SetClock {
        fn now(&self) -> Timestamp {
            *self.0.lock()
        }

        fn sleep_until(&self, _: Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn the_same_is_worked_out_once_until_it_is_old() {
        let moved = Arc::new(SetClock(Mutex::new(Timestamp(0))));
        let clock: Arc<dyn Clock> = moved.clone();
        let shared = Arc::new(Shared::<u32, u32>::default());
        let runs = Arc::new(AtomicU32::new(0));
        let ask = |key| {
            let (shared, clock, runs) = (shared.clone(), clock.clone(), runs.clone());
            async move {
                let work = move || Ok(runs.fetch_add(1, Ordering::Relaxed));
                *shared.get(key, &clock, work).await.unwrap()
            }
        };
        let (first, second, other) = tokio::join!(ask(1), ask(1), ask(2));
        assert_eq!(first, second);
        assert_ne!(first, other);
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        *moved.0.lock() = Timestamp(FRESH_MS - 1);
        assert_eq!(ask(1).await, first);
        *moved.0.lock() = Timestamp(FRESH_MS);
        assert_eq!(ask(1).await, 2);
    }

    #[tokio::test]
    async fn what_was_asked_for_longest_ago_goes_first() {
        let clock: Arc<dyn Clock> = Arc::new(SetClock(Mutex::new(Timestamp(0))));
        let shared = Shared::<usize, usize>::default();
        let ask = async |key, value| *shared.get(key, &clock, move || Ok(value)).await.unwrap();
        for key in 0..KEPT_MAX {
            assert_eq!(ask(key, key).await, key);
        }
        assert_eq!(ask(0, 99).await, 0);
        assert_eq!(ask(KEPT_MAX, 7).await, 7);
        assert_eq!((ask(0, 99).await, ask(1, 99).await), (0, 99));
    }
}
