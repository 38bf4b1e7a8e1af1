//! When to try again, and when to stop trying.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Exponential back-off with a bound. Used for attempts of an invocation and for run blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    pub initial_interval_ms: u64,
    /// Factor from one delay to the next, times 1000.
    pub factor_milli: u32,
    /// None: delays grow without bound.
    pub max_interval_ms: Option<u64>,
    /// Counts the first try. None: no limit.
    pub max_attempts: Option<u32>,
    /// Counts from the first failure. None: no limit.
    pub max_duration_ms: Option<u64>,
}

/// What happens to an invocation whose attempts are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnMaxAttempts {
    /// It waits, journal and all, until somebody resumes it.
    Pause,
    /// It ends with the last failure.
    Kill,
}

/// How a handler's attempts are retried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerRetry {
    pub policy: RetryPolicy,
    pub on_max_attempts: OnMaxAttempts,
}

/// The defaults are those of Restate 1.7: 500 ms, doubling to a minute, 70 attempts, then pause.
impl Default for HandlerRetry {
    fn default() -> Self {
        Self {
            policy: RetryPolicy {
                initial_interval_ms: 500,
                factor_milli: 2_000,
                max_interval_ms: Some(60_000),
                max_attempts: Some(70),
                max_duration_ms: None,
            },
            on_max_attempts: OnMaxAttempts::Pause,
        }
    }
}

/// Share of a delay, in thousandths, by which jitter may lengthen it.
const JITTER_MILLI: u64 = 100;

impl RetryPolicy {
    /// Returns the delay in ms before the try that follows `failures` failed ones, or None when the
    /// policy is exhausted. `jitter` is any random number; the delay grows by up to a tenth of it.
    #[must_use]
    pub fn delay_ms(
        &self,
        failures: u32,
        first_failed_at: Timestamp,
        now: Timestamp,
        jitter: u16,
    ) -> Option<u64> {
        if self.max_attempts.is_some_and(|max| failures >= max) {
            return None;
        }
        if self.max_duration_ms.is_some_and(|max| now.millis_since(first_failed_at) >= max) {
            return None;
        }
        let delay = self.interval_ms(failures);
        let extra = delay.saturating_mul(JITTER_MILLI) / 1000;
        Some(delay.saturating_add(extra.saturating_mul(u64::from(jitter)) / u64::from(u16::MAX)))
    }

    /// Returns the delay without jitter. Thousandths are kept on the way, so that an interval of a
    /// millisecond grows too when the factor is small.
    fn interval_ms(&self, failures: u32) -> u64 {
        let max = self.max_interval_ms.unwrap_or(u64::MAX);
        let mut interval_micros = u128::from(self.initial_interval_ms) * 1000;
        for _ in 1..failures {
            if interval_micros >= u128::from(max) * 1000 {
                break;
            }
            let grown = interval_micros * u128::from(self.factor_milli) / 1000;
            if grown <= interval_micros {
                break;
            }
            interval_micros = grown;
        }
        u64::try_from(interval_micros / 1000).unwrap_or(u64::MAX).min(max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000);

    fn delays(policy: &RetryPolicy, count: u32) -> Vec<Option<u64>> {
        (1..=count).map(|failures| policy.delay_ms(failures, START, START, 0)).collect()
    }

    #[test]
    fn delays_double_up_to_the_bound() {
        let policy = HandlerRetry::default().policy;
        let seen = delays(&policy, 9);
        let expected = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
        assert_eq!(seen, expected.map(Some));
    }

    #[test]
    fn the_first_try_counts() {
        let policy = RetryPolicy { max_attempts: Some(3), ..HandlerRetry::default().policy };
        assert_eq!(delays(&policy, 3), [Some(500), Some(1_000), None]);
    }

    #[test]
    fn time_runs_out_too() {
        let policy = RetryPolicy { max_duration_ms: Some(10), ..HandlerRetry::default().policy };
        assert_eq!(policy.delay_ms(1, START, START.plus_millis(9), 0), Some(500));
        assert_eq!(policy.delay_ms(1, START, START.plus_millis(10), 0), None);
    }

    #[test]
    fn jitter_adds_up_to_a_tenth() {
        let policy = HandlerRetry::default().policy;
        assert_eq!(policy.delay_ms(1, START, START, u16::MAX), Some(550));
    }

    #[test]
    fn a_short_interval_grows_by_a_small_factor_too() {
        let policy = RetryPolicy {
            initial_interval_ms: 1,
            factor_milli: 1_500,
            max_interval_ms: Some(4),
            max_attempts: None,
            max_duration_ms: None,
        };
        assert_eq!(delays(&policy, 6), [1, 1, 2, 3, 4, 4].map(Some));
    }

    #[test]
    fn no_factor_and_no_count_overflows() {
        let policy = RetryPolicy {
            initial_interval_ms: u64::MAX,
            factor_milli: u32::MAX,
            max_interval_ms: None,
            max_attempts: None,
            max_duration_ms: None,
        };
        assert_eq!(policy.delay_ms(u32::MAX, START, START, u16::MAX), Some(u64::MAX));
    }
}
