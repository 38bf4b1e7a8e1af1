//! Durable promises of a workflow: completed once, heard by all who wait.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_promise_wakes_who_waits_for_it() {
    check(
        "(submit W flow/k/run)
         append W: await p
         suspend W 0 seen 0
         show flow/k
         submit a flow/k/ask
         append a: complete p ok
         show flow/k",
        expect![[r#"
            > append W: await p
              = W: running #1 1/0
            > suspend W 0 seen 0
              = W: suspended on [0] 1/0
            > show flow/k
              | p is awaited by W.0
            > submit a flow/k/ask
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                start W#2 journal 1/1
              ! allow runs of W#2 below 1
              = a: running #1 1/1
              = W: running #2 1/1
            > show flow/k
              | p is ok
        "#]],
    );
}

#[test]
fn a_promise_that_is_completed_already() {
    check(
        "(submit W flow/k/run)
         append W: complete p ok
         append W: await p
         append W: peek p",
        expect![[r#"
            > append W: complete p ok
                deliver W#1 op 0 order 0 at 0: empty
              = W: running #1 1/1
            > append W: await p
                deliver W#1 op 1 order 1 at 0: ok
              = W: running #1 2/2
            > append W: peek p
                deliver W#1 op 2 order 2 at 0: ok
              = W: running #1 3/3
        "#]],
    );
}

#[test]
fn a_peek_does_not_wait() {
    check(
        "(submit W flow/k/run)
         append W: peek p; complete p ok; peek p; peek q
         show flow/k",
        expect![[r#"
            > append W: peek p; complete p ok; peek p; peek q
                deliver W#1 op 0 order 0 at 0: empty
                deliver W#1 op 1 order 1 at 0: empty
                deliver W#1 op 2 order 2 at 0: ok
                deliver W#1 op 3 order 3 at 0: empty
              = W: running #1 4/4
            > show flow/k
              | p is ok
        "#]],
    );
}

#[test]
fn a_rejected_promise_is_a_failure_for_all() {
    check(
        "(submit W flow/k/run)
         (submit a flow/k/ask)
         append W: await p
         append a: await p; complete p [418]
         append a: peek p; await p",
        expect![[r#"
            > append W: await p
              = W: running #1 1/0
            > append a: await p; complete p [418]
                deliver a#1 op 1 order 0 at 0: empty
                deliver W#1 op 0 order 0 at 0: [418] bad
                deliver a#1 op 0 order 1 at 0: [418] bad
              = a: running #1 2/2
              = W: running #1 1/1
            > append a: peek p; await p
                deliver a#1 op 2 order 2 at 0: [418] bad
                deliver a#1 op 3 order 3 at 0: [418] bad
              = a: running #1 4/4
        "#]],
    );
}

#[test]
fn a_promise_is_completed_once() {
    check(
        "(submit W flow/k/run)
         append W: complete p ok; complete p other; complete p [500]
         (submit a flow/k/ask)
         append a: complete p late; peek p",
        expect![[r#"
            > append W: complete p ok; complete p other; complete p [500]
                deliver W#1 op 0 order 0 at 0: empty
                deliver W#1 op 1 order 1 at 0: [409] promise "p" was completed before
                deliver W#1 op 2 order 2 at 0: [409] promise "p" was completed before
              = W: running #1 3/3
            > append a: complete p late; peek p
                deliver a#1 op 0 order 0 at 0: [409] promise "p" was completed before
                deliver a#1 op 1 order 1 at 0: ok
              = a: running #1 2/2
        "#]],
    );
}

#[test]
fn all_who_wait_hear_a_promise_in_their_order() {
    check(
        "(submit W flow/k/run)
         (submit a flow/k/ask)
         (submit b flow/k/ask)
         append a: await p
         append b: await p; sleep 100
         suspend b 0,1 seen 0
         append W: await p; await p
         suspend W 0 seen 0
         show flow/k
         append a: complete p ok
         show flow/k",
        expect![[r#"
            > append a: await p
              = a: running #1 1/0
            > append b: await p; sleep 100
                arm b sleep 1 at 100
              = b: running #1 2/0
            > suspend b 0,1 seen 0
              = b: suspended on [0, 1] 2/0
            > append W: await p; await p
              = W: running #1 2/0
            > suspend W 0 seen 0
              = W: suspended on [0] 2/0
            > show flow/k
              | p is awaited by a.0 b.0 W.0 W.1
            > append a: complete p ok
                deliver a#1 op 1 order 0 at 0: empty
                deliver a#1 op 0 order 1 at 0: ok
                start b#2 journal 2/1
              ! allow runs of b#2 below 2
                start W#2 journal 2/2
              ! allow runs of W#2 below 2
              = a: running #1 2/2
              = b: running #2 2/1
              = W: running #2 2/2
            > show flow/k
              | p is ok
        "#]],
    );
}

#[test]
fn a_promise_that_is_awaited_and_completed_in_one_append() {
    check(
        "(submit W flow/k/run)
         append W: await p; complete p ok; await p; peek p",
        expect![[r#"
            > append W: await p; complete p ok; await p; peek p
                deliver W#1 op 1 order 0 at 0: empty
                deliver W#1 op 2 order 1 at 0: ok
                deliver W#1 op 3 order 2 at 0: ok
                deliver W#1 op 0 order 3 at 0: ok
              = W: running #1 4/4
        "#]],
    );
}

#[test]
fn a_promise_of_another_key_is_another_promise() {
    check(
        "(submit W flow/k/run)
         (submit V flow/l/run)
         append W: await p
         append V: complete p ok; peek p
         show flow/k
         show flow/l",
        expect![[r#"
            > append W: await p
              = W: running #1 1/0
            > append V: complete p ok; peek p
                deliver V#1 op 0 order 0 at 0: empty
                deliver V#1 op 1 order 1 at 0: ok
              = V: running #1 2/2
            > show flow/k
              | p is awaited by W.0
            > show flow/l
              | p is ok
        "#]],
    );
}

#[test]
fn a_promise_is_completed_while_its_waiter_is_held_up() {
    check(
        "(submit W flow/k/run)
         append W: await p
         crash W boom
         (submit a flow/k/ask)
         append a: complete p ok
         advance 100",
        expect![[r#"
            > append W: await p
              = W: running #1 1/0
            > crash W boom
                arm W retry 1 at 100
              = W: backing off after #1 until 100 1/0, 1 failures
            > append a: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
              = a: running #1 1/1
              = W: backing off after #1 until 100 1/1, 1 failures
            > advance 100
                start W#2 journal 1/1
              ! allow runs of W#2 below 1
              = W: running #2 1/1, 1 failures
        "#]],
    );
}

#[test]
fn a_waiter_that_ended_hears_nothing() {
    check(
        "(submit W flow/k/run)
         (submit a flow/k/ask)
         append a: await p
         return a early
         append W: complete p ok
         show flow/k",
        expect![[r#"
            > append a: await p
              = a: running #1 1/0
            > return a early
                arm a purge at 1d
              ! reply a: early
              = a: completed 1/0
            > append W: complete p ok
                deliver W#1 op 0 order 0 at 0: empty
              = W: running #1 1/1
            > show flow/k
              | p is ok
        "#]],
    );
}

#[test]
fn too_many_waiters_are_refused() {
    check(
        "(submit W flow/k/run)
         (append W: awaits 1000 p)
         append W: await p; await q
         (append W: complete p ok)
         append W: await p
         (exchange)
         show phases",
        expect![[r#"
            > append W: await p; await q
                deliver W#1 op 1000 order 0 at 0: [429] 1000 operations wait for promise "p" already (LISTENERS_MAX)
              = W: running #1 1002/1
            > append W: await p
                deliver W#1 op 1003 order 258 at 0: ok
              = W: running #1 1004/259
            > show phases
              | 1 running #1 1004/1003
        "#]],
    );
}

#[test]
fn a_promise_of_a_workflow_that_never_ran_waits_for_its_run() {
    check(
        "(submit a flow/k/ask)
         append a: complete p ok
         (submit W flow/k/run)
         append W: await p",
        expect![[r#"
            > append a: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
              = a: running #1 1/1
            > append W: await p
                deliver W#1 op 0 order 0 at 0: ok
              = W: running #1 1/1
        "#]],
    );
}

#[test]
fn who_waits_for_a_promise_hears_that_its_workflow_is_gone() {
    check(
        "(submit W flow/k/run)
         (append W: await p; complete q ok)
         (submit a flow/k/ask)
         append a: await p
         (submit b flow/k/ask)
         append b: await p; await p
         suspend b 0,1 seen 0
         return W done
         show flow/k
         purge W
         show flow/k",
        expect![[r#"
            > append a: await p
              = a: running #1 1/0
            > append b: await p; await p
              = b: running #1 2/0
            > suspend b 0,1 seen 0
              = b: suspended on [0, 1] 2/0
            > return W done
                arm W purge at 1d
              ! reply W: done
              = W: completed 2/1
            > show flow/k
              | p is awaited by a.0 b.0 b.1, q is ok
            > purge W
              ! notice done
                deliver a#1 op 0 order 0 at 0: [404] workflow flow/k was purged before promise "p" was completed
                start b#2 journal 2/2
              ! allow runs of b#2 below 2
              = a: running #1 1/1
              = b: running #2 2/2
              = W: gone
            > show flow/k
              | nothing
        "#]],
    );
}

#[test]
fn a_workflow_that_is_not_kept_leaves_nobody_waiting() {
    check(
        "(submit a void/k/ask)
         append a: await p
         (submit W void/k/run)
         return W done
         append a: await p",
        expect![[r#"
            > append a: await p
              = a: running #1 1/0
            > return W done
              ! reply W: done
                deliver a#1 op 0 order 0 at 0: [404] workflow void/k was purged before promise "p" was completed
              = a: running #1 1/1
              = W: gone
            > append a: await p
              = a: running #1 2/1
        "#]],
    );
}

#[test]
fn one_that_ends_does_not_wait_for_a_promise_any_more() {
    check(
        "(submit W flow/k/run)
         (submit a flow/k/ask)
         (append W: await p)
         append a: await p; await q
         show flow/k
         return a gone
         show flow/k
         append W: complete p ok",
        expect![[r#"
            > append a: await p; await q
              = a: running #1 2/0
            > show flow/k
              | p is awaited by W.0 a.0, q is awaited by a.1
            > return a gone
                arm a purge at 1d
              ! reply a: gone
              = a: completed 2/0
            > show flow/k
              | p is awaited by W.0
            > append W: complete p ok
                deliver W#1 op 1 order 0 at 0: empty
                deliver W#1 op 0 order 1 at 0: ok
              = W: running #1 2/2
        "#]],
    );
}
