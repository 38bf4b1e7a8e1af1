//! Pauses wanted by a person: what runs, waits or backs off stands still, and loses nothing.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_paused_guest_is_not_listened_to_and_goes_on_by_replay() {
    check(
        "submit a svc/h
         append a: run pay; sleep 1000
         pause a
         append a#1: done 0 late
         return a#1 late
         resume a
         append a: done 0 ok
         return a ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; sleep 1000
                arm a sleep 1 at 1000
              ! allow runs of a#1 below 2
              = a: running #1 2/0
            > pause a
              ! notice done
                stop a#1
              = a: paused by a person 2/0
            > append a#1: done 0 late
            > return a#1 late
            > resume a
              ! notice done
                start a#2 journal 2/0
              ! allow runs of a#2 below 2
              = a: running #2 2/0
            > append a: done 0 ok
                deliver a#2 op 0 order 0 at 0: ok
              = a: running #2 2/1
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 2/1
        "#]],
    );
}

#[test]
fn what_comes_meanwhile_is_kept_and_wakes_nobody() {
    check(
        "(submit a svc/h)
         (append a: sleep 100; awakeable)
         (suspend a 0,1 seen 0)
         pause a
         resolve a.1 ok
         advance 100
         show a
         resume a",
        expect![[r#"
            > pause a
              ! notice done
              = a: paused by a person 2/0
            > resolve a.1 ok
              ! notice done
              = a: paused by a person 2/1
            > advance 100
              = a: paused by a person 2/2
            > show a
              | op 0 sleep: empty (order 1)
              | op 1 awakeable: ok (order 0)
              | 2 entry, 1 input, 1 live, 2 outcome
            > resume a
              ! notice done
                start a#2 journal 2/2
              ! allow runs of a#2 below 2
              = a: running #2 2/2
        "#]],
    );
}

#[test]
fn one_that_backs_off_waits_for_a_person_instead() {
    check(
        "submit a svc/h
         crash a boom
         pause a
         advance 1000
         resume a
         return a ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 0/0, 1 failures
            > pause a
              ! notice done
              = a: paused by a person 0/0, 1 failures
            > advance 1000
            > resume a
              ! notice done
                start a#2 journal 0/0
              = a: running #2 0/0
            > return a ok
                arm a purge at 1d+1000
              ! reply a: ok
              = a: completed 0/0
        "#]],
    );
}

#[test]
fn a_pause_can_be_ended_by_a_cancellation_or_a_kill() {
    check(
        "(submit a svc/h)
         (append a: awakeable)
         (pause a)
         cancel a
         (pause a)
         kill a",
        expect![[r#"
            > cancel a
              ! notice done
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, cancelled
            > kill a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 1/1, cancelled
        "#]],
    );
}

#[test]
fn only_what_has_begun_can_stand_still() {
    check(
        "(submit a obj/k/h)
         (submit b obj/k/h)
         (submit c svc/h at 500)
         pause b
         pause c
         pause a
         pause a
         kill a
         pause a
         pause x",
        expect![[r#"
            > pause b
              ! notice unfit
            > pause c
              ! notice unfit
            > pause a
              ! notice done
                stop a#1
              = a: paused by a person 0/0, holds the key
            > pause a
              ! notice known
            > kill a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] killed
                start b#1 journal 0/0
              = a: completed as failure 0/0
              = b: running #1 0/0, holds the key
            > pause a
              ! notice completed
            > pause x
              ! notice absent
        "#]],
    );
}

#[test]
fn a_paused_object_keeps_its_key() {
    check(
        "submit a obj/k/h
         submit b obj/k/h
         pause a
         show obj/k
         resume a
         return a ok",
        expect![[r#"
            > submit a obj/k/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/h
              ! notice done
              = b: queued at 0 0/0
            > pause a
              ! notice done
                stop a#1
              = a: paused by a person 0/0, holds the key
            > show obj/k
              | a holds the key, b waits at 0
            > resume a
              ! notice done
                start a#2 journal 0/0
              = a: running #2 0/0, holds the key
            > return a ok
                arm a purge at 1d
              ! reply a: ok
                start b#1 journal 0/0
              = a: completed 0/0
              = b: running #1 0/0, holds the key
        "#]],
    );
}
