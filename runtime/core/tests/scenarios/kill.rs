//! Kills: at once, in every phase, and so are the calls it waits for.

use crate::script::check;
use expect_test::expect;

#[test]
fn one_that_has_not_begun() {
    check(
        "submit a svc/h at 100
         kill a
         advance 100
         show a",
        expect![[r#"
            > submit a svc/h at 100
              ! notice done
                arm a begin at 100
              = a: scheduled at 100 0/0
            > kill a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 0/0
            > advance 100
            > show a
              | answer: [409] killed
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn one_in_the_queue() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         kill b
         return a ok
         show obj/k",
        expect![[r#"
            > kill b
              ! notice done
                arm b purge at 1d
              ! reply b: [409] killed
              = b: completed as failure 0/0
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 0/0
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn a_running_one_is_stopped() {
    check(
        "(submit a svc/h)
         append a: run pay; sleep 100; awakeable
         kill a
         append a#1: done 0 late
         return a#1 late
         advance 100
         show a",
        expect![[r#"
            > append a: run pay; sleep 100; awakeable
                arm a sleep 1 at 100
              ! allow runs of a#1 below 3
              = a: running #1 3/0
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 3/0
            > append a#1: done 0 late
            > return a#1 late
            > advance 100
            > show a
              | op 0 run
              | op 1 sleep
              | op 2 awakeable
              | answer: [409] killed
              | timer a purge at 1d
              | 1 answer, 1 completed, 3 entry, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn a_suspended_one() {
    check(
        "(submit a svc/h)
         append a: sleep 100; receive go
         suspend a 0,1 seen 0
         kill a
         advance 100
         signal a go late
         show a",
        expect![[r#"
            > append a: sleep 100; receive go
                arm a sleep 0 at 100
              = a: running #1 2/0
            > suspend a 0,1 seen 0
              = a: suspended on [0, 1] 2/0
            > kill a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 2/0
            > advance 100
            > signal a go late
              ! notice absent
            > show a
              | op 0 sleep
              | op 1 receive-signal
              | answer: [409] killed
              | timer a purge at 1d
              | arrived: 
              | wanted: go by 1
              | 1 answer, 1 completed, 2 entry, 1 input, 1 mailbox, 1 timer
        "#]],
    );
}

#[test]
fn one_that_backs_off() {
    check(
        "(submit a svc/h)
         append a: sleep 1000
         crash a boom
         kill a
         show a
         advance 100",
        expect![[r#"
            > append a: sleep 1000
                arm a sleep 0 at 1000
              = a: running #1 1/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 1/0, 1 failures
            > kill a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 1/0, 1 failures
            > show a
              | op 0 sleep
              | answer: [409] killed
              | timer a purge at 1d
              | #1 said: boom
              | 1 answer, 1 completed, 1 entry, 1 input, 1 timer
            > advance 100
        "#]],
    );
}

#[test]
fn one_that_awaits_a_retry() {
    check(
        "(submit a svc/h)
         append a: run pay
         append a: retry 0 after 500
         awaits-retry a 0 seen 0
         kill a
         show a
         advance 500",
        expect![[r#"
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: retry 0 after 500
                hold a#1 op 0 until 500
              = a: running #1 1/0, 1 failures, op 0 tried 1
            > awaits-retry a 0 seen 0
                arm a retry 1 at 500
              = a: backing off after #1 until 500 or [0] 1/0, 1 failures, op 0 tried 1
            > kill a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 1/0, 1 failures
            > show a
              | op 0 run
              | answer: [409] killed
              | timer a purge at 1d
              | #1 said: flaky
              | 1 answer, 1 completed, 1 entry, 1 input, 1 timer
            > advance 500
        "#]],
    );
}

#[test]
fn one_that_is_paused() {
    check(
        "(submit a svc/pauses)
         (crash a boom)
         (advance 100)
         (crash a boom)
         kill a
         (submit b svc/h)
         (mismatch b)
         kill b
         resume b",
        expect![[r#"
            > kill a
              ! notice done
                arm a purge at 1d+100
              ! reply a: [409] killed
              = a: completed as failure 0/0, 2 failures
            > kill b
              ! notice done
                arm b purge at 1d+100
              ! reply b: [409] killed
              = b: completed as failure 0/0
            > resume b
              ! notice completed
        "#]],
    );
}

#[test]
fn one_that_was_cancelled() {
    check(
        "(submit a svc/h)
         append a: sleep 100
         cancel a
         kill a
         show a
         purge a
         show rows",
        expect![[r#"
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, cancelled
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 1/1, cancelled
            > show a
              | op 0 sleep
              | order 0: cancellation at 0
              | answer: [409] killed
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 entry, 1 input, 1 outcome, 1 timer
            > purge a
              ! notice done
              = a: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_completed_one_is_not_killed() {
    check(
        "(submit a svc/h)
         (return a ok)
         kill a
         kill nobody
         show a",
        expect![[r#"
            > kill a
              ! notice completed
            > kill nobody
              ! notice absent
            > show a
              | answer: ok
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn a_caller_may_kill_what_it_called() {
    check(
        "(submit a svc/h)
         append a: call b svc/h
         append a: kill b
         return a ok",
        expect![[r#"
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > append a: kill b
                stop b#1
                arm b purge at 1d
              ! reply b: [409] killed
                deliver a#1 op 0 order 0 at 0: [409] killed
              = a: running #1 2/1
              = b: completed as failure 0/0
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 2/1
        "#]],
    );
}

#[test]
fn a_handler_that_gives_up_leaves_its_calls_alone() {
    check(
        "(submit a svc/kills)
         append a: call b svc/h
         crash a boom
         advance 100
         crash a boom
         show phases
         return b ok",
        expect![[r#"
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 1/0, 1 failures
            > advance 100
                start a#2 journal 1/0
              ! allow runs of a#2 below 1
              = a: running #2 1/0, 1 failures
            > crash a boom
                arm a purge at 1d+100
              ! reply a: [500] boom
              = a: completed as failure 1/0, 2 failures
            > show phases
              | 1 completed as failure 1/0, 2 failures
              | 1 running #1 0/0
            > return b ok
                arm b purge at 1d+100
              ! reply b: ok
              = b: completed 0/0
        "#]],
    );
}

#[test]
fn a_handler_that_returns_leaves_its_calls_alone() {
    check(
        "(submit a svc/h)
         append a: call b svc/h
         return a early
         return b late
         show a",
        expect![[r#"
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > return a early
                arm a purge at 1d
              ! reply a: early
              = a: completed 1/0
            > return b late
                arm b purge at 1d
              ! reply b: late
              = b: completed 0/0
            > show a
              | op 0 call(svc/h)
              | answer: early
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 entry, 1 input, 1 timer
        "#]],
    );
}
