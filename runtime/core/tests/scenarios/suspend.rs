//! Suspended invocations: what wakes them and what does not.

use crate::script::check;
use expect_test::expect;

#[test]
fn an_awaited_operation_wakes() {
    check(
        "submit a svc/h
         append a: sleep 100; sleep 200
         suspend a 0 seen 0
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100; sleep 200
                arm a sleep 0 at 100
                arm a sleep 1 at 200
              = a: running #1 2/0
            > suspend a 0 seen 0
              = a: suspended on [0] 2/0
            > advance 100
                start a#2 journal 2/1
              ! allow runs of a#2 below 2
              = a: running #2 2/1
        "#]],
    );
}

#[test]
fn another_operation_does_not_wake() {
    check(
        "submit a svc/h
         append a: sleep 100; sleep 200
         suspend a 1 seen 0
         advance 100
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100; sleep 200
                arm a sleep 0 at 100
                arm a sleep 1 at 200
              = a: running #1 2/0
            > suspend a 1 seen 0
              = a: suspended on [1] 2/0
            > advance 100
              = a: suspended on [1] 2/1
            > advance 100
                start a#2 journal 2/2
              ! allow runs of a#2 below 2
              = a: running #2 2/2
        "#]],
    );
}

#[test]
fn any_operation_wakes_one_that_waits_for_any() {
    check(
        "submit a svc/h
         append a: sleep 100; sleep 200
         suspend a any seen 0
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100; sleep 200
                arm a sleep 0 at 100
                arm a sleep 1 at 200
              = a: running #1 2/0
            > suspend a any seen 0
              = a: suspended on any 2/0
            > advance 100
                start a#2 journal 2/1
              ! allow runs of a#2 below 2
              = a: running #2 2/1
        "#]],
    );
}

#[test]
fn two_outcomes_wake_once() {
    check(
        "submit a svc/h
         append a: sleep 100; sleep 100
         suspend a any seen 0
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100; sleep 100
                arm a sleep 0 at 100
                arm a sleep 1 at 100
              = a: running #1 2/0
            > suspend a any seen 0
              = a: suspended on any 2/0
            > advance 100
                start a#2 journal 2/1
              ! allow runs of a#2 below 2
                deliver a#2 op 1 order 1 at 100: empty
              = a: running #2 2/2
        "#]],
    );
}

#[test]
fn an_outcome_on_its_way_keeps_the_guest_awake() {
    check(
        "submit a svc/h
         append a: sleep 100; sleep 200
         advance 100
         suspend a 0,1 seen 0
         suspend a 1 seen 1
         advance 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: sleep 100; sleep 200
                arm a sleep 0 at 100
                arm a sleep 1 at 200
              = a: running #1 2/0
            > advance 100
                deliver a#1 op 0 order 0 at 100: empty
              = a: running #1 2/1
            > suspend a 0,1 seen 0
                start a#2 journal 2/1
              ! allow runs of a#2 below 2
              = a: running #2 2/1
            > suspend a 1 seen 1
              = a: suspended on [1] 2/1
            > advance 100
                start a#3 journal 2/2
              ! allow runs of a#3 below 2
              = a: running #3 2/2
        "#]],
    );
}

#[test]
fn the_same_race_for_one_that_awaits_a_retry() {
    check(
        "submit a svc/h
         append a: run pay; sleep 100
         append a: retry 0 after 500
         advance 100
         awaits-retry a 0,1 seen 0",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; sleep 100
                arm a sleep 1 at 100
              ! allow runs of a#1 below 2
              = a: running #1 2/0
            > append a: retry 0 after 500
                hold a#1 op 0 until 500
              = a: running #1 2/0, 1 failures, op 0 tried 1
            > advance 100
                deliver a#1 op 1 order 0 at 100: empty
              = a: running #1 2/1, 1 failures, op 0 tried 1
            > awaits-retry a 0,1 seen 0
                start a#2 journal 2/1 held 0@500
              ! allow runs of a#2 below 2
              = a: running #2 2/1, 1 failures, op 0 tried 1
        "#]],
    );
}
