//! How often, and how soon, a failed run block is tried again.

use std::time::Duration;

use crate::bindings::types;

/// The retry policy of a run block.
///
/// Delays grow from the initial interval by the factor up to the maximum. When the attempts or the
/// time are used up, the awaited run block returns a [`TerminalError`](crate::TerminalError) with
/// the message of the last failure, which the handler can catch. Without limits it retries forever.
///
/// ```
/// use abide_sdk::prelude::*;
/// # async fn pay() -> HandlerResult<String> { Ok(String::new()) }
/// # async fn handler(ctx: &Context) -> HandlerResult<()> {
/// let policy = RetryPolicy::new()
///     .initial_interval(Duration::from_secs(1))
///     .max_attempts(3);
/// let pay_ref = ctx.run("pay", async || pay().await).retry(policy).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    initial_interval: Duration,
    factor: f64,
    max_interval: Option<Duration>,
    max_attempts: Option<u32>,
    max_duration: Option<Duration>,
}

impl RetryPolicy {
    /// Creates a policy that retries forever: first after 500 ms, doubling, at most every 10 s.
    pub fn new() -> Self {
        Self {
            initial_interval: Duration::from_millis(500),
            factor: 2.0,
            max_interval: Some(Duration::from_secs(10)),
            max_attempts: None,
            max_duration: None,
        }
    }

    /// Sets the delay before the second try.
    #[must_use]
    pub fn initial_interval(mut self, interval: Duration) -> Self {
        self.initial_interval = interval;
        self
    }

    /// Sets the factor between one delay and the next; 1.0 keeps the delay the same.
    ///
    /// # Panics
    /// When the factor is below 1, not finite, or above one million.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        assert!((1.0..=1e6).contains(&factor), "the factor of a retry policy is at least 1, not {factor}");
        self.factor = factor;
        self
    }

    /// Sets the longest delay.
    #[must_use]
    pub fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = Some(interval);
        self
    }

    /// Limits the number of tries; the first one counts.
    ///
    /// # Panics
    /// When the number is 0.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        assert!(attempts > 0, "a run block is tried at least once");
        self.max_attempts = Some(attempts);
        self
    }

    /// Limits the time from the first try on: none is started later than this.
    #[must_use]
    pub fn max_duration(mut self, duration: Duration) -> Self {
        self.max_duration = Some(duration);
        self
    }

    pub(crate) fn to_wire(&self) -> types::RetryPolicy {
        types::RetryPolicy {
            initial_interval_ms: millis(self.initial_interval),
            factor_milli: (self.factor * 1000.0).round() as u32,
            max_interval_ms: self.max_interval.map(millis),
            max_attempts: self.max_attempts,
            max_duration_ms: self.max_duration.map(millis),
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// Converts to milliseconds; a part of a millisecond counts as a whole one.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_up_to_milliseconds() {
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(7)), 7);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }

    #[test]
    fn policy_reaches_the_host_in_milliseconds_and_thousandths() {
        let wire = RetryPolicy::new().factor(1.5).max_attempts(3).to_wire();
        assert_eq!((wire.initial_interval_ms, wire.factor_milli, wire.max_attempts), (500, 1500, Some(3)));
    }

    #[test]
    #[should_panic(expected = "at least 1")]
    fn shrinking_delays_are_refused() {
        let _ = RetryPolicy::new().factor(0.5);
    }
}
