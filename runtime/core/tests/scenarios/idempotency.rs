//! Idempotency keys: the same key is the same invocation, whoever asks.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_second_submit_with_the_key_is_known() {
    check(
        "submit I svc/h key i
         submit I svc/h key i
         return I ok
         submit I svc/h key i
         show rows",
        expect![[r#"
            > submit I svc/h key i
              ! notice done
                start I#1 journal 0/0 with input
              = I: running #1 0/0
            > submit I svc/h key i
              ! notice known
            > return I ok
                arm I purge at 1d
              ! reply I: ok
              = I: completed 0/0
            > submit I svc/h key i
              ! notice known
            > show rows
              | 1 answer, 1 completed, 1 created, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn a_call_with_the_key_of_a_running_one_gets_its_answer() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         append a: call I svc/h key i
         append b: call I svc/h key i
         suspend b 0 seen 0
         show I
         return I 42",
        expect![[r#"
            > append a: call I svc/h key i
                start I#1 journal 0/0 with input
              = a: running #1 1/0
              = I: running #1 0/0
            > append b: call I svc/h key i
              = b: running #1 1/0
            > suspend b 0 seen 0
              = b: suspended on [0] 1/0
            > show I
              | listeners: b.0
              | 1 created, 1 input, 1 listeners, 1 live
            > return I 42
                arm I purge at 1d
              ! reply I: 42
                deliver a#1 op 0 order 0 at 0: 42
                start b#2 journal 1/1
              ! allow runs of b#2 below 1
              = a: running #1 1/1
              = b: running #2 1/1
              = I: completed 0/0
        "#]],
    );
}

#[test]
fn a_call_with_the_key_of_a_completed_one_gets_its_answer() {
    check(
        "(submit I svc/h key i)
         (fail I 418 teapot)
         (submit a svc/h)
         append a: call I svc/h key i",
        expect![[r#"
            > append a: call I svc/h key i
                deliver a#1 op 0 order 0 at 0: [418] teapot
              = a: running #1 1/1
        "#]],
    );
}

#[test]
fn a_call_with_a_key_after_the_purge_runs_again() {
    check(
        "(submit a svc/h)
         append a: call I svc/h key i
         return I first
         advance 1d
         append a: call I svc/h key i
         return I second",
        expect![[r#"
            > append a: call I svc/h key i
                start I#1 journal 0/0 with input
              = a: running #1 1/0
              = I: running #1 0/0
            > return I first
                arm I purge at 1d
              ! reply I: first
                deliver a#1 op 0 order 0 at 0: first
              = a: running #1 1/1
              = I: completed 0/0
            > advance 1d
              = I: gone
            > append a: call I svc/h key i
                start I#2 journal 0/0 with input
              = a: running #1 2/1
              = I: running #2 0/0
            > return I second
                arm I purge at 2d
              ! reply I: second
                deliver a#1 op 1 order 1 at 1d: second
              = a: running #1 2/2
              = I: completed 0/0
        "#]],
    );
}

#[test]
fn a_call_joins_one_of_the_ingress_that_is_scheduled() {
    check(
        "(submit I svc/h at 100 key i)
         (submit a svc/h)
         append a: call I svc/h key i
         advance 100
         return I ok",
        expect![[r#"
            > append a: call I svc/h key i
              = a: running #1 1/0
            > advance 100
                start I#1 journal 0/0
              = I: running #1 0/0
            > return I ok
                arm I purge at 1d+100
              ! reply I: ok
                deliver a#1 op 0 order 0 at 100: ok
              = a: running #1 1/1
              = I: completed 0/0
        "#]],
    );
}

#[test]
fn a_call_joins_one_that_waits_for_its_key() {
    check(
        "(submit h obj/k/add)
         (submit I obj/k/add key i)
         (submit a svc/h)
         append a: call I obj/k/add key i
         return h ok
         return I 42",
        expect![[r#"
            > append a: call I obj/k/add key i
              = a: running #1 1/0
            > return h ok
                arm h purge at 1d
              ! reply h: ok
                start I#1 journal 0/0
              = h: completed 0/0
              = I: running #1 0/0, holds the key
            > return I 42
                arm I purge at 1d
              ! reply I: 42
                deliver a#1 op 0 order 0 at 0: 42
              = a: running #1 1/1
              = I: completed 0/0
        "#]],
    );
}

#[test]
fn a_send_with_the_key_is_told_nothing() {
    check(
        "(submit a svc/h)
         append a: send I svc/h key i
         append a: send I svc/h key i; send I svc/h key i +100
         return I ok
         advance 100
         append a: send I svc/h key i
         show phases",
        expect![[r#"
            > append a: send I svc/h key i
                start I#1 journal 0/0 with input
              = a: running #1 1/0
              = I: running #1 0/0
            > append a: send I svc/h key i; send I svc/h key i +100
              = a: running #1 3/0
            > return I ok
                arm I purge at 1d
              ! reply I: ok
              = I: completed 0/0
            > advance 100
            > append a: send I svc/h key i
              = a: running #1 4/0
            > show phases
              | 1 completed 0/0
              | 1 running #1 4/0
        "#]],
    );
}

#[test]
fn one_caller_may_use_the_key_twice() {
    check(
        "(submit a svc/h)
         append a: call I svc/h key i; call I svc/h key i
         show I
         return I 42",
        expect![[r#"
            > append a: call I svc/h key i; call I svc/h key i
                start I#1 journal 0/0 with input
              = a: running #1 2/0
              = I: running #1 0/0
            > show I
              | listeners: a.1
              | 1 created, 1 input, 1 listeners, 1 live
            > return I 42
                arm I purge at 1d
              ! reply I: 42
                deliver a#1 op 0 order 0 at 0: 42
                deliver a#1 op 1 order 1 at 0: 42
              = a: running #1 2/2
              = I: completed 0/0
        "#]],
    );
}

#[test]
fn a_call_of_oneself_waits_until_it_is_cancelled() {
    check(
        "(submit I svc/h key i)
         append I: call I svc/h key i
         suspend I 0 seen 0
         show I
         cancel I
         fail I 409 cancelled",
        expect![[r#"
            > append I: call I svc/h key i
              = I: running #1 1/0
            > suspend I 0 seen 0
              = I: suspended on [0] 1/0
            > show I
              | op 0 call(svc/h)
              | waits for I with op 0
              | listeners: I.0
              | 1 created, 1 entry, 1 input, 1 listeners, 1 live
            > cancel I
              ! notice done
                start I#2 journal 1/1
              ! allow runs of I#2 below 1
              = I: running #2 1/1, cancelled
            > fail I 409 cancelled
                arm I purge at 1d
              ! reply I: [409] cancelled
              = I: completed as failure 1/1, cancelled
        "#]],
    );
}

#[test]
fn a_purge_frees_the_key() {
    check(
        "submit I svc/h key i
         return I first
         purge I
         submit I svc/h key i
         return I second",
        expect![[r#"
            > submit I svc/h key i
              ! notice done
                start I#1 journal 0/0 with input
              = I: running #1 0/0
            > return I first
                arm I purge at 1d
              ! reply I: first
              = I: completed 0/0
            > purge I
              ! notice done
              = I: gone
            > submit I svc/h key i
              ! notice done
                start I#2 journal 0/0 with input
              = I: running #2 0/0
            > return I second
                arm I purge at 1d
              ! reply I: second
              = I: completed 0/0
        "#]],
    );
}

#[test]
fn an_answer_is_kept_longer_than_the_journal() {
    check(
        "(submit I svc/brief key i)
         append I: sleep 5
         return I ok
         advance 100
         show I
         submit I svc/brief key i
         (submit a svc/h)
         append a: call I svc/brief key i
         advance 900
         show I",
        expect![[r#"
            > append I: sleep 5
                arm I sleep 0 at 5
              = I: running #1 1/0
            > return I ok
                arm I purge at 1000
                arm I purge-journal at 100
              ! reply I: ok
              = I: completed 1/0
            > advance 100
              = I: completed 0/0
            > show I
              | answer: ok
              | timer I purge at 1000
              | 1 answer, 1 completed, 1 created, 1 timer
            > submit I svc/brief key i
              ! notice known
            > append a: call I svc/brief key i
                deliver a#1 op 0 order 0 at 100: ok
              = a: running #1 1/1
            > advance 900
              = I: gone
            > show I
              | nothing
        "#]],
    );
}

#[test]
fn without_a_key_the_answer_goes_with_the_journal() {
    check(
        "submit a svc/brief
         return a ok
         advance 100",
        expect![[r#"
            > submit a svc/brief
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > return a ok
                arm a purge at 100
              ! reply a: ok
              = a: completed 0/0
            > advance 100
              = a: gone
        "#]],
    );
}

#[test]
fn a_failed_pin_is_the_answer_under_the_key() {
    check(
        "submit I nope/h key i
         submit I nope/h key i
         show I",
        expect![[r#"
            > submit I nope/h key i
              ! notice done
                arm I purge at 1d
              ! reply I: [404] service 'nope' not found, make sure to register the service before calling it.
              = I: completed as failure 0/0
            > submit I nope/h key i
              ! notice known
            > show I
              | answer: [404] service 'nope' not found, make sure to register the service before calling it.
              | timer I purge at 1d
              | 1 answer, 1 completed, 1 created, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn the_index_of_computed_ids_goes_with_them() {
    check(
        "(clock 70)
         submit I svc/h key i
         submit a svc/h
         show I
         return I ok
         show I
         purge I
         show I",
        expect![[r#"
            > submit I svc/h key i
              ! notice done
                start I#1 journal 0/0 with input
              = I: running #1 0/0
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > show I
              | 1 created, 1 input, 1 live
            > return I ok
                arm I purge at 1d+70
              ! reply I: ok
              = I: completed 0/0
            > show I
              | answer: ok
              | timer I purge at 1d+70
              | 1 answer, 1 completed, 1 created, 1 input, 1 timer
            > purge I
              ! notice done
              = I: gone
            > show I
              | nothing
        "#]],
    );
}
