//! Randomness that is the same on every attempt of an invocation.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng, TryRng};
use uuid::Uuid;

use crate::scope;

/// The random source of an invocation, from [`Context::rand`](crate::Context::rand).
///
/// Seeded with the invocation, so a replay draws the same numbers; nothing is recorded. It
/// implements the traits of the crate `rand` 0.10, re-exported as [`abide_sdk::rand`](crate::rand).
/// Not for secrets: who knows the seed knows the numbers.
///
/// ```
/// use abide_sdk::prelude::*;
/// # fn handler(ctx: &Context) {
/// let dice: u8 = ctx.rand().random_range(1..=6);
/// # }
/// ```
///
/// # Panics
/// When used inside a run block: replay skips the closure and would then draw different numbers
/// afterwards. Draw before the block.
#[derive(Debug, Clone)]
pub struct Random {
    source: Rc<RefCell<ChaCha8Rng>>,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { source: Rc::new(RefCell::new(ChaCha8Rng::seed_from_u64(seed))) }
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.draw(|source| source.fill_bytes(&mut bytes));
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn draw<R>(&mut self, draw: impl FnOnce(&mut ChaCha8Rng) -> R) -> R {
        scope::assert_outside("the context's randomness was used");
        draw(&mut self.source.borrow_mut())
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.draw(Rng::next_u32))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw(Rng::next_u64))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.draw(|source| source.fill_bytes(bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_traits::RngExt;

    #[test]
    fn the_seed_decides() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (random.uuid(), random.random_range(0..1000_u32))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let mut random = Random::new(1);
        let (a, b) = (random.uuid(), random.uuid());
        assert_ne!(a, b);
        assert_eq!(a.get_version_num(), 4);
    }
}
