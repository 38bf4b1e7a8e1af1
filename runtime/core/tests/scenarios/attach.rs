//! Attaching: an operation hears the end of any invocation.

use crate::script::check;
use expect_test::expect;

#[test]
fn an_attach_to_a_running_one_hears_its_end() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         append b: attach a
         suspend b 0 seen 0
         show a
         return a 42
         show b",
        expect![[r#"
            > append b: attach a
              = b: running #1 1/0
            > suspend b 0 seen 0
              = b: suspended on [0] 1/0
            > show a
              | listeners: b.0
              | 1 input, 1 listeners, 1 live
            > return a 42
                arm a purge at 1d
              ! reply a: 42
                start b#2 journal 1/1
              ! allow runs of b#2 below 1
              = a: completed 0/0
              = b: running #2 1/1
            > show b
              | op 0 attach: 42 (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
        "#]],
    );
}

#[test]
fn one_that_ends_before_what_it_waits_for_is_in_nobodys_way() {
    check(
        "(submit a svc/h)
         (submit b@1 svc/h)
         (submit c svc/h)
         (append b@1: attach a; sleep 100)
         (append c: attach a)
         (exchange)
         show a
         advance 100
         return b@1 late
         kill c
         (exchange)
         show a
         return a 42",
        expect![[r#"
            > show a
              | listeners: c.0 b@1.0
              | 1 input, 1 listeners, 1 live
            > advance 100
                deliver b@1#1 op 1 order 0 at 100: empty
              = b@1: running #1 2/1
            > return b@1 late
                arm b@1 purge at 1d+100
              ! reply b@1: late
              ! transmit to 0 #2: detach b@1.0 from a
              = b@1: completed 2/1
            > kill c
              ! notice done
                stop c#1
                arm c purge at 1d+100
              ! reply c: [409] killed
              = c: completed as failure 1/0
            > show a
              | 1 input, 1 live
            > return a 42
                arm a purge at 1d+100
              ! reply a: 42
              = a: completed 0/0
        "#]],
    );
}

#[test]
fn one_that_waits_for_its_own_end_and_ends_is_forgotten() {
    check(
        "(submit a svc/h)
         (append a: attach a)
         return a 1
         show rows",
        expect![[r#"
            > return a 1
                arm a purge at 1d
              ! reply a: 1
              = a: completed 1/0
            > show rows
              | 1 answer, 1 completed, 1 entry, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn who_looks_hears_what_there_is_and_changes_nothing() {
    check(
        "(submit a svc/h)
         look a
         (return a 1)
         look a
         look b
         show rows",
        expect![[r#"
            > look a
              ! notice done
            > look a
              ! notice completed
            > look b
              ! notice absent
            > show rows
              | 1 answer, 1 completed, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn an_attach_to_a_completed_one_hears_its_answer_at_once() {
    check(
        "(submit a svc/h)
         (fail a 418 teapot)
         (submit b svc/h)
         append b: attach a; attach a",
        expect![[r#"
            > append b: attach a; attach a
                deliver b#1 op 0 order 0 at 0: [418] teapot
                deliver b#1 op 1 order 1 at 0: [418] teapot
              = b: running #1 2/2
        "#]],
    );
}

#[test]
fn an_attach_to_nothing_is_a_failure() {
    check(
        "(submit b svc/h)
         append b: attach a",
        expect![[r#"
            > append b: attach a
                deliver b#1 op 0 order 0 at 0: [404] not found
              = b: running #1 1/1
        "#]],
    );
}

#[test]
fn an_attach_to_one_that_was_purged_is_a_failure() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         (return a ok)
         (purge a)
         append b: attach a",
        expect![[r#"
            > append b: attach a
                deliver b#1 op 0 order 0 at 0: [404] not found
              = b: running #1 1/1
        "#]],
    );
}

#[test]
fn an_attach_to_one_that_waits_or_is_queued() {
    check(
        "(submit h obj/k/add)
         (submit a obj/k/add)
         (submit c svc/h at 100)
         (submit b svc/h)
         append b: attach a; attach c
         cancel a
         kill c",
        expect![[r#"
            > append b: attach a; attach c
              = b: running #1 2/0
            > cancel a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] cancelled
                deliver b#1 op 0 order 0 at 0: [409] cancelled
              = a: completed as failure 0/0
              = b: running #1 2/1
            > kill c
              ! notice done
                arm c purge at 1d
              ! reply c: [409] killed
                deliver b#1 op 1 order 1 at 0: [409] killed
              = b: running #1 2/2
              = c: completed as failure 0/0
        "#]],
    );
}

#[test]
fn several_listen_in_their_order() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         (submit c svc/h)
         append b: attach a
         append c: attach a; attach a
         append b: attach a
         show a
         return a 42",
        expect![[r#"
            > append b: attach a
              = b: running #1 1/0
            > append c: attach a; attach a
              = c: running #1 2/0
            > append b: attach a
              = b: running #1 2/0
            > show a
              | listeners: b.0 c.0 c.1 b.1
              | 1 input, 1 listeners, 1 live
            > return a 42
                arm a purge at 1d
              ! reply a: 42
                deliver b#1 op 0 order 0 at 0: 42
                deliver c#1 op 0 order 0 at 0: 42
                deliver c#1 op 1 order 1 at 0: 42
                deliver b#1 op 1 order 1 at 0: 42
              = a: completed 0/0
              = b: running #1 2/2
              = c: running #1 2/2
        "#]],
    );
}

#[test]
fn listeners_hear_one_that_forgets() {
    check(
        "(submit a svc/forgets)
         (submit b svc/h)
         append b: attach a
         return a 42
         append b: attach a
         show rows",
        expect![[r#"
            > append b: attach a
              = b: running #1 1/0
            > return a 42
              ! reply a: 42
                deliver b#1 op 0 order 0 at 0: 42
              = b: running #1 1/1
              = a: gone
            > append b: attach a
                deliver b#1 op 1 order 1 at 0: [404] not found
              = b: running #1 2/2
            > show rows
              | 2 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn the_caller_and_a_listener_both_hear() {
    check(
        "(submit a svc/h)
         append a: call b svc/h
         append a: attach b
         return b 42",
        expect![[r#"
            > append a: call b svc/h
                start b#1 journal 0/0 with input
              = a: running #1 1/0
              = b: running #1 0/0
            > append a: attach b
              = a: running #1 2/0
            > return b 42
                arm b purge at 1d
              ! reply b: 42
                deliver a#1 op 0 order 0 at 0: 42
                deliver a#1 op 1 order 1 at 0: 42
              = a: running #1 2/2
              = b: completed 0/0
        "#]],
    );
}

#[test]
fn listening_does_not_change_who_runs() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         append b: attach a
         kill b
         return a 42
         show a",
        expect![[r#"
            > append b: attach a
              = b: running #1 1/0
            > kill b
              ! notice done
                stop b#1
                arm b purge at 1d
              ! reply b: [409] killed
              = b: completed as failure 1/0
            > return a 42
                arm a purge at 1d
              ! reply a: 42
              = a: completed 0/0
            > show a
              | answer: 42
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 input, 1 timer
        "#]],
    );
}

#[test]
fn a_kill_is_heard() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         append b: attach a
         kill a",
        expect![[r#"
            > append b: attach a
              = b: running #1 1/0
            > kill a
              ! notice done
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
                deliver b#1 op 0 order 0 at 0: [409] killed
              = a: completed as failure 0/0
              = b: running #1 1/1
        "#]],
    );
}

#[test]
fn a_journal_that_is_gone_still_has_an_answer() {
    check(
        "(submit I svc/brief key i)
         (return I 42)
         (advance 100)
         (submit b svc/h)
         append b: attach I",
        expect![[r#"
            > append b: attach I
                deliver b#1 op 0 order 0 at 100: 42
              = b: running #1 1/1
        "#]],
    );
}

#[test]
fn two_that_wait_for_each_other() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         append a: attach b
         append b: attach a
         suspend a 0 seen 0
         suspend b 0 seen 0
         cancel a
         return a ok
         return b ok",
        expect![[r#"
            > append a: attach b
              = a: running #1 1/0
            > append b: attach a
              = b: running #1 1/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > suspend b 0 seen 0
              = b: suspended on [0] 1/0
            > cancel a
              ! notice done
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, cancelled
            > return a ok
                arm a purge at 1d
              ! reply a: ok
                start b#2 journal 1/1
              ! allow runs of b#2 below 1
              = a: completed 1/1, cancelled
              = b: running #2 1/1
            > return b ok
                arm b purge at 1d
              ! reply b: ok
              = b: completed 1/1
        "#]],
    );
}

#[test]
fn an_attach_to_itself_waits_until_a_cancellation() {
    check(
        "(submit a svc/h)
         append a: attach a
         suspend a 0 seen 0
         cancel a
         return a ok",
        expect![[r#"
            > append a: attach a
              = a: running #1 1/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > cancel a
              ! notice done
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1, cancelled
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 1/1, cancelled
        "#]],
    );
}

#[test]
fn too_many_listeners_are_refused() {
    check(
        "(submit a svc/h)
         (submit b svc/h)
         (submit c svc/h)
         (append b: attaches 1000 a)
         append c: attach a
         (return a 42)
         show phases
         (exchange)
         show phases
         append c: attach a",
        expect![[r#"
            > append c: attach a
                deliver c#1 op 0 order 0 at 0: [429] 1000 operations wait for inv_100000000000000000000000000000001Z already (LISTENERS_MAX)
              = c: running #1 1/1
            > show phases
              | 1 completed 0/0
              | 1 running #1 1/1
              | 1 running #1 1000/256
            > show phases
              | 1 completed 0/0
              | 1 running #1 1/1
              | 1 running #1 1000/1000
            > append c: attach a
                deliver c#1 op 1 order 1 at 0: 42
              = c: running #1 2/2
        "#]],
    );
}

#[test]
fn an_attach_from_another_partition() {
    check(
        "(submit a svc/h)
         (submit b@1 svc/h)
         append b@1: attach a
         suspend b@1 0 seen 0
         receive 1>0 #1
         receive 1>0 #1
         return a 42
         receive 0>1 #1
         receive 0>1 #1",
        expect![[r#"
            > append b@1: attach a
              ! transmit to 0 #1: attach b@1.0 to a
              = b@1: running #1 1/0
            > suspend b@1 0 seen 0
              = b@1: suspended on [0] 1/0
            > receive 1>0 #1
              ! acknowledge to 1 #1
            > receive 1>0 #1
              ! acknowledge to 1 #1
            > return a 42
                arm a purge at 1d
              ! reply a: 42
              ! transmit to 1 #1: answer of a to b@1.0: 42
              = a: completed 0/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
                start b@1#2 journal 1/1
              ! allow runs of b@1#2 below 1
              = b@1: running #2 1/1
            > receive 0>1 #1
              ! acknowledge to 0 #1
        "#]],
    );
}
