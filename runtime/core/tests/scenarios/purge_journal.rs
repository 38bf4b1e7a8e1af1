//! The journal of what is over goes by hand; the answer stays as long as it would.

use crate::script::check;
use expect_test::expect;

#[test]
fn a_journal_by_hand_leaves_the_answer() {
    check(
        "(submit A svc/brief key i)
         (append A: run pay; done 0 ok)
         purge-journal A
         (return A ok)
         purge-journal A
         show A
         purge-journal A
         advance 100
         show A
         advance 900
         purge-journal A",
        expect![[r#"
            > purge-journal A
              ! notice unfit
            > purge-journal A
              ! notice done
              = A: completed 0/0
            > show A
              | answer: ok
              | timer A purge at 1000
              | 1 answer, 1 completed, 1 created, 1 timer
            > purge-journal A
              ! notice known
            > advance 100
            > show A
              | answer: ok
              | timer A purge at 1000
              | 1 answer, 1 completed, 1 created, 1 timer
            > advance 900
              = A: gone
            > purge-journal A
              ! notice absent
        "#]],
    );
}

#[test]
fn a_long_journal_goes_by_hand_in_parts() {
    check(
        "(submit a obj/k/h)
         (append a: sets 501 x)
         (return a ok)
         purge-journal a
         show a
         purge-journal a
         advance 0
         show a",
        expect![[r#"
            > purge-journal a
              ! notice done
                arm a purge-journal at 0
              = a: completed 1/0
            > show a
              | op 0 set-state
              | answer: ok
              | timer a purge-journal at 0
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 entry, 1 input, 2 timer
            > purge-journal a
              ! notice done
              = a: completed 0/0
            > advance 0
            > show a
              | answer: ok
              | timer a purge at 1d
              | 1 answer, 1 completed, 1 timer
        "#]],
    );
}

#[test]
fn a_purge_of_a_shortened_journal_leaves_nothing() {
    check(
        "(submit A svc/h key i)
         (append A: run pay; done 0 ok)
         (return A ok)
         (purge-journal A)
         purge A
         show rows",
        expect![[r#"
            > purge A
              ! notice done
              = A: gone
            > show rows
              | nothing
        "#]],
    );
}
