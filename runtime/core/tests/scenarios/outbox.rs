//! Calls and sends between partitions: posted, repeated, acknowledged, applied once.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_call_to_another_partition_and_back() {
    check(
        "submit a svc/h
         append a: call b@1 svc/h
         suspend a 0 seen 0
         receive 0>1 #1
         ack 1>0 #1
         return b@1 42
         receive 1>0 #1
         ack 0>1 #1
         return a 42",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b@1 svc/h
              ! transmit to 1 #1: submit b@1 svc/h
              = a: running #1 1/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
                start b@1#1 journal 0/0 with input
              = b@1: running #1 0/0
            > ack 1>0 #1
            > return b@1 42
                arm b@1 purge at 1d
              ! reply b@1: 42
              ! transmit to 0 #1: answer of b@1 to a.0: 42
              = b@1: completed 0/0
            > receive 1>0 #1
              ! acknowledge to 1 #1
                start a#2 journal 1/1
              ! allow runs of a#2 below 1
              = a: running #2 1/1
            > ack 0>1 #1
            > return a 42
                arm a purge at 1d
              ! reply a: 42
              = a: completed 1/1
        "#]],
    );
}

#[test]
fn a_send_to_another_partition() {
    check(
        "submit a svc/h
         append a: send b@1 svc/h +100
         clock 60
         receive 0>1 #1
         advance 40",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: send b@1 svc/h +100
              ! transmit to 1 #1: submit b@1 svc/h at 100
              = a: running #1 1/0
            > clock 60
            > receive 0>1 #1
              ! acknowledge to 0 #1
                arm b@1 begin at 100
              = b@1: scheduled at 100 0/0
            > advance 40
                start b@1#1 journal 0/0
              = b@1: running #1 0/0
        "#]],
    );
}

#[test]
fn a_repeated_message_is_acknowledged_and_applied_once() {
    check(
        "submit a svc/h
         append a: call b@1 svc/h
         receive 0>1 #1
         receive 0>1 #1
         return b@1 42
         receive 0>1 #1
         receive 1>0 #1
         receive 1>0 #1",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b@1 svc/h
              ! transmit to 1 #1: submit b@1 svc/h
              = a: running #1 1/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
                start b@1#1 journal 0/0 with input
              = b@1: running #1 0/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
            > return b@1 42
                arm b@1 purge at 1d
              ! reply b@1: 42
              ! transmit to 0 #1: answer of b@1 to a.0: 42
              = b@1: completed 0/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
            > receive 1>0 #1
              ! acknowledge to 1 #1
                deliver a#1 op 0 order 0 at 0: 42
              = a: running #1 1/1
            > receive 1>0 #1
              ! acknowledge to 1 #1
        "#]],
    );
}

#[test]
fn a_message_after_a_gap_waits_for_the_one_before() {
    check(
        "submit a svc/h
         append a: send b@1 svc/h; send c@1 svc/h
         receive 0>1 #2
         receive 0>1 #1
         receive 0>1 #2",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: send b@1 svc/h; send c@1 svc/h
              ! transmit to 1 #1: submit b@1 svc/h
              ! transmit to 1 #2: submit c@1 svc/h
              = a: running #1 2/0
            > receive 0>1 #2
            > receive 0>1 #1
              ! acknowledge to 0 #1
                start b@1#1 journal 0/0 with input
              = b@1: running #1 0/0
            > receive 0>1 #2
              ! acknowledge to 0 #2
                start c@1#1 journal 0/0 with input
              = c@1: running #1 0/0
        "#]],
    );
}

#[test]
fn an_acknowledgement_covers_all_before_it() {
    check(
        "submit a svc/h
         append a: send b@1 svc/h; send c@1 svc/h; send d@1 svc/h
         receive 0>1 #1
         receive 0>1 #2
         ack 1>0 #2
         ack 1>0 #1
         append a: send e@1 svc/h",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: send b@1 svc/h; send c@1 svc/h; send d@1 svc/h
              ! transmit to 1 #1: submit b@1 svc/h
              ! transmit to 1 #2: submit c@1 svc/h
              ! transmit to 1 #3: submit d@1 svc/h
              = a: running #1 3/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
                start b@1#1 journal 0/0 with input
              = b@1: running #1 0/0
            > receive 0>1 #2
              ! acknowledge to 0 #2
                start c@1#1 journal 0/0 with input
              = c@1: running #1 0/0
            > ack 1>0 #2
            > ack 1>0 #1
            > append a: send e@1 svc/h
              ! transmit to 1 #4: submit e@1 svc/h
              = a: running #1 4/0
        "#]],
    );
}

#[test]
fn an_answer_for_a_caller_that_is_gone() {
    check(
        "submit a svc/h
         append a: call b svc/h; call c@1 svc/h
         return a early
         return b 42
         receive 0>1 #1
         return c@1 42
         receive 1>0 #1",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: call b svc/h; call c@1 svc/h
              ! transmit to 1 #1: submit c@1 svc/h
                start b#1 journal 0/0 with input
              = a: running #1 2/0
              = b: running #1 0/0
            > return a early
                arm a purge at 1d
              ! reply a: early
              = a: completed 2/0
            > return b 42
                arm b purge at 1d
              ! reply b: 42
              = b: completed 0/0
            > receive 0>1 #1
              ! acknowledge to 0 #1
                start c@1#1 journal 0/0 with input
              = c@1: running #1 0/0
            > return c@1 42
                arm c@1 purge at 1d
              ! reply c@1: 42
              ! transmit to 0 #1: answer of c@1 to a.1: 42
              = c@1: completed 0/0
            > receive 1>0 #1
              ! acknowledge to 1 #1
        "#]],
    );
}
