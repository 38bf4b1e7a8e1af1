//! The last lines of all invocations, for those who follow. In memory only.

use super::rows::Line;
use abide_core::ids::InvocationId;
use abide_core::target::Target;
use std::collections::VecDeque;
use std::sync::Arc;

/// Lines that can be followed at most; who is slower misses some, and is told how many.
const LINES_MAX: usize = 10_000;
/// About the bytes of them.
const BYTES_MAX: usize = 8 << 20;

/// A line with whose it is.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its place among the lines of all invocations.
    pub number: u64,
    pub invocation: InvocationId,
    pub target: Arc<Target>,
    pub line: Line,
}

/// Which lines somebody wants to hear.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub service: Option<String>,
    pub handler: Option<String>,
    pub invocation: Option<InvocationId>,
}

impl Wanted {
    fn has(&self, heard: &Heard) -> bool {
        self.service.as_ref().is_none_or(|service| *service == heard.target.service)
            && self.handler.as_ref().is_none_or(|handler| *handler == heard.target.handler)
            && self.invocation.is_none_or(|invocation| invocation == heard.invocation)
    }
}

/// What is new since a number.
#[derive(Clone, Debug, Default)]
pub struct News {
    pub lines: Vec<Heard>,
    /// Where to go on.
    pub next: u64,
    /// Lines, wanted or not, that came and went meanwhile.
    pub missed: u64,
}

#[derive(Debug)]
pub struct Ring {
    lines: VecDeque<Heard>,
    bytes: usize,
    next: u64,
}

impl Ring {
    /// Numbers go on from `first`, which has to be later than those of an earlier start of the server.
    pub fn new(first: u64) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, next: first }
    }

    pub fn push(&mut self, invocation: InvocationId, target: Arc<Target>, line: Line) {
        self.bytes += line.bytes();
        self.lines.push_back(Heard { number: self.next, invocation, target, line });
        self.next += 1;
        while (self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX)
            && let Some(gone) = self.lines.pop_front()
        {
            self.bytes -= gone.line.bytes();
        }
    }

    /// Returns at most `max` lines from number `from` on.
    pub fn from(&self, from: u64, wanted: &Wanted, max: usize) -> News {
        let first = self.lines.front().map_or(self.next, |heard| heard.number);
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut news = News { next: self.next, missed: first.saturating_sub(from), ..News::default() };
        for heard in self.lines.iter().skip(skip).filter(|heard| wanted.has(heard)) {
            if news.lines.len() == max {
                news.next = heard.number;
                break;
            }
            news.lines.push(heard.clone());
        }
        news
    }

    /// Returns the last lines, at most `max`.
    pub fn last(&self, wanted: &Wanted, max: usize) -> News {
        let mut lines: Vec<_> =
            self.lines.iter().rev().filter(|heard| wanted.has(heard)).take(max).cloned().collect();
        lines.reverse();
        News { lines, next: self.next, missed: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::{Level, Source};
    use abide_core::time::Timestamp;

    fn ring(lines: u64) -> Ring {
        let mut ring = Ring::new(100);
        for number in 0..lines {
            let service = if number % 2 == 0 { "Even" } else { "Odd" };
            let target = Target { service: service.into(), key: None, handler: "h".into() };
            let (level, source, message) = (Level::Info, Source::Log, number.to_string());
            let line = Line { at: Timestamp(0), attempt: 1, level, source, message };
            ring.push(InvocationId { unique: 1, partition_key: 0 }, Arc::new(target), line);
        }
        ring
    }

    fn shown(news: &News) -> (Vec<&str>, u64, u64) {
        (news.lines.iter().map(|heard| heard.line.message.as_str()).collect(), news.next, news.missed)
    }

    #[test]
    fn who_follows_hears_every_line_once() {
        let (ring, all) = (ring(5), Wanted::default());
        assert_eq!(shown(&ring.from(100, &all, 3)), (vec!["0", "1", "2"], 103, 0));
        assert_eq!(shown(&ring.from(103, &all, 3)), (vec!["3", "4"], 105, 0));
        assert_eq!(shown(&ring.from(105, &all, 3)), (vec![], 105, 0));
        assert_eq!(shown(&ring.last(&all, 2)), (vec!["3", "4"], 105, 0));
        let odd = Wanted { service: Some("Odd".into()), ..Wanted::default() };
        assert_eq!(shown(&ring.from(100, &odd, 1)), (vec!["1"], 103, 0));
        assert_eq!(shown(&ring.from(103, &odd, 9)), (vec!["3"], 105, 0));
    }

    #[test]
    fn who_is_slow_is_told_what_was_missed() {
        let ring = ring(LINES_MAX as u64 + 7);
        let news = ring.from(100, &Wanted::default(), 1);
        assert_eq!(shown(&news), (vec!["7"], 108, 7));
    }
}
