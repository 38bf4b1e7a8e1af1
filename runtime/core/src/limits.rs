//! Limits: everything that could grow has one, with a name and a default.

/// Entries in one journal. More than this pauses the invocation, or ends it if it was cancelled.
pub const JOURNAL_ENTRIES_MAX: u32 = 100_000;
/// Bytes of all entries and outcomes in one journal. More than this pauses the invocation, or ends it if it was
/// cancelled: each of its attempts has the whole journal in memory until its guest has gone through it.
pub const JOURNAL_BYTES_MAX: u64 = 512 << 20;
/// Bytes of a journal that an attempt is given: one that its guest has filled, and one more outcome. What others give
/// is recorded however much it is; beyond this the invocation is paused, or ended, instead of begun.
pub const JOURNAL_BYTES_BEGUN_MAX: u64 = JOURNAL_BYTES_MAX + VALUE_BYTES_MAX as u64;
/// Bytes of one value: an input, a result, the outcome of a run block.
pub const VALUE_BYTES_MAX: usize = 32 << 20;
/// Bytes of a failure's message; a longer one is cut.
pub const FAILURE_MESSAGE_BYTES_MAX: usize = 8 << 10;
/// Bytes of all the metadata of a failure together; more is dropped.
pub const FAILURE_METADATA_BYTES_MAX: usize = 8 << 10;
/// Bytes of a name the guest gives: of a run block, of a sleep.
pub const NAME_BYTES_MAX: usize = 1 << 10;
/// How long an attempt waits that there was no room for, and up to twice as long.
pub const PUT_OFF_MS: u64 = 1_000;
/// Bytes of the message of a failed attempt that is remembered; a longer one is cut. Small, because it
/// is written with each change of the invocation.
pub const ATTEMPT_FAILURE_BYTES_MAX: usize = 2 << 10;
/// Failed attempts remembered with an invocation.
pub const FAILURES_KEPT: usize = 5;
/// Attempts lost with their process, one after the other, that begin again at once. Further ones count as
/// failures, so that a guest that ends the process leaves room for others.
pub const LOSSES_FREE: u32 = 2;
/// Attempts lost one after the other. More than this pauses the invocation.
pub const LOSSES_MAX: u32 = 20;
/// Open sleeps an invocation remembers, so that their timers go when it ends; others go when due.
pub const OPEN_SLEEPS_KEPT: usize = 64;
/// Open calls an invocation remembers one by one, so that a cancellation finds them; beyond, it looks
/// through the journal.
pub const OPEN_CALLS_KEPT: usize = 64;
/// Calls above an invocation that wait for its answer. A call that would have more fails with code 508: each
/// level is an invocation that waits, and a handler that calls itself would go on for ever.
pub const CALL_DEPTH_MAX: u32 = 100;
/// Promises an invocation remembers that it waits for, so that it is taken off their lists at its end.
pub const OPEN_PROMISES_KEPT: usize = 64;
/// Other invocations an invocation remembers that it waits for the end of, for the same reason.
pub const OPEN_ATTACHES_KEPT: usize = 64;
/// Operations, and about the bytes of their outcomes, that are told the same in one transaction.
pub const TOLD_AT_ONCE: usize = 256;
pub const TOLD_BYTES_AT_ONCE: usize = 1 << 20;
/// Operations that may wait for one invocation, or for one promise. More fail with code 429.
pub const LISTENERS_MAX: usize = 1_000;
/// Signals an invocation has not received yet. More are dropped, and the invocation says so.
pub const SIGNALS_KEPT: usize = 1_000;
/// Bytes of the key of a virtual object or workflow, and of an idempotency key.
pub const KEY_BYTES_MAX: usize = 1 << 10;
/// Values in the state of one object that can be listed, or cleared, all at once.
pub const STATE_NAMES_MAX: usize = 10_000;
/// Names that are read of a state: some more, so that those which one step clears may be among them.
pub const STATE_NAMES_READ: usize = STATE_NAMES_MAX + 1_001;
/// Bytes of names and values that a person can put into a state at once, and of names that can be
/// cleared thereby. Of each value no more than [`APART_BYTES`] counts.
pub const EDITED_BYTES_MAX: usize = 1 << 20;
/// Promises that were completed before the run of their workflow are kept at least so long for it: a run
/// may be submitted late, whatever its handler says of the time after its end.
pub const UNCLAIMED_KEPT_MIN_MS: u64 = 86_400_000;
/// Entries of a journal that one step purges.
pub const PURGED_AT_ONCE: u32 = 500;
/// Entries of a journal, and about the bytes of all of them with their outcomes, that a restarted
/// invocation takes over: they are copied in one step.
pub const RESTART_ENTRIES_MAX: u32 = 5_000;
pub const RESTART_BYTES_MAX: usize = 3 << 20;
/// The store keeps a larger value in a file of its own, and so it counts for no more in a step.
pub const APART_BYTES: usize = 32 << 10;
/// A larger value that a guest or a client gives is on the disk before the batch that has it. Less than [`APART_BYTES`], as
/// its row, with what is around the value, may be larger than that.
pub const SET_APART_BYTES: usize = APART_BYTES - (4 << 10);
/// Operations a suspended invocation lists one by one; one that waits for more wakes on any.
pub const WAIT_SET_MAX: usize = 64;

/// Cuts a text to at most `bytes_max` bytes, at a character boundary, and says that it did.
#[must_use]
pub fn cut(mut text: String, bytes_max: usize) -> String {
    const MARK: &str = "… (cut)";
    if text.len() <= bytes_max {
        return text;
    }
    let keep = text.floor_char_boundary(bytes_max.saturating_sub(MARK.len()));
    text.truncate(keep);
    text.push_str(MARK);
    text
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(cut("short".into(), 10), "short");
        let long = cut("ä".repeat(100), 50);
        assert!(long.len() <= 50 && long.ends_with("(cut)"));
    }
}
