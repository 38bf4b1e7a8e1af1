//! Cancellations: in every phase, once, and with everything that works afterwards.

use crate::script::check;
use expect_test::expect;

#[test]
fn one_that_has_not_begun_ends_at_once() {
    check(
        "submit a svc/h at 100
         cancel a
         advance 100
         submit b obj/k/add
         submit c obj/k/add
         cancel c
         show obj/k",
        expect![[r#"
            > submit a svc/h at 100
              ! notice done
                arm a begin at 100
              = a: scheduled at 100 0/0
            > cancel a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 0/0
            > advance 100
            > submit b obj/k/add
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0, holds the key
            > submit c obj/k/add
              ! notice done
              = c: queued at 0 0/0
            > cancel c
              ! notice done
                arm c purge at 1d+100
              ! reply c: [409] cancelled
              = c: completed as failure 0/0
            > show obj/k
              | b holds the key
        "#]],
    );
}

#[test]
fn a_running_one_hears_it_among_its_outcomes() {
    check(
        "(submit a svc/h)
         append a: sleep 100; sleep 200; sleep 300
         advance 100
         cancel a
         advance 100
         show a
         return a undone",
        expect![[r#"
            > append a: sleep 100; sleep 200; sleep 300
                arm a sleep 0 at 100
                arm a sleep 1 at 200
                arm a sleep 2 at 300
              = a: running #1 3/0
            > advance 100
                deliver a#1 op 0 order 0 at 100: empty
              = a: running #1 3/1
            > cancel a
              ! notice done
                deliver a#1 cancellation order 1 at 100: [409] cancelled
              = a: running #1 3/2, cancelled
            > advance 100
                deliver a#1 op 1 order 2 at 200: empty
              = a: running #1 3/3, cancelled
            > show a
              | op 0 sleep: empty (order 0)
              | op 1 sleep: empty (order 2)
              | op 2 sleep
              | order 1: cancellation at 100
              | timer a sleep 2 at 300
              | 3 entry, 1 input, 1 live, 3 outcome, 1 timer
            > return a undone
                arm a purge at 1d+200
              ! reply a: undone
              = a: completed 3/3, cancelled
        "#]],
    );
}

#[test]
fn a_suspended_one_wakes_whatever_it_waits_for() {
    check(
        "(submit a svc/h)
         append a: sleep 100; awakeable
         suspend a 1 seen 0
         cancel a
         lost a
         fail a 409 cancelled",
        expect![[r#"
            > append a: sleep 100; awakeable
                arm a sleep 0 at 100
              = a: running #1 2/0
            > suspend a 1 seen 0
              = a: suspended on [1] 2/0
            > cancel a
              ! notice done
                start a#2 journal 2/1
              ! allow runs of a#2 below 2
              = a: running #2 2/1, cancelled
            > lost a
                start a#3 journal 2/1
              ! allow runs of a#3 below 2
              = a: running #3 2/1, cancelled, 1 losses
            > fail a 409 cancelled
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 2/1, cancelled
        "#]],
    );
}

#[test]
fn one_that_backs_off_goes_on_at_once() {
    check(
        "(submit a svc/h)
         append a: sleep 1000
         crash a boom
         cancel a
         show a
         fail a 409 cancelled
         show a
         advance 100",
        expect![[r#"
            > append a: sleep 1000
                arm a sleep 0 at 1000
              = a: running #1 1/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 1/0, 1 failures
            > cancel a
              ! notice done
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, cancelled
            > show a
              | op 0 sleep
              | order 0: cancellation at 0
              | timer a sleep 0 at 1000
              | #1 said: boom
              | 1 entry, 1 input, 1 live, 1 outcome, 1 timer
            > fail a 409 cancelled
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 1/1, cancelled
            > show a
              | op 0 sleep
              | order 0: cancellation at 0
              | answer: [409] cancelled
              | timer a purge at 1d
              | #1 said: boom
              | 1 answer, 1 completed, 1 entry, 1 input, 1 outcome, 1 timer
            > advance 100
        "#]],
    );
}

#[test]
fn one_that_awaits_a_retry_goes_on_at_once() {
    check(
        "(submit a svc/h)
         append a: run pay
         append a: retry 0 after 500
         awaits-retry a 0 seen 0
         cancel a
         append a: run undo
         append a: done 1 ok
         fail a 409 cancelled",
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
            > cancel a
              ! notice done
                start a#2 journal 1/1 held 0@500
              ! allow runs of a#2 below 1
              = a: running #2 1/1, cancelled, op 0 tried 1
            > append a: run undo
              ! allow runs of a#2 below 2
              = a: running #2 2/1, cancelled, op 0 tried 1
            > append a: done 1 ok
                deliver a#2 op 1 order 1 at 0: ok
              = a: running #2 2/2, cancelled, op 0 tried 1
            > fail a 409 cancelled
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 2/2, cancelled
        "#]],
    );
}

#[test]
fn one_that_gave_up_goes_on_and_tries_as_often_again() {
    check(
        "(submit a svc/pauses)
         crash a boom
         advance 100
         crash a boom
         cancel a
         crash a boom
         advance 100
         crash a boom
         resume a
         show a",
        expect![[r#"
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 0/0, 1 failures
            > advance 100
                start a#2 journal 0/0
              = a: running #2 0/0, 1 failures
            > crash a boom
              = a: paused, attempts exhausted 0/0, 2 failures
            > cancel a
              ! notice done
                start a#3 journal 0/1
              = a: running #3 0/1, cancelled
            > crash a boom
                arm a retry 3 at 200
              = a: backing off after #3 until 200 0/1, cancelled, 1 failures
            > advance 100
                start a#4 journal 0/1
              = a: running #4 0/1, cancelled, 1 failures
            > crash a boom
              = a: paused, attempts exhausted 0/1, cancelled, 2 failures
            > resume a
              ! notice done
                start a#5 journal 0/1
              = a: running #5 0/1, cancelled
            > show a
              | order 0: cancellation at 100
              | #1 said: boom
              | #2 said: boom
              | #3 said: boom
              | #4 said: boom
              | 1 input, 1 live, 1 outcome
        "#]],
    );
}

#[test]
fn one_whose_code_changed_goes_on() {
    check(
        "(submit a svc/h)
         append a: sleep 100
         mismatch a
         cancel a
         mismatch a
         cancel a
         resume a",
        expect![[r#"
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > mismatch a
              = a: paused, mismatch at op 0 1/0
            > cancel a
              ! notice done
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, cancelled
            > mismatch a
              = a: paused, mismatch at op 0 1/1, cancelled
            > cancel a
              ! notice done
            > resume a
              ! notice done
                start a#3 journal 1/1
              ! allow runs of a#3 below 1
              = a: running #3 1/1, cancelled
        "#]],
    );
}

#[test]
fn one_at_a_limit_goes_on() {
    check(
        "(submit a obj/k/add)
         (append a: sets 10001 x)
         append a: keys
         cancel a
         append a: clear x0; clear-all
         return a undone",
        expect![[r#"
            > append a: keys
                stop a#1
              = a: paused, the state of obj/k has more than 10000 values (STATE_NAMES_MAX) 10001/0, holds the key
            > cancel a
              ! notice done
                start a#2 journal 10001/1
              ! allow runs of a#2 below 10001
              = a: running #2 10001/1, holds the key, cancelled
            > append a: clear x0; clear-all
              = a: running #2 10003/1, holds the key, cancelled
            > return a undone
                arm a purge at 1d
              ! reply a: undone
              = a: completed 10003/1, cancelled
        "#]],
    );
}

#[test]
fn a_full_journal_still_hears_a_cancellation_and_ends_if_there_is_more_to_undo() {
    check(
        "(submit a svc/h)
         (append a: fill 100000)
         append a: run more
         cancel a
         append a: run undo
         show a",
        expect![[r#"
            > append a: run more
                stop a#1
              = a: paused, the journal would pass 100000 entries (JOURNAL_ENTRIES_MAX) 100000/0
            > cancel a
              ! notice done
                start a#2 journal 100000/1
              ! allow runs of a#2 below 100000
              = a: running #2 100000/1, cancelled
            > append a: run undo
                stop a#2
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 100000/1, cancelled
            > show a
              | op 0 run
              | op 1 run
              | op 2 run
              | op 3 run
              | op 4 run
              | op 5 run
              | op 6 run
              | op 7 run
              | op 8 run
              | op 9 run
              | order 0: cancellation at 0
              | answer: [409] cancelled
              | timer a purge at 1d
              | #2 said: the journal would pass 100000 entries (JOURNAL_ENTRIES_MAX)
              | 1 answer, 1 completed, 100000 entry, 1 input, 1 outcome, 1 timer
        "#]],
    );
}

#[test]
fn a_completed_one_is_not_cancelled() {
    check(
        "(submit a svc/h)
         (return a ok)
         cancel a
         cancel nobody
         show a",
        expect![[r#"
            > cancel a
              ! notice completed
            > cancel nobody
              ! notice absent
            > show a
              | answer: ok
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn a_second_cancellation_changes_nothing() {
    check(
        "(submit a svc/h)
         append a: sleep 100
         cancel a
         cancel a
         suspend a 0 seen 1
         cancel a
         advance 100
         show a",
        expect![[r#"
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, cancelled
            > cancel a
              ! notice done
            > suspend a 0 seen 1
              = a: suspended on [0] 1/1, cancelled
            > cancel a
              ! notice done
            > advance 100
                start a#2 journal 1/2
              ! allow runs of a#2 below 1
              = a: running #2 1/2, cancelled
            > show a
              | op 0 sleep: empty (order 1)
              | order 0: cancellation at 0
              | 1 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn a_cancellation_on_its_way_keeps_the_guest_awake() {
    check(
        "(submit a svc/h)
         append a: sleep 100
         cancel a
         suspend a 0 seen 0",
        expect![[r#"
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, cancelled
            > suspend a 0 seen 0
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, cancelled
        "#]],
    );
}

#[test]
fn what_is_asked_afterwards_works() {
    check(
        "(submit a obj/k/add)
         append a: call b svc/h; sleep 100
         cancel a
         append a: run undo; sleep 50; call c svc/h; set x 1; get x; awakeable
         append a: done 2 ok
         return c ok
         resolve a.7 ok
         advance 50
         show a
         fail a 409 cancelled",
        expect![[r#"
            > append a: call b svc/h; sleep 100
                arm a sleep 1 at 100
                start b#1 journal 0/0 with input
              = a: running #1 2/0, holds the key
              = b: running #1 0/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
                deliver b#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 2/1, holds the key, cancelled
              = b: running #1 0/1, cancelled
            > append a: run undo; sleep 50; call c svc/h; set x 1; get x; awakeable
                arm a sleep 3 at 50
                deliver a#1 op 6 order 1 at 0: 1
              ! allow runs of a#1 below 8
                start c#1 journal 0/0 with input
              = a: running #1 8/2, holds the key, cancelled
              = c: running #1 0/0
            > append a: done 2 ok
                deliver a#1 op 2 order 2 at 0: ok
              = a: running #1 8/3, holds the key, cancelled
            > return c ok
                arm c purge at 1d
              ! reply c: ok
                deliver a#1 op 4 order 3 at 0: ok
              = a: running #1 8/4, holds the key, cancelled
              = c: completed 0/0
            > resolve a.7 ok
              ! notice done
                deliver a#1 op 7 order 4 at 0: ok
              = a: running #1 8/5, holds the key, cancelled
            > advance 50
                deliver a#1 op 3 order 5 at 50: empty
              = a: running #1 8/6, holds the key, cancelled
            > show a
              | op 0 call(svc/h)
              | op 1 sleep
              | op 2 run: ok (order 2)
              | op 3 sleep: empty (order 5)
              | op 4 call(svc/h): ok (order 3)
              | op 5 set-state
              | op 6 get-state: 1 (order 1)
              | op 7 awakeable: ok (order 4)
              | order 0: cancellation at 0
              | waits for b with op 0
              | timer a sleep 1 at 100
              | 8 entry, 1 input, 1 live, 6 outcome, 1 timer
            > fail a 409 cancelled
                arm a purge at 1d+50
              ! reply a: [409] cancelled
              = a: completed as failure 8/6, cancelled
        "#]],
    );
}

#[test]
fn a_caller_may_cancel_what_it_called() {
    check(
        "(submit a svc/h)
         append a: call b svc/h
         append a: cancel b
         fail b 409 cancelled
         return a ok",
        expect![[r#"
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > append a: cancel b
                deliver b#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 2/0
              = b: running #1 0/1, cancelled
            > fail b 409 cancelled
                arm b purge at 1d
              ! reply b: [409] cancelled
                deliver a#1 op 0 order 0 at 0: [409] cancelled
              = a: running #1 2/1
              = b: completed as failure 0/1, cancelled
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 2/1
        "#]],
    );
}

#[test]
fn a_signal_after_a_cancellation_is_for_what_is_asked_afterwards() {
    check(
        "(submit a svc/h)
         append a: receive go; receive stop
         cancel a
         signal a go 1
         append a: receive go
         signal a go 2
         append a: receive go
         show a",
        expect![[r#"
            > append a: receive go; receive stop
              = a: running #1 2/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 2/1, cancelled
            > signal a go 1
              ! notice done
            > append a: receive go
                deliver a#1 op 2 order 1 at 0: 1
              = a: running #1 3/2, cancelled
            > signal a go 2
              ! notice done
            > append a: receive go
                deliver a#1 op 3 order 2 at 0: 2
              = a: running #1 4/3, cancelled
            > show a
              | op 0 receive-signal
              | op 1 receive-signal
              | op 2 receive-signal: 1 (order 1)
              | op 3 receive-signal: 2 (order 2)
              | order 0: cancellation at 0
              | arrived: 
              | wanted: 
              | 4 entry, 1 input, 1 live, 1 mailbox, 3 outcome
        "#]],
    );
}
