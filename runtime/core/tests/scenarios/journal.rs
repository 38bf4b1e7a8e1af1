//! The journal: in order, bounded, and never silently another one.

use crate::script::check;
use expect_test::expect;

#[test]
fn the_same_append_twice_counts_once() {
    check(
        "submit a svc/h
         append a from 0: sleep 100
         append a from 0: sleep 100
         append a from 5: sleep 100",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a from 0: sleep 100
                arm a sleep 0 at 100
              = a: running #1 1/0
            > append a from 0: sleep 100
            > append a from 5: sleep 100
        "#]],
    );
}

#[test]
fn a_mismatch_pauses_and_loses_nothing() {
    check(
        "submit a svc/h
         append a: run pay; sleep 100
         mismatch a
         advance 100
         resume a
         append a: done 0 ok
         return a ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay; sleep 100
                arm a sleep 1 at 100
              ! allow runs of a#1 below 2
              = a: running #1 2/0
            > mismatch a
              = a: paused, mismatch at op 0 2/0
            > advance 100
              = a: paused, mismatch at op 0 2/1
            > resume a
              ! notice done
                start a#2 journal 2/1
              ! allow runs of a#2 below 2
              = a: running #2 2/1
            > append a: done 0 ok
                deliver a#2 op 0 order 1 at 100: ok
              = a: running #2 2/2
            > return a ok
                arm a purge at 1d+100
              ! reply a: ok
              = a: completed 2/2
        "#]],
    );
}

#[test]
fn too_many_entries_pause_the_invocation() {
    check(
        "submit a svc/h
         append a: fill 99999
         append a: run last
         append a: run more
         resume a
         append a: sleep 1; sleep 2",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: fill 99999
              ! allow runs of a#1 below 99999
              = a: running #1 99999/0
            > append a: run last
              ! allow runs of a#1 below 100000
              = a: running #1 100000/0
            > append a: run more
                stop a#1
              = a: paused, the journal would pass 100000 entries (JOURNAL_ENTRIES_MAX) 100000/0
            > resume a
              ! notice done
                start a#2 journal 100000/0
              ! allow runs of a#2 below 100000
              = a: running #2 100000/0
            > append a: sleep 1; sleep 2
                stop a#2
              = a: paused, the journal would pass 100000 entries (JOURNAL_ENTRIES_MAX) 100000/0
        "#]],
    );
}

#[test]
fn what_was_done_counts_even_at_the_limit() {
    check(
        "submit a svc/h
         append a: fill 100000
         append a: run more; done 0 paid; retry 1
         resume a",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: fill 100000
              ! allow runs of a#1 below 100000
              = a: running #1 100000/0
            > append a: run more; done 0 paid; retry 1
                deliver a#1 op 0 order 0 at 0: paid
                stop a#1
              = a: paused, the journal would pass 100000 entries (JOURNAL_ENTRIES_MAX) 100000/1
            > resume a
              ! notice done
                start a#2 journal 100000/1
              ! allow runs of a#2 below 100000
              = a: running #2 100000/1
        "#]],
    );
}

#[test]
fn a_journal_of_too_many_bytes_pauses_and_what_was_done_stays_done() {
    check(
        "submit a obj/k/add
         append a: run pay; sets 15 large of 32 MiB
         append a: sets 1 more of 32 MiB; run ship; done 0 paid
         resume a
         append a: run ship
         append a: sets 1 more of 32 MiB",
        expect![[r#"
            > submit a obj/k/add
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0, holds the key
            > append a: run pay; sets 15 large of 32 MiB
              ! allow runs of a#1 below 16
              = a: running #1 16/0, holds the key
            > append a: sets 1 more of 32 MiB; run ship; done 0 paid
                deliver a#1 op 0 order 0 at 0: paid
                stop a#1
              = a: paused, the journal would pass 536870912 bytes (JOURNAL_BYTES_MAX) 16/1, holds the key
            > resume a
              ! notice done
                start a#2 journal 16/1
              ! allow runs of a#2 below 16
              = a: running #2 16/1, holds the key
            > append a: run ship
              ! allow runs of a#2 below 17
              = a: running #2 17/1, holds the key
            > append a: sets 1 more of 32 MiB
                stop a#2
              = a: paused, the journal would pass 536870912 bytes (JOURNAL_BYTES_MAX) 17/1, holds the key
        "#]],
    );
}

#[test]
fn an_outcome_for_what_was_never_asked_is_ignored() {
    check(
        "submit a svc/h
         append a: run pay
         append a: done 3 what
         append a: done 0 ok",
        expect![[r#"
            > submit a svc/h
              ! notice done
                start a#1 journal 0/0 with input
              = a: running #1 0/0
            > append a: run pay
              ! allow runs of a#1 below 1
              = a: running #1 1/0
            > append a: done 3 what
            > append a: done 0 ok
                deliver a#1 op 0 order 0 at 0: ok
              = a: running #1 1/1
        "#]],
    );
}

/// The attempt counts so, too, and ends when it comes to the limit: if the core counted less, nobody would go on.
#[test]
fn what_an_attempt_has_read_itself_counts_for_the_bytes_of_the_journal() {
    check(
        "(submit a obj/k/add)
         (append a: sets 1 large of 32 MiB)
         (append a: has stored from get large0 as 0; has stored from get large0 as 1; has stored from get large0 as 2; has stored from get large0 as 3; has stored from get large0 as 4; has stored from get large0 as 5; has stored from get large0 as 6; has stored from get large0 as 7; has stored from get large0 as 8; has stored from get large0 as 9; has stored from get large0 as 10; has stored from get large0 as 11; has stored from get large0 as 12; has stored from get large0 as 13)
         append a: has stored from get large0 as 14",
        expect![[r#"
            > append a: has stored from get large0 as 14
                stop a#1
              = a: paused, the journal would pass 536870912 bytes (JOURNAL_BYTES_MAX) 15/14, holds the key
        "#]],
    );
}

/// The first outcome passes the limit as well, but a full journal may get one more.
#[test]
fn no_attempt_begins_on_a_journal_that_others_have_filled() {
    check(
        "(submit a obj/k/add)
         (append a: sets 15 large of 32 MiB; awakeable; awakeable)
         suspend a 15,16 seen 0
         resolve a.15 32MiB
         suspend a 16 seen 1
         resolve a.16 32MiB
         resume a
         resume a on 2
         cancel a",
        expect![[r#"
            > suspend a 15,16 seen 0
              = a: suspended on [15, 16] 17/0, holds the key
            > resolve a.15 32MiB
              ! notice done
                start a#2 journal 17/1
              ! allow runs of a#2 below 17
              = a: running #2 17/1, holds the key
            > suspend a 16 seen 1
              = a: suspended on [16] 17/1, holds the key
            > resolve a.16 32MiB
              ! notice done
              = a: paused, the journal would pass 536870912 bytes (JOURNAL_BYTES_MAX) 17/2, holds the key
            > resume a
              ! notice refused, overfull
            > resume a on 2
              ! notice refused, overfull
            > cancel a
              ! notice done
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 17/2
        "#]],
    );
}

/// Else its caller would wait for it for good.
#[test]
fn a_cancellation_ends_one_that_cannot_go_on_and_reaches_what_it_called() {
    check(
        "(submit a svc/h)
         (append a: call b obj/k/add)
         (append b: sets 15 large of 32 MiB; call c svc/h; awakeable; awakeable)
         (resolve b.16 32MiB)
         resolve b.17 32MiB
         cancel b",
        expect![[r#"
            > resolve b.17 32MiB
              ! notice done
                deliver b#1 op 17 order 1 at 0: 32 MiB
                stop b#1
              = b: paused, the journal would pass 536870912 bytes (JOURNAL_BYTES_MAX) 18/2, holds the key
            > cancel b
              ! notice done
                arm b purge at 1d
              ! reply b: [409] cancelled
                deliver c#1 cancellation order 0 at 0: [409] cancelled
                deliver a#1 op 0 order 0 at 0: [409] cancelled
              = a: running #1 1/1
              = b: completed as failure 18/2
              = c: running #1 0/1, cancelled
        "#]],
    );
}

/// Nobody would cancel it again, and whoever waits for it would for good.
#[test]
fn one_that_cannot_undo_all_within_its_journal_ends() {
    check(
        "(submit a obj/k/add)
         (append a: sets 15 large of 32 MiB; awakeable; awakeable)
         (cancel a)
         (resolve a.15 32MiB)
         resolve a.16 32MiB
         cancel a",
        expect![[r#"
            > resolve a.16 32MiB
              ! notice done
                deliver a#1 op 16 order 2 at 0: 32 MiB
                stop a#1
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 17/3, cancelled
            > cancel a
              ! notice completed
        "#]],
    );
}

#[test]
fn one_that_was_cancelled_and_waits_ends_when_others_fill_its_journal() {
    check(
        "(submit a obj/k/add)
         (append a: sets 15 large of 32 MiB; awakeable; awakeable)
         (cancel a)
         (resolve a.15 32MiB)
         suspend a 16 seen 2
         resolve a.16 32MiB",
        expect![[r#"
            > suspend a 16 seen 2
              = a: suspended on [16] 17/2, holds the key, cancelled
            > resolve a.16 32MiB
              ! notice done
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 17/3, cancelled
        "#]],
    );
}

/// It ran ahead of its cancellation: it would not have asked for more had it known, and what it undoes has room.
#[test]
fn one_that_has_not_heard_of_its_cancellation_hears_it_before_the_limit_counts() {
    check(
        "(submit a obj/k/add)
         (append a: run pay; sets 15 large of 32 MiB)
         cancel a
         append a: heard 0 paid as 0; sets 1 more of 32 MiB
         append a: run undo
         append a: done 16 undone
         fail a 409 cancelled",
        expect![[r#"
            > cancel a
              ! notice done
                deliver a#1 cancellation order 0 at 0: [409] cancelled
              = a: running #1 16/1, holds the key, cancelled
            > append a: heard 0 paid as 0; sets 1 more of 32 MiB
                deliver a#1 op 0 order 1 at 0: paid
                stop a#1
                start a#2 journal 16/2
              ! allow runs of a#2 below 16
              = a: running #2 16/2, holds the key, cancelled
            > append a: run undo
              ! allow runs of a#2 below 17
              = a: running #2 17/2, holds the key, cancelled
            > append a: done 16 undone
                deliver a#2 op 16 order 2 at 0: undone
              = a: running #2 17/3, holds the key, cancelled
            > fail a 409 cancelled
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 17/3, cancelled
        "#]],
    );
}

#[test]
fn one_that_has_read_a_value_instead_of_its_cancellation_hears_it_before_the_limit_counts() {
    check(
        "(submit a obj/k/add)
         (append a: set x 1; sets 15 large of 32 MiB)
         (cancel a)
         append a: unheard 1; has 1 from get x as 0; sets 1 more of 32 MiB
         append a: has 1 from get x as 1; sets 1 more of 32 MiB",
        expect![[r#"
            > append a: unheard 1; has 1 from get x as 0; sets 1 more of 32 MiB
                stop a#1
                start a#2 journal 16/1
              ! allow runs of a#2 below 16
              = a: running #2 16/1, holds the key, cancelled
            > append a: has 1 from get x as 1; sets 1 more of 32 MiB
                stop a#2
                arm a purge at 1d
              ! reply a: [409] cancelled
              = a: completed as failure 16/1, cancelled
        "#]],
    );
}

#[test]
fn a_guest_that_runs_is_stopped_when_others_fill_its_journal() {
    check(
        "(submit a obj/k/add)
         (append a: sets 15 large of 32 MiB; awakeable; receive go)
         resolve a.15 32MiB
         signal a go 32MiB",
        expect![[r#"
            > resolve a.15 32MiB
              ! notice done
                deliver a#1 op 15 order 0 at 0: 32 MiB
              = a: running #1 17/1, holds the key
            > signal a go 32MiB
              ! notice done
                deliver a#1 op 16 order 1 at 0: 32 MiB
                stop a#1
              = a: paused, the journal would pass 536870912 bytes (JOURNAL_BYTES_MAX) 17/2, holds the key
        "#]],
    );
}

/// One signal alone cannot: what the guest asks for ends before a full journal, which may get one more outcome.
#[test]
fn a_guest_that_takes_signals_that_were_kept_is_stopped_when_they_fill_its_journal() {
    check(
        "(submit a obj/k/add)
         (append a: sets 15 large of 32 MiB)
         (signal a go 32MiB)
         (signal a go 32MiB)
         append a: receive go; receive go",
        expect![[r#"
            > append a: receive go; receive go
                deliver a#1 op 15 order 0 at 0: 32 MiB
                deliver a#1 op 16 order 1 at 0: 32 MiB
                stop a#1
              = a: paused, the journal would pass 536870912 bytes (JOURNAL_BYTES_MAX) 17/2, holds the key
        "#]],
    );
}

#[test]
fn an_attempt_that_is_lost_with_too_many_bytes_is_not_tried_again() {
    check(
        "(submit a obj/k/add)
         (append a: sets 15 large of 32 MiB)
         append a: get large0; get large0
         lost a",
        expect![[r#"
            > append a: get large0; get large0
                deliver a#1 op 15 order 0 at 0: 32 MiB
                deliver a#1 op 16 order 1 at 0: 32 MiB
              = a: running #1 17/2, holds the key
            > lost a
              = a: paused, the journal would pass 536870912 bytes (JOURNAL_BYTES_MAX) 17/2, holds the key, 1 losses
        "#]],
    );
}
