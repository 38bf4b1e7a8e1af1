//! Objects: one exclusive handler at a time per key, first come, first served.

use crate::script::check;
use expect_test::expect;

#[test]
fn the_second_on_a_key_waits_for_the_first() {
    check(
        "submit a obj/k/add
         submit b obj/k/add
         show obj/k
         return a 1
         show obj/k
         return b 2
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/add
              ! notice done
              = b: queued at 0 0/0
            > show obj/k
              | a holds the key, b waits at 0
            > return a 1
                arm a purge at 1d
              ! reply a: 1
                start b#1 journal 0/0
              = a: completed 0/0
              = b: running #1 0/0, holds the key
            > show obj/k
              | b holds the key
            > return b 2
                arm b purge at 1d
              ! reply b: 2
              = b: completed 0/0
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn first_come_first_served() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         (submit c obj/k/add)
         (submit d obj/k/add)
         show obj/k
         return a 1
         (submit e obj/k/add)
         return b 2
         return c 3
         return d 4
         show obj/k
         return e 5
         show obj/k",
        expect![[r#"
            > show obj/k
              | a holds the key, b waits at 0, c waits at 1, d waits at 2
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
                start d#1 journal 0/0
              = c: completed 0/0
              = d: running #1 0/0, holds the key
            > return d 4
                arm d purge at 1d
              ! reply d: 4
                start e#1 journal 0/0
              = d: completed 0/0
              = e: running #1 0/0, holds the key
            > show obj/k
              | e holds the key
            > return e 5
                arm e purge at 1d
              ! reply e: 5
              = e: completed 0/0
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn another_key_does_not_wait() {
    check(
        "submit a obj/k/add
         submit b obj/l/add
         submit c@1 obj/m/add",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/l/add
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0, holds the key
            > submit c@1 obj/m/add
              ! notice done
                start c@1#1 journal 0/0 with input
              = c@1: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn a_shared_handler_runs_beside_an_exclusive_one() {
    check(
        "submit a obj/k/add
         submit b obj/k/look
         submit c obj/k/look
         submit d obj/k/add
         return b 1
         return a 2",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/look
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0
            > submit c obj/k/look
              ! notice done
                start c#1 journal 0/0 with input
              = c: running #1 0/0
            > submit d obj/k/add
              ! notice done
              = d: queued at 0 0/0
            > return b 1
                arm b purge at 1d
              ! reply b: 1
              = b: completed 0/0
            > return a 2
                arm a purge at 1d
              ! reply a: 2
                start d#1 journal 0/0
              = a: completed 0/0
              = d: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn an_exclusive_handler_does_not_wait_for_shared_ones() {
    check(
        "submit a obj/k/look
         submit b obj/k/add
         show obj/k",
        expect![[r#"
            > submit a obj/k/look
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > submit b obj/k/add
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0, holds the key
            > show obj/k
              | b holds the key
        "#]],
    );
}

#[test]
fn handlers_of_one_object_wait_for_each_other() {
    check(
        "submit a obj/k/add
         submit b obj/k/pauses
         return a 1",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > submit b obj/k/pauses
              ! notice done
              = b: queued at 0 0/0
            > return a 1
                arm a purge at 1d
              ! reply a: 1
                start b#1 journal 0/0
              = a: completed 0/0
              = b: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn a_delayed_one_asks_for_the_key_when_it_is_due() {
    check(
        "submit a obj/k/add at 100
         submit b obj/k/add
         show obj/k
         advance 100
         return b 1",
        expect![[r#"
            > submit a obj/k/add at 100
              ! notice done
                arm a begin at 100
              = a: scheduled at 100 0/0
            > submit b obj/k/add
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0, holds the key
            > show obj/k
              | b holds the key
            > advance 100
              = a: queued at 0 0/0
            > return b 1
                arm b purge at 1d+100
              ! reply b: 1
                start a#1 journal 0/0
              = a: running #1 0/0, holds the key
              = b: completed 0/0
        "#]],
    );
}

#[test]
fn a_delayed_send_to_an_object_waits_in_the_order_of_coming() {
    check(
        "submit a svc/h
         append a: send b obj/k/add +100; send c obj/k/add; send d obj/k/add
         show obj/k
         return c 1
         advance 100
         show obj/k
         return d 2",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: send b obj/k/add +100; send c obj/k/add; send d obj/k/add
                arm b begin at 100
                start c#1 journal 0/0 with input
              = a: running #1 3/0
              = b: scheduled at 100 0/0
              = c: running #1 0/0, holds the key
              = d: queued at 0 0/0
            > show obj/k
              | c holds the key, d waits at 0
            > return c 1
                arm c purge at 1d
              ! reply c: 1
                start d#1 journal 0/0
              = c: completed 0/0
              = d: running #1 0/0, holds the key
            > advance 100
              = b: queued at 1 0/0
            > show obj/k
              | d holds the key, b waits at 1
            > return d 2
                arm d purge at 1d+100
              ! reply d: 2
                start b#1 journal 0/0
              = b: running #1 0/0, holds the key
              = d: completed 0/0
        "#]],
    );
}

#[test]
fn a_scheduled_one_that_is_cancelled_never_asks_for_the_key() {
    check(
        "submit a obj/k/add at 100
         cancel a
         submit b obj/k/add
         advance 100
         show obj/k",
        expect![[r#"
            > submit a obj/k/add at 100
              ! notice done
                arm a begin at 100
              = a: scheduled at 100 0/0
            > cancel a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 0/0
            > submit b obj/k/add
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0, holds the key
            > advance 100
            > show obj/k
              | b holds the key
        "#]],
    );
}

#[test]
fn a_begin_that_is_due_twice_queues_once() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add at 100)
         (clock 100)
         fire b begin
         fire b begin
         show obj/k",
        expect![[r#"
            > fire b begin
              = b: queued at 0 0/0
            > fire b begin
            > show obj/k
              | a holds the key, b waits at 0
        "#]],
    );
}

#[test]
fn an_unknown_handler_takes_no_key() {
    check(
        "submit a obj/k/nope
         show obj/k
         submit b obj/k/add",
        expect![[r#"
            > submit a obj/k/nope
              ! notice done
                arm a purge at 1d
              ! reply a: [404] the service 'obj' exists, but the handler 'nope' was not found, check that the handler exists in the latest registered service version.
              = a: completed as failure 0/0
            > show obj/k
              | nothing
            > submit b obj/k/add
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn an_object_called_without_a_key() {
    check(
        "submit a obj/add
         submit b svc/k/h
         show rows",
        expect![[r#"
            > submit a obj/add
              ! notice done
                arm a purge at 1d
              ! reply a: [400] 'obj' is called with the key of an object or workflow
              = a: completed as failure 0/0
            > submit b svc/k/h
              ! notice done
                arm b purge at 1d
              ! reply b: [400] 'svc' is a plain service, call it without a key
              = b: completed as failure 0/0
            > show rows
              | 2 answer, 2 completed, 2 input, 2 timer
        "#]],
    );
}

#[test]
fn a_holder_goes_on_with_the_code_it_began_with() {
    check(
        "submit a obj/k/add
         append a: sleep 100
         suspend a 0 seen 0
         undeploy obj
         submit b obj/k/add
         advance 100
         return a 1
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > append a: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0, holds the key
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0, holds the key
            > undeploy obj
            > submit b obj/k/add
              ! notice done
                arm b purge at 1d
              ! reply b: [404] service 'obj' not found, make sure to register the service before calling it.
              = b: completed as failure 0/0
            > advance 100
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, holds the key
            > return a 1
                arm a purge at 1d+100
              ! reply a: 1
              = a: completed 1/1
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn one_in_the_queue_is_not_resumed() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/add)
         resume b
         return a 1",
        expect![[r#"
            > resume b
              ! notice unfit
            > return a 1
                arm a purge at 1d
              ! reply a: 1
                start b#1 journal 0/0
              = a: completed 0/0
              = b: running #1 0/0, holds the key
        "#]],
    );
}

#[test]
fn many_gaps_are_passed_in_parts() {
    check(
        "(submit a obj/k/add)
         (append a: calls 300 b obj/k/add)
         (append a: calls 1 z obj/k/add)
         (cancel a)
         (exchange)
         show phases
         (submit c obj/k/add)
         return a undone
         (exchange)
         show obj/k",
        expect![[r#"
            > show phases
              | 301 completed as failure 0/0
              | 1 running #1 301/302, holds the key, cancelled
            > return a undone
                arm a purge at 1d
              ! reply a: undone
              ! transmit to 0 #302: release obj/k by a
              = a: completed 301/302, cancelled
            > show obj/k
              | c holds the key
        "#]],
    );
}

#[test]
fn a_queue_that_nobody_can_serve_is_emptied_at_once() {
    check(
        "(submit a obj/k/add)
         (submit s svc/h)
         (append s: calls 300 b obj/k/nope; calls 300 c obj/k/add)
         (undeploy obj)
         (return a 1)
         (exchange)
         show phases
         show obj/k",
        expect![[r#"
            > show phases
              | 1 completed 0/0
              | 600 completed as failure 0/0
              | 1 running #1 600/600
            > show obj/k
              | nothing
        "#]],
    );
}
