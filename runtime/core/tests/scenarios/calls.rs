//! Calls and sends between invocations of one partition.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_call_on_the_same_partition() {
    check(
        "submit a svc/h
         append a: call b svc/h
         return b 42
         return a 42",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > return b 42
                arm b purge at 1d
              ! reply b: 42
                deliver a#1 op 0 order 0 at 0: 42
              = a: running #1 1/1
              = b: completed 0/0
            > return a 42
                arm a purge at 1d
              ! reply a: 42
              = a: completed 1/1
        "#]],
    );
}

#[test]
fn a_failed_call_is_a_failure_outcome() {
    check(
        "submit a svc/h
         append a: call b svc/h
         suspend a 0 seen 0
         fail b 409 no",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > fail b 409 no
                arm b purge at 1d
              ! reply b: [409] no
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1
              = b: completed as failure 0/0
        "#]],
    );
}

#[test]
fn a_call_of_an_unknown_service() {
    check(
        "submit a svc/h
         append a: call b nope/h",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b nope/h
                arm b purge at 1d
              ! reply b: [404] service 'nope' not found, make sure to register the service before calling it.
                deliver a#1 op 0 order 0 at 0: [404] service 'nope' not found, make sure to register the service before calling it.
              = a: running #1 1/1
              = b: completed as failure 0/0
        "#]],
    );
}

#[test]
fn a_send_is_told_nothing_back() {
    check(
        "submit a svc/h
         append a: send b svc/h
         return b 42",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: send b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > return b 42
                arm b purge at 1d
              ! reply b: 42
              = b: completed 0/0
        "#]],
    );
}

#[test]
fn a_delayed_send() {
    check(
        "submit a svc/h
         append a: send b svc/h +100
         return a ok
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: send b svc/h +100
                arm b begin at 100
              = a: running #1 1/0
              = b: scheduled at 100 0/0
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 1/0
            > advance 100
                start b#1 journal 0/0
              = b: running #1 0/0
        "#]],
    );
}

#[test]
fn an_answer_to_a_paused_caller_is_kept() {
    check(
        "submit a svc/h
         append a: call b svc/h
         mismatch a
         return b 42
         resume a",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > mismatch a
              = a: paused, mismatch at op 0 1/0
            > return b 42
                arm b purge at 1d
              ! reply b: 42
              = a: paused, mismatch at op 0 1/1
              = b: completed 0/0
            > resume a
              ! notice done
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1
        "#]],
    );
}

#[test]
fn an_answer_to_a_caller_that_backs_off_is_kept() {
    check(
        "submit a svc/h
         append a: call b svc/h
         crash a boom
         return b 42
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 1/0, 1 failures
            > return b 42
                arm b purge at 1d
              ! reply b: 42
              = a: backing off after #1 until 100 1/1, 1 failures
              = b: completed 0/0
            > advance 100
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, 1 failures
        "#]],
    );
}
