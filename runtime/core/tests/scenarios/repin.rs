//! An invocation gets other code: stuck ones go on on it, and its journal is replayed there.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_stuck_invocation_is_resumed_on_other_code() {
    check(
        "upload 2: svc
         submit a svc/pauses
         append a: run pay; done 0 ok
         crash a boom
         (advance 100)
         crash a boom
         resume a on 2
         crash a boom
         advance 100",
        expect![[r#"
            > upload 2: svc
            > submit a svc/pauses
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; done 0 ok
                deliver a#1 op 0 order 0 at 0: ok
              ! allow runs of a#1 below 1
              = a: running #1 1/1
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 1/1, 1 failures
            > crash a boom
              = a: paused, attempts exhausted 1/1, 2 failures
            > resume a on 2
              ! notice done
                start a#3 journal 1/1 on 2
              ! allow runs of a#3 below 1
              = a: running #3 1/1
            > crash a boom
                arm a retry 3 at 200
              = a: backing off after #3 until 200 1/1, 1 failures
            > advance 100
                start a#4 journal 1/1 on 2
              ! allow runs of a#4 below 1
              = a: running #4 1/1, 1 failures
        "#]],
    );
}

#[test]
fn the_options_are_those_of_the_new_code() {
    check(
        "upload 2: svc patient
         (submit a svc/pauses)
         (crash a boom)
         repin a 2
         (advance 100)
         crash a boom",
        expect![[r#"
            > upload 2: svc patient
            > repin a 2
              ! notice done
            > crash a boom
                arm a retry 2 at 300
              = a: backing off after #2 until 300 0/0, 2 failures
        "#]],
    );
}

#[test]
fn a_running_guest_begins_anew_and_so_does_a_waiting_one() {
    check(
        "upload 2: svc
         (submit a svc/h)
         (append a: sleep 100)
         repin a 2
         repin a 2
         suspend a 0 seen 0
         (upload 3: svc)
         resume a on 3
         advance 100",
        expect![[r#"
            > upload 2: svc
            > repin a 2
              ! notice done
                stop a#1
                start a#2 journal 1/0 on 2
              ! allow runs of a#2 below 1
              = a: running #2 1/0
            > repin a 2
              ! notice known
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > resume a on 3
              ! notice done
                start a#3 journal 1/0 on 3
              ! allow runs of a#3 below 1
              = a: running #3 1/0
            > advance 100
                deliver a#3 op 0 order 0 at 100: empty
              = a: running #3 1/1
        "#]],
    );
}

#[test]
fn a_waiting_one_waits_for_what_its_new_code_waits_for() {
    check(
        "upload 2: svc
         (submit a svc/h)
         (append a: awakeable)
         (suspend a 0 seen 0)
         repin a 2 at 1
         append a: sleep 100
         suspend a 0,1 seen 0
         advance 100",
        expect![[r#"
            > upload 2: svc
            > repin a 2 at 1
              ! notice done
                start a#2 journal 1/0 on 2
              ! allow runs of a#2 below 1
              = a: running #2 1/0
            > append a: sleep 100
                arm a sleep 1 at 100
              = a: running #2 2/0
            > suspend a 0,1 seen 0
              = a: suspended on [0, 1] 2/0
            > advance 100
                start a#3 journal 2/1 on 2
              ! allow runs of a#3 below 2
              = a: running #3 2/1
        "#]],
    );
}

#[test]
fn a_paused_one_stays_so_when_it_only_gets_other_code() {
    check(
        "upload 2: svc
         (submit a svc/h)
         (pause a)
         repin a 2
         resume a on 2",
        expect![[r#"
            > upload 2: svc
            > repin a 2
              ! notice done
            > resume a on 2
              ! notice done
                start a#2 journal 0/0 on 2
              = a: running #2 0/0
        "#]],
    );
}

#[test]
fn code_that_does_not_fit_is_refused() {
    check(
        "upload 2: obj shared; svc without h
         (submit a svc/h)
         (submit b obj/k/h)
         (pause a)
         (pause b)
         repin a 3
         repin a 2
         repin b 2
         resume a on 3
         resume b on 2
         resume a",
        expect![[r#"
            > upload 2: obj shared; svc without h
            > repin a 3
              ! notice refused, unknown deployment
            > repin a 2
              ! notice refused, not offered
            > repin b 2
              ! notice refused, of another kind
            > resume a on 3
              ! notice refused, unknown deployment
            > resume b on 2
              ! notice refused, of another kind
            > resume a
              ! notice done
                start a#2 journal 0/0
              = a: running #2 0/0
        "#]],
    );
}

#[test]
fn what_has_not_begun_begins_on_the_newest_code() {
    check(
        "upload 2: svc
         (submit a svc/h at 500)
         repin a 2
         (submit b svc/h)
         (return b ok)
         repin b 2
         repin x 2",
        expect![[r#"
            > upload 2: svc
            > repin a 2
              ! notice unfit
            > repin b 2
              ! notice completed
            > repin x 2
              ! notice absent
        "#]],
    );
}

#[test]
fn what_was_checked_is_moved_as_it_was() {
    check(
        "upload 2: svc
         (submit a svc/h)
         (append a: run pay; done 0 ok)
         repin a 2 at 0
         repin a 2 at 1
         repin a 2 at 1",
        expect![[r#"
            > upload 2: svc
            > repin a 2 at 0
              ! notice refused, it went on
            > repin a 2 at 1
              ! notice done
                stop a#1
                start a#2 journal 1/1 on 2
              ! allow runs of a#2 below 1
              = a: running #2 1/1
            > repin a 2 at 1
              ! notice known
        "#]],
    );
}
