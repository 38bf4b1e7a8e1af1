//! Kills reach the calls that the invocation waits for, and nothing else.

use crate::script::check;
use expect_test::expect;

#[test]
fn the_calls_it_waits_for_are_killed_too() {
    check(
        "(submit a svc/h)
         append a: call b svc/h; call c svc/h; send d svc/h
         append b: call e svc/h
         return c ok
         kill a
         exchange
         show phases",
        expect![[r#"
            > append a: call b svc/h; call c svc/h; send d svc/h
                start b#1 journal 0/0 with input
                start c#1 journal 0/0 with input
                start d#1 journal 0/0 with input
              = a: running #1 3/0
              = b: running #1 0/0
              = c: running #1 0/0
              = d: running #1 0/0
            > append b: call e svc/h
                start e#1 journal 0/0 with input
              = b: running #1 1/0
              = e: running #1 0/0
            > return c ok
                arm c purge at 1d
              ! reply c: ok
                deliver a#1 op 1 order 0 at 0: ok
              = a: running #1 3/1
              = c: completed 0/0
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
                stop b#1
                arm b purge at 1d
              ! reply b: [409] killed
              ! transmit to 0 #1: kill e called by b
              = a: completed as failure 3/1
              = b: completed as failure 1/0
            > exchange
              ! acknowledge to 0 #1
                stop e#1
                arm e purge at 1d
              ! reply e: [409] killed
              = e: completed as failure 0/0
            > show phases
              | 1 completed 0/0
              | 1 completed as failure 0/0
              | 1 completed as failure 1/0
              | 1 completed as failure 3/1
              | 1 running #1 0/0
        "#]],
    );
}

#[test]
fn a_call_of_another_is_not_killed() {
    check(
        "(submit x svc/h)
         append x: call I svc/h key i
         (submit a svc/h)
         append a: call I svc/h key i; attach I
         kill a
         return I ok",
        expect![[r#"
            > append x: call I svc/h key i
                start I#1 journal 0/0 with input
              = x: running #1 1/0
              = I: running #1 0/0
            > append a: call I svc/h key i; attach I
              = a: running #1 2/0
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 2/0
            > return I ok
                arm I purge at 1d
              ! reply I: ok
                deliver x#1 op 0 order 0 at 0: ok
              = x: running #1 1/1
              = I: completed 0/0
        "#]],
    );
}

#[test]
fn a_kill_reaches_more_calls_than_are_remembered() {
    check(
        "(submit a svc/h)
         (append a: calls 65 b svc/h; fill 1000; call late svc/h)
         (kill a)
         (exchange)
         show phases
         purge a
         advance 0",
        expect![[r#"
            > show phases
              | 66 completed as failure 0/0
              | 1 completed as failure 1066/0
            > purge a
              ! notice done
                arm a purge at 0
              = a: completed as failure 566/0
            > advance 0
                arm a purge at 0
              = a: gone
        "#]],
    );
}

#[test]
fn a_kill_of_one_that_forgets_reaches_all_its_calls() {
    // Its journal goes with its end, and it is the journal that knows the calls.
    check(
        "(submit a svc/forgets)
         (append a: calls 65 b svc/h; fill 1500; call late svc/h)
         (kill a)
         (advance 0)
         (exchange)
         show phases
         show rows",
        expect![[r#"
            > show phases
              | 66 completed as failure 0/0
            > show rows
              | 66 answer, 66 completed, 66 input, 66 timer
        "#]],
    );
}

#[test]
fn a_kill_reaches_calls_on_other_partitions() {
    check(
        "(submit a svc/h)
         append a: call b@1 svc/h
         receive 0>1 #1
         kill a
         receive 0>1 #2
         receive 1>0 #1",
        expect![[r#"
            > append a: call b@1 svc/h
              ! transmit to 1 #1: submit b@1 svc/h
              = a: running #1 1/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
                start b@1#1 journal 0/0 with input
              = b@1: running #1 0/0
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              ! transmit to 1 #2: kill b@1 called by a
              = a: completed as failure 1/0
            > receive 0>1 #2
              ! acknowledge to 0 #2
                stop b@1#1
                arm b@1 purge at 1d
              ! reply b@1: [409] killed
              ! transmit to 0 #1: answer of b@1 to a.0: [409] killed
              = b@1: completed as failure 0/0
            > receive 1>0 #1
              ! acknowledge to 1 #1
        "#]],
    );
}

#[test]
fn a_kill_overtakes_no_call() {
    check(
        "(submit a svc/h)
         append a: call b@1 svc/h; kill a
         receive 0>1 #1
         receive 0>1 #2",
        expect![[r#"
            > append a: call b@1 svc/h; kill a
              ! transmit to 1 #1: submit b@1 svc/h
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              ! transmit to 1 #2: kill b@1 called by a
              = a: completed as failure 2/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
                start b@1#1 journal 0/0 with input
              = b@1: running #1 0/0
            > receive 0>1 #2
              ! acknowledge to 0 #2
                stop b@1#1
                arm b@1 purge at 1d
              ! reply b@1: [409] killed
              ! transmit to 0 #1: answer of b@1 to a.0: [409] killed
              = b@1: completed as failure 0/0
        "#]],
    );
}

#[test]
fn one_may_kill_itself() {
    check(
        "(submit a svc/h)
         append a: run pay; call b svc/h; kill a; call c svc/h; set x 1
         show a
         show phases",
        expect![[r#"
            > append a: run pay; call b svc/h; kill a; call c svc/h; set x 1
              ! allow runs of a#1 below 5
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
                start b#1 journal 0/0 with input
                stop b#1
                arm b purge at 1d
              ! reply b: [409] killed
                arm c purge at 1d
              ! reply c: [409] killed
              = a: completed as failure 5/0
              = b: completed as failure 0/0
              = c: completed as failure 0/0
            > show a
              | op 0 run
              | op 1 call(svc/h)
              | op 2 kill
              | op 3 call(svc/h)
              | op 4 set-state
              | answer: [409] killed
              | timer a purge at 1d
              | 1 answer, 1 completed, 5 entry, 1 input, 1 timer
            > show phases
              | 2 completed as failure 0/0
              | 1 completed as failure 5/0
        "#]],
    );
}

#[test]
fn what_was_done_in_the_append_of_a_kill_stays() {
    check(
        "(submit a obj/k/add)
         append a: run pay
         append a: done 0 paid; set x 1; kill a; set y 2
         show a
         show obj/k",
        expect![[r#"
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0, holds the key
            > append a: done 0 paid; set x 1; kill a; set y 2
                deliver a#1 op 0 order 0 at 0: paid
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 4/1
            > show a
              | op 0 run: paid (order 0)
              | op 1 set-state
              | op 2 kill
              | op 3 set-state
              | answer: [409] killed
              | timer a purge at 1d
              | 1 answer, 1 completed, 4 entry, 1 input, 1 outcome, 1 timer
            > show obj/k
              | x=1, y=2
        "#]],
    );
}

#[test]
fn a_kill_in_an_append_that_gives_up_finds_it_over() {
    check(
        "(submit a svc/kills)
         append a: run pay; call b svc/h
         append a: retry 0
         append a: retry 0; kill a
         show b",
        expect![[r#"
            > append a: run pay; call b svc/h
              ! allow runs of a#1 below 2
                start b#1 journal 0/0 with input
              = a: running #1 2/0
              = b: running #1 0/0
            > append a: retry 0
                hold a#1 op 0 until 100
              = a: running #1 2/0, 1 failures, op 0 tried 1
            > append a: retry 0; kill a
                stop a#1
                arm a purge at 1d
              ! reply a: [500] flaky
              = a: completed as failure 3/0, 1 failures
            > show b
              | 1 input, 1 live
        "#]],
    );
}
