//! Sleeps: timers that settle, survive and are never early.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_sleep_settles_when_it_is_due() {
    check(
        "submit a svc/h
         append a: sleep 100
         advance 99
         advance 1
         return a rested",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > advance 99
            > advance 1
                deliver a#1 op 0 order 0 at 100: empty
              = a: running #1 1/1
            > return a rested
                arm a purge at 1d+100
              ! reply a: rested
              = a: completed 1/1
        "#]],
    );
}

#[test]
fn a_sleep_nobody_waits_for_ends_with_its_invocation() {
    check(
        "submit a svc/h
         append a: sleep 100; sleep 200
         advance 100
         return a done",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100; sleep 200
                arm a sleep 0 at 100
                arm a sleep 1 at 200
              = a: running #1 2/0
            > advance 100
                deliver a#1 op 0 order 0 at 100: empty
              = a: running #1 2/1
            > return a done
                arm a purge at 1d+100
              ! reply a: done
              = a: completed 2/1
        "#]],
    );
}

#[test]
fn a_sleep_outlives_its_attempt() {
    check(
        "submit a svc/h
         append a: sleep 100
         lost a
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > lost a
                start a#2 journal 1/0
              ! allow runs of a#2 below 1
              = a: running #2 1/0, 1 losses
            > advance 100
                deliver a#2 op 0 order 0 at 100: empty
              = a: running #2 1/1, 1 losses
        "#]],
    );
}

#[test]
fn a_sleep_settles_while_nobody_runs() {
    check(
        "submit a svc/h
         append a: sleep 100
         crash a boom after 500
         advance 100
         advance 400",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > crash a boom after 500
                arm a retry 1 at 500
              = a: backing off after #1 until 500 1/0, 1 failures
            > advance 100
              = a: backing off after #1 until 500 1/1, 1 failures
            > advance 400
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, 1 failures
        "#]],
    );
}

#[test]
fn a_timer_is_never_early() {
    check(
        "submit a svc/h
         append a: sleep 100
         clock 40
         fire a sleep 0
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > clock 40
            > fire a sleep 0
                arm a sleep 0 at 100
            > advance 100
                deliver a#1 op 0 order 0 at 100: empty
              = a: running #1 1/1
        "#]],
    );
}

#[test]
fn a_timer_that_is_due_twice_settles_once() {
    check(
        "submit a svc/h
         append a: sleep 100
         clock 100
         fire a sleep 0
         fire a sleep 0",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > clock 100
            > fire a sleep 0
                deliver a#1 op 0 order 0 at 100: empty
              = a: running #1 1/1
            > fire a sleep 0
        "#]],
    );
}

#[test]
fn a_sleep_of_a_completed_invocation_wakes_nobody() {
    check(
        "submit a svc/h
         append a: sleep 100
         return a early
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > return a early
                arm a purge at 1d
              ! reply a: early
              = a: completed 1/0
            > advance 100
        "#]],
    );
}

#[test]
fn an_endless_sleep_does_not_overflow() {
    check(
        "clock 1000
         submit a svc/h
         append a: sleep 18446744073709551615",
        expect![[r#"
            > clock 1000
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 18446744073709551615
                arm a sleep 0 at the end of time
              = a: running #1 1/0
        "#]],
    );
}
