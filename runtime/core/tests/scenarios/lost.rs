//! Lost attempts, and those that still talk when nobody listens.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_lost_attempt_is_followed_by_the_next_at_once() {
    check(
        "submit a svc/h
         append a: run pay
         lost a
         append a: done 0 ok
         lost a
         return a ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! release a#1 below 1
              = a: running #1 1/0
            > lost a
                start a#2 journal 1/0
              ! release a#2 below 1
              = a: running #2 1/0
            > append a: done 0 ok
                deliver a#2 op 0 order 0 at 0: ok
              = a: running #2 1/1
            > lost a
                start a#3 journal 1/1
              ! release a#3 below 1
              = a: running #3 1/1
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 1/1
        "#]],
    );
}

#[test]
fn a_loss_is_no_failure() {
    check(
        "submit a svc/pauses
         lost a
         lost a
         lost a",
        expect![[r#"
            > submit a svc/pauses
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > lost a
                start a#2 journal 0/0
              = a: running #2 0/0
            > lost a
                start a#3 journal 0/0
              = a: running #3 0/0
            > lost a
                start a#4 journal 0/0
              = a: running #4 0/0
        "#]],
    );
}

#[test]
fn a_stale_attempt_changes_nothing() {
    check(
        "submit a svc/h
         append a: run pay
         lost a
         append a#1: run ship
         append a#1: done 0 old
         append a#1: retry 0
         return a#1 old
         crash a#1 old
         suspend a#1 any seen 0
         lost a#1",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! release a#1 below 1
              = a: running #1 1/0
            > lost a
                start a#2 journal 1/0
              ! release a#2 below 1
              = a: running #2 1/0
            > append a#1: run ship
            > append a#1: done 0 old
            > append a#1: retry 0
            > return a#1 old
            > crash a#1 old
            > suspend a#1 any seen 0
            > lost a#1
        "#]],
    );
}

#[test]
fn what_comes_after_the_end_changes_nothing() {
    check(
        "submit a svc/h
         append a: run pay; sleep 100
         return a ok
         append a#1: done 0 late
         return a#1 again
         crash a#1 boom
         advance 100
         resume a",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; sleep 100
                arm a sleep 1 at 100
              ! release a#1 below 2
              = a: running #1 2/0
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 2/0
            > append a#1: done 0 late
            > return a#1 again
            > crash a#1 boom
            > advance 100
            > resume a
              ! notice completed
        "#]],
    );
}
