//! Attempts: crashes, back-off, pauses and resumes.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_crash_backs_off_and_tries_again() {
    check(
        "submit a svc/h
         crash a boom
         advance 100
         crash a boom
         advance 200",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 0/0, 1 failures
            > advance 100
                start a#2 journal 0/0
              = a: running #2 0/0, 1 failures
            > crash a boom
                arm a retry 2 at 300
              = a: backing off after #2 until 300 0/0, 2 failures
            > advance 200
                start a#3 journal 0/0
              = a: running #3 0/0, 2 failures
        "#]],
    );
}

#[test]
fn a_crash_can_name_the_delay() {
    check(
        "submit a svc/h
         crash a boom after 7
         advance 7",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > crash a boom after 7
                arm a retry 1 at 7
              = a: backing off after #1 until 7 0/0, 1 failures
            > advance 7
                start a#2 journal 0/0
              = a: running #2 0/0, 1 failures
        "#]],
    );
}

#[test]
fn a_growing_journal_starts_the_policy_anew() {
    check(
        "submit a svc/h
         crash a boom
         advance 100
         append a: sleep 1000
         crash a boom",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 0/0, 1 failures
            > advance 100
                start a#2 journal 0/0
              = a: running #2 0/0, 1 failures
            > append a: sleep 1000
                arm a sleep 0 at 1100
              = a: running #2 1/0
            > crash a boom
                arm a retry 2 at 200
              = a: backing off after #2 until 200 1/0, 1 failures
        "#]],
    );
}

#[test]
fn exhausted_attempts_pause_until_somebody_resumes() {
    check(
        "submit a svc/pauses
         crash a boom
         advance 100
         crash a boom
         advance 1000
         resume a
         crash a boom",
        expect![[r#"
            > submit a svc/pauses
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 0/0, 1 failures
            > advance 100
                start a#2 journal 0/0
              = a: running #2 0/0, 1 failures
            > crash a boom
              = a: paused, attempts exhausted 0/0, 2 failures
            > advance 1000
            > resume a
              ! notice done
                start a#3 journal 0/0
              = a: running #3 0/0
            > crash a boom
                arm a retry 3 at 1200
              = a: backing off after #3 until 1200 0/0, 1 failures
        "#]],
    );
}

#[test]
fn exhausted_attempts_kill() {
    check(
        "submit a svc/kills
         crash a boom
         advance 100
         crash a bang",
        expect![[r#"
            > submit a svc/kills
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 0/0, 1 failures
            > advance 100
                start a#2 journal 0/0
              = a: running #2 0/0, 1 failures
            > crash a bang
                arm a purge at 1d+100
              ! reply a: [500] bang
              = a: completed as failure 0/0, 2 failures
        "#]],
    );
}

#[test]
fn a_resume_ends_a_back_off_and_its_timer_is_stale() {
    check(
        "submit a svc/h
         crash a boom
         resume a
         crash a boom after 500
         advance 100
         advance 400",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 0/0, 1 failures
            > resume a
              ! notice done
                start a#2 journal 0/0
              = a: running #2 0/0
            > crash a boom after 500
                arm a retry 2 at 500
              = a: backing off after #2 until 500 0/0, 1 failures
            > advance 100
            > advance 400
                start a#3 journal 0/0
              = a: running #3 0/0, 1 failures
        "#]],
    );
}

#[test]
fn a_resume_of_what_is_not_held_up_changes_nothing() {
    check(
        "resume a
         submit a svc/h at 100
         resume a
         advance 100
         resume a
         append a: sleep 100
         suspend a 0 seen 0
         resume a",
        expect![[r#"
            > resume a
              ! notice absent
            > submit a svc/h at 100
              ! notice done
                arm a begin at 100
              = a: scheduled at 100 0/0
            > resume a
              ! notice unfit
            > advance 100
                start a#1 journal 0/0
              = a: running #1 0/0
            > resume a
              ! notice unfit
            > append a: sleep 100
                arm a sleep 0 at 200
              = a: running #1 1/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > resume a
              ! notice unfit
        "#]],
    );
}

#[test]
fn a_handlers_failure_is_its_answer() {
    check(
        "submit a svc/h
         fail a 404 nope",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > fail a 404 nope
                arm a purge at 1d
              ! reply a: [404] nope
              = a: completed as failure 0/0
        "#]],
    );
}
