//! Run blocks that failed and are held back: in the same attempt, in the next, and in none.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_failed_try_is_held_back_longer_each_time() {
    check(
        "submit a svc/h
         append a: run pay
         append a: retry 0
         append a: retry 0
         append a: done 0 ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: retry 0
                hold a#1 op 0 until 100
              = a: running #1 1/0, 1 failures, op 0 tried 1
            > append a: retry 0
                hold a#1 op 0 until 200
              = a: running #1 1/0, 2 failures, op 0 tried 2
            > append a: done 0 ok
                deliver a#1 op 0 order 0 at 0: ok
              = a: running #1 1/1
        "#]],
    );
}

#[test]
fn a_held_block_waits_on_in_the_next_attempt() {
    check(
        "submit a svc/h
         append a: run pay; run ship
         append a: retry 0; done 1 ok
         lost a
         append a: done 0 ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; run ship
              ! allow runs of a#1 below 2
              = a: running #1 2/0
            > append a: retry 0; done 1 ok
                deliver a#1 op 1 order 0 at 0: ok
                hold a#1 op 0 until 100
              = a: running #1 2/1, 1 failures, op 0 tried 1
            > lost a
                start a#2 journal 2/1 held 0@100
              ! allow runs of a#2 below 2
              = a: running #2 2/1, 1 failures, 1 losses, op 0 tried 1
            > append a: done 0 ok
                deliver a#2 op 0 order 1 at 0: ok
              = a: running #2 2/2
        "#]],
    );
}

#[test]
fn only_held_blocks_left_gives_the_instance_back() {
    check(
        "submit a svc/h
         append a: run pay; run ship
         append a: retry 0 after 300; retry 1 after 50
         awaits-retry a 0,1 seen 0
         advance 50
         append a: done 1 ok
         awaits-retry a 0 seen 1
         advance 250",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; run ship
              ! allow runs of a#1 below 2
              = a: running #1 2/0
            > append a: retry 0 after 300; retry 1 after 50
                hold a#1 op 0 until 300
                hold a#1 op 1 until 50
              = a: running #1 2/0, 2 failures, op 0 tried 1, op 1 tried 1
            > awaits-retry a 0,1 seen 0
                arm a retry 1 at 50
              = a: backing off after #1 until 50 or [0, 1] 2/0, 2 failures, op 0 tried 1, op 1 tried 1
            > advance 50
                start a#2 journal 2/0 held 0@300 held 1@50
              ! allow runs of a#2 below 2
              = a: running #2 2/0, 2 failures, op 0 tried 1, op 1 tried 1
            > append a: done 1 ok
                deliver a#2 op 1 order 0 at 50: ok
              = a: running #2 2/1, op 0 tried 1
            > awaits-retry a 0 seen 1
                arm a retry 2 at 300
              = a: backing off after #2 until 300 or [0] 2/1, op 0 tried 1
            > advance 250
                start a#3 journal 2/1 held 0@300
              ! allow runs of a#3 below 2
              = a: running #3 2/1, op 0 tried 1
        "#]],
    );
}

#[test]
fn a_held_block_that_lost_a_select_does_not_wake() {
    check(
        "submit a svc/h
         append a: run pay; run ship; sleep 500
         append a: retry 0 after 10; retry 1 after 700
         advance 500
         awaits-retry a 1 seen 1
         advance 200",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; run ship; sleep 500
                arm a sleep 2 at 500
              ! allow runs of a#1 below 3
              = a: running #1 3/0
            > append a: retry 0 after 10; retry 1 after 700
                hold a#1 op 0 until 10
                hold a#1 op 1 until 700
              = a: running #1 3/0, 2 failures, op 0 tried 1, op 1 tried 1
            > advance 500
                deliver a#1 op 2 order 0 at 500: empty
              = a: running #1 3/1, 2 failures, op 0 tried 1, op 1 tried 1
            > awaits-retry a 1 seen 1
                arm a retry 1 at 700
              = a: backing off after #1 until 700 or [1] 3/1, 2 failures, op 0 tried 1, op 1 tried 1
            > advance 200
                start a#2 journal 3/1 held 0@10 held 1@700
              ! allow runs of a#2 below 3
              = a: running #2 3/1, 2 failures, op 0 tried 1, op 1 tried 1
        "#]],
    );
}

#[test]
fn a_held_block_that_lost_a_select_does_not_wake_one_that_waits_for_many() {
    check(
        "(submit a svc/h)
         (append a: run pay; run ship; sleep 5000)
         (append a: retry 0 after 10; retry 1 after 7000)
         advance 5000
         awaits-retry a any seen 1 until 7000
         advance 2000
         awaits-retry a any seen 1 until 7000",
        expect![[r#"
            > advance 5000
                deliver a#1 op 2 order 0 at 5000: empty
              = a: running #1 3/1, 2 failures, op 0 tried 1, op 1 tried 1
            > awaits-retry a any seen 1 until 7000
                arm a retry 1 at 7000
              = a: backing off after #1 until 7000 or any 3/1, 2 failures, op 0 tried 1, op 1 tried 1
            > advance 2000
                start a#2 journal 3/1 held 0@10 held 1@7000
              ! allow runs of a#2 below 3
              = a: running #2 3/1, 2 failures, op 0 tried 1, op 1 tried 1
            > awaits-retry a any seen 1 until 7000
                arm a retry 2 at 7000
              = a: backing off after #2 until 7000 or any 3/1, 2 failures, op 0 tried 1, op 1 tried 1
        "#]],
    );
}

#[test]
fn an_outcome_ends_the_wait_for_a_retry_early() {
    check(
        "submit a svc/h
         append a: run pay; sleep 20
         append a: retry 0 after 300
         awaits-retry a 0,1 seen 0
         advance 20
         advance 280",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; sleep 20
                arm a sleep 1 at 20
              ! allow runs of a#1 below 2
              = a: running #1 2/0
            > append a: retry 0 after 300
                hold a#1 op 0 until 300
              = a: running #1 2/0, 1 failures, op 0 tried 1
            > awaits-retry a 0,1 seen 0
                arm a retry 1 at 300
              = a: backing off after #1 until 300 or [0, 1] 2/0, 1 failures, op 0 tried 1
            > advance 20
                start a#2 journal 2/1 held 0@300
              ! allow runs of a#2 below 2
              = a: running #2 2/1, 1 failures, op 0 tried 1
            > advance 280
        "#]],
    );
}

#[test]
fn a_resume_retries_held_blocks_now() {
    check(
        "submit a svc/h
         append a: run pay
         append a: retry 0 after 300
         awaits-retry a 0 seen 0
         clock 100
         resume a
         advance 300",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: retry 0 after 300
                hold a#1 op 0 until 300
              = a: running #1 1/0, 1 failures, op 0 tried 1
            > awaits-retry a 0 seen 0
                arm a retry 1 at 300
              = a: backing off after #1 until 300 or [0] 1/0, 1 failures, op 0 tried 1
            > clock 100
            > resume a
              ! notice done
                start a#2 journal 1/0 held 0@100
              ! allow runs of a#2 below 1
              = a: running #2 1/0, op 0 tried 1
            > advance 300
        "#]],
    );
}
