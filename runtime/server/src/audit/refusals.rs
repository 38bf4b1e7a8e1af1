//! Requests that a token was refused: the first ones are worth a line each, the others are counted.
//!
//! Whoever may change nothing could otherwise write until what others changed is rotated away.

use abide_core::time::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Lines of one token within [`WINDOW_MS`] at most: less than a megabyte in a day.
pub const REFUSALS_MAX: u32 = 20;
pub const WINDOW_MS: u64 = 3_600_000;

/// What each token was refused of late, by its name.
#[derive(Default)]
pub struct Refusals {
    recent: Mutex<HashMap<String, Window>>,
}

struct Window {
    since: Timestamp,
    lines: u32,
    left_out: u64,
}

impl Refusals {
    /// Counts a request. Returns how many before it got no line, or None when it gets none either.
    pub fn count(&self, who: &str, now: Timestamp) -> Option<u64> {
        let mut recent = self.recent.lock();
        let window = recent.entry(who.to_owned()).or_insert(Window { since: now, lines: 0, left_out: 0 });
        if now.millis_since(window.since) >= WINDOW_MS {
            (window.since, window.lines) = (now, 0);
        }
        if window.lines == REFUSALS_MAX {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_get_a_line_and_the_next_tells_of_the_others() {
        let (refusals, later) = (Refusals::default(), Timestamp(WINDOW_MS));
        for _ in 0..REFUSALS_MAX {
            assert_eq!(refusals.count("sly", Timestamp(1)), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(refusals.count("sly", later), None);
        }
        assert_eq!(refusals.count("other", later), Some(0));
        assert_eq!(refusals.count("sly", later.plus_millis(1)), Some(7));
        assert_eq!(refusals.count("sly", later.plus_millis(1)), Some(0));
    }
}
