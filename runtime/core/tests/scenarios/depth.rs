//! Calls wait for each other, one above the other, to a limit: `CALL_DEPTH_MAX`.

use crate::script::{check, check_anywhere};
use expect_test::expect;

#[test]
fn a_call_that_is_one_too_deep_is_refused_in_the_step_that_asks_for_it() {
    check(
        "submit a svc/h depth 99
         append a: call b svc/h
         append b: call c svc/h
         return b caught
         return a 42",
        expect![[r#"
            > submit a svc/h depth 99
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > append b: call c svc/h
                deliver b#1 op 0 order 0 at 0: [508] the call of svc/h is one too deep: 100 calls, one above the other, wait already (CALL_DEPTH_MAX); end the recursion sooner, or send instead of calling: nobody waits for a message
              = b: running #1 1/1
            > return b caught
                arm b purge at 1d
              ! reply b: caught
                deliver a#1 op 0 order 0 at 0: caught
              = a: running #1 1/1
              = b: completed 1/1
            > return a 42
                arm a purge at 1d
              ! reply a: 42
              = a: completed 1/1
        "#]],
    );
}

#[test]
fn a_caller_that_was_given_back_its_instance_hears_of_it_too() {
    check(
        "submit a svc/h depth 100
         append a: call b svc/h; run pay
         suspend a 0,1 seen 0",
        expect![[r#"
            > submit a svc/h depth 100
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b svc/h; run pay
                deliver a#1 op 0 order 0 at 0: [508] the call of svc/h is one too deep: 100 calls, one above the other, wait already (CALL_DEPTH_MAX); end the recursion sooner, or send instead of calling: nobody waits for a message
              ! allow runs of a#1 below 2
              = a: running #1 2/1
            > suspend a 0,1 seen 0
                start a#2 journal 2/1
              ! allow runs of a#2 below 2
              = a: running #2 2/1
        "#]],
    );
}

#[test]
fn every_partition_counts_on() {
    check_anywhere(
        "submit a svc/h depth 98
         append a: call b@1 svc/h
         append b@1: call c@2 svc/h
         append c@2: call d svc/h
         fail c@2 508 deep
         fail b@1 508 deep
         fail a 508 deep",
        expect![[r#"
            > submit a svc/h depth 98
              = a: running #1 0/0
            > append a: call b@1 svc/h
              = a: running #1 1/0
              = b@1: running #1 0/0
            > append b@1: call c@2 svc/h
              = b@1: running #1 1/0
              = c@2: running #1 0/0
            > append c@2: call d svc/h
              = c@2: running #1 1/1
            > fail c@2 508 deep
              = b@1: running #1 1/1
              = c@2: completed as failure 1/1
            > fail b@1 508 deep
              = a: running #1 1/1
              = b@1: completed as failure 1/1
            > fail a 508 deep
              = a: completed as failure 1/1
        "#]],
    );
}

#[test]
fn a_message_begins_a_chain_of_its_own() {
    check(
        "submit a svc/h depth 100
         append a: send b svc/h; send c svc/h +100
         append b: call d svc/h
         advance 100
         append c: call e svc/h",
        expect![[r#"
            > submit a svc/h depth 100
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: send b svc/h; send c svc/h +100
                arm c begin at 100
                start b#1 journal 0/0 with input
              = a: running #1 2/0
              = b: running #1 0/0
              = c: scheduled at 100 0/0
            > append b: call d svc/h
                start d#1 journal 0/0 with input
              = b: running #1 1/0
              = d: running #1 0/0
            > advance 100
                start c#1 journal 0/0
              = c: running #1 0/0
            > append c: call e svc/h
                start e#1 journal 0/0 with input
              = c: running #1 1/0
              = e: running #1 0/0
        "#]],
    );
}

#[test]
fn who_waits_for_what_was_there_before_is_no_deeper_than_it_was() {
    check(
        "submit F svc/h key i
         submit a svc/h depth 99
         append a: call F svc/h key i
         append F: call b svc/h
         submit c svc/h depth 100
         append c: call F svc/h key i; attach F
         return b 1
         return F 2",
        expect![[r#"
            > submit F svc/h key i
              ! notice done
                start F#1 journal 0/0 with input
              = F: running #1 0/0
            > submit a svc/h depth 99
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call F svc/h key i
              = a: running #1 1/0
            > append F: call b svc/h
                start b#1 journal 0/0 with input
              = b: running #1 0/0
              = F: running #1 1/0
            > submit c svc/h depth 100
              ! notice done
                start c#1 journal 0/0 with input
              = c: running #1 0/0
            > append c: call F svc/h key i; attach F
                deliver c#1 op 0 order 0 at 0: [508] the call of svc/h is one too deep: 100 calls, one above the other, wait already (CALL_DEPTH_MAX); end the recursion sooner, or send instead of calling: nobody waits for a message
              = c: running #1 2/1
            > return b 1
                arm b purge at 1d
              ! reply b: 1
                deliver F#1 op 0 order 0 at 0: 1
              = b: completed 0/0
              = F: running #1 1/1
            > return F 2
                arm F purge at 1d
              ! reply F: 2
                deliver a#1 op 0 order 0 at 0: 2
                deliver c#1 op 1 order 1 at 0: 2
              = a: running #1 1/1
              = c: running #1 2/2
              = F: completed 1/1
        "#]],
    );
}

#[test]
fn what_is_done_once_more_has_no_calls_above_it() {
    check(
        "submit a svc/h depth 100
         append a: call b svc/h
         return a caught
         restart c of a keep 1
         append c: call d svc/h
         restart e of a
         append e: call f svc/h",
        expect![[r#"
            > submit a svc/h depth 100
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b svc/h
                deliver a#1 op 0 order 0 at 0: [508] the call of svc/h is one too deep: 100 calls, one above the other, wait already (CALL_DEPTH_MAX); end the recursion sooner, or send instead of calling: nobody waits for a message
              = a: running #1 1/1
            > return a caught
                arm a purge at 1d
              ! reply a: caught
              = a: completed 1/1
            > restart c of a keep 1
              ! notice done
                start c#1 journal 1/1 with input
              ! allow runs of c#1 below 1
              = c: running #1 1/1
            > append c: call d svc/h
                start d#1 journal 0/0 with input
              = c: running #1 2/1
              = d: running #1 0/0
            > restart e of a
              ! notice done
                start e#1 journal 0/0 with input
              = e: running #1 0/0
            > append e: call f svc/h
                start f#1 journal 0/0 with input
              = e: running #1 1/0
              = f: running #1 0/0
        "#]],
    );
}

#[test]
fn a_refused_call_has_nobody_that_a_cancellation_could_reach() {
    check(
        "submit a svc/h depth 100
         cancel a
         append a: call b svc/h
         kill a
         show a",
        expect![[r#"
            > submit a svc/h depth 100
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 0/1, cancelled
            > append a: call b svc/h
                deliver a#1 op 0 order 1 at 0: [508] the call of svc/h is one too deep: 100 calls, one above the other, wait already (CALL_DEPTH_MAX); end the recursion sooner, or send instead of calling: nobody waits for a message
              = a: running #1 1/2, cancelled
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 1/2, cancelled
            > show a
              | op 0 call(svc/h): [508] the call of svc/h is one too deep: 100 calls, one above the other, wait already (CALL_DEPTH_MAX); end the recursion sooner, or send instead of calling: nobody waits for a message (order 1)
              | order 0: cancellation at 0
              | answer: [409] killed
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 entry, 1 input, 2 outcome, 1 timer
        "#]],
    );
}
