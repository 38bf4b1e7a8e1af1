//! Random numbers from a seed that is printed, so that a failure can be repeated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Takes the seed from `ABIDE_E2E_SEED`, or a new one, and prints it.
    #[must_use]
    pub fn from_env() -> Self {
        Self::of(Self::seed_from_env())
    }

    /// Returns the seed of `ABIDE_E2E_SEED`, or a new one, and prints it.
    #[must_use]
    pub fn seed_from_env() -> u64 {
        let given = std::env::var("ABIDE_E2E_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(fresh_seed);
        println!("seed: ABIDE_E2E_SEED={seed}");
        seed
    }

    /// The same seed gives the same numbers.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns another source, for another thread.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.next_u64())
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    pub fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Returns a pause shorter than `max`.
    pub fn pause(&mut self, max: Duration) -> Duration {
        let micros = u64::try_from(max.as_micros()).expect("pauses are short");
        Duration::from_micros(self.below(micros.max(1)))
    }
}

#[expect(clippy::disallowed_methods, reason = "a seed that differs from run to run")]
fn fresh_seed() -> u64 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").subsec_nanos();
    u64::from(nanos) << 16 | u64::from(std::process::id())
}
