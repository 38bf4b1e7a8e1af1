//! The state of objects and workflows: read, written, listed, limited.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_value_that_is_absent_is_empty() {
    check(
        "submit a obj/k/add
         append a: get x
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > append a: get x
                deliver a#1 op 0 order 0 at 0: empty
              = a: running #1 1/1, holds the key
            > show obj/k
              | a holds the key
        "#]],
    );
}

#[test]
fn what_one_wrote_the_next_reads() {
    check(
        "submit a obj/k/add
         append a: set x 5; set y 6
         show obj/k
         return a ok
         submit b obj/k/add
         append b: get x; get y; get z",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > append a: set x 5; set y 6
              = a: running #1 2/0, holds the key
            > show obj/k
              | a holds the key, x=5, y=6
            > return a ok
                arm a purge at 1d
              ! reply a: ok
              = a: completed 2/0
            > submit b obj/k/add
              ! notice done
                start b#1 journal 0/0 with input
              = b: running #1 0/0, holds the key
            > append b: get x; get y; get z
                deliver b#1 op 0 order 0 at 0: 5
                deliver b#1 op 1 order 1 at 0: 6
                deliver b#1 op 2 order 2 at 0: empty
              = b: running #1 3/3, holds the key
        "#]],
    );
}

#[test]
fn entries_of_one_append_see_those_before_them() {
    check(
        "submit a obj/k/add
         append a: get x; set x 1; get x; set x 2; get x; clear x; get x; keys
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > append a: get x; set x 1; get x; set x 2; get x; clear x; get x; keys
                deliver a#1 op 0 order 0 at 0: empty
                deliver a#1 op 2 order 1 at 0: 1
                deliver a#1 op 4 order 2 at 0: 2
                deliver a#1 op 6 order 3 at 0: empty
                deliver a#1 op 7 order 4 at 0: []
              = a: running #1 8/5, holds the key
            > show obj/k
              | a holds the key
        "#]],
    );
}

#[test]
fn keys_are_listed_in_order() {
    check(
        "(submit a obj/k/add)
         append a: set z 1; set b 2; keys; clear z; keys
         append a: set a 3; keys",
        expect![[r#"
            > append a: set z 1; set b 2; keys; clear z; keys
                deliver a#1 op 2 order 0 at 0: ["b", "z"]
                deliver a#1 op 4 order 1 at 0: ["b"]
              = a: running #1 5/2, holds the key
            > append a: set a 3; keys
                deliver a#1 op 6 order 2 at 0: ["a", "b"]
              = a: running #1 7/3, holds the key
        "#]],
    );
}

#[test]
fn clear_all_takes_what_is_stored_and_what_is_new() {
    check(
        "(submit a obj/k/add)
         (append a: set x 1; set y 2)
         show obj/k
         append a: set z 3; clear-all; set w 4; keys; get x; get z
         show obj/k
         append a: clear-all; keys; get w
         show obj/k",
        expect![[r#"
            > show obj/k
              | a holds the key, x=1, y=2
            > append a: set z 3; clear-all; set w 4; keys; get x; get z
                deliver a#1 op 5 order 0 at 0: ["w"]
                deliver a#1 op 6 order 1 at 0: empty
                deliver a#1 op 7 order 2 at 0: empty
              = a: running #1 8/3, holds the key
            > show obj/k
              | a holds the key, w=4
            > append a: clear-all; keys; get w
                deliver a#1 op 9 order 3 at 0: []
                deliver a#1 op 10 order 4 at 0: empty
              = a: running #1 11/5, holds the key
            > show obj/k
              | a holds the key
        "#]],
    );
}

#[test]
fn objects_do_not_share_their_state() {
    check(
        "(submit a obj/k/add)
         (submit b obj/l/add)
         append a: set x 1
         append b: get x; keys; clear-all
         show obj/k
         show obj/l",
        expect![[r#"
            > append a: set x 1
              = a: running #1 1/0, holds the key
            > append b: get x; keys; clear-all
                deliver b#1 op 0 order 0 at 0: empty
                deliver b#1 op 1 order 1 at 0: []
              = b: running #1 3/2, holds the key
            > show obj/k
              | a holds the key, x=1
            > show obj/l
              | b holds the key
        "#]],
    );
}

#[test]
fn a_name_may_be_the_beginning_of_another() {
    check(
        "(submit a obj/k/add)
         append a: set x 1; set xy 2; clear x; keys
         show obj/k",
        expect![[r#"
            > append a: set x 1; set xy 2; clear x; keys
                deliver a#1 op 3 order 0 at 0: ["xy"]
              = a: running #1 4/1, holds the key
            > show obj/k
              | a holds the key, xy=2
        "#]],
    );
}

#[test]
fn what_an_exclusive_handler_wrote_a_shared_one_reads_at_once() {
    check(
        "(submit a obj/k/add)
         (submit b obj/k/look)
         append b: get x; keys
         append a: set x 1
         append b: get x; keys",
        expect![[r#"
            > append b: get x; keys
                deliver b#1 op 0 order 0 at 0: empty
                deliver b#1 op 1 order 1 at 0: []
              = b: running #1 2/2
            > append a: set x 1
              = a: running #1 1/0, holds the key
            > append b: get x; keys
                deliver b#1 op 2 order 2 at 0: 1
                deliver b#1 op 3 order 3 at 0: ["x"]
              = b: running #1 4/4
        "#]],
    );
}

#[test]
fn a_shared_handler_may_not_write() {
    check(
        "(submit a obj/k/add)
         (append a: set x 1)
         (submit b obj/k/look)
         append b: set x 2; set y 3; clear x; clear-all; get x; keys
         show obj/k",
        expect![[r#"
            > append b: set x 2; set y 3; clear x; clear-all; get x; keys
                deliver b#1 op 4 order 0 at 0: 1
                deliver b#1 op 5 order 1 at 0: ["x"]
              = b: running #1 6/2
            > show obj/k
              | a holds the key, x=1
        "#]],
    );
}

#[test]
fn a_plain_service_has_no_state() {
    check(
        "submit a svc/h
         append a: set x 1; get x; keys; clear x; clear-all
         show rows",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: set x 1; get x; keys; clear x; clear-all
                deliver a#1 op 1 order 0 at 0: empty
                deliver a#1 op 2 order 1 at 0: []
              = a: running #1 5/2
            > show rows
              | 5 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn the_run_of_a_workflow_writes_and_others_read() {
    check(
        "submit W flow/k/run
         append W: set x 1
         submit a flow/k/ask
         append a: get x; set x 2; get x
         show flow/k",
        expect![[r#"
            > submit W flow/k/run
              ! notice done
                start W#1 journal 0/0 with input
              = W: running #1 0/0
            > append W: set x 1
              = W: running #1 1/0
            > submit a flow/k/ask
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: get x; set x 2; get x
                deliver a#1 op 0 order 0 at 0: 1
                deliver a#1 op 2 order 1 at 0: 1
              = a: running #1 3/2
            > show flow/k
              | x=1
        "#]],
    );
}

#[test]
fn state_outlives_attempts_and_invocations() {
    check(
        "(submit a obj/k/add)
         append a: set x 1; sleep 100
         lost a
         kill a
         show obj/k
         purge a
         show obj/k",
        expect![[r#"
            > append a: set x 1; sleep 100
                arm a sleep 1 at 100
              = a: running #1 2/0, holds the key
            > lost a
                start a#2 journal 2/0
              ! allow runs of a#2 below 2
              = a: running #2 2/0, holds the key, 1 losses
            > kill a
              ! notice done
                stop a#2
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 2/0, 1 losses
            > show obj/k
              | x=1
            > purge a
              ! notice done
              = a: gone
            > show obj/k
              | x=1
        "#]],
    );
}

#[test]
fn state_that_was_written_before_a_kill_stays() {
    check(
        "(submit a obj/k/add)
         append a: set x 1; kill a
         show obj/k",
        expect![[r#"
            > append a: set x 1; kill a
                stop a#1
                arm a purge at 1d
              ! reply a: [409] killed
              = a: completed as failure 2/0
            > show obj/k
              | x=1
        "#]],
    );
}

#[test]
fn ten_thousand_names_can_be_listed_and_cleared() {
    check(
        "(submit a obj/k/add)
         (append a: sets 10000 x)
         append a: keys; clear-all; keys
         show obj/k",
        expect![[r#"
            > append a: keys; clear-all; keys
                deliver a#1 op 10000 order 0 at 0: 10000 names
                deliver a#1 op 10002 order 1 at 0: []
              = a: running #1 10003/2, holds the key
            > show obj/k
              | a holds the key
        "#]],
    );
}

#[test]
fn a_state_with_too_many_names_is_not_listed() {
    check(
        "(submit a obj/k/add)
         (append a: sets 10001 x)
         append a: set x0 1; keys; set y 1; run pay
         resume a
         append a: clear x0; keys",
        expect![[r#"
            > append a: set x0 1; keys; set y 1; run pay
                stop a#1
              = a: paused, the state of obj/k has more than 10000 values (STATE_NAMES_MAX) 10002/0, holds the key
            > resume a
              ! notice done
                start a#2 journal 10002/0
              ! allow runs of a#2 below 10002
              = a: running #2 10002/0, holds the key
            > append a: clear x0; keys
                deliver a#2 op 10003 order 0 at 0: 10000 names
              = a: running #2 10004/1, holds the key
        "#]],
    );
}

#[test]
fn a_state_with_too_many_names_is_not_cleared_at_once() {
    check(
        "(submit a obj/k/add)
         (append a: sets 10001 x; sleep 100; run pay)
         append a: done 10002 ok; clear-all; clear x1
         resume a
         append a: clear x0; clear-all
         show obj/k",
        expect![[r#"
            > append a: done 10002 ok; clear-all; clear x1
                deliver a#1 op 10002 order 0 at 0: ok
                stop a#1
              = a: paused, the state of obj/k has more than 10000 values (STATE_NAMES_MAX) 10003/1, holds the key
            > resume a
              ! notice done
                start a#2 journal 10003/1
              ! allow runs of a#2 below 10003
              = a: running #2 10003/1, holds the key
            > append a: clear x0; clear-all
              = a: running #2 10005/1, holds the key
            > show obj/k
              | a holds the key
        "#]],
    );
}

#[test]
fn a_state_of_which_only_a_part_is_read_is_not_taken_for_smaller_than_it_is() {
    // Without those that are cleared before, the part that is read has no more names than may be.
    check(
        "(submit a obj/k/add)
         (append a: sets 12000 x)
         append a: clears 1500 x; clear-all",
        expect![[r#"
            > append a: clears 1500 x; clear-all
                stop a#1
              = a: paused, the state of obj/k has more than 10000 values (STATE_NAMES_MAX) 13500/0, holds the key
        "#]],
    );
}

#[test]
fn what_a_limit_cuts_off_was_never_asked() {
    // The calls behind it are not made, and the sleep before it goes on.
    check(
        "(submit a obj/k/add)
         (append a: sets 10001 x)
         append a: sleep 100; keys; call b svc/h; sleep 50; set y 1
         advance 100
         resume a",
        expect![[r#"
            > append a: sleep 100; keys; call b svc/h; sleep 50; set y 1
                arm a sleep 10001 at 100
                stop a#1
              = a: paused, the state of obj/k has more than 10000 values (STATE_NAMES_MAX) 10002/0, holds the key
            > advance 100
              = a: paused, the state of obj/k has more than 10000 values (STATE_NAMES_MAX) 10002/1, holds the key
            > resume a
              ! notice done
                start a#2 journal 10002/1
              ! allow runs of a#2 below 10002
              = a: running #2 10002/1, holds the key
        "#]],
    );
}

#[test]
fn names_that_are_too_long_are_not_cleared_at_once() {
    // What one step deletes is one batch of the store.
    let name = "n".repeat(1_000);
    check(
        &format!(
            "(submit a obj/k/add)
             (append a: sets 4200 {name})
             append a: clear-all
             resume a
             append a: keys"
        ),
        expect![[r#"
            > append a: clear-all
                stop a#1
              = a: paused, the names in the state of obj/k are too long to be cleared at once 4200/0, holds the key
            > resume a
              ! notice done
                start a#2 journal 4200/0
              ! allow runs of a#2 below 4200
              = a: running #2 4200/0, holds the key
            > append a: keys
                deliver a#2 op 4200 order 0 at 0: 4200 names
              = a: running #2 4201/1, holds the key
        "#]],
    );
}

#[test]
fn what_its_attempt_has_read_is_recorded_and_not_told() {
    check(
        "(submit a obj/k/add)
         append a: has empty from get x as 0; set x 5; has empty from get y as 1
         append a: sleep 100
         show a
         show obj/k",
        expect![[r#"
            > append a: has empty from get x as 0; set x 5; has empty from get y as 1
              = a: running #1 3/2, holds the key
            > append a: sleep 100
                arm a sleep 3 at 100
              = a: running #1 4/2, holds the key
            > show a
              | op 0 get-state: empty (order 0)
              | op 1 set-state
              | op 2 get-state: empty (order 1)
              | op 3 sleep
              | timer a sleep 3 at 100
              | 4 entry, 1 input, 1 live, 2 outcome, 1 timer
            > show obj/k
              | a holds the key, x=5
        "#]],
    );
}

#[test]
fn a_cancellation_that_came_before_a_read_makes_for_another_attempt() {
    check(
        "(submit a obj/k/add)
         cancel a
         append a: has empty from get x as 0; set x 5; run pay
         show a
         show obj/k
         append a#2: set x 6",
        expect![[r#"
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 0/1, holds the key, cancelled
            > append a: has empty from get x as 0; set x 5; run pay
                deliver a#1 op 0 order 1 at 0: empty
                stop a#1
                start a#2 journal 1/2
              ! allow runs of a#2 below 1
              = a: running #2 1/2, holds the key, cancelled
            > show a
              | op 0 get-state: empty (order 1)
              | order 0: cancellation at 0
              | 1 entry, 1 input, 1 live, 2 outcome
            > show obj/k
              | a holds the key
            > append a#2: set x 6
              = a: running #2 2/2, holds the key, cancelled
        "#]],
    );
}

#[test]
fn who_has_read_what_is_not_there_any_more_begins_again_after_that_read() {
    check(
        "(submit a obj/k/add)
         (append a: set x 1; run pay)
         (append a: done 1 ok)
         (edit obj/k forced: x=2)
         append a: has empty from get y as 1; set z 1; has 1 from get x as 2; set x 2; clear z; run ship
         show a
         show obj/k
         append a#2: set x 3",
        expect![[r#"
            > append a: has empty from get y as 1; set z 1; has 1 from get x as 2; set x 2; clear z; run ship
                deliver a#1 op 4 order 2 at 0: 2
                stop a#1
                start a#2 journal 5/3
              ! allow runs of a#2 below 5
              = a: running #2 5/3, holds the key
            > show a
              | op 0 set-state
              | op 1 run: ok (order 0)
              | op 2 get-state: empty (order 1)
              | op 3 set-state
              | op 4 get-state: 2 (order 2)
              | 5 entry, 1 input, 1 live, 3 outcome
            > show obj/k
              | a holds the key, x=2, z=1
            > append a#2: set x 3
              = a: running #2 6/3, holds the key
        "#]],
    );
}

#[test]
fn a_run_block_that_failed_beside_what_was_overtaken_has_failed() {
    check(
        "(submit a obj/k/add)
         (append a: run pay)
         cancel a
         append a: has empty from get x as 0; retry 0 tries 1
         show a",
        expect![[r#"
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 1/1, holds the key, cancelled
            > append a: has empty from get x as 0; retry 0 tries 1
                deliver a#1 op 1 order 1 at 0: empty
                deliver a#1 op 0 order 2 at 0: [500] flaky
                stop a#1
                start a#2 journal 2/3
              ! allow runs of a#2 below 2
              = a: running #2 2/3, holds the key, cancelled
            > show a
              | op 0 run: [500] flaky (order 2)
              | op 1 get-state: empty (order 1)
              | order 0: cancellation at 0
              | #1 said: flaky
              | 2 entry, 1 input, 1 live, 3 outcome
        "#]],
    );
}
