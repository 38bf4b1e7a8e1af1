//! What the executor asks of the runtime, and in which order, for every shape of handler.

mod awakeable;
mod call;
mod cancellation;
mod combinators;
mod invocations;
mod manifest;
mod promise;
mod replay;
mod signal;
mod state;

use std::time::Duration;

use expect_test::expect;

use crate::fake_host::{check, play};
use crate::host::Pollable;
use crate::prelude::*;
use crate::reactor::Readiness;

#[test]
fn steps_one_after_the_other() {
    check(
        "execute 0
         value 0 1
         execute 1
         value 1 2",
        async |ctx| {
            let a: u32 = ctx.run("a", async || Ok(1)).await?;
            let b: u32 = ctx.run("b", async || Ok(a + 1)).await?;
            HandlerResult::Ok(a + b)
        },
        expect![[r#"
            0: run a
            <- execute 0
            enter 0
            exit
            finish 0 1
            <- value 0 1
            1: run b
            <- execute 1
            enter 1
            exit
            finish 1 2
            <- value 1 2
            => Ok(3)
        "#]],
    );
}

#[test]
fn replay_skips_closures() {
    check(
        "value 0 1
         value 1 2",
        async |ctx| {
            let a: u32 = ctx.run("a", async || panic!("executed")).await?;
            let b: u32 = ctx.run("b", async || panic!("executed")).await?;
            HandlerResult::Ok(a + b)
        },
        expect![[r#"
            0: run a
            <- value 0 1
            1: run b
            <- value 1 2
            => Ok(3)
        "#]],
    );
}

#[test]
fn joined_blocks_all_start_and_complete_in_any_order() {
    check(
        "execute 0
         execute 1
         execute 2
         value 2 20
         value 0 0
         value 1 10",
        async |ctx| {
            let blocks = (0..3_u32).map(|n| ctx.run(format!("block-{n}"), async move || Ok(n * 10)));
            try_join_all(blocks).await
        },
        expect![[r#"
            0: run block-0
            1: run block-1
            2: run block-2
            <- execute 0
            enter 0
            exit
            finish 0 0
            <- execute 1
            enter 1
            exit
            finish 1 10
            <- execute 2
            enter 2
            exit
            finish 2 20
            <- value 2 20
            <- value 0 0
            <- value 1 10
            => Ok([0, 10, 20])
        "#]],
    );
}

#[test]
fn many_joined_blocks_complete_in_reverse() {
    let events: Vec<String> = (0..40).rev().map(|op| format!("value {op} {op}")).collect();
    let (results, _) = play(&events.join("\n"), async |ctx| {
        try_join_all((0..40).map(|n| ctx.run(n.to_string(), async || Ok(0)))).await
    });
    assert_eq!(results, Ok((0..40).collect::<Vec<u32>>()));
}

#[test]
fn futures_unordered_yields_in_journal_order() {
    check(
        "empty 2
         empty 0
         empty 1",
        async |ctx| {
            let timers = (0..3).map(|n| ctx.sleep(Duration::from_secs(n)).map(move |_| n));
            timers.collect::<FuturesUnordered<_>>().collect::<Vec<_>>().await
        },
        expect![[r#"
            0: sleep 0
            1: sleep 1000
            2: sleep 2000
            <- empty 2
            <- empty 0
            <- empty 1
            => [2, 0, 1]
        "#]],
    );
}

#[test]
fn select_forgets_the_loser() {
    check(
        "empty 1",
        async |ctx| {
            let mut slow = ctx.run("slow", async || Ok(1));
            select! {
                value = slow => value.map(Some),
                elapsed = ctx.sleep(Duration::from_secs(5)) => elapsed.map(|()| None),
            }
        },
        expect![[r#"
            0: run slow
            1: sleep 5000
            <- empty 1
            forget 0
            => Ok(None)
        "#]],
    );
}

#[test]
fn loser_of_a_select_can_be_awaited_later() {
    check(
        "empty 1
         value 0 1",
        async |ctx| {
            let mut slow = ctx.run("slow", async || Ok(1));
            select! {
                _ = slow => panic!("too early"),
                _ = ctx.sleep(Duration::from_secs(5)) => {}
            }
            slow.await
        },
        expect![[r#"
            0: run slow
            1: sleep 5000
            <- empty 1
            <- value 0 1
            => Ok(1)
        "#]],
    );
}

#[test]
fn timeout_of_a_block() {
    check(
        "value 0 3",
        async |ctx| ctx.timeout(Duration::from_millis(50), ctx.run("quote", async || Ok(3))).await,
        expect![[r#"
            0: run quote
            1: sleep 50 (timeout)
            <- value 0 3
            forget 1
            => Ok(Some(Ok(3)))
        "#]],
    );
}

#[test]
fn failed_closure_is_executed_again() {
    let tries = std::cell::Cell::new(0);
    check(
        "execute 0
         execute 0
         value 0 2",
        async |ctx| {
            ctx.run("flaky", async || {
                tries.set(tries.get() + 1);
                if tries.get() == 1 {
                    Err("connection reset")?
                }
                Ok(tries.get())
            })
            .retry(RetryPolicy::new().max_attempts(3))
            .await
        },
        expect![[r#"
            0: run flaky, Some(3) attempts
            <- execute 0
            enter 0
            exit
            failed 0 connection reset
            <- execute 0
            enter 0
            exit
            finish 0 2
            <- value 0 2
            => Ok(2)
        "#]],
    );
}

#[test]
fn exhausted_block_can_be_caught() {
    check(
        "execute 0
         failure 0 500 still down
         value 1 \"plan b\"",
        async |ctx| match ctx.run("a", async || HandlerResult::<String>::Err("down".into())).await {
            Ok(value) => HandlerResult::Ok(value),
            Err(error) => {
                assert_eq!((error.code(), error.message()), (500, "still down"));
                Ok(ctx.run("b", async || Ok("plan b".to_owned())).await?)
            }
        },
        expect![[r#"
            0: run a
            <- execute 0
            enter 0
            exit
            failed 0 down
            <- failure 0 500 still down
            1: run b
            <- value 1 "plan b"
            => Ok("plan b")
        "#]],
    );
}

#[test]
fn terminal_error_of_a_closure_is_its_outcome() {
    check(
        "execute 0
         failure 0 402 declined",
        async |ctx| {
            ctx.run("pay", async || -> HandlerResult<()> {
                Err(TerminalError::new("declined").with_code(402))?
            })
            .await
        },
        expect![[r#"
            0: run pay
            <- execute 0
            enter 0
            exit
            finish 0 failure 402 declined
            <- failure 0 402 declined
            => Err(TerminalError { code: 402, message: "declined", metadata: {} })
        "#]],
    );
}

#[test]
fn block_that_is_ended_from_outside_drops_its_closure() {
    check(
        "execute 0
         failure 0 409 cancelled",
        async |ctx| ctx.run("stuck", async || std::future::pending::<HandlerResult<()>>().await).await,
        expect![[r#"
            0: run stuck
            <- execute 0
            enter 0
            exit
            <- failure 0 409 cancelled
            => Err(TerminalError { code: 409, message: "cancelled", metadata: {} })
        "#]],
    );
}

#[test]
fn io_of_a_closure_and_a_timer_are_awaited_together() {
    check(
        "execute 0
         empty 1
         io 0
         value 0 \"read\"",
        async |ctx| {
            let fetch = ctx.run("fetch", async || {
                Readiness::new(Pollable(9)).await;
                HandlerResult::Ok("read".to_owned())
            });
            join!(fetch, ctx.sleep(Duration::from_secs(1)))
        },
        expect![[r#"
            0: run fetch
            1: sleep 1000
            <- execute 0
            enter 0
            exit
            wait also for io [9]
            <- empty 1
            enter 0
            exit
            wait also for io [9]
            <- io 0
            enter 0
            exit
            finish 0 "read"
            <- value 0 "read"
            => (Ok("read"), Ok(()))
        "#]],
    );
}

#[test]
fn an_unpolled_future_asks_for_nothing() {
    check(
        "",
        async |ctx| {
            drop(ctx.run("never", async || Ok(1)));
            drop(ctx.sleep(Duration::from_secs(1)));
        },
        expect![[r#"
            => ()
        "#]],
    );
}

#[test]
fn result_that_does_not_serialize_is_a_failed_execution() {
    let unserializable = || [((1, 2), 3)].into_iter().collect::<std::collections::BTreeMap<(u8, u8), u8>>();
    check(
        "execute 0
         failure 0 500 gave up",
        async |ctx| ctx.run("map", async || Ok(unserializable())).await,
        expect![[r#"
            0: run map
            <- execute 0
            enter 0
            exit
            failed 0 the result of run block "map" does not serialize: key must be a string
            <- failure 0 500 gave up
            => Err(TerminalError { code: 500, message: "gave up", metadata: {} })
        "#]],
    );
}

#[test]
#[should_panic(expected = "ctx.sleep was awaited inside the run block \"outer\"")]
fn timer_inside_a_block_is_explained() {
    play("execute 0", async |ctx| {
        ctx.run("outer", async || Ok(ctx.sleep(Duration::from_secs(1)).await?)).await
    })
    .0
    .unwrap();
}

#[test]
#[should_panic(expected = "ctx.run(\"inner\") was called inside the run block \"outer\"")]
fn block_inside_a_block_is_explained() {
    play("execute 0", async |ctx| {
        ctx.run("outer", async || Ok(ctx.run("inner", async || Ok(1)).await?)).await
    })
    .0
    .unwrap();
}

#[test]
#[should_panic(expected = "the context's randomness was used inside the run block \"outer\"")]
fn randomness_inside_a_block_is_explained() {
    play("execute 0", async |ctx| ctx.run("outer", async || Ok(ctx.rand_uuid())).await).0.unwrap();
}

#[test]
#[should_panic(expected = "the recorded result of run block \"a\" is \"text\", which is not a u32")]
fn recorded_result_of_another_type_is_explained() {
    let _ = play("value 0 \"text\"", async |ctx| ctx.run("a", async || Ok(1_u32)).await);
}

#[test]
fn same_seed_same_uuids() {
    let draw = || play("", async |ctx| (ctx.rand_uuid(), ctx.rand().next_u64())).0;
    assert_eq!(draw(), draw());
}
