//! Lost attempts, and those that still talk when nobody listens.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_lost_attempt_is_followed_by_the_next_at_once() {
    check(
        "submit a svc/h
         append a: run pay
         lost a
         append a: done 0 ok
         lost a
         return a ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > lost a
                start a#2 journal 1/0
              ! allow runs of a#2 below 1
              = a: running #2 1/0, 1 losses
            > append a: done 0 ok
                deliver a#2 op 0 order 0 at 0: ok
              = a: running #2 1/1
            > lost a
                start a#3 journal 1/1
              ! allow runs of a#3 below 1
              = a: running #3 1/1, 1 losses
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 1/1
        "#]],
    );
}

#[test]
fn a_stop_in_order_is_no_loss() {
    check(
        "submit a svc/pauses
         lost a
         lost a
         stopped a
         stopped a
         lost a",
        expect![[r#"
            > submit a svc/pauses
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > lost a
                start a#2 journal 0/0
              = a: running #2 0/0, 1 losses
            > lost a
                start a#3 journal 0/0
              = a: running #3 0/0, 2 losses
            > stopped a
                start a#4 journal 0/0
              = a: running #4 0/0, 2 losses
            > stopped a
                start a#5 journal 0/0
              = a: running #5 0/0, 2 losses
            > lost a
                arm a retry 5 at 100
              = a: backing off after #5 until 100 0/0, 1 failures, 3 losses
        "#]],
    );
}

#[test]
fn what_there_is_no_room_for_is_tried_again_and_is_no_failure() {
    check(
        "submit a svc/kills
         put-off a
         advance 1000
         put-off a
         cancel a
         advance 1000
         put-off a",
        expect![[r#"
            > submit a svc/kills
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > put-off a
                arm a retry 1 at 1000
              = a: backing off after #1 until 1000 0/0
            > advance 1000
                start a#2 journal 0/0
              = a: running #2 0/0
            > put-off a
                arm a retry 2 at 2000
              = a: backing off after #2 until 2000 0/0
            > cancel a
              ! notice done
                start a#3 journal 0/1
              = a: running #3 0/1, cancelled
            > advance 1000
            > put-off a
                arm a retry 3 at 3000
              = a: backing off after #3 until 3000 0/1, cancelled
        "#]],
    );
}

#[test]
fn losses_without_progress_are_failures_in_the_end() {
    check(
        "submit a svc/pauses
         lost a
         lost a
         lost a
         advance 100
         lost a
         resume a",
        expect![[r#"
            > submit a svc/pauses
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > lost a
                start a#2 journal 0/0
              = a: running #2 0/0, 1 losses
            > lost a
                start a#3 journal 0/0
              = a: running #3 0/0, 2 losses
            > lost a
                arm a retry 3 at 100
              = a: backing off after #3 until 100 0/0, 1 failures, 3 losses
            > advance 100
                start a#4 journal 0/0
              = a: running #4 0/0, 1 failures, 3 losses
            > lost a
              = a: paused, attempts exhausted 0/0, 2 failures, 4 losses
            > resume a
              ! notice done
                start a#5 journal 0/0
              = a: running #5 0/0
        "#]],
    );
}

#[test]
fn progress_and_any_other_end_forgive_losses() {
    check(
        "(submit a svc/h)
         (lost a)
         lost a
         append a: run pay
         lost a
         lost a
         crash a boom",
        expect![[r#"
            > lost a
                start a#3 journal 0/0
              = a: running #3 0/0, 2 losses
            > append a: run pay
              ! allow runs of a#3 below 1
              = a: running #3 1/0
            > lost a
                start a#4 journal 1/0
              ! allow runs of a#4 below 1
              = a: running #4 1/0, 1 losses
            > lost a
                start a#5 journal 1/0
              ! allow runs of a#5 below 1
              = a: running #5 1/0, 2 losses
            > crash a boom
                arm a retry 5 at 100
              = a: backing off after #5 until 100 1/0, 1 failures
        "#]],
    );
}

#[test]
fn an_attempt_that_is_always_lost_pauses() {
    let again = "(lost a)\n(advance 1000d)\n".repeat(18);
    check(
        &format!("(submit a svc/h)\n(lost a)\n(lost a)\n{again}lost a\nresume a"),
        expect![[r#"
        > lost a
          = a: paused, the process ended during this attempt, 21 times in a row without progress (LOSSES_MAX) 0/0, 18 failures, 21 losses
        > resume a
          ! notice done
            start a#22 journal 0/0
          = a: running #22 0/0
    "#]],
    );
}

#[test]
fn a_stale_attempt_changes_nothing() {
    check(
        "submit a svc/h
         append a: run pay
         lost a
         append a#1: run ship
         append a#1: done 0 old
         append a#1: retry 0
         return a#1 old
         crash a#1 old
         suspend a#1 any seen 0
         lost a#1",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > lost a
                start a#2 journal 1/0
              ! allow runs of a#2 below 1
              = a: running #2 1/0, 1 losses
            > append a#1: run ship
            > append a#1: done 0 old
            > append a#1: retry 0
            > return a#1 old
            > crash a#1 old
            > suspend a#1 any seen 0
            > lost a#1
        "#]],
    );
}

#[test]
fn what_comes_after_the_end_changes_nothing() {
    check(
        "submit a svc/h
         append a: run pay; sleep 100
         return a ok
         append a#1: done 0 late
         return a#1 again
         crash a#1 boom
         advance 100
         resume a",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; sleep 100
                arm a sleep 1 at 100
              ! allow runs of a#1 below 2
              = a: running #1 2/0
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 2/0
            > append a#1: done 0 late
            > return a#1 again
            > crash a#1 boom
            > advance 100
            > resume a
              ! notice completed
        "#]],
    );
}
