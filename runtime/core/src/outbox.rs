//! What partitions sent and do not know to have arrived, in an order in which it may be sent once more.
//!
//! While all goes well, a message is in the inbox of its receiver before anybody can hear what it says, so whatever is
//! about an invocation comes behind the submission of it. After a crash, all that is known is in which order each
//! partition sent: what one says about an invocation that another has begun would be lost if it came first.
//!
//! All else may come in any order, even if one was sent because of the other. It was not applied for good before, so nobody
//! has noticed in which order it came then, and who receives it promises no order but that of arrival.

use crate::command::Message;
use crate::ids::InvocationId;
use std::collections::{BTreeMap, VecDeque};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    pub invocation: InvocationId,
    /// It is what begins the invocation.
    pub is_submission: bool,
}

impl About {
    /// Returns what a message is about.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        Self { invocation: message.addressee(), is_submission: matches!(message, Message::Submit(_)) }
    }
}

/// Returns the messages of several queues in one order: each queue in its own, and what is about an invocation behind the
/// first submission of it that is in any other queue.
#[must_use]
pub fn by_cause<T>(mut queues: Vec<VecDeque<T>>, about: impl Fn(&T) -> About) -> Vec<T> {
    let mut causes = Causes::find(&queues, &about);
    let mut ordered = Vec::with_capacity(queues.iter().map(VecDeque::len).sum());
    let mut ready: VecDeque<usize> = (0..queues.len()).collect();
    while let Some(queue) = ready.pop_front() {
        while let Some(first) = queues[queue].front().map(&about) {
            if causes.is_too_early(queue, first) {
                causes.waiting.entry(first.invocation).or_default().push(queue);
                break;
            }
            ordered.extend(queues[queue].pop_front());
            if first.is_submission {
                ready.extend(causes.is_submitted(first.invocation));
            }
        }
        if ready.is_empty() {
            ready.extend(causes.break_circle());
        }
    }
    ordered
}

/// What has to come before what.
#[derive(Default)]
struct Causes {
    /// The queues in which an invocation is submitted, until one of them has come so far.
    submitted_in: BTreeMap<InvocationId, Vec<usize>>,
    /// Queues whose next message is about an invocation that is submitted in another one.
    waiting: BTreeMap<InvocationId, Vec<usize>>,
}

impl Causes {
    fn find<T>(queues: &[VecDeque<T>], about: impl Fn(&T) -> About) -> Self {
        let mut causes = Self::default();
        for (queue, messages) in queues.iter().enumerate() {
            for submission in messages.iter().map(&about).filter(|about| about.is_submission) {
                let queues = causes.submitted_in.entry(submission.invocation).or_default();
                if queues.last() != Some(&queue) {
                    queues.push(queue);
                }
            }
        }
        causes
    }

    fn is_too_early(&self, queue: usize, about: About) -> bool {
        let is_elsewhere = |queues: &Vec<usize>| queues.iter().any(|other| *other != queue);
        !about.is_submission && self.submitted_in.get(&about.invocation).is_some_and(is_elsewhere)
    }

    /// Returns the queues that have waited for it.
    fn is_submitted(&mut self, invocation: InvocationId) -> Vec<usize> {
        self.submitted_in.remove(&invocation);
        self.waiting.remove(&invocation).unwrap_or_default()
    }

    /// Returns queues that wait no longer, if all that are left wait for each other. Nobody knows the id of an invocation
    /// before it is submitted, unless the id is computed; so a circle has one of those, which are the last of all ids.
    fn break_circle(&mut self) -> Vec<usize> {
        let last = self.waiting.last_key_value().map(|(invocation, _)| *invocation);
        last.map(|invocation| self.is_submitted(invocation)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    /// A letter is an invocation; a capital one has a computed id.
    fn about(message: &&str) -> About {
        let (verb, name) = message.split_once(' ').unwrap();
        let letter = u128::from(name.as_bytes()[0]);
        let is_computed = name.starts_with(char::is_uppercase);
        let new = InvocationId::new(Timestamp(1), letter, 0);
        let invocation = if is_computed { InvocationId::computed(letter, 0) } else { new };
        About { invocation, is_submission: verb == "submit" }
    }

    fn check(queues: &[&[&'static str]], expected: &[&str]) {
        let queues: Vec<VecDeque<&str>> =
            queues.iter().map(|queue| queue.iter().copied().collect()).collect();
        assert_eq!(by_cause(queues, about), expected);
    }

    #[test]
    fn what_is_about_a_submission_of_another_partition_comes_after_it() {
        check(&[&["signal b"], &["answer x", "submit b"]], &["answer x", "submit b", "signal b"]);
        check(
            &[&["signal b", "submit c"], &["submit b", "signal c"]],
            &["submit b", "signal b", "submit c", "signal c"],
        );
        check(
            &[&["signal a"], &["signal b", "submit a"], &["signal c", "submit b"], &["answer x", "submit c"]],
            &["answer x", "submit c", "signal c", "submit b", "signal b", "submit a", "signal a"],
        );
        check(
            &[&["signal b", "answer x"], &["cancel b"], &["answer y", "submit b", "attach b"]],
            &["answer y", "submit b", "attach b", "signal b", "answer x", "cancel b"],
        );
    }

    #[test]
    fn what_waits_for_nothing_keeps_its_order() {
        check(&[], &[]);
        check(
            &[&["signal a", "submit b", "signal b"], &[], &["answer x"]],
            &["signal a", "submit b", "signal b", "answer x"],
        );
        check(&[&["signal A", "submit A"]], &["signal A", "submit A"]);
    }

    #[test]
    fn the_first_of_several_submissions_is_enough() {
        check(
            &[&["signal A", "submit A"], &["submit A", "answer x"], &["answer y", "submit A"]],
            &["submit A", "answer x", "answer y", "submit A", "signal A", "submit A"],
        );
    }

    #[test]
    fn a_circle_is_broken_where_an_id_was_known_before() {
        check(
            &[&["signal A", "submit B"], &["signal B", "submit A"]],
            &["signal B", "submit A", "signal A", "submit B"],
        );
        check(
            &[&["signal b", "submit A"], &["signal A", "submit b"]],
            &["signal A", "submit b", "signal b", "submit A"],
        );
        // Not even what cannot be stops a start.
        check(
            &[&["signal a", "submit b"], &["signal b", "submit a"]],
            &["signal b", "submit a", "signal a", "submit b"],
        );
    }
}
