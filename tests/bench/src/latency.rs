//! Latencies of many calls.

use serde::Serialize;
use std::time::Duration;

/// All latencies of one measurement, in microseconds.
#[derive(Default)]
pub struct Latencies {
    micros: Vec<u32>,
}

/// What is reported of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    pub count: usize,
    pub p50_us: u32,
    pub p90_us: u32,
    pub p99_us: u32,
    pub p999_us: u32,
    pub max_us: u32,
}

impl Latencies {
    pub fn note(&mut self, took: Duration) {
        self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn len(&self) -> usize {
        self.micros.len()
    }

    pub fn take_in(&mut self, other: Self) {
        self.micros.extend(other.micros);
    }

    pub fn quantiles(mut self) -> Quantiles {
        self.micros.sort_unstable();
        let at = |per_mille: usize| {
            // The smallest value that so many are not above.
            let rank = (self.micros.len() * per_mille).div_ceil(1000);
            self.micros.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        Quantiles {
            count: self.micros.len(),
            p50_us: at(500),
            p90_us: at(900),
            p99_us: at(990),
            p999_us: at(999),
            max_us: at(1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantiles(micros: impl IntoIterator<Item = u64>) -> Quantiles {
        let mut latencies = Latencies::default();
        micros.into_iter().for_each(|micros| latencies.note(Duration::from_micros(micros)));
        latencies.quantiles()
    }

    #[test]
    fn of_none_one_and_many() {
        assert_eq!(quantiles([]), Quantiles::default());
        let one = quantiles([7]);
        assert_eq!((one.count, one.p50_us, one.p999_us, one.max_us), (1, 7, 7, 7));
        let many = quantiles((1..=1000).rev());
        assert_eq!((many.p50_us, many.p90_us, many.p99_us, many.p999_us), (500, 900, 990, 999));
        assert_eq!(many.max_us, 1000);
    }
}
