//! An id that is used again after a purge: what was meant for the earlier invocation changes nothing,
//! but for awakeables, which have the same ids again.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_late_answer_does_not_reach_a_later_caller_of_the_same_id() {
    // The first I calls b, the second one calls c with the same operation.
    check(
        "(submit I svc/h key i)
         append I: call b@1 svc/h
         (receive 0>1 #1)
         kill I
         purge I
         submit I svc/h key i
         append I: call c@1 svc/h
         return b@1 late
         receive 1>0 #1
         show I",
        expect![[r#"
            > append I: call b@1 svc/h
              ! transmit to 1 #1: submit b@1 svc/h
              = I: running #1 1/0
            > kill I
              ! notice done
                stop I#1
                arm I purge at 1d
              ! reply I: [409] killed
              ! transmit to 1 #2: kill b@1 called by I
              = I: completed as failure 1/0
            > purge I
              ! notice done
              = I: gone
            > submit I svc/h key i
              ! notice done
                start I#2 journal 0/0 with input
              = I: running #2 0/0
            > append I: call c@1 svc/h
              ! transmit to 1 #3: submit c@1 svc/h
              = I: running #2 1/0
            > return b@1 late
                arm b@1 purge at 1d
              ! reply b@1: late
              ! transmit to 0 #1: answer of b@1 to I.0: late
              = b@1: completed 0/0
            > receive 1>0 #1
              ! acknowledge to 1 #1
            > show I
              | op 0 call(svc/h)
              | waits for c@1 with op 0
              | 1 created, 1 entry, 1 input, 1 live
        "#]],
    );
}

#[test]
fn a_late_answer_does_not_reach_a_sleep_or_an_earlier_journal() {
    check(
        "(submit I svc/h key i)
         append I: call b@1 svc/h
         (receive 0>1 #1)
         (return b@1 late)
         kill I
         purge I
         submit I svc/h key i
         receive 1>0 #1
         append I: sleep 100
         receive 1>0 #1
         show I",
        expect![[r#"
            > append I: call b@1 svc/h
              ! transmit to 1 #1: submit b@1 svc/h
              = I: running #1 1/0
            > kill I
              ! notice done
                stop I#1
                arm I purge at 1d
              ! reply I: [409] killed
              ! transmit to 1 #2: kill b@1 called by I
              = I: completed as failure 1/0
            > purge I
              ! notice done
              = I: gone
            > submit I svc/h key i
              ! notice done
                start I#2 journal 0/0 with input
              = I: running #2 0/0
            > receive 1>0 #1
              ! acknowledge to 1 #1
            > append I: sleep 100
                arm I sleep 0 at 100
              = I: running #2 1/0
            > receive 1>0 #1
              ! acknowledge to 1 #1
            > show I
              | op 0 sleep
              | timer I sleep 0 at 100
              | 1 created, 1 entry, 1 input, 1 live, 1 timer
        "#]],
    );
}

#[test]
fn an_old_timer_does_not_wake_a_later_one_of_the_same_id() {
    check(
        "(submit I svc/h key i)
         append I: sleep 100
         kill I
         purge I
         (clock 50)
         submit I svc/h key i
         append I: sleep 100
         advance 50
         advance 50",
        expect![[r#"
            > append I: sleep 100
                arm I sleep 0 at 100
              = I: running #1 1/0
            > kill I
              ! notice done
                stop I#1
                arm I purge at 1d
              ! reply I: [409] killed
              = I: completed as failure 1/0
            > purge I
              ! notice done
              = I: gone
            > submit I svc/h key i
              ! notice done
                start I#2 journal 0/0 with input
              = I: running #2 0/0
            > append I: sleep 100
                arm I sleep 0 at 150
              = I: running #2 1/0
            > advance 50
            > advance 50
                deliver I#2 op 0 order 0 at 150: empty
              = I: running #2 1/1
        "#]],
    );
}

#[test]
fn an_old_purge_timer_does_not_purge_a_later_one() {
    check(
        "(submit I svc/brief key i)
         (return I first)
         purge I
         (clock 500)
         submit I svc/brief key i
         advance 500
         return I second
         advance 100
         show I
         fire I purge",
        expect![[r#"
            > purge I
              ! notice done
              = I: gone
            > submit I svc/brief key i
              ! notice done
                start I#2 journal 0/0 with input
              = I: running #2 0/0
            > advance 500
            > return I second
                arm I purge at 2000
                arm I purge-journal at 1100
              ! reply I: second
              = I: completed 0/0
            > advance 100
            > show I
              | answer: second
              | timer I purge at 2000
              | 1 answer, 1 completed, 1 created, 1 timer
            > fire I purge
                arm I purge at 2000
        "#]],
    );
}

#[test]
fn an_old_begin_does_not_begin_a_later_one() {
    check(
        "(submit I svc/h at 100 key i)
         kill I
         purge I
         submit I svc/h at 200 key i
         advance 100
         advance 100",
        expect![[r#"
            > kill I
              ! notice done
                arm I purge at 1d
              ! reply I: [409] killed
              = I: completed as failure 0/0
            > purge I
              ! notice done
              = I: gone
            > submit I svc/h at 200 key i
              ! notice done
                arm I begin at 200
              = I: scheduled at 200 0/0
            > advance 100
            > advance 100
                start I#1 journal 0/0
              = I: running #1 0/0
        "#]],
    );
}

#[test]
fn an_old_back_off_does_not_end_a_later_one() {
    check(
        "(submit I svc/h key i)
         crash I boom
         kill I
         purge I
         submit I svc/h key i
         crash I boom after 300
         advance 100
         advance 200",
        expect![[r#"
            > crash I boom
                arm I retry 1 at 100
              = I: backing off after #1 until 100 0/0, 1 failures
            > kill I
              ! notice done
                arm I purge at 1d
              ! reply I: [409] killed
              = I: completed as failure 0/0, 1 failures
            > purge I
              ! notice done
              = I: gone
            > submit I svc/h key i
              ! notice done
                start I#2 journal 0/0 with input
              = I: running #2 0/0
            > crash I boom after 300
                arm I retry 2 at 300
              = I: backing off after #2 until 300 0/0, 1 failures
            > advance 100
            > advance 200
                start I#3 journal 0/0
              = I: running #3 0/0, 1 failures
        "#]],
    );
}

#[test]
fn an_awakeable_has_the_same_id_again() {
    // Whoever has the id of the first may complete the second: an id names an operation, and nothing else.
    check(
        "(submit I svc/h key i)
         append I: awakeable
         kill I
         purge I
         (submit I svc/h key i)
         resolve I.0 early
         append I: awakeable
         resolve I.0 late",
        expect![[r#"
            > append I: awakeable
              = I: running #1 1/0
            > kill I
              ! notice done
                stop I#1
                arm I purge at 1d
              ! reply I: [409] killed
              = I: completed as failure 1/0
            > purge I
              ! notice done
              = I: gone
            > resolve I.0 early
              ! notice done
            > append I: awakeable
              = I: running #2 1/0
            > resolve I.0 late
              ! notice done
                deliver I#2 op 0 order 0 at 0: late
              = I: running #2 1/1
        "#]],
    );
}

#[test]
fn signals_of_an_earlier_one_with_the_id_are_gone() {
    check(
        "(submit I svc/h key i)
         signal I go 1
         kill I
         purge I
         (submit I svc/h key i)
         append I: receive go
         show I",
        expect![[r#"
            > signal I go 1
              ! notice done
            > kill I
              ! notice done
                stop I#1
                arm I purge at 1d
              ! reply I: [409] killed
              = I: completed as failure 0/0
            > purge I
              ! notice done
              = I: gone
            > append I: receive go
              = I: running #2 1/0
            > show I
              | op 0 receive-signal
              | arrived: 
              | wanted: go by 0
              | 1 created, 1 entry, 1 input, 1 live, 1 mailbox
        "#]],
    );
}

#[test]
fn a_promise_of_an_earlier_run_reaches_no_later_one() {
    check(
        "(submit W flow/k/run)
         append W: await p
         kill W
         purge W
         submit W flow/k/run
         append W: sleep 100
         (submit a flow/k/ask)
         append a: complete p ok
         show flow/k",
        expect![[r#"
            > append W: await p
              = W: running #1 1/0
            > kill W
              ! notice done
                stop W#1
                arm W purge at 1d
              ! reply W: [409] killed
              = W: completed as failure 1/0
            > purge W
              ! notice done
              = W: gone
            > submit W flow/k/run
              ! notice done
                start W#2 journal 0/0 with input
              = W: running #2 0/0
            > append W: sleep 100
                arm W sleep 0 at 100
              = W: running #2 1/0
            > append a: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
              = a: running #1 1/1
            > show flow/k
              | p is ok
        "#]],
    );
}

#[test]
fn a_later_one_listens_once() {
    check(
        "(submit b svc/h)
         (submit c svc/h)
         (submit I svc/h key i)
         append I: attach b
         append c: attach b
         kill I
         purge I
         (submit I svc/h key i)
         append I: attach b
         show b
         return b ok",
        expect![[r#"
            > append I: attach b
              = I: running #1 1/0
            > append c: attach b
              = c: running #1 1/0
            > kill I
              ! notice done
                stop I#1
                arm I purge at 1d
              ! reply I: [409] killed
              = I: completed as failure 1/0
            > purge I
              ! notice done
              = I: gone
            > append I: attach b
              = I: running #2 1/0
            > show b
              | listeners: c.0 I.0
              | 1 input, 1 listeners, 1 live
            > return b ok
                arm b purge at 1d
              ! reply b: ok
                deliver c#1 op 0 order 0 at 0: ok
                deliver I#2 op 0 order 0 at 0: ok
              = b: completed 0/0
              = c: running #1 1/1
              = I: running #2 1/1
        "#]],
    );
}

#[test]
fn a_later_one_waits_for_a_promise_once() {
    check(
        "(submit I flow/k/ask key i)
         append I: await p
         kill I
         purge I
         (submit I flow/k/ask key i)
         append I: await p
         show flow/k
         append I: complete p ok",
        expect![[r#"
            > append I: await p
              = I: running #1 1/0
            > kill I
              ! notice done
                stop I#1
                arm I purge at 1d
              ! reply I: [409] killed
              = I: completed as failure 1/0
            > purge I
              ! notice done
              = I: gone
            > append I: await p
              = I: running #2 1/0
            > show flow/k
              | p is awaited by I.0
            > append I: complete p ok
                deliver I#2 op 1 order 0 at 0: empty
                deliver I#2 op 0 order 1 at 0: ok
              = I: running #2 2/2
        "#]],
    );
}
