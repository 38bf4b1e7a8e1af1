//! The key of an object: who keeps it, what releases it, and who gets it next.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_failure_releases_the_key() {
    check(
        "submit a obj/k/add
         submit b obj/k/add
         fail a 500 no",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/add
              ! notice done
              = b: queued at 0 0/0
            > fail a 500 no
                arm a purge at 1d
              ! reply a: [500] no
                start b#1 journal 0/0
              = a: completed as failure 0/0
              = b: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn a_kill_releases_the_key() {
    check(
        "submit a obj/k/add
         submit b obj/k/add
         kill a
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/add
              ! notice done
              = b: queued at 0 0/0
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
                start b#1 journal 0/0
              = a: completed as failure 0/0
              = b: running #1 0/0, holds the key
            > show obj/k
              | b holds the key
        "#]],
    );
}

#[test]
fn a_handler_that_gave_up_releases_the_key() {
    check(
        "(submit a obj/k/kills)
         (submit b obj/k/add)
         crash a boom
         advance 100
         crash a boom",
        expect![[r#"
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 0/0, holds the key, 1 failures
            > advance 100
                start a#2 journal 0/0
              = a: running #2 0/0, holds the key, 1 failures
            > crash a boom
                arm a purge at 1d+100
              ! reply a: [500] boom
                start b#1 journal 0/0
              = a: completed as failure 0/0, 2 failures
              = b: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn one_that_forgets_at_once_releases_the_key() {
    check(
        "submit a obj/k/forgets
         submit b obj/k/add
         return a 1
         show rows",
        expect![[r#"
            > submit a obj/k/forgets
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/add
              ! notice done
              = b: queued at 0 0/0
            > return a 1
              ! reply a: 1
                start b#1 journal 0/0
              = b: running #1 0/0, holds the key
              = a: gone
            > show rows
              | 1 input, 1 live, 1 queue
        "#]],
    );
}

#[test]
fn the_key_is_kept_while_its_holder_waits_or_fails() {
    check(
        "submit a obj/k/pauses
         append a: sleep 100
         submit b obj/k/add
         suspend a 0 seen 0
         advance 100
         lost a
         crash a boom
         advance 100
         crash a boom
         advance 1d
         resume a
         return a 1",
        expect![[r#"
            > submit a obj/k/pauses
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0, holds the key
            > submit b obj/k/add
              ! notice done
              = b: queued at 0 0/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0, holds the key
            > advance 100
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, holds the key
            > lost a
                start a#3 journal 1/1
              ! allow runs of a#3 below 1
              = a: running #3 1/1, holds the key, 1 losses
            > crash a boom
                arm a retry 3 at 200
              = a: backing off after #3 until 200 1/1, holds the key, 1 failures
            > advance 100
                start a#4 journal 1/1
              ! allow runs of a#4 below 1
              = a: running #4 1/1, holds the key, 1 failures
            > crash a boom
              = a: paused, attempts exhausted 1/1, holds the key, 2 failures
            > advance 1d
            > resume a
              ! notice done
                start a#5 journal 1/1
              ! allow runs of a#5 below 1
              = a: running #5 1/1, holds the key
            > return a 1
                arm a purge at 2d+200
              ! reply a: 1
                start b#1 journal 0/0
              = a: completed 1/1
              = b: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn the_key_is_kept_by_a_holder_whose_code_changed() {
    check(
        "submit a obj/k/add
         submit b obj/k/add
         mismatch a
         show obj/k
         kill a
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/add
              ! notice done
              = b: queued at 0 0/0
            > mismatch a
              = a: paused, mismatch at op 0 0/0, holds the key
            > show obj/k
              | a holds the key, b waits at 0
            > kill a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] killed
                start b#1 journal 0/0
              = a: completed as failure 0/0
              = b: running #1 0/0, holds the key
            > show obj/k
              | b holds the key
        "#]],
    );
}

#[test]
fn a_cancelled_waiter_leaves_a_gap() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         (submit c obj/k/add)
         (submit d obj/k/add)
         cancel b
         kill c
         show obj/k
         return a 1
         show obj/k",
        expect![[r#"
            > cancel b
              ! notice done
                arm b purge at 1d
              ! reply b: [409] cancelled
              = b: completed as failure 0/0
            > kill c
              ! notice done
                arm c purge at 1d
              ! reply c: [409] killed
              = c: completed as failure 0/0
            > show obj/k
              | a holds the key, d waits at 2
            > return a 1
                arm a purge at 1d
              ! reply a: 1
                start d#1 journal 0/0
              = a: completed 0/0
              = d: running #1 0/0, holds the key
            > show obj/k
              | d holds the key
        "#]],
    );
}

#[test]
fn a_queue_of_gaps_is_empty() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         (submit c obj/k/add)
         cancel b
         cancel c
         show obj/k
         return a 1
         show obj/k
         submit d obj/k/add",
        expect![[r#"
            > cancel b
              ! notice done
                arm b purge at 1d
              ! reply b: [409] cancelled
              = b: completed as failure 0/0
            > cancel c
              ! notice done
                arm c purge at 1d
              ! reply c: [409] cancelled
              = c: completed as failure 0/0
            > show obj/k
              | a holds the key
            > return a 1
                arm a purge at 1d
              ! reply a: 1
              = a: completed 0/0
            > show obj/k
              | nothing
            > submit d obj/k/add
              ! notice done
                start d#1 journal 0/0 with input
              = d: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn one_that_comes_after_gaps_is_served() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         cancel b
         submit c obj/k/add
         return a 1
         return c 2
         show obj/k",
        expect![[r#"
            > cancel b
              ! notice done
                arm b purge at 1d
              ! reply b: [409] cancelled
              = b: completed as failure 0/0
            > submit c obj/k/add
              ! notice done
              = c: queued at 1 0/0
            > return a 1
                arm a purge at 1d
              ! reply a: 1
                start c#1 journal 0/0
              = a: completed 0/0
              = c: running #1 0/0, holds the key
            > return c 2
                arm c purge at 1d
              ! reply c: 2
              = c: completed 0/0
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn a_cancelled_holder_gives_back_the_key_when_it_ends() {
    check(
        "submit a obj/k/add
         submit b obj/k/add
         cancel a
         show obj/k
         fail a 409 cancelled",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/add
              ! notice done
              = b: queued at 0 0/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 0/1, holds the key, cancelled
            > show obj/k
              | a holds the key, b waits at 0
            > fail a 409 cancelled
                arm a purge at 1d
              ! reply a: [409] cancelled
                start b#1 journal 0/0
              = a: completed as failure 0/1, cancelled
              = b: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn a_waiter_whose_service_is_gone_hands_the_key_on() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         (submit c obj/k/add)
         undeploy obj
         return a 1
         show obj/k",
        expect![[r#"
            > undeploy obj
            > return a 1
                arm a purge at 1d
              ! reply a: 1
                arm b purge at 1d
              ! reply b: [404] service 'obj' not found, make sure to register the service before calling it.
                arm c purge at 1d
              ! reply c: [404] service 'obj' not found, make sure to register the service before calling it.
              = a: completed 0/0
              = b: completed as failure 0/0
              = c: completed as failure 0/0
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn a_waiter_whose_service_is_another_kind_hands_the_key_on() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         (submit c obj/k/add at 100)
         deploy obj as service
         return a 1
         deploy obj
         advance 100",
        expect![[r#"
            > deploy obj as service
            > return a 1
                arm a purge at 1d
              ! reply a: 1
                arm b purge at 1d
              ! reply b: [400] 'obj' is a plain service, call it without a key
              = a: completed 0/0
              = b: completed as failure 0/0
            > deploy obj
            > advance 100
                start c#1 journal 0/0
              = c: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn a_waiter_whose_handler_became_shared_still_takes_its_turn() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         (submit c obj/k/add)
         deploy obj shared
         submit d obj/k/add
         return a 1
         return b 2
         return c 3
         show obj/k",
        expect![[r#"
            > deploy obj shared
            > submit d obj/k/add
              ! notice done
                start d#1 journal 0/0 with input
              = d: running #1 0/0
            > return a 1
                arm a purge at 1d
              ! reply a: 1
                start b#1 journal 0/0
              = a: completed 0/0
              = b: running #1 0/0, holds the key
            > return b 2
                arm b purge at 1d
              ! reply b: 2
                start c#1 journal 0/0
              = b: completed 0/0
              = c: running #1 0/0, holds the key
            > return c 3
                arm c purge at 1d
              ! reply c: 3
              = c: completed 0/0
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn a_key_is_not_stuck_with_a_killed_chain() {
    // The kill reaches the last of the chain after the key was given to it.
    check(
        "(submit a obj/k/add)
         (append a: call b svc/h)
         (append b: call c svc/h)
         append c: call d obj/k/add
         submit e obj/k/add
         show obj/k
         kill a
         exchange
         show obj/k",
        expect![[r#"
            > append c: call d obj/k/add
              = c: running #1 1/0
              = d: queued at 0 0/0
            > submit e obj/k/add
              ! notice done
              = e: queued at 1 0/0
            > show obj/k
              | a holds the key, d waits at 0, e waits at 1
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
                stop b#1
                arm b purge at 1d
              ! reply b: [409] killed
              ! transmit to 0 #1: kill c called by b
                start d#1 journal 0/0
              = a: completed as failure 1/0
              = b: completed as failure 1/0
              = d: running #1 0/0, holds the key
            > exchange
              ! acknowledge to 0 #1
                stop c#1
                arm c purge at 1d
              ! reply c: [409] killed
              ! transmit to 0 #2: kill d called by c
              ! acknowledge to 0 #2
                stop d#1
                arm d purge at 1d
              ! reply d: [409] killed
                start e#1 journal 0/0
              = c: completed as failure 1/0
              = d: completed as failure 0/0
              = e: running #1 0/0, holds the key
            > show obj/k
              | e holds the key
        "#]],
    );
}

#[test]
fn a_cancelled_chain_that_waits_for_its_own_key_ends() {
    check(
        "(submit a obj/k/add)
         (append a: call b svc/h)
         append b: call c obj/k/add
         cancel a
         exchange
         show obj/k
         fail b 409 cancelled
         return a undone
         show obj/k",
        expect![[r#"
            > append b: call c obj/k/add
              = b: running #1 1/0
              = c: queued at 0 0/0
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
                deliver b#1 cancellation order 0 at 0: [409] cancelled
              ! transmit to 0 #1: cancel c called by b
              = a: running #1 1/1, holds the key, cancelled
              = b: running #1 1/1, cancelled
            > exchange
              ! acknowledge to 0 #1
                arm c purge at 1d
              ! reply c: [409] cancelled
                deliver b#1 op 0 order 1 at 0: [409] cancelled
              = b: running #1 1/2, cancelled
              = c: completed as failure 0/0
            > show obj/k
              | a holds the key
            > fail b 409 cancelled
                arm b purge at 1d
              ! reply b: [409] cancelled
                deliver a#1 op 0 order 1 at 0: [409] cancelled
              = a: running #1 1/2, holds the key, cancelled
              = b: completed as failure 1/2, cancelled
            > return a undone
                arm a purge at 1d
              ! reply a: undone
              = a: completed 1/2, cancelled
            > show obj/k
              | nothing
        "#]],
    );
}
