//! Awakeables: somebody outside, or another handler, completes an operation by its id.

use crate::script::check;
use expect_test::expect;

#[test]
fn an_awakeable_is_resolved_from_outside() {
    check(
        "(submit a svc/h)
         append a: awakeable
         suspend a 0 seen 0
         resolve a.0 yes
         show a",
        expect![[r#"
            > append a: awakeable
              = a: running #1 1/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > resolve a.0 yes
              ! notice done
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1
            > show a
              | op 0 awakeable: yes (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
        "#]],
    );
}

#[test]
fn a_rejected_awakeable_is_a_failure() {
    check(
        "(submit a svc/h)
         append a: awakeable
         resolve a.0 [403]",
        expect![[r#"
            > append a: awakeable
              = a: running #1 1/0
            > resolve a.0 [403]
              ! notice done
                deliver a#1 op 0 order 0 at 0: [403] bad
              = a: running #1 1/1
        "#]],
    );
}

#[test]
fn an_awakeable_is_completed_once() {
    check(
        "(submit a svc/h)
         append a: awakeable
         resolve a.0 yes
         resolve a.0 no
         resolve a.0 [500]
         show a",
        expect![[r#"
            > append a: awakeable
              = a: running #1 1/0
            > resolve a.0 yes
              ! notice done
                deliver a#1 op 0 order 0 at 0: yes
              = a: running #1 1/1
            > resolve a.0 no
              ! notice done
            > resolve a.0 [500]
              ! notice done
            > show a
              | op 0 awakeable: yes (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
        "#]],
    );
}

#[test]
fn a_handler_resolves_one() {
    check(
        "(submit a svc/h)
         append a: awakeable; sleep 100
         (submit b svc/h)
         append b: resolve a.0 yes
         append b: resolve a.0 again; resolve a.1 what",
        expect![[r#"
            > append a: awakeable; sleep 100
                arm a sleep 1 at 100
              = a: running #1 2/0
            > append b: resolve a.0 yes
                deliver a#1 op 0 order 0 at 0: yes
              = a: running #1 2/1
              = b: running #1 1/0
            > append b: resolve a.0 again; resolve a.1 what
              = b: running #1 3/0
        "#]],
    );
}

#[test]
fn one_may_resolve_its_own() {
    check(
        "(submit a svc/h)
         append a: awakeable; resolve a.0 yes",
        expect![[r#"
            > append a: awakeable; resolve a.0 yes
                deliver a#1 op 0 order 0 at 0: yes
              = a: running #1 2/1
        "#]],
    );
}

#[test]
fn an_id_of_something_else_changes_nothing() {
    check(
        "(submit a svc/h)
         append a: run pay; sleep 100; call b svc/h; receive go; attach b; awakeable
         resolve a.0 x
         resolve a.1 x
         resolve a.2 x
         resolve a.3 x
         resolve a.4 x
         resolve a.5 x",
        expect![[r#"
            > append a: run pay; sleep 100; call b svc/h; receive go; attach b; awakeable
                arm a sleep 1 at 100
              ! allow runs of a#1 below 6
                start b#1 journal 0/0 with input
              = a: running #1 6/0
              = b: running #1 0/0
            > resolve a.0 x
              ! notice done
            > resolve a.1 x
              ! notice done
            > resolve a.2 x
              ! notice done
            > resolve a.3 x
              ! notice done
            > resolve a.4 x
              ! notice done
            > resolve a.5 x
              ! notice done
                deliver a#1 op 5 order 0 at 0: x
              = a: running #1 6/1
        "#]],
    );
}

#[test]
fn an_id_of_nothing_changes_nothing() {
    check(
        "resolve a.0 x
         submit a svc/h
         resolve a.0 x
         resolve a.4294967295 x
         append a: awakeable
         show a",
        expect![[r#"
            > resolve a.0 x
              ! notice done
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > resolve a.0 x
              ! notice done
            > resolve a.4294967295 x
              ! notice done
            > append a: awakeable
              = a: running #1 1/0
            > show a
              | op 0 awakeable
              | 1 entry, 1 input, 1 live
        "#]],
    );
}

#[test]
fn one_of_a_completed_invocation_changes_nothing() {
    check(
        "(submit a svc/h)
         append a: awakeable
         return a early
         resolve a.0 x
         show a
         purge a
         resolve a.0 x",
        expect![[r#"
            > append a: awakeable
              = a: running #1 1/0
            > return a early
                arm a purge at 1d
              ! reply a: early
              = a: completed 1/0
            > resolve a.0 x
              ! notice done
            > show a
              | op 0 awakeable
              | answer: early
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 entry, 1 input, 1 timer
            > purge a
              ! notice done
              = a: gone
            > resolve a.0 x
              ! notice done
        "#]],
    );
}

#[test]
fn an_awakeable_wakes_who_is_held_up_later() {
    check(
        "(submit a svc/h)
         append a: awakeable
         crash a boom
         resolve a.0 yes
         advance 100
         show a",
        expect![[r#"
            > append a: awakeable
              = a: running #1 1/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 1/0, 1 failures
            > resolve a.0 yes
              ! notice done
              = a: backing off after #1 until 100 1/1, 1 failures
            > advance 100
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, 1 failures
            > show a
              | op 0 awakeable: yes (order 0)
              | #1 said: boom
              | 1 entry, 1 input, 1 live, 1 outcome
        "#]],
    );
}

#[test]
fn a_cancelled_handler_still_has_its_open_awakeable() {
    check(
        "(submit a svc/h)
         append a: awakeable
         cancel a
         resolve a.0 late
         append a: awakeable
         resolve a.1 yes
         show a",
        expect![[r#"
            > append a: awakeable
              = a: running #1 1/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, cancelled
            > resolve a.0 late
              ! notice done
                deliver a#1 op 0 order 1 at 0: late
              = a: running #1 1/2, cancelled
            > append a: awakeable
              = a: running #1 2/2, cancelled
            > resolve a.1 yes
              ! notice done
                deliver a#1 op 1 order 2 at 0: yes
              = a: running #1 2/3, cancelled
            > show a
              | op 0 awakeable: late (order 1)
              | op 1 awakeable: yes (order 2)
              | order 0: cancellation at 0
              | 2 entry, 1 input, 1 live, 3 outcome
        "#]],
    );
}

#[test]
fn an_id_of_an_earlier_life_completes_nothing_of_a_later_one() {
    check(
        "(submit A svc/h key i)
         (append A: awakeable)
         (return A ok)
         (purge A)
         (submit A svc/h key i)
         (append A: awakeable)
         resolve A.0 late born 0
         resolve A.0 ok born 1",
        expect![[r#"
            > resolve A.0 late born 0
              ! notice done
            > resolve A.0 ok born 1
              ! notice done
                deliver A#2 op 0 order 0 at 0: ok
              = A: running #2 1/1
        "#]],
    );
}
