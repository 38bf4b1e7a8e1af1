//! Signals: messages by name to an invocation, kept until they are received.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_signal_wakes_who_waits_for_it() {
    check(
        "(submit a svc/h)
         append a: receive go
         suspend a 0 seen 0
         show a
         signal a go now
         show a",
        expect![[r#"
            > append a: receive go
              = a: running #1 1/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > show a
              | op 0 receive-signal
              | arrived: 
              | wanted: go by 0
              | 1 entry, 1 input, 1 live, 1 mailbox
            > signal a go now
              ! notice done
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1
            > show a
              | op 0 receive-signal: now (order 0)
              | arrived: 
              | wanted: 
              | 1 entry, 1 input, 1 live, 1 mailbox, 1 outcome
        "#]],
    );
}

#[test]
fn a_signal_that_came_before_is_kept() {
    check(
        "(submit a svc/h)
         signal a go now
         show a
         append a: receive go
         show a",
        expect![[r#"
            > signal a go now
              ! notice done
            > show a
              | arrived: go
              | wanted: 
              | 1 input, 1 live, 1 mailbox, 1 signal
            > append a: receive go
                deliver a#1 op 0 order 0 at 0: now
              = a: running #1 1/1
            > show a
              | op 0 receive-signal: now (order 0)
              | arrived: 
              | wanted: 
              | 1 entry, 1 input, 1 live, 1 mailbox, 1 outcome
        "#]],
    );
}

#[test]
fn signals_of_a_name_are_received_in_their_order() {
    check(
        "(submit a svc/h)
         signal a go 1
         signal a go 2
         append a: receive go
         signal a go 3
         append a: receive go; receive go; receive go
         signal a go 4
         show a",
        expect![[r#"
            > signal a go 1
              ! notice done
            > signal a go 2
              ! notice done
            > append a: receive go
                deliver a#1 op 0 order 0 at 0: 1
              = a: running #1 1/1
            > signal a go 3
              ! notice done
            > append a: receive go; receive go; receive go
                deliver a#1 op 1 order 1 at 0: 2
                deliver a#1 op 2 order 2 at 0: 3
              = a: running #1 4/3
            > signal a go 4
              ! notice done
                deliver a#1 op 3 order 3 at 0: 4
              = a: running #1 4/4
            > show a
              | op 0 receive-signal: 1 (order 0)
              | op 1 receive-signal: 2 (order 1)
              | op 2 receive-signal: 3 (order 2)
              | op 3 receive-signal: 4 (order 3)
              | arrived: 
              | wanted: 
              | 4 entry, 1 input, 1 live, 1 mailbox, 4 outcome
        "#]],
    );
}

#[test]
fn operations_of_a_name_are_served_in_their_order() {
    check(
        "(submit a svc/h)
         append a: receive go; receive go
         signal a go 1
         signal a go 2",
        expect![[r#"
            > append a: receive go; receive go
              = a: running #1 2/0
            > signal a go 1
              ! notice done
                deliver a#1 op 0 order 0 at 0: 1
              = a: running #1 2/1
            > signal a go 2
              ! notice done
                deliver a#1 op 1 order 1 at 0: 2
              = a: running #1 2/2
        "#]],
    );
}

#[test]
fn names_do_not_mix() {
    check(
        "(submit a svc/h)
         append a: receive stop; receive go
         signal a wait 1
         signal a go 2
         append a: receive wait
         signal a stop 3
         show a",
        expect![[r#"
            > append a: receive stop; receive go
              = a: running #1 2/0
            > signal a wait 1
              ! notice done
            > signal a go 2
              ! notice done
                deliver a#1 op 1 order 0 at 0: 2
              = a: running #1 2/1
            > append a: receive wait
                deliver a#1 op 2 order 1 at 0: 1
              = a: running #1 3/2
            > signal a stop 3
              ! notice done
                deliver a#1 op 0 order 2 at 0: 3
              = a: running #1 3/3
            > show a
              | op 0 receive-signal: 3 (order 2)
              | op 1 receive-signal: 2 (order 0)
              | op 2 receive-signal: 1 (order 1)
              | arrived: 
              | wanted: 
              | 3 entry, 1 input, 1 live, 1 mailbox, 3 outcome
        "#]],
    );
}

#[test]
fn a_signal_may_be_a_failure() {
    check(
        "(submit a svc/h)
         signal a go [418]
         append a: receive go",
        expect![[r#"
            > signal a go [418]
              ! notice done
            > append a: receive go
                deliver a#1 op 0 order 0 at 0: [418] bad
              = a: running #1 1/1
        "#]],
    );
}

#[test]
fn a_signal_before_the_begin_is_kept() {
    check(
        "(submit h obj/k/add)
         (submit a obj/k/add)
         (submit b svc/h at 100)
         signal a go 1
         signal b go 2
         return h ok
         advance 100
         append a: receive go
         append b: receive go",
        expect![[r#"
            > signal a go 1
              ! notice done
            > signal b go 2
              ! notice done
            > return h ok
                arm h purge at 1d
              ! reply h: ok
                start a#1 journal 0/0
              = a: running #1 0/0, holds the key
              = h: completed 0/0
            > advance 100
                start b#1 journal 0/0
              = b: running #1 0/0
            > append a: receive go
                deliver a#1 op 0 order 0 at 100: 1
              = a: running #1 1/1, holds the key
            > append b: receive go
                deliver b#1 op 0 order 0 at 100: 2
              = b: running #1 1/1
        "#]],
    );
}

#[test]
fn a_signal_to_one_that_is_over_is_dropped() {
    check(
        "(submit a svc/h)
         signal a go kept
         return a ok
         signal a go late
         show a
         purge a
         signal a go gone
         show rows",
        expect![[r#"
            > signal a go kept
              ! notice done
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 0/0
            > signal a go late
              ! notice absent
            > show a
              | answer: ok
              | timer a purge at 1d
              | arrived: go
              | wanted: 
              | 1 answer, 1 completed, 1 input, 1 mailbox, 1 signal, 1 timer
            > purge a
              ! notice done
              = a: gone
            > signal a go gone
              ! notice absent
            > show rows
              | nothing
        "#]],
    );
}

#[test]
fn handlers_signal_each_other_and_themselves() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         append a: receive go; signal b go 1; signal a go 2
         append b: receive go",
        expect![[r#"
            > append a: receive go; signal b go 1; signal a go 2
                deliver a#1 op 0 order 0 at 0: 2
              = a: running #1 3/1
            > append b: receive go
                deliver b#1 op 0 order 0 at 0: 1
              = b: running #1 1/1
        "#]],
    );
}

#[test]
fn a_signal_sent_and_received_in_one_append() {
    check(
        "(submit a svc/h)
         append a: signal a go 1; receive go; receive go; signal a go 2",
        expect![[r#"
            > append a: signal a go 1; receive go; receive go; signal a go 2
                deliver a#1 op 1 order 0 at 0: 1
                deliver a#1 op 2 order 1 at 0: 2
              = a: running #1 4/2
        "#]],
    );
}

#[test]
fn a_signal_goes_with_the_send_before_it() {
    check(
        "(submit a svc/h)
         append a: send b svc/h; signal b go 1
         append b: receive go",
        expect![[r#"
            > append a: send b svc/h; signal b go 1
                start b#1 journal 0/0 with input
              = a: running #1 2/0
              = b: running #1 0/0
            > append b: receive go
                deliver b#1 op 0 order 0 at 0: 1
              = b: running #1 1/1
        "#]],
    );
}

#[test]
fn too_many_signals_are_dropped_and_it_says_so() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         (append b: signals 999 a go 1)
         signal a go last
         signal a go more
         signal a other more
         append b: signal a go more
         show a
         append a: receive go
         signal a go again
         kill a
         purge a
         show a",
        expect![[r#"
            > signal a go last
              ! notice done
            > signal a go more
              ! notice full
            > signal a other more
              ! notice full
            > append b: signal a go more
              = b: running #1 1000/0
            > show a
              | arrived: 1000 of them
              | wanted: 
              | #1 said: dropped a signal "go": 1000 were not received yet (SIGNALS_KEPT)
              | #1 said: dropped a signal "other": 1000 were not received yet (SIGNALS_KEPT)
              | #1 said: dropped a signal "go": 1000 were not received yet (SIGNALS_KEPT)
              | 1 input, 1 live, 1 mailbox, 1000 signal
            > append a: receive go
                deliver a#1 op 0 order 0 at 0: 1
              = a: running #1 1/1
            > signal a go again
              ! notice done
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 1/1
            > purge a
              ! notice done
              = a: gone
            > show a
              | nothing
        "#]],
    );
}

#[test]
fn too_many_operations_that_wait_are_refused() {
    check(
        "(submit a svc/h)
         (append a: receives 1000 go)
         append a: receive go
         signal a go 1",
        expect![[r#"
            > append a: receive go
                deliver a#1 op 1000 order 0 at 0: [429] 1000 operations wait for signals already (LISTENERS_MAX)
              = a: running #1 1001/1
            > signal a go 1
              ! notice done
                deliver a#1 op 0 order 1 at 0: 1
              = a: running #1 1001/2
        "#]],
    );
}

#[test]
fn a_signal_reaches_one_that_is_held_up() {
    check(
        "(submit a svc/h)
         append a: receive go
         crash a boom
         signal a go 1
         advance 100
         mismatch a
         signal a go 2
         resume a
         append a: receive go",
        expect![[r#"
            > append a: receive go
              = a: running #1 1/0
            > crash a boom
                arm a retry 1 at 100
              = a: backing off after #1 until 100 1/0, 1 failures
            > signal a go 1
              ! notice done
              = a: backing off after #1 until 100 1/1, 1 failures
            > advance 100
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, 1 failures
            > mismatch a
              = a: paused, mismatch at op 0 1/1, 1 failures
            > signal a go 2
              ! notice done
            > resume a
              ! notice done
                start a#3 journal 1/1
              ! allow runs of a#3 below 1
              = a: running #3 1/1
            > append a: receive go
                deliver a#3 op 1 order 1 at 100: 2
              = a: running #3 2/2
        "#]],
    );
}

#[test]
fn a_receive_of_one_that_has_not_heard_of_its_cancellation_takes_nothing() {
    check(
        "(submit a svc/h)
         (append a: sleep 100)
         cancel a
         append a: unheard 1; receive go
         signal a go ok
         append a: receive go",
        expect![[r#"
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, cancelled
            > append a: unheard 1; receive go
              = a: running #1 2/1, cancelled
            > signal a go ok
              ! notice done
            > append a: receive go
                deliver a#1 op 2 order 1 at 0: ok
              = a: running #1 3/2, cancelled
        "#]],
    );
}
