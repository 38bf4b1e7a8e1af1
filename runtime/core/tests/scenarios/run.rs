//! Run blocks: allowed to start, finished, and tried again until their policy is exhausted.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_run_block_starts_only_after_its_entry_is_durable() {
    check(
        "submit a svc/h
         append a: run pay
         append a: done 0 ok
         return a ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: done 0 ok
                deliver a#1 op 0 order 0 at 0: ok
              = a: running #1 1/1
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 1/1
        "#]],
    );
}

#[test]
fn a_failure_of_a_run_block_is_an_outcome() {
    check(
        "submit a svc/h
         append a: run pay
         append a: bad 0 409",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: bad 0 409
                deliver a#1 op 0 order 0 at 0: [409] bad
              = a: running #1 1/1
        "#]],
    );
}

#[test]
fn what_the_guest_has_heard_is_recorded_and_not_told() {
    check(
        "submit a svc/h
         append a: run pay
         append a: heard 0 ok as 0; run ship
         append a: heard 1 ok as 1
         return a ok
         show a",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: heard 0 ok as 0; run ship
              ! allow runs of a#1 below 2
              = a: running #1 2/1
            > append a: heard 1 ok as 1
              = a: running #1 2/2
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 2/2
            > show a
              | op 0 run: ok (order 0)
              | op 1 run: ok (order 1)
              | answer: ok
              | timer a purge at 1d
              | 1 answer, 1 completed, 2 entry, 1 input, 2 outcome, 1 timer
        "#]],
    );
}

#[test]
fn a_cancellation_that_came_first_makes_for_another_attempt() {
    check(
        "(submit a svc/h)
         (append a: run pay)
         cancel a
         append a: heard 0 ok as 0; run ship
         append a#1: heard 1 ok as 1
         return a#1 ok
         show a",
        expect![[r#"
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, cancelled
            > append a: heard 0 ok as 0; run ship
                deliver a#1 op 0 order 1 at 0: ok
                stop a#1
                start a#2 journal 1/2
              ! allow runs of a#2 below 1
              = a: running #2 1/2, cancelled
            > append a#1: heard 1 ok as 1
            > return a#1 ok
            > show a
              | op 0 run: ok (order 1)
              | order 0: cancellation at 0
              | 1 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn what_two_attempts_did_counts_once() {
    check(
        "(submit a svc/h)
         (append a: run pay)
         (append a: done 0 first)
         append a: heard 0 second as 1
         show a",
        expect![[r#"
            > append a: heard 0 second as 1
                stop a#1
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1
            > show a
              | op 0 run: first (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
        "#]],
    );
}

#[test]
fn a_second_outcome_is_ignored() {
    check(
        "submit a svc/h
         append a: run pay
         append a: done 0 first
         append a: done 0 second
         append a: retry 0",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: done 0 first
                deliver a#1 op 0 order 0 at 0: first
              = a: running #1 1/1
            > append a: done 0 second
            > append a: retry 0
        "#]],
    );
}

#[test]
fn a_block_can_name_the_delay() {
    check(
        "submit a svc/h
         append a: run pay
         append a: retry 0 after 7",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: retry 0 after 7
                hold a#1 op 0 until 7
              = a: running #1 1/0, 1 failures, op 0 tried 1
        "#]],
    );
}

#[test]
fn a_blocks_own_policy_ends_in_a_failure_outcome() {
    check(
        "submit a svc/h
         append a: run pay
         append a: retry 0 tries 2
         append a: retry 0 tries 2
         return a sorry",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: retry 0 tries 2
                hold a#1 op 0 until 10
              = a: running #1 1/0, op 0 tried 1
            > append a: retry 0 tries 2
                deliver a#1 op 0 order 0 at 0: [500] flaky
              = a: running #1 1/1
            > return a sorry
                arm a purge at 1d
              ! reply a: sorry
              = a: completed 1/1
        "#]],
    );
}

#[test]
fn a_blocks_own_policy_does_not_use_up_the_handlers() {
    check(
        "submit a svc/pauses
         append a: run pay
         append a: retry 0 tries 9
         append a: retry 0 tries 9
         append a: retry 0 tries 9
         crash a boom",
        expect![[r#"
            > submit a svc/pauses
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: retry 0 tries 9
                hold a#1 op 0 until 10
              = a: running #1 1/0, op 0 tried 1
            > append a: retry 0 tries 9
                hold a#1 op 0 until 20
              = a: running #1 1/0, op 0 tried 2
            > append a: retry 0 tries 9
                hold a#1 op 0 until 40
              = a: running #1 1/0, op 0 tried 3
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 1/0, 1 failures, op 0 tried 3
        "#]],
    );
}

#[test]
fn a_handlers_policy_pauses_and_a_resume_tries_as_often_again() {
    check(
        "submit a svc/pauses
         append a: run pay
         append a: retry 0
         append a: retry 0
         append a: done 0 late
         resume a
         append a: retry 0
         append a: retry 0",
        expect![[r#"
            > submit a svc/pauses
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: retry 0
                hold a#1 op 0 until 100
              = a: running #1 1/0, 1 failures, op 0 tried 1
            > append a: retry 0
                stop a#1
              = a: paused, attempts exhausted 1/0, 2 failures
            > append a: done 0 late
            > resume a
              ! notice done
                start a#2 journal 1/0
              ! allow runs of a#2 below 1
              = a: running #2 1/0
            > append a: retry 0
                hold a#2 op 0 until 100
              = a: running #2 1/0, 1 failures, op 0 tried 1
            > append a: retry 0
                stop a#2
              = a: paused, attempts exhausted 1/0, 2 failures
        "#]],
    );
}

#[test]
fn a_handlers_policy_kills() {
    check(
        "submit a svc/kills
         append a: run pay
         append a: retry 0
         append a: retry 0",
        expect![[r#"
            > submit a svc/kills
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: retry 0
                hold a#1 op 0 until 100
              = a: running #1 1/0, 1 failures, op 0 tried 1
            > append a: retry 0
                stop a#1
                arm a purge at 1d
              ! reply a: [500] flaky
              = a: completed as failure 1/0, 2 failures
        "#]],
    );
}

#[test]
fn blocks_of_one_message_are_judged_one_by_one() {
    check(
        "submit a svc/kills
         append a: run pay; run ship; run mail
         append a: retry 0; retry 1
         append a: done 2 ok; retry 0; retry 1",
        expect![[r#"
            > submit a svc/kills
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; run ship; run mail
              ! allow runs of a#1 below 3
              = a: running #1 3/0
            > append a: retry 0; retry 1
                hold a#1 op 0 until 100
                hold a#1 op 1 until 100
              = a: running #1 3/0, 2 failures, op 0 tried 1, op 1 tried 1
            > append a: done 2 ok; retry 0; retry 1
                deliver a#1 op 2 order 0 at 0: ok
                stop a#1
                arm a purge at 1d
              ! reply a: [500] flaky
              = a: completed as failure 3/1, 1 failures
        "#]],
    );
}
