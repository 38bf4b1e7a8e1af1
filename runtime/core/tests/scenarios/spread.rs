//! Cancellations reach the calls that the invocation waits for, and nothing else.

use crate::script::check;
use expect_test::expect;

#[test]
fn calls_made_afterwards_are_not_cancelled() {
    check(
        "(submit a svc/h)
         cancel a
         append a: call b svc/h
         cancel a
         show b",
        expect![[r#"
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 0/1, cancelled
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/1, cancelled
              = b: running #1 0/0
            > cancel a
              ! notice done
            > show b
              | 1 input, 1 live
        "#]],
    );
}

#[test]
fn the_answers_of_cancelled_calls_come_after_the_cancellation() {
    check(
        "(submit h obj/k/add)
         (submit a svc/h)
         append a: call b obj/k/add; call c svc/h
         cancel a
         show a",
        expect![[r#"
            > append a: call b obj/k/add; call c svc/h
                start c#1 journal 0/0 with input
              = a: running #1 2/0
              = b: queued at 0 0/0
              = c: running #1 0/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
                arm b purge at 1d
              ! reply b: [409] cancelled
                deliver c#1 cancellation order 0 at 0: [409] cancelled
                deliver a#1 op 0 order 1 at 0: [409] cancelled
              = a: running #1 2/2, cancelled
              = b: completed as failure 0/0
              = c: running #1 0/1, cancelled
            > show a
              | op 0 call(obj/k/add): [409] cancelled (order 1)
              | op 1 call(svc/h)
              | order 0: cancellation at 0
              | waits for c with op 1
              | 2 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn sends_are_not_cancelled() {
    check(
        "(submit a svc/h)
         append a: send b svc/h; send c svc/h +100
         cancel a
         show phases",
        expect![[r#"
            > append a: send b svc/h; send c svc/h +100
                arm c begin at 100
                start b#1 journal 0/0 with input
              = a: running #1 2/0
              = b: running #1 0/0
              = c: scheduled at 100 0/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 2/1, cancelled
            > show phases
              | 1 running #1 0/0
              | 1 running #1 2/1, cancelled
              | 1 scheduled at 100 0/0
        "#]],
    );
}

#[test]
fn a_call_that_was_answered_is_not_cancelled() {
    check(
        "(submit a svc/h)
         append a: call b svc/brief; call c svc/h
         return b ok
         cancel a
         show phases",
        expect![[r#"
            > append a: call b svc/brief; call c svc/h
                start b#1 journal 0/0 with input
                start c#1 journal 0/0 with input
              = a: running #1 2/0
              = b: running #1 0/0
              = c: running #1 0/0
            > return b ok
                arm b purge at 100
              ! reply b: ok
                deliver a#1 op 0 order 0 at 0: ok
              = a: running #1 2/1
              = b: completed 0/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 1 at 0: [409] cancelled
                deliver c#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 2/2, cancelled
              = c: running #1 0/1, cancelled
            > show phases
              | 1 completed 0/0
              | 1 running #1 0/1, cancelled
              | 1 running #1 2/2, cancelled
        "#]],
    );
}

#[test]
fn a_callee_that_was_cancelled_may_succeed() {
    check(
        "(submit a svc/h)
         append a: call b svc/h
         cancel a
         return b saved
         show a
         return a saved",
        expect![[r#"
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
                deliver b#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, cancelled
              = b: running #1 0/1, cancelled
            > return b saved
                arm b purge at 1d
              ! reply b: saved
                deliver a#1 op 0 order 1 at 0: saved
              = a: running #1 1/2, cancelled
              = b: completed 0/1, cancelled
            > show a
              | op 0 call(svc/h): saved (order 1)
              | order 0: cancellation at 0
              | 1 entry, 1 input, 1 live, 2 outcome
            > return a saved
                arm a purge at 1d
              ! reply a: saved
              = a: completed 1/2, cancelled
        "#]],
    );
}

#[test]
fn one_may_cancel_itself() {
    check(
        "(submit a svc/h)
         append a: call b svc/h; cancel a; call c svc/h; run pay
         show a
         show phases",
        expect![[r#"
            > append a: call b svc/h; cancel a; call c svc/h; run pay
              ! allow runs of a#1 below 4
                deliver a#1 cancellation order 0 at 0: [409] cancelled
                start b#1 journal 0/0 with input
                deliver b#1 cancellation order 0 at 0: [409] cancelled
                arm c purge at 1d
              ! reply c: [409] cancelled
                deliver a#1 op 2 order 1 at 0: [409] cancelled
              = a: running #1 4/2, cancelled
              = b: running #1 0/1, cancelled
              = c: completed as failure 0/0
            > show a
              | op 0 call(svc/h)
              | op 1 cancel
              | op 2 call(svc/h): [409] cancelled (order 1)
              | op 3 run
              | order 0: cancellation at 0
              | waits for b with op 0
              | 4 entry, 1 input, 1 live, 2 outcome
            > show phases
              | 1 completed as failure 0/0
              | 1 running #1 0/1, cancelled
              | 1 running #1 4/2, cancelled
        "#]],
    );
}

#[test]
fn a_cancellation_reaches_more_calls_than_are_remembered() {
    check(
        "(submit a svc/h)
         (append a: calls 65 b svc/h)
         (append a: fill 1000; call late svc/h)
         (return b3 ok)
         (cancel a)
         show phases
         (exchange)
         show phases
         (return b64 saved)
         (return late saved)
         show phases",
        expect![[r#"
            > show phases
              | 1 completed 0/0
              | 65 running #1 0/0
              | 1 running #1 1066/2, cancelled
            > show phases
              | 1 completed 0/0
              | 65 running #1 0/1, cancelled
              | 1 running #1 1066/2, cancelled
            > show phases
              | 1 completed 0/0
              | 2 completed 0/1, cancelled
              | 63 running #1 0/1, cancelled
              | 1 running #1 1066/4, cancelled
        "#]],
    );
}

#[test]
fn a_cancellation_reaches_calls_on_other_partitions() {
    check(
        "(submit a svc/h)
         append a: call b@1 svc/h
         append a: call c@1 obj/k/add; call d@1 obj/k/add
         (receive 0>1 #1)
         (receive 0>1 #2)
         (receive 0>1 #3)
         cancel a
         receive 0>1 #4
         receive 0>1 #5
         receive 0>1 #6",
        expect![[r#"
            > append a: call b@1 svc/h
              ! transmit to 1 #1: submit b@1 svc/h
              = a: running #1 1/0
            > append a: call c@1 obj/k/add; call d@1 obj/k/add
              ! transmit to 1 #2: submit c@1 obj/k/add
              ! transmit to 1 #3: submit d@1 obj/k/add
              = a: running #1 3/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              ! transmit to 1 #4: cancel b@1 called by a
              ! transmit to 1 #5: cancel c@1 called by a
              ! transmit to 1 #6: cancel d@1 called by a
              = a: running #1 3/1, cancelled
            > receive 0>1 #4
              ! acknowledge to 0 #4
                deliver b@1#1 cancellation order 0 at 0: [409] cancelled
              = b@1: running #1 0/1, cancelled
            > receive 0>1 #5
              ! acknowledge to 0 #5
                deliver c@1#1 cancellation order 0 at 0: [409] cancelled
              = c@1: running #1 0/1, holds the key, cancelled
            > receive 0>1 #6
              ! acknowledge to 0 #6
                arm d@1 purge at 1d
              ! reply d@1: [409] cancelled
              ! transmit to 0 #1: answer of d@1 to a.2: [409] cancelled
              = d@1: completed as failure 0/0
        "#]],
    );
}

#[test]
fn a_call_of_one_that_has_not_heard_yet_is_cancelled_too() {
    check(
        "(submit a svc/h)
         (append a: sleep 100)
         cancel a
         append a: unheard 1; call b svc/h; call c obj/k/add
         append a: call d svc/h
         show phases",
        expect![[r#"
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, cancelled
            > append a: unheard 1; call b svc/h; call c obj/k/add
                arm b purge at 1d
              ! reply b: [409] cancelled
                arm c purge at 1d
              ! reply c: [409] cancelled
                deliver a#1 op 1 order 1 at 0: [409] cancelled
                deliver a#1 op 2 order 2 at 0: [409] cancelled
              = a: running #1 3/3, cancelled
              = b: completed as failure 0/0
              = c: completed as failure 0/0
            > append a: call d svc/h
                start d#1 journal 0/0 with input
              = a: running #1 4/3, cancelled
              = d: running #1 0/0
            > show phases
              | 2 completed as failure 0/0
              | 1 running #1 0/0
              | 1 running #1 4/3, cancelled
        "#]],
    );
}
