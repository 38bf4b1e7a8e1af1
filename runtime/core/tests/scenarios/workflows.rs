//! Workflows: the run happens once per key, others look at it, and retention ends all of it.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_second_submit_of_a_run_is_known() {
    check(
        "submit W flow/k/run
         submit W flow/k/run
         return W done
         submit W flow/k/run
         show rows",
        expect![[r#"
            > submit W flow/k/run
              ! notice done
                start W#1 journal 0/0 with input
              = W: running #1 0/0
            > submit W flow/k/run
              ! notice known
            > return W done
                arm W purge at 1d
              ! reply W: done
              = W: completed 0/0
            > submit W flow/k/run
              ! notice known
            > show rows
              | 1 answer, 1 completed, 1 created, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn a_run_of_another_key_is_another_one() {
    check(
        "submit W flow/k/run
         submit V flow/l/run",
        expect![[r#"
            > submit W flow/k/run
              ! notice done
                start W#1 journal 0/0 with input
              = W: running #1 0/0
            > submit V flow/l/run
              ! notice done
                start V#1 journal 0/0 with input
              = V: running #1 0/0
        "#]],
    );
}

#[test]
fn a_second_call_of_a_run_is_refused() {
    check(
        "(submit a svc/h)
         append a: call W flow/k/run
         append a: call W flow/k/run
         return W done
         append a: call W flow/k/run",
        expect![[r#"
            > append a: call W flow/k/run
                start W#1 journal 0/0 with input
              = a: running #1 1/0
              = W: running #1 0/0
            > append a: call W flow/k/run
                deliver a#1 op 1 order 0 at 0: [409] the workflow method was already invoked
              = a: running #1 2/1
            > return W done
                arm W purge at 1d
              ! reply W: done
                deliver a#1 op 0 order 1 at 0: done
              = a: running #1 2/2
              = W: completed 0/0
            > append a: call W flow/k/run
                deliver a#1 op 2 order 2 at 0: [409] the workflow method was already invoked
              = a: running #1 3/3
        "#]],
    );
}

#[test]
fn a_send_of_a_run_that_was_there_is_told_nothing() {
    check(
        "(submit a svc/h)
         append a: send W flow/k/run
         append a: send W flow/k/run; send W flow/k/run +100
         return W done
         advance 100",
        expect![[r#"
            > append a: send W flow/k/run
                start W#1 journal 0/0 with input
              = a: running #1 1/0
              = W: running #1 0/0
            > append a: send W flow/k/run; send W flow/k/run +100
              = a: running #1 3/0
            > return W done
                arm W purge at 1d
              ! reply W: done
              = W: completed 0/0
            > advance 100
        "#]],
    );
}

#[test]
fn a_run_that_was_submitted_refuses_a_call() {
    check(
        "(submit W flow/k/run at 100)
         (submit a svc/h)
         append a: call W flow/k/run
         suspend a 0 seen 1
         advance 100",
        expect![[r#"
            > append a: call W flow/k/run
                deliver a#1 op 0 order 0 at 0: [409] the workflow method was already invoked
              = a: running #1 1/1
            > suspend a 0 seen 1
              = a: suspended on [0] 1/1
            > advance 100
                start W#1 journal 0/0
              = W: running #1 0/0
        "#]],
    );
}

#[test]
fn shared_handlers_run_before_beside_and_after_the_run() {
    check(
        "submit a flow/k/ask
         submit W flow/k/run
         submit b flow/k/ask
         return W done
         submit c flow/k/ask
         append c: get x",
        expect![[r#"
            > submit a flow/k/ask
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > submit W flow/k/run
              ! notice done
                start W#1 journal 0/0 with input
              = W: running #1 0/0
            > submit b flow/k/ask
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0
            > return W done
                arm W purge at 1d
              ! reply W: done
              = W: completed 0/0
            > submit c flow/k/ask
              ! notice done
                start c#1 journal 0/0 with input
              = c: running #1 0/0
            > append c: get x
                deliver c#1 op 0 order 0 at 0: empty
              = c: running #1 1/1
        "#]],
    );
}

#[test]
fn a_run_that_failed_is_not_run_again() {
    check(
        "submit W flow/k/run
         fail W 500 no
         submit W flow/k/run",
        expect![[r#"
            > submit W flow/k/run
              ! notice done
                start W#1 journal 0/0 with input
              = W: running #1 0/0
            > fail W 500 no
                arm W purge at 1d
              ! reply W: [500] no
              = W: completed as failure 0/0
            > submit W flow/k/run
              ! notice known
        "#]],
    );
}

#[test]
fn a_run_that_was_purged_may_run_again() {
    check(
        "(submit W flow/k/run)
         (append W: set x 1; await p)
         (submit a flow/k/ask)
         (append a: complete p ok)
         return W done
         show flow/k
         purge W
         show flow/k
         show rows
         submit W flow/k/run
         append W: get x; peek p; keys",
        expect![[r#"
            > return W done
                arm W purge at 1d
              ! reply W: done
              = W: completed 2/1
            > show flow/k
              | x=1, p is ok
            > purge W
              ! notice done
              = W: gone
            > show flow/k
              | nothing
            > show rows
              | 1 entry, 1 input, 1 live, 1 outcome
            > submit W flow/k/run
              ! notice done
                start W#2 journal 0/0 with input
              = W: running #2 0/0
            > append W: get x; peek p; keys
                deliver W#2 op 0 order 0 at 0: empty
                deliver W#2 op 1 order 1 at 0: empty
                deliver W#2 op 2 order 2 at 0: []
              = W: running #2 3/3
        "#]],
    );
}

#[test]
fn a_day_after_its_end_a_workflow_is_gone() {
    check(
        "(submit W flow/k/run)
         (append W: set x 1; set y 2; complete p ok)
         return W done
         advance 1d
         show flow/k
         show rows",
        expect![[r#"
            > return W done
                arm W purge at 1d
              ! reply W: done
              = W: completed 3/1
            > advance 1d
              = W: gone
            > show flow/k
              | nothing
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_brief_workflow_goes_in_two_steps() {
    check(
        "(submit W brief/k/run)
         (append W: set x 1; sleep 5; get x)
         return W done
         show W
         advance 100
         show W
         submit W brief/k/run
         advance 900
         show rows",
        expect![[r#"
            > return W done
                arm W purge at 1000
                arm W purge-journal at 100
              ! reply W: done
              = W: completed 3/1
            > show W
              | op 0 set-state
              | op 1 sleep
              | op 2 get-state: 1 (order 0)
              | answer: done
              | timer W purge-journal at 100
              | timer W purge at 1000
              | 1 answer, 1 completed, 1 created, 3 entry, 1 input, 1 outcome, 2 timer
            > advance 100
              = W: completed 0/0
            > show W
              | answer: done
              | timer W purge at 1000
              | 1 answer, 1 completed, 1 created, 1 timer
            > submit W brief/k/run
              ! notice known
            > advance 900
              = W: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_workflow_that_is_not_kept_goes_with_its_end() {
    check(
        "(submit W void/k/run)
         (append W: set x 1; await p)
         (submit a void/k/ask)
         append a: complete p ok
         return W done
         show void/k",
        expect![[r#"
            > append a: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                deliver W#1 op 1 order 0 at 0: ok
              = a: running #1 1/1
              = W: running #1 2/1
            > return W done
              ! reply W: done
              = W: gone
            > show void/k
              | nothing
        "#]],
    );
}

#[test]
fn the_state_of_a_workflow_goes_in_parts() {
    check(
        "(submit W void/k/run)
         (append W: sets 1200 x; complete p ok)
         return W done
         show rows
         fire W purge
         show rows
         submit W void/k/run
         advance 0
         show rows
         submit W void/k/run",
        expect![[r#"
            > return W done
              ! reply W: done
                arm W purge at 0
              = W: completed 1201/1
            > show rows
              | 1 answer, 1 completed, 1 created, 1201 entry, 1 input, 1 outcome, 1 promise, 1 timer, 700 value
            > fire W purge
                arm W purge at 0
            > show rows
              | 1 answer, 1 completed, 1 created, 1201 entry, 1 input, 1 outcome, 1 promise, 1 timer, 200 value
            > submit W void/k/run
              ! notice known
            > advance 0
                arm W purge at 0
                arm W purge at 0
              = W: gone
            > show rows
              | nothing
            > submit W void/k/run
              ! notice done
                start W#2 journal 0/0 with input
              = W: running #2 0/0
        "#]],
    );
}

#[test]
fn awaited_promises_go_in_parts_too() {
    check(
        "(submit a void/k/ask)
         (append a: promises 600 p)
         (submit W void/k/run)
         (append W: set x 1)
         (return W done)
         show phases
         (advance 0)
         show phases
         show void/k",
        expect![[r#"
            > show phases
              | 1 completed 1/0
              | 1 running #1 600/16
            > show phases
              | 1 running #1 600/600
            > show void/k
              | nothing
        "#]],
    );
}

#[test]
fn the_state_goes_before_the_journal() {
    check(
        "(submit W brief/k/run)
         (append W: fill 1100; sets 400 x)
         (return W done)
         purge W
         show rows
         advance 0
         show rows",
        expect![[r#"
            > purge W
              ! notice done
                arm W purge at 0
              = W: completed 1000/0
            > show rows
              | 1 answer, 1 completed, 1 created, 1000 entry, 1 input, 1 timer
            > advance 0
                arm W purge at 0
              = W: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_shared_handler_keeps_nothing_of_the_workflow_alive() {
    check(
        "(submit a flow/k/ask)
         (submit W void/k/run)
         (submit b void/k/ask)
         (append W: set x 1)
         return W done
         append b: get x; keys
         return b ok
         advance 1d
         show rows",
        expect![[r#"
            > return W done
              ! reply W: done
              = W: gone
            > append b: get x; keys
                deliver b#1 op 0 order 0 at 0: empty
                deliver b#1 op 1 order 1 at 0: []
              = b: running #1 2/2
            > return b ok
                arm b purge at 1d
              ! reply b: ok
              = b: completed 2/2
            > advance 1d
              = b: gone
            > show rows
              | 1 input, 1 live
        "#]],
    );
}

#[test]
fn a_cancelled_run_that_never_began_may_not_run_again() {
    check(
        "submit W flow/k/run at 100
         cancel W
         submit W flow/k/run",
        expect![[r#"
            > submit W flow/k/run at 100
              ! notice done
                arm W begin at 100
              = W: scheduled at 100 0/0
            > cancel W
              ! notice done
                arm W purge at 1d
              ! reply W: [409] cancelled
              = W: completed as failure 0/0
            > submit W flow/k/run
              ! notice known
        "#]],
    );
}

#[test]
fn a_run_without_a_computed_id_is_refused() {
    // It was submitted before the workflow was known, so nobody could tell that it is one.
    check(
        "submit a flow/k/run
         submit W flow/k/run",
        expect![[r#"
            > submit a flow/k/run
              ! notice done
                arm a purge at 1d
              ! reply a: [409] a run of the workflow 'flow' is the only one of its key, and this one was submitted before the workflow was registered, or restarted; submit it again
              = a: completed as failure 0/0
            > submit W flow/k/run
              ! notice done
                start W#1 journal 0/0 with input
              = W: running #1 0/0
        "#]],
    );
}

#[test]
fn a_call_of_a_run_with_an_idempotency_key_joins_it() {
    check(
        "(submit W flow/k/run)
         (submit a svc/h)
         append a: call W flow/k/run key i
         return W done
         append a: call W flow/k/run key j",
        expect![[r#"
            > append a: call W flow/k/run key i
              = a: running #1 1/0
            > return W done
                arm W purge at 1d
              ! reply W: done
                deliver a#1 op 0 order 0 at 0: done
              = a: running #1 1/1
              = W: completed 0/0
            > append a: call W flow/k/run key j
                deliver a#1 op 1 order 1 at 0: done
              = a: running #1 2/2
        "#]],
    );
}

#[test]
fn an_id_that_is_computed_of_an_idempotency_key_is_not_that_of_a_run() {
    check(
        "submit W flow/k/run key order-1",
        expect![[r#"
        > submit W flow/k/run key order-1
          ! notice done
            arm W purge at 1d
          ! reply W: [409] a run of the workflow 'flow' is the only one of its key, and this one was submitted before the workflow was registered, or restarted; submit it again
          = W: completed as failure 0/0
    "#]],
    );
}
