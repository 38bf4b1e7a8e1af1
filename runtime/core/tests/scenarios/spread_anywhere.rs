//! Cancellations and kills find their way whoever owns the invocations: the same on one, two and three
//! partitions.

use crate::script::check_anywhere;
use expect_test::expect;

#[test]
fn a_killed_cycle_gives_the_key_back() {
    check_anywhere(
        "submit a obj/k/add
         append a: call b@1 svc/h
         append b@1: call c@2 svc/h
         append c@2: call d obj/k/add
         submit e obj/k/add
         kill a
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              = a: running #1 0/0, holds the key
            > append a: call b@1 svc/h
              = a: running #1 1/0, holds the key
              = b@1: running #1 0/0
            > append b@1: call c@2 svc/h
              = b@1: running #1 1/0
              = c@2: running #1 0/0
            > append c@2: call d obj/k/add
              = d: queued at 0 0/0
              = c@2: running #1 1/0
            > submit e obj/k/add
              = e: queued at 1 0/0
            > kill a
              = a: completed as failure 1/0
              = d: completed as failure 0/0
              = e: running #1 0/0, holds the key
              = b@1: completed as failure 1/0
              = c@2: completed as failure 1/0
            > show obj/k
              | e holds the key
        "#]],
    );
}

#[test]
fn a_cancellation_goes_down_and_the_answers_come_up() {
    check_anywhere(
        "submit a svc/h
         append a: call b@1 svc/h; call c@2 obj/k/add; send d@1 svc/h
         append b@1: sleep 100; call e@2 svc/h
         suspend e@2 any seen 0
         cancel a
         fail e@2 409 cancelled
         fail b@1 409 cancelled
         append a: call f@1 svc/h
         return f@1 undone
         show a",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > append a: call b@1 svc/h; call c@2 obj/k/add; send d@1 svc/h
              = a: running #1 3/0
              = b@1: running #1 0/0
              = c@2: running #1 0/0, holds the key
              = d@1: running #1 0/0
            > append b@1: sleep 100; call e@2 svc/h
              = b@1: running #1 2/0
              = e@2: running #1 0/0
            > suspend e@2 any seen 0
              = e@2: suspended on any 0/0
            > cancel a
              = a: running #1 3/1, cancelled
              = b@1: running #1 2/1, cancelled
              = c@2: running #1 0/1, holds the key, cancelled
              = e@2: running #2 0/1, cancelled
            > fail e@2 409 cancelled
              = b@1: running #1 2/2, cancelled
              = e@2: completed as failure 0/1, cancelled
            > fail b@1 409 cancelled
              = a: running #1 3/2, cancelled
              = b@1: completed as failure 2/2, cancelled
            > append a: call f@1 svc/h
              = a: running #1 4/2, cancelled
              = f@1: running #1 0/0
            > return f@1 undone
              = a: running #1 4/3, cancelled
              = f@1: completed 0/0
            > show a
              | op 0 call(svc/h): [409] cancelled (order 1)
              | op 1 call(obj/k/add)
              | op 2 send
              | op 3 call(svc/h): undone (order 2)
              | order 0: cancellation at 0
              | waits for c@2 with op 1
              | 4 entry, 1 input, 1 live, 3 outcome
        "#]],
    );
}

#[test]
fn a_kill_goes_down() {
    check_anywhere(
        "submit a svc/h
         append a: call b@1 svc/h; send d@1 svc/h
         append b@1: call e@2 svc/h
         kill a
         show phases",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > append a: call b@1 svc/h; send d@1 svc/h
              = a: running #1 2/0
              = b@1: running #1 0/0
              = d@1: running #1 0/0
            > append b@1: call e@2 svc/h
              = b@1: running #1 1/0
              = e@2: running #1 0/0
            > kill a
              = a: completed as failure 2/0
              = b@1: completed as failure 1/0
              = e@2: completed as failure 0/0
            > show phases
              | 1 completed as failure 0/0
              | 1 completed as failure 1/0
              | 1 completed as failure 2/0
              | 1 running #1 0/0
        "#]],
    );
}

#[test]
fn a_cancellation_leaves_alone_what_another_asked_for() {
    check_anywhere(
        "submit x@1 svc/h
         append x@1: call I@2 svc/h key i
         submit a svc/h
         append a: call I@2 svc/h key i
         append a: attach I@2
         cancel a
         show I@2
         return I@2 42
         show a
         show x@1",
        expect![[r#"
            > submit x@1 svc/h
              = x@1: running #1 0/0
            > append x@1: call I@2 svc/h key i
              = x@1: running #1 1/0
              = I@2: running #1 0/0
            > submit a svc/h
              = a: running #1 0/0
            > append a: call I@2 svc/h key i
              = a: running #1 1/0
            > append a: attach I@2
              = a: running #1 2/0
            > cancel a
              = a: running #1 2/1, cancelled
            > show I@2
              | listeners: a.0 a.1
              | 1 created, 1 input, 1 listeners, 1 live
            > return I@2 42
              = a: running #1 2/3, cancelled
              = x@1: running #1 1/1
              = I@2: completed 0/0
            > show a
              | op 0 call(svc/h): 42 (order 1)
              | op 1 attach: 42 (order 2)
              | order 0: cancellation at 0
              | 2 entry, 1 input, 1 live, 3 outcome
            > show x@1
              | op 0 call(svc/h): 42 (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
        "#]],
    );
}

#[test]
fn a_cancellation_reaches_what_it_asked_for_first() {
    check_anywhere(
        "submit a svc/h
         append a: call I@2 svc/h key i
         submit x@1 svc/h
         append x@1: call I@2 svc/h key i
         cancel a
         fail I@2 409 cancelled
         show x@1",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > append a: call I@2 svc/h key i
              = a: running #1 1/0
              = I@2: running #1 0/0
            > submit x@1 svc/h
              = x@1: running #1 0/0
            > append x@1: call I@2 svc/h key i
              = x@1: running #1 1/0
            > cancel a
              = a: running #1 1/1, cancelled
              = I@2: running #1 0/1, cancelled
            > fail I@2 409 cancelled
              = a: running #1 1/2, cancelled
              = x@1: running #1 1/1
              = I@2: completed as failure 0/1, cancelled
            > show x@1
              | op 0 call(svc/h): [409] cancelled (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
        "#]],
    );
}

#[test]
fn ending_others() {
    check_anywhere(
        "submit a svc/h
         submit b@1 svc/h
         submit c@2 svc/h at 100
         submit d@2 svc/h
         append a: cancel b@1; cancel c@2; kill d@2; cancel nobody@1
         append a: kill b@1; cancel d@2
         show phases",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > submit b@1 svc/h
              = b@1: running #1 0/0
            > submit c@2 svc/h at 100
              = c@2: scheduled at 100 0/0
            > submit d@2 svc/h
              = d@2: running #1 0/0
            > append a: cancel b@1; cancel c@2; kill d@2; cancel nobody@1
              = a: running #1 4/0
              = b@1: running #1 0/1, cancelled
              = c@2: completed as failure 0/0
              = d@2: completed as failure 0/0
            > append a: kill b@1; cancel d@2
              = a: running #1 6/0
              = b@1: completed as failure 0/1, cancelled
            > show phases
              | 2 completed as failure 0/0
              | 1 completed as failure 0/1, cancelled
              | 1 running #1 6/0
        "#]],
    );
}
