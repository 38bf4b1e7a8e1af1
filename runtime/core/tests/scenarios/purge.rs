//! Purges: a completed invocation is forgotten, by hand or by time, a part at a time.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_purge_by_hand() {
    check(
        "(submit a svc/h)
         append a: sleep 100; run pay; receive go
         append a: done 1 ok
         signal a stop kept
         return a ok
         show a
         purge a
         show rows",
        expect![[r#"
            > append a: sleep 100; run pay; receive go
                arm a sleep 0 at 100
              ! allow runs of a#1 below 3
              = a: running #1 3/0
            > append a: done 1 ok
                deliver a#1 op 1 order 0 at 0: ok
              = a: running #1 3/1
            > signal a stop kept
              ! notice done
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 3/1
            > show a
              | op 0 sleep
              | op 1 run: ok (order 0)
              | op 2 receive-signal
              | answer: ok
              | timer a purge at 1d
              | arrived: stop
              | wanted: go by 2
              | 1 answer, 1 completed, 3 entry, 1 input, 1 mailbox, 1 outcome, 1 signal, 1 timer
            > purge a
              ! notice done
              = a: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn only_what_is_over_is_purged() {
    check(
        "purge nobody
         (submit a svc/h)
         purge a
         append a: sleep 100
         suspend a 0 seen 0
         purge a
         (submit b svc/h at 100)
         purge b",
        expect![[r#"
            > purge nobody
              ! notice absent
            > purge a
              ! notice unfit
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > purge a
              ! notice unfit
            > purge b
              ! notice unfit
        "#]],
    );
}

#[test]
fn a_purge_by_time() {
    check(
        "(submit a svc/h)
         append a: sleep 100
         return a ok
         advance 1d
         show rows",
        expect![[r#"
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 1/0
            > advance 1d
              = a: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_timer_after_a_purge_by_hand_does_nothing() {
    check(
        "(submit a svc/h)
         (return a ok)
         purge a
         advance 1d",
        expect![[r#"
            > purge a
              ! notice done
              = a: gone
            > advance 1d
        "#]],
    );
}

#[test]
fn nothing_is_kept_of_one_that_forgets() {
    check(
        "(submit a svc/forgets)
         append a: sleep 100; receive go; sleep 5; call b svc/forgets
         signal a stop 1
         return a ok
         show rows
         return b ok
         show rows",
        expect![[r#"
            > append a: sleep 100; receive go; sleep 5; call b svc/forgets
                arm a sleep 0 at 100
                arm a sleep 2 at 5
                start b#1 journal 0/0 with input
              = a: running #1 4/0
              = b: running #1 0/0
            > signal a stop 1
              ! notice done
            > return a ok
              ! reply a: ok
              = a: gone
            > show rows
              | 1 input, 1 live
            > return b ok
              ! reply b: ok
              = b: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn one_that_forgets_still_answers_its_caller() {
    check(
        "(submit a svc/h)
         append a: call b svc/forgets
         suspend a 0 seen 0
         return b 42",
        expect![[r#"
            > append a: call b svc/forgets
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > return b 42
              ! reply b: 42
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1
              = b: gone
        "#]],
    );
}

#[test]
fn the_journal_goes_before_the_answer() {
    check(
        "submit I svc/brief key i
         append I: run pay; sleep 50
         cancel I
         return I ok
         show I
         advance 100
         show I
         purge I
         show rows
         advance 900",
        expect![[r#"
            > submit I svc/brief key i
              ! notice done
                start I#1 journal 0/0 with input
              = I: running #1 0/0
            > append I: run pay; sleep 50
                arm I sleep 1 at 50
              ! allow runs of I#1 below 2
              = I: running #1 2/0
            > cancel I
              ! notice done
                deliver I#1 cancellation order 0 at 0: [409] cancelled
              = I: running #1 2/1, cancelled
            > return I ok
                arm I purge at 1000
                arm I purge-journal at 100
              ! reply I: ok
              = I: completed 2/1, cancelled
            > show I
              | op 0 run
              | op 1 sleep
              | order 0: cancellation at 0
              | answer: ok
              | timer I purge-journal at 100
              | timer I purge at 1000
              | 1 answer, 1 completed, 1 created, 2 entry, 1 input, 1 outcome, 2 timer
            > advance 100
              = I: completed 0/0, cancelled
            > show I
              | answer: ok
              | timer I purge at 1000
              | 1 answer, 1 completed, 1 created, 1 timer
            > purge I
              ! notice done
              = I: gone
            > show rows
              | nothing
            > advance 900
        "#]],
    );
}

#[test]
fn a_long_journal_goes_in_parts_from_its_end() {
    check(
        "(submit a svc/h)
         (append a: fill 1200)
         return a ok
         purge a
         show a
         fire a purge
         show a
         fire a purge
         show rows",
        expect![[r#"
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 1200/0
            > purge a
              ! notice done
                arm a purge at 0
              = a: completed 700/0
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
              | answer: ok
              | timer a purge at 0
              | 1 answer, 1 completed, 700 entry, 1 input, 1 timer
            > fire a purge
                arm a purge at 0
              = a: completed 200/0
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
              | answer: ok
              | timer a purge at 0
              | 1 answer, 1 completed, 200 entry, 1 input, 1 timer
            > fire a purge
              = a: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_long_journal_of_one_that_forgets() {
    check(
        "(submit a svc/forgets)
         (append a: fill 501)
         return a ok
         show rows
         advance 0
         show rows",
        expect![[r#"
            > return a ok
              ! reply a: ok
                arm a purge at 0
              = a: completed 1/0
            > show rows
              | 1 answer, 1 completed, 1 entry, 1 input, 1 timer
            > advance 0
              = a: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_long_journal_goes_before_the_answer_in_parts() {
    check(
        "(submit I svc/brief key i)
         (append I: fill 1200)
         return I ok
         (clock 100)
         fire I purge-journal
         fire I purge-journal
         show phases
         fire I purge-journal
         show phases
         advance 900
         show rows",
        expect![[r#"
            > return I ok
                arm I purge at 1000
                arm I purge-journal at 100
              ! reply I: ok
              = I: completed 1200/0
            > fire I purge-journal
                arm I purge-journal at 100
              = I: completed 700/0
            > fire I purge-journal
                arm I purge-journal at 100
              = I: completed 200/0
            > show phases
              | 1 completed 200/0
            > fire I purge-journal
              = I: completed 0/0
            > show phases
              | 1 completed 0/0
            > advance 900
              = I: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_purge_by_hand_between_two_parts() {
    check(
        "(submit I svc/brief key i)
         (append I: fill 1200)
         return I ok
         (clock 100)
         fire I purge-journal
         purge I
         advance 0
         show rows
         submit I svc/brief key i
         advance 1d
         show phases",
        expect![[r#"
            > return I ok
                arm I purge at 1000
                arm I purge-journal at 100
              ! reply I: ok
              = I: completed 1200/0
            > fire I purge-journal
                arm I purge-journal at 100
              = I: completed 700/0
            > purge I
              ! notice done
                arm I purge at 100
              = I: completed 200/0
            > advance 0
              = I: gone
            > show rows
              | nothing
            > submit I svc/brief key i
              ! notice done
                start I#2 journal 0/0 with input
              = I: running #2 0/0
            > advance 1d
            > show phases
              | 1 running #2 0/0
        "#]],
    );
}

#[test]
fn a_purge_twice_between_two_parts() {
    check(
        "(submit a svc/h)
         (append a: fill 1600)
         return a ok
         purge a
         (clock 5)
         purge a
         (clock 9)
         purge a
         advance 0
         show rows",
        expect![[r#"
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 1600/0
            > purge a
              ! notice done
                arm a purge at 0
              = a: completed 1100/0
            > purge a
              ! notice done
                arm a purge at 5
              = a: completed 600/0
            > purge a
              ! notice done
                arm a purge at 9
              = a: completed 100/0
            > advance 0
              = a: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn what_is_half_gone_still_answers() {
    check(
        "(submit I svc/h key i)
         (append I: fill 600)
         return I ok
         purge I
         (submit a svc/h)
         append a: attach I; call I svc/h key i
         submit I svc/h key i
         advance 0
         append a: attach I",
        expect![[r#"
            > return I ok
                arm I purge at 1d
              ! reply I: ok
              = I: completed 600/0
            > purge I
              ! notice done
                arm I purge at 0
              = I: completed 100/0
            > append a: attach I; call I svc/h key i
                deliver a#1 op 0 order 0 at 0: ok
                deliver a#1 op 1 order 1 at 0: ok
              = a: running #1 2/2
            > submit I svc/h key i
              ! notice known
            > advance 0
              = I: gone
            > append a: attach I
                deliver a#1 op 2 order 2 at 0: [404] not found
              = a: running #1 3/3
        "#]],
    );
}

#[test]
fn a_cancelled_one_leaves_nothing() {
    check(
        "(submit I svc/h key i)
         append I: sleep 100
         cancel I
         fail I 409 cancelled
         purge I
         show rows",
        expect![[r#"
            > append I: sleep 100
                arm I sleep 0 at 100
              = I: running #1 1/0
            > cancel I
              ! notice done
                deliver I#1 cancellation order 0 at 0: [409] cancelled
              = I: running #1 1/1, cancelled
            > fail I 409 cancelled
                arm I purge at 1d
              ! reply I: [409] cancelled
              = I: completed as failure 1/1, cancelled
            > purge I
              ! notice done
              = I: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn more_sleeps_than_are_remembered_go_when_they_are_due() {
    check(
        "(submit a svc/h)
         (append a: sleeps 70 100)
         (return a ok)
         (purge a)
         show rows
         (advance 100)
         show rows",
        expect![[r#"
            > show rows
              | 6 timer
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn an_invocation_outlives_those_that_called_it() {
    check(
        "(submit a svc/brief)
         append a: call b svc/h; send c svc/h +500
         return a ok
         advance 100
         advance 400
         return b ok
         return c ok",
        expect![[r#"
            > append a: call b svc/h; send c svc/h +500
                arm c begin at 500
                start b#1 journal 0/0 with input
              = a: running #1 2/0
              = b: running #1 0/0
              = c: scheduled at 500 0/0
            > return a ok
                arm a purge at 100
              ! reply a: ok
              = a: completed 2/0
            > advance 100
              = a: gone
            > advance 400
                start c#1 journal 0/0
              = c: running #1 0/0
            > return b ok
                arm b purge at 1d+500
              ! reply b: ok
              = b: completed 0/0
            > return c ok
                arm c purge at 1d+500
              ! reply c: ok
              = c: completed 0/0
        "#]],
    );
}

#[test]
fn one_that_forgets_tells_all_and_hands_on_its_key() {
    check(
        "(submit a svc/h)
         (append a: call b obj/k/forgets; sleep 100)
         (submit c svc/h)
         (append c: attach b)
         (submit d obj/k/add)
         suspend a 0 seen 0
         return b 42",
        expect![[r#"
            > suspend a 0 seen 0
              = a: suspended on [0] 2/0
            > return b 42
              ! reply b: 42
                start a#2 journal 2/1
              ! allow runs of a#2 below 2
                deliver c#1 op 0 order 0 at 0: 42
                start d#1 journal 0/0
              = a: running #2 2/1
              = c: running #1 1/1
              = d: running #1 0/0, holds the key
              = b: gone
        "#]],
    );
}
