//! Restarts of what is over, by a new invocation: from the beginning, or after a part of the journal.

use crate::script::check;
use expect_test::expect;

#[test]
fn from_the_beginning() {
    check(
        "(submit a svc/h)
         (append a: run pay; done 0 ok)
         (fail a 500 no)
         restart b of a
         append b: run pay; done 0 again
         return b ok
         show b
         purge a",
        expect![[r#"
            > restart b of a
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0
            > append b: run pay; done 0 again
                deliver b#1 op 0 order 0 at 0: again
              ! allow runs of b#1 below 1
              = b: running #1 1/1
            > return b ok
                arm b purge at 1d
              ! reply b: ok
              = b: completed 1/1
            > show b
              | op 0 run: again (order 0)
              | answer: ok
              | timer b purge at 1d
              | 1 answer, 1 completed, 1 entry, 1 input, 1 outcome, 1 timer
            > purge a
              ! notice done
              = a: gone
        "#]],
    );
}

#[test]
fn after_a_part_that_is_not_done_again() {
    check(
        "(submit a svc/h)
         (append a: run pay; call c svc/h; send d svc/h; run ship)
         (append a: done 3 shipped; done 0 paid)
         (return c 42)
         (append a: run mail; done 4 sent)
         (fail a 500 no)
         restart b of a keep 3
         show b
         append b: run ship; done 3 again
         lost b
         return b ok",
        expect![[r#"
            > restart b of a keep 3
              ! notice done
                start b#1 journal 3/2 with input
              ! allow runs of b#1 below 3
              = b: running #1 3/2
            > show b
              | op 0 run: paid (order 0)
              | op 1 call(svc/h): 42 (order 1)
              | op 2 send
              | 3 entry, 1 input, 1 live, 2 outcome
            > append b: run ship; done 3 again
                deliver b#1 op 3 order 2 at 0: again
              ! allow runs of b#1 below 4
              = b: running #1 4/3
            > lost b
                start b#2 journal 4/3
              ! allow runs of b#2 below 4
              = b: running #2 4/3, 1 losses
            > return b ok
                arm b purge at 1d
              ! reply b: ok
              = b: completed 4/3
        "#]],
    );
}

#[test]
fn a_part_with_open_operations_is_refused() {
    check(
        "(submit a svc/h)
         (append a: awakeable; send d svc/h; run pay; done 2 ok)
         (return a ok)
         restart b of a keep 1
         restart b of a keep 3
         restart b of a keep 4
         restart b of a",
        expect![[r#"
            > restart b of a keep 1
              ! notice refused, op 0 is open
            > restart b of a keep 3
              ! notice refused, op 0 is open
            > restart b of a keep 4
              ! notice refused, beyond the end
            > restart b of a
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0
        "#]],
    );
}

#[test]
fn a_part_after_a_cancellation_is_refused() {
    check(
        "(submit a svc/h)
         (append a: run pay; done 0 ok)
         (cancel a)
         (append a: run refund; done 1 ok)
         (fail a 409 cancelled)
         restart b of a keep 2
         restart b of a keep 1",
        expect![[r#"
            > restart b of a keep 2
              ! notice refused, after a cancellation
            > restart b of a keep 1
              ! notice done
                start b#1 journal 1/1 with input
              ! allow runs of b#1 below 1
              = b: running #1 1/1
        "#]],
    );
}

#[test]
fn only_what_is_over_and_known_can_be_restarted() {
    check(
        "(submit a svc/h)
         restart b of a
         (return a ok)
         restart b of x
         purge-journal a
         restart b of a
         (submit W flow/k/run)
         (return W ok)
         restart b of W
         (submit V flow/l/run at 900)
         (cancel V)
         restart b of V",
        expect![[r#"
            > restart b of a
              ! notice unfit
            > restart b of x
              ! notice absent
            > purge-journal a
              ! notice done
            > restart b of a
              ! notice refused, journal purged
            > restart b of W
              ! notice refused, a workflow run
            > restart b of V
              ! notice refused, a workflow run
        "#]],
    );
}

#[test]
fn on_other_code_or_on_the_newest() {
    check(
        "upload 2: svc; obj shared
         (submit a svc/pauses)
         (append a: run pay; done 0 ok)
         (return a ok)
         restart b of a keep 1 on 2
         restart c of a keep 1
         restart d of a on 3
         (submit e obj/k/h)
         (return e ok)
         restart f of e on 2",
        expect![[r#"
            > upload 2: svc; obj shared
            > restart b of a keep 1 on 2
              ! notice done
                start b#1 journal 1/1 with input on 2
              ! allow runs of b#1 below 1
              = b: running #1 1/1
            > restart c of a keep 1
              ! notice done
                start c#1 journal 1/1 with input
              ! allow runs of c#1 below 1
              = c: running #1 1/1
            > restart d of a on 3
              ! notice refused, unknown deployment
            > restart f of e on 2
              ! notice refused, of another kind
        "#]],
    );
}

/// It was a call by nobody knew what when it was made, and got an id of its own.
#[test]
fn a_run_that_did_not_begin_for_want_of_its_workflow_is_no_second_run() {
    check(
        "(undeploy flow)
         (submit a flow/k/run)
         upload 2: flow
         restart b of a on 2
         restart c of a",
        expect![[r#"
            > upload 2: flow
            > restart b of a on 2
              ! notice refused, a workflow run
            > restart c of a
              ! notice done
                arm c purge at 1d
              ! reply c: [404] service 'flow' not found, make sure to register the service before calling it.
              = c: completed as failure 0/0
        "#]],
    );
}

#[test]
fn an_exclusive_handler_waits_for_its_key() {
    check(
        "upload 2: obj
         (submit a obj/k/h)
         (append a: set x 5; run pay; done 1 ok)
         (return a ok)
         (submit b obj/k/h)
         (undeploy obj)
         restart c of a keep 2 on 2
         show obj/k
         return b ok
         append c: clear x
         return c ok
         show obj/k",
        expect![[r#"
            > upload 2: obj
            > restart c of a keep 2 on 2
              ! notice done
              = c: queued at 0 2/1
            > show obj/k
              | b holds the key, c waits at 0, x=5
            > return b ok
                arm b purge at 1d
              ! reply b: ok
                start c#1 journal 2/1 on 2
              ! allow runs of c#1 below 2
              = b: completed 0/0
              = c: running #1 2/1, holds the key
            > append c: clear x
              = c: running #1 3/1, holds the key
            > return c ok
                arm c purge at 1d
              ! reply c: ok
              = c: completed 3/1
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn a_restart_of_a_restart_remembers_where_it_began() {
    check(
        "(submit a svc/h)
         (append a: run pay; done 0 ok)
         (return a ok)
         (restart b of a keep 1)
         (return b ok)
         restart c of b keep 1
         show c
         return c ok",
        expect![[r#"
            > restart c of b keep 1
              ! notice done
                start c#1 journal 1/1 with input
              ! allow runs of c#1 below 1
              = c: running #1 1/1
            > show c
              | op 0 run: ok (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
            > return c ok
                arm c purge at 1d
              ! reply c: ok
              = c: completed 1/1
        "#]],
    );
}

#[test]
fn a_part_that_is_too_long_is_refused() {
    check(
        "(submit a obj/k/h)
         (append a: sets 5001 x)
         (return a ok)
         restart b of a keep 5001
         restart b of a keep 5000",
        expect![[r#"
            > restart b of a keep 5001
              ! notice refused, too long
            > restart b of a keep 5000
              ! notice done
                start b#1 journal 5000/0 with input
              ! allow runs of b#1 below 5000
              = b: running #1 5000/0, holds the key
        "#]],
    );
}
