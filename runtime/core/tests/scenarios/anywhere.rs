//! What becomes of invocations does not depend on who owns them: the same on one, two and three
//! partitions.

use crate::script::check_anywhere;
use expect_test::expect;

#[test]
fn a_call_and_its_answer() {
    check_anywhere(
        "submit a svc/h
         append a: call b@1 svc/h; call c@2 svc/h; send d@4 svc/h
         suspend a 0,1 seen 0
         append c@2: call e@1 svc/h
         fail b@1 404 no
         return e@1 deep
         return c@2 42
         return d@4 ok
         show a",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > append a: call b@1 svc/h; call c@2 svc/h; send d@4 svc/h
              = a: running #1 3/0
              = b@1: running #1 0/0
              = c@2: running #1 0/0
              = d@4: running #1 0/0
            > suspend a 0,1 seen 0
              = a: suspended on [0, 1] 3/0
            > append c@2: call e@1 svc/h
              = c@2: running #1 1/0
              = e@1: running #1 0/0
            > fail b@1 404 no
              = a: running #2 3/1
              = b@1: completed as failure 0/0
            > return e@1 deep
              = c@2: running #1 1/1
              = e@1: completed 0/0
            > return c@2 42
              = a: running #2 3/2
              = c@2: completed 1/1
            > return d@4 ok
              = d@4: completed 0/0
            > show a
              | op 0 call(svc/h): [404] no (order 0)
              | op 1 call(svc/h): 42 (order 1)
              | op 2 send
              | 3 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn an_idempotency_key_is_one_invocation() {
    check_anywhere(
        "submit a svc/h
         submit b@1 svc/h
         submit I@2 svc/h key i
         append a: call I@2 svc/h key i
         append b@1: call I@2 svc/h key i; send I@2 svc/h key i
         return I@2 42
         show a
         show b@1
         append a: call I@2 svc/h key i
         show a",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > submit b@1 svc/h
              = b@1: running #1 0/0
            > submit I@2 svc/h key i
              = I@2: running #1 0/0
            > append a: call I@2 svc/h key i
              = a: running #1 1/0
            > append b@1: call I@2 svc/h key i; send I@2 svc/h key i
              = b@1: running #1 2/0
            > return I@2 42
              = a: running #1 1/1
              = b@1: running #1 2/1
              = I@2: completed 0/0
            > show a
              | op 0 call(svc/h): 42 (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
            > show b@1
              | op 0 call(svc/h): 42 (order 0)
              | op 1 send
              | 2 entry, 1 input, 1 live, 1 outcome
            > append a: call I@2 svc/h key i
              = a: running #1 2/2
            > show a
              | op 0 call(svc/h): 42 (order 0)
              | op 1 call(svc/h): 42 (order 1)
              | 2 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn a_workflow_runs_once() {
    check_anywhere(
        "submit a svc/h
         submit b@2 svc/h
         append a: call W@1 flow/k/run
         append b@2: call W@1 flow/k/run; call c@1 flow/k/ask; send W@1 flow/k/run
         append c@1: await p
         append W@1: complete p ok; set x 1
         return c@1 heard
         return W@1 done
         show a
         show b@2",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > submit b@2 svc/h
              = b@2: running #1 0/0
            > append a: call W@1 flow/k/run
              = a: running #1 1/0
              = W@1: running #1 0/0
            > append b@2: call W@1 flow/k/run; call c@1 flow/k/ask; send W@1 flow/k/run
              = b@2: running #1 3/1
              = c@1: running #1 0/0
            > append c@1: await p
              = c@1: running #1 1/0
            > append W@1: complete p ok; set x 1
              = c@1: running #1 1/1
              = W@1: running #1 2/1
            > return c@1 heard
              = b@2: running #1 3/2
              = c@1: completed 1/1
            > return W@1 done
              = a: running #1 1/1
              = W@1: completed 2/1
            > show a
              | op 0 call(flow/k/run): done (order 0)
              | 1 entry, 1 input, 1 live, 1 outcome
            > show b@2
              | op 0 call(flow/k/run): [409] the workflow method was already invoked (order 0)
              | op 1 call(flow/k/ask): heard (order 1)
              | op 2 send
              | 3 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn one_at_a_time_per_key() {
    check_anywhere(
        "submit a svc/h
         submit b@1 svc/h
         append a: call c@2 obj/k/add
         append b@1: call d@2 obj/k/add; call e@2 obj/k/add
         show obj/k@2
         return c@2 1
         return d@2 2
         return e@2 3
         show b@1",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > submit b@1 svc/h
              = b@1: running #1 0/0
            > append a: call c@2 obj/k/add
              = a: running #1 1/0
              = c@2: running #1 0/0, holds the key
            > append b@1: call d@2 obj/k/add; call e@2 obj/k/add
              = b@1: running #1 2/0
              = d@2: queued at 0 0/0
              = e@2: queued at 1 0/0
            > show obj/k@2
              | c@2 holds the key, d@2 waits at 0, e@2 waits at 1
            > return c@2 1
              = a: running #1 1/1
              = c@2: completed 0/0
              = d@2: running #1 0/0, holds the key
            > return d@2 2
              = b@1: running #1 2/1
              = d@2: completed 0/0
              = e@2: running #1 0/0, holds the key
            > return e@2 3
              = b@1: running #1 2/2
              = e@2: completed 0/0
            > show b@1
              | op 0 call(obj/k/add): 2 (order 0)
              | op 1 call(obj/k/add): 3 (order 1)
              | 2 entry, 1 input, 1 live, 2 outcome
        "#]],
    );
}

#[test]
fn a_cycle_waits_and_the_rows_say_for_whom() {
    check_anywhere(
        "submit a obj/k/add
         append a: call b@1 svc/h
         append b@1: call c obj/k/add
         suspend a 0 seen 0
         suspend b@1 0 seen 0
         show obj/k
         show a
         show b@1
         cancel a
         fail b@1 409 cancelled
         return a undone
         show obj/k",
        expect![[r#"
            > submit a obj/k/add
              = a: running #1 0/0, holds the key
            > append a: call b@1 svc/h
              = a: running #1 1/0, holds the key
              = b@1: running #1 0/0
            > append b@1: call c obj/k/add
              = c: queued at 0 0/0
              = b@1: running #1 1/0
            > suspend a 0 seen 0
              = a: suspended on [0] 1/0, holds the key
            > suspend b@1 0 seen 0
              = b@1: suspended on [0] 1/0
            > show obj/k
              | a holds the key, c waits at 0
            > show a
              | op 0 call(svc/h)
              | waits for b@1 with op 0
              | 1 entry, 1 input, 1 live
            > show b@1
              | op 0 call(obj/k/add)
              | waits for c with op 0
              | 1 entry, 1 input, 1 live
            > cancel a
              = a: running #2 1/1, holds the key, cancelled
              = c: completed as failure 0/0
              = b@1: running #2 1/2, cancelled
            > fail b@1 409 cancelled
              = a: running #2 1/2, holds the key, cancelled
              = b@1: completed as failure 1/2, cancelled
            > return a undone
              = a: completed 1/2, cancelled
            > show obj/k
              | nothing
        "#]],
    );
}

#[test]
fn attaching() {
    check_anywhere(
        "submit a svc/h
         submit b@1 svc/h
         submit c@2 svc/h
         append b@1: attach a; attach c@2
         append c@2: attach a; attach b@1; attach nobody@1
         return a 42
         return b@1 43
         show c@2
         append c@2: attach b@1
         show c@2",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > submit b@1 svc/h
              = b@1: running #1 0/0
            > submit c@2 svc/h
              = c@2: running #1 0/0
            > append b@1: attach a; attach c@2
              = b@1: running #1 2/0
            > append c@2: attach a; attach b@1; attach nobody@1
              = c@2: running #1 3/1
            > return a 42
              = a: completed 0/0
              = b@1: running #1 2/1
              = c@2: running #1 3/2
            > return b@1 43
              = b@1: completed 2/1
              = c@2: running #1 3/3
            > show c@2
              | op 0 attach: 42 (order 1)
              | op 1 attach: 43 (order 2)
              | op 2 attach: [404] not found (order 0)
              | 3 entry, 1 input, 1 live, 3 outcome
            > append c@2: attach b@1
              = c@2: running #1 4/4
            > show c@2
              | op 0 attach: 42 (order 1)
              | op 1 attach: 43 (order 2)
              | op 2 attach: [404] not found (order 0)
              | op 3 attach: 43 (order 3)
              | 4 entry, 1 input, 1 live, 4 outcome
        "#]],
    );
}

#[test]
fn awakeables_and_signals_of_handlers() {
    check_anywhere(
        "submit a svc/h
         append a: awakeable; receive go; awakeable
         suspend a any seen 0
         submit b@1 svc/h
         append b@1: resolve a.0 yes; resolve a.1 no; resolve a.2 [403]
         append b@1: signal a go now; signal a go later
         show a
         append a: receive go
         show a",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > append a: awakeable; receive go; awakeable
              = a: running #1 3/0
            > suspend a any seen 0
              = a: suspended on any 3/0
            > submit b@1 svc/h
              = b@1: running #1 0/0
            > append b@1: resolve a.0 yes; resolve a.1 no; resolve a.2 [403]
              = a: running #2 3/2
              = b@1: running #1 3/0
            > append b@1: signal a go now; signal a go later
              = a: running #2 3/3
              = b@1: running #1 5/0
            > show a
              | op 0 awakeable: yes (order 0)
              | op 1 receive-signal: now (order 2)
              | op 2 awakeable: [403] bad (order 1)
              | arrived: go
              | wanted: 
              | 3 entry, 1 input, 1 live, 1 mailbox, 3 outcome, 1 signal
            > append a: receive go
              = a: running #2 4/4
            > show a
              | op 0 awakeable: yes (order 0)
              | op 1 receive-signal: now (order 2)
              | op 2 awakeable: [403] bad (order 1)
              | op 3 receive-signal: later (order 3)
              | arrived: 
              | wanted: 
              | 4 entry, 1 input, 1 live, 1 mailbox, 4 outcome
        "#]],
    );
}

#[test]
fn a_call_of_nothing_fails() {
    check_anywhere(
        "submit a svc/h
         append a: call b@1 nope/h
         append a: call c@1 svc/nope
         append a: call d@1 svc/k/h
         append a: call e@1 obj/h
         append a: call f@2 flow/run
         show a",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > append a: call b@1 nope/h
              = a: running #1 1/1
              = b@1: completed as failure 0/0
            > append a: call c@1 svc/nope
              = a: running #1 2/2
              = c@1: completed as failure 0/0
            > append a: call d@1 svc/k/h
              = a: running #1 3/3
              = d@1: completed as failure 0/0
            > append a: call e@1 obj/h
              = a: running #1 4/4
              = e@1: completed as failure 0/0
            > append a: call f@2 flow/run
              = a: running #1 5/5
              = f@2: completed as failure 0/0
            > show a
              | op 0 call(nope/h): [404] service 'nope' not found, make sure to register the service before calling it. (order 0)
              | op 1 call(svc/nope): [404] the service 'svc' exists, but the handler 'nope' was not found, check that the handler exists in the latest registered service version. (order 1)
              | op 2 call(svc/k/h): [400] 'svc' is a plain service, call it without a key (order 2)
              | op 3 call(obj/h): [400] 'obj' is called with the key of an object or workflow (order 3)
              | op 4 call(flow/run): [400] 'flow' is called with the key of an object or workflow (order 4)
              | 5 entry, 1 input, 1 live, 5 outcome
        "#]],
    );
}

#[test]
fn a_delayed_send_begins_at_its_time() {
    check_anywhere(
        "submit a svc/h
         append a: send b@1 obj/k/add +100; send c@1 obj/k/add
         return c@1 ok
         advance 99
         advance 1
         return b@1 ok",
        expect![[r#"
            > submit a svc/h
              = a: running #1 0/0
            > append a: send b@1 obj/k/add +100; send c@1 obj/k/add
              = a: running #1 2/0
              = b@1: scheduled at 100 0/0
              = c@1: running #1 0/0, holds the key
            > return c@1 ok
              = c@1: completed 0/0
            > advance 99
            > advance 1
              = b@1: running #1 0/0, holds the key
            > return b@1 ok
              = b@1: completed 0/0
        "#]],
    );
}
