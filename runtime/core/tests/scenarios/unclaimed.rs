//! Promises that are completed while their workflow has no run: kept for one that may come, and then
//! forgotten.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_promise_whose_workflow_never_runs_is_forgotten_after_its_retention() {
    check(
        "(submit a flow/k/ask)
         append a run W: complete p ok
         (return a done)
         advance 1d
         show flow/k
         show rows",
        expect![[r#"
            > append a run W: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                arm W purge-unclaimed at 1d
              = a: running #1 1/1
            > advance 1d
              = a: gone
            > show flow/k
              | nothing
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_later_completion_keeps_all_of_the_workflow_longer() {
    check(
        "(submit a flow/k/ask)
         append a run W: complete p ok
         advance 1000
         append a run W: complete q ok; complete p other
         (return a done)
         advance 86399000
         show flow/k
         advance 1000
         show flow/k
         show rows",
        expect![[r#"
            > append a run W: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                arm W purge-unclaimed at 1d
              = a: running #1 1/1
            > advance 1000
            > append a run W: complete q ok; complete p other
                deliver a#1 op 1 order 1 at 1000: empty
                deliver a#1 op 2 order 2 at 1000: [409] promise "p" was completed before
              = a: running #1 3/3
            > advance 86399000
                arm W purge-unclaimed at 1d+1000
            > show flow/k
              | p is ok, q is ok
            > advance 1000
              = a: gone
            > show flow/k
              | nothing
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_run_takes_over_what_was_completed_before_it() {
    check(
        "(submit a flow/k/ask)
         append a run W: complete p ok
         advance 80000000
         submit W flow/k/run
         append W run W: await p
         append a run W: complete q ok
         advance 10000000
         show flow/k
         return W done
         (return a done)
         advance 1d
         show flow/k
         show rows",
        expect![[r#"
            > append a run W: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                arm W purge-unclaimed at 1d
              = a: running #1 1/1
            > advance 80000000
            > submit W flow/k/run
              ! notice done
                start W#1 journal 0/0 with input
              = W: running #1 0/0
            > append W run W: await p
                deliver W#1 op 0 order 0 at 80000000: ok
              = W: running #1 1/1
            > append a run W: complete q ok
                deliver a#1 op 1 order 1 at 80000000: empty
              = a: running #1 2/2
            > advance 10000000
            > show flow/k
              | p is ok, q is ok
            > return W done
                arm W purge at 2d+3600000
              ! reply W: done
              = W: completed 1/1
            > advance 1d
              = a: gone
              = W: gone
            > show flow/k
              | nothing
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_run_that_is_to_begin_later_finds_what_was_completed_before() {
    check(
        "submit W flow/k/run at 200000000
         (submit a flow/k/ask)
         append a run W: complete p ok
         (return a done)
         advance 1d
         show flow/k
         advance 2d
         append W run W: await p
         return W done
         advance 2d
         show rows",
        expect![[r#"
            > submit W flow/k/run at 200000000
              ! notice done
                arm W begin at 2d+27200000
              = W: scheduled at 2d+27200000 0/0
            > append a run W: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                arm W purge-unclaimed at 1d
              = a: running #1 1/1
            > advance 1d
                arm W purge-unclaimed at 2d
              = a: gone
            > show flow/k
              | p is ok
            > advance 2d
                arm W purge-unclaimed at 3d
                start W#1 journal 0/0
              = W: running #1 0/0
            > append W run W: await p
                deliver W#1 op 0 order 0 at 3d: ok
              = W: running #1 1/1
            > return W done
                arm W purge at 4d
              ! reply W: done
              = W: completed 1/1
            > advance 2d
              = W: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_run_that_never_began_keeps_nothing() {
    check(
        "submit W flow/k/run at 200000000
         (submit a flow/k/ask)
         append a run W: complete p ok
         (return a done)
         cancel W
         advance 1d
         show flow/k
         show rows",
        expect![[r#"
            > submit W flow/k/run at 200000000
              ! notice done
                arm W begin at 2d+27200000
              = W: scheduled at 2d+27200000 0/0
            > append a run W: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                arm W purge-unclaimed at 1d
              = a: running #1 1/1
            > cancel W
              ! notice done
                arm W purge at 1d
              ! reply W: [409] cancelled
              = W: completed as failure 0/0
            > advance 1d
              = a: gone
              = W: gone
            > show flow/k
              | nothing
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_promise_that_somebody_waits_for_stays() {
    check(
        "(submit a flow/k/ask)
         (submit b flow/k/ask)
         append a run W: await q
         append b run W: complete p ok
         (return b done)
         advance 1d
         show flow/k
         (submit b flow/k/ask)
         append b run W: complete q late
         (return b done)
         (return a done)
         advance 2d
         show rows",
        expect![[r#"
            > append a run W: await q
              = a: running #1 1/0
            > append b run W: complete p ok
                deliver b#1 op 0 order 0 at 0: empty
                arm W purge-unclaimed at 1d
              = b: running #1 1/1
            > advance 1d
              = b: gone
            > show flow/k
              | q is awaited by a.0
            > append b run W: complete q late
                deliver b#1 op 0 order 0 at 1d: empty
                arm W purge-unclaimed at 2d
                deliver a#1 op 0 order 0 at 1d: late
              = a: running #1 1/1
              = b: running #1 1/1
            > advance 2d
              = a: gone
              = b: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_workflow_that_keeps_nothing_after_its_end_waits_a_day_for_its_run() {
    check(
        "(submit a void/k/ask)
         append a run W: complete p ok
         (return a done)
         submit W void/k/run
         append W run W: peek p
         return W done
         show void/k
         advance 1d
         show rows",
        expect![[r#"
            > append a run W: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                arm W purge-unclaimed at 1d
              = a: running #1 1/1
            > submit W void/k/run
              ! notice done
                start W#1 journal 0/0 with input
              = W: running #1 0/0
            > append W run W: peek p
                deliver W#1 op 0 order 0 at 0: ok
              = W: running #1 1/1
            > return W done
              ! reply W: done
              = W: gone
            > show void/k
              | nothing
            > advance 1d
              = a: gone
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn very_many_are_forgotten_a_part_at_a_time() {
    check(
        "(submit a flow/k/ask)
         (submit b flow/k/ask)
         (append b run W: promises 600 a)
         (append a run W: completes 1200 p ok)
         (return a done)
         fire W purge-unclaimed
         clock 86400000
         fire W purge-unclaimed
         fire W purge-unclaimed
         show rows
         advance 1
         (return b done)
         (submit W flow/k/run)
         (return W done)
         show rows
         (advance 2d)
         show rows",
        expect![[r#"
            > fire W purge-unclaimed
                arm W purge-unclaimed at 1d
            > clock 86400000
            > fire W purge-unclaimed
                arm W purge-unclaimed at 1d
            > fire W purge-unclaimed
                arm W purge-unclaimed at 1d
            > show rows
              | 1 answer, 1 completed, 1800 entry, 2 input, 1 live, 1200 outcome, 1400 promise, 2 timer, 1 unclaimed
            > advance 1
                arm a purge at 1d
                arm a purge at 1d
                arm W purge-unclaimed at 1d
              = a: gone
            > show rows
              | 2 answer, 2 completed, 1 created, 600 entry, 2 input, 536 promise, 2 timer
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn a_timer_that_fires_twice_forgets_nothing_early() {
    check(
        "(submit a flow/k/ask)
         append a run W: complete p ok
         (advance 1000)
         (append a run W: complete q ok)
         (return a done)
         clock 86400000
         fire W purge-unclaimed
         fire W purge-unclaimed
         show flow/k
         show rows",
        expect![[r#"
            > append a run W: complete p ok
                deliver a#1 op 0 order 0 at 0: empty
                arm W purge-unclaimed at 1d
              = a: running #1 1/1
            > clock 86400000
            > fire W purge-unclaimed
                arm W purge-unclaimed at 1d+1000
            > fire W purge-unclaimed
            > show flow/k
              | p is ok, q is ok
            > show rows
              | 1 answer, 1 completed, 2 entry, 1 input, 2 outcome, 2 promise, 2 timer, 1 unclaimed
        "#]],
    );
}
