//! How an invocation comes to be, and when it begins.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_submission_begins_at_once_with_its_input() {
    check(
        "submit a svc/h",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
        "#]],
    );
}

#[test]
fn a_repeated_submit_is_accepted_and_changes_nothing() {
    check(
        "submit a svc/h
         submit a svc/h
         return a 42
         submit a svc/h at 900",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > submit a svc/h
              ! notice known
            > return a 42
                arm a purge at 1d
              ! reply a: 42
              = a: completed 0/0
            > submit a svc/h at 900
              ! notice known
        "#]],
    );
}

#[test]
fn a_delayed_submission_begins_when_it_is_due() {
    check(
        "submit a svc/h at 500
         submit a svc/h at 200
         advance 499
         advance 1",
        expect![[r#"
            > submit a svc/h at 500
              ! notice done
                arm a begin at 500
              = a: scheduled at 500 0/0
            > submit a svc/h at 200
              ! notice known
            > advance 499
            > advance 1
                start a#1 journal 0/0
              = a: running #1 0/0
        "#]],
    );
}

#[test]
fn a_begin_that_is_due_twice_begins_once() {
    check(
        "submit a svc/h at 500
         clock 500
         fire a begin
         fire a begin",
        expect![[r#"
            > submit a svc/h at 500
              ! notice done
                arm a begin at 500
              = a: scheduled at 500 0/0
            > clock 500
            > fire a begin
                start a#1 journal 0/0
              = a: running #1 0/0
            > fire a begin
        "#]],
    );
}

#[test]
fn a_begin_in_the_past_is_now() {
    check(
        "clock 1000
         submit a svc/h at 500",
        expect![[r#"
            > clock 1000
            > submit a svc/h at 500
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
        "#]],
    );
}

#[test]
fn an_unknown_service_is_the_answer_of_the_invocation() {
    check(
        "submit a nope/h",
        expect![[r#"
            > submit a nope/h
              ! notice done
                arm a purge at 1d
              ! reply a: [404] service 'nope' not found, make sure to register the service before calling it.
              = a: completed as failure 0/0
        "#]],
    );
}

#[test]
fn an_unknown_handler_is_the_answer_of_the_invocation() {
    check(
        "submit a svc/nope",
        expect![[r#"
            > submit a svc/nope
              ! notice done
                arm a purge at 1d
              ! reply a: [404] the service 'svc' exists, but the handler 'nope' was not found, check that the handler exists in the latest registered service version.
              = a: completed as failure 0/0
        "#]],
    );
}

#[test]
fn the_service_is_looked_up_when_the_invocation_begins() {
    check(
        "submit a nope/h at 500
         advance 500",
        expect![[r#"
            > submit a nope/h at 500
              ! notice done
                arm a begin at 500
              = a: scheduled at 500 0/0
            > advance 500
                arm a purge at 1d+500
              ! reply a: [404] service 'nope' not found, make sure to register the service before calling it.
              = a: completed as failure 0/0
        "#]],
    );
}

#[test]
fn who_awaits_the_answer_hears_nothing_else() {
    check(
        "submit a svc/h awaited
         submit b svc/h at 100 awaited
         submit a svc/h awaited
         return a ok",
        expect![[r#"
            > submit a svc/h awaited
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > submit b svc/h at 100 awaited
                arm b begin at 100
              = b: scheduled at 100 0/0
            > submit a svc/h awaited
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 0/0
        "#]],
    );
}
