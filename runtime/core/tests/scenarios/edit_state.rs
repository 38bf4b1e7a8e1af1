//! A person replaces the state of an object or workflow.

use crate::script::check;
use expect_test::expect;

#[test]
fn an_edit_replaces_all_that_is_there() {
    check(
        "edit obj/k: a=1 b=2
         show obj/k
         edit obj/k: b=3 c=4
         show obj/k
         edit obj/k
         show obj/k",
        expect![[r#"
            > edit obj/k: a=1 b=2
              ! notice done
            > show obj/k
              | a=1, b=2
            > edit obj/k: b=3 c=4
              ! notice done
            > show obj/k
              | b=3, c=4
            > edit obj/k
              ! notice done
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn a_state_that_has_changed_meanwhile_is_left_as_it_is() {
    check(
        "edit obj/k seen: a=1
         edit obj/k unseen: a=2
         show obj/k
         edit obj/k seen: b=3
         show obj/k",
        expect![[r#"
            > edit obj/k seen: a=1
              ! notice done
            > edit obj/k unseen: a=2
              ! notice changed
            > show obj/k
              | a=1
            > edit obj/k seen: b=3
              ! notice done
            > show obj/k
              | b=3
        "#]],
    );
}

#[test]
fn a_handler_that_has_the_key_is_not_disturbed_unless_that_is_wanted() {
    check(
        "submit a obj/k/add
         append a: set n 1
         edit obj/k: n=2
         edit obj/k seen: n=2
         show obj/k
         edit obj/k forced seen: n=2
         show obj/k
         append a: set n 3
         return a 1
         edit obj/k seen: n=4
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > append a: set n 1
              = a: running #1 1/0, holds the key
            > edit obj/k: n=2
              ! notice held
            > edit obj/k seen: n=2
              ! notice held
            > show obj/k
              | a holds the key, n=1
            > edit obj/k forced seen: n=2
              ! notice done
            > show obj/k
              | a holds the key, n=2
            > append a: set n 3
              = a: running #1 2/0, holds the key
            > return a 1
                arm a purge at 1d
              ! reply a: 1
              = a: completed 2/0
            > edit obj/k seen: n=4
              ! notice done
            > show obj/k
              | n=4
        "#]],
    );
}

#[test]
fn a_shared_handler_is_in_nobodys_way() {
    check(
        "submit a obj/k/look
         append a: get n
         edit obj/k: n=2
         append a: get n
         show obj/k",
        expect![[r#"
            > submit a obj/k/look
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: get n
                deliver a#1 op 0 order 0 at 0: empty
              = a: running #1 1/1
            > edit obj/k: n=2
              ! notice done
            > append a: get n
                deliver a#1 op 1 order 1 at 0: 2
              = a: running #1 2/2
            > show obj/k
              | n=2
        "#]],
    );
}

#[test]
fn the_run_of_a_workflow_holds_its_state_until_it_ends() {
    check(
        "edit flow/k run F: n=1
         submit F flow/k/run
         edit flow/k run F: n=1
         return F 1
         edit flow/k run F: n=1
         show flow/k",
        expect![[r#"
            > edit flow/k run F: n=1
              ! notice absent
            > submit F flow/k/run
              ! notice done
                start F#1 journal 0/0 with input
              = F: running #1 0/0
            > edit flow/k run F: n=1
              ! notice held
            > return F 1
                arm F purge at 1d
              ! reply F: 1
              = F: completed 0/0
            > edit flow/k run F: n=1
              ! notice done
            > show flow/k
              | n=1
        "#]],
    );
}

#[test]
fn what_is_too_much_for_one_step_is_refused() {
    check(
        "edit obj/k: n*10001
         edit obj/k: n#33554433
         edit obj/k: n#33554432
         (edit obj/k: n*10000)
         edit obj/k seen: a=1
         show obj/k",
        expect![[r#"
            > edit obj/k: n*10001
              ! notice full
            > edit obj/k: n#33554433
              ! notice full
            > edit obj/k: n#33554432
              ! notice done
            > edit obj/k seen: a=1
              ! notice done
            > show obj/k
              | a=1
        "#]],
    );
}
