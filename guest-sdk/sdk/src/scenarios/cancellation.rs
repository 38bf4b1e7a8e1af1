//! A cancellation fails what waits at that moment, and nothing else.

use std::cell::Cell;

use expect_test::expect;

use crate::fake_host::{check, check_keyed};
use crate::host::Pollable;
use crate::prelude::*;
use crate::reactor::Readiness;

#[test]
fn every_open_operation_fails_in_the_order_of_ids() {
    check_keyed(
        "cancelled",
        async |ctx: &WorkflowContext| {
            let failed: FuturesUnordered<_> = [
                ctx.run("block", async || Ok(1)).boxed_local(),
                ctx.call::<u32>(Target::service("Slow", "work"), &()).boxed_local(),
                ctx.awakeable::<u32>().boxed_local(),
                ctx.signal::<u32>("line").boxed_local(),
                ctx.promise::<u32>("click").into_future().boxed_local(),
                ctx.sleep(Duration::from_secs(1)).map(|slept| slept.map(|()| 0)).boxed_local(),
            ]
            .into_iter()
            .enumerate()
            .map(|(index, waiting)| waiting.map(move |result| (index, result.unwrap_err().is_cancelled())))
            .collect();
            failed.collect::<Vec<_>>().await
        },
        expect![[r#"
            0: awakeable
            1: run block
            2: call Slow/work []
            3: signal line
            4: promise click
            5: sleep 1000
            <- cancelled
            forget 0
            forget 1
            forget 2
            forget 3
            forget 4
            forget 5
            => [(2, true), (0, true), (1, true), (3, true), (4, true), (5, true)]
        "#]],
    );
}

#[test]
fn what_is_asked_afterwards_works() {
    check(
        "execute 0
         value 0 1
         cancelled
         execute 2
         value 2 null
         empty 3",
        async |ctx| {
            let booked: u32 = ctx.run("book", async || Ok(1)).await?;
            if let Err(error) = ctx.sleep(Duration::from_secs(3600)).await {
                ctx.run("undo", async || Ok(())).await?;
                ctx.sleep(Duration::from_secs(1)).await?;
                return Err(error);
            }
            Ok(booked)
        },
        expect![[r#"
            0: run book
            <- execute 0
            enter 0
            exit
            finish 0 1
            <- value 0 1
            1: sleep 3600000
            <- cancelled
            forget 1
            2: run undo
            <- execute 2
            enter 2
            exit
            finish 2 null
            <- value 2 null
            3: sleep 1000
            <- empty 3
            => Err(TerminalError { code: 409, message: "cancelled", metadata: {} })
        "#]],
    );
}

#[test]
fn replay_of_a_cancellation_is_the_same() {
    check(
        "value 0 1
         cancelled
         value 2 null
         empty 3",
        async |ctx| {
            let booked: u32 = ctx.run("book", async || panic!("executed")).await?;
            if let Err(error) = ctx.sleep(Duration::from_secs(3600)).await {
                ctx.run("undo", async || Ok(())).await?;
                ctx.sleep(Duration::from_secs(1)).await?;
                return Err(error);
            }
            Ok(booked)
        },
        expect![[r#"
            0: run book
            <- value 0 1
            1: sleep 3600000
            <- cancelled
            forget 1
            2: run undo
            <- value 2 null
            3: sleep 1000
            <- empty 3
            => Err(TerminalError { code: 409, message: "cancelled", metadata: {} })
        "#]],
    );
}

/// Tells when it is dropped.
struct Bell<'a>(&'a Cell<bool>);

impl Drop for Bell<'_> {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn closure_that_is_being_executed_is_dropped() {
    let is_dropped = Cell::new(false);
    check(
        "execute 0
         cancelled
         empty 1",
        async |ctx| {
            let fetch = ctx.run("fetch", async || {
                let _bell = Bell(&is_dropped);
                Readiness::new(Pollable(9)).await;
                HandlerResult::Ok(1)
            });
            let result = fetch.await;
            assert!(is_dropped.get());
            ctx.sleep(Duration::from_secs(1)).await?;
            result
        },
        expect![[r#"
            0: run fetch
            <- execute 0
            enter 0
            exit
            wait also for io [9]
            <- cancelled
            forget 0
            1: sleep 1000
            <- empty 1
            => Err(TerminalError { code: 409, message: "cancelled", metadata: {} })
        "#]],
    );
}

#[test]
fn outcome_that_came_before_is_kept() {
    check(
        "value 0 1
         cancelled",
        async |ctx| {
            let awakeable = ctx.awakeable::<u32>();
            let slept = ctx.sleep(Duration::from_secs(1)).await;
            (slept.map_err(|error| error.is_cancelled()), awakeable.await)
        },
        expect![[r#"
            0: awakeable
            1: sleep 1000
            <- value 0 1
            <- cancelled
            forget 1
            => (Err(true), Ok(1))
        "#]],
    );
}

#[test]
fn late_outcomes_and_executions_are_ignored() {
    check(
        "cancelled
         execute 0
         value 0 1
         empty 1
         empty 2",
        async |ctx| {
            let mut block = ctx.run("block", async || Ok(1));
            let mut timer = ctx.sleep(Duration::from_secs(1));
            select! {
                result = block => assert!(result.unwrap_err().is_cancelled()),
                _ = timer => panic!("the block was written first"),
            }
            ctx.sleep(Duration::from_secs(2)).await?;
            timer.await
        },
        expect![[r#"
            0: run block
            1: sleep 1000
            <- cancelled
            forget 0
            forget 1
            2: sleep 2000
            <- execute 0
            <- value 0 1
            <- empty 1
            <- empty 2
            => Err(TerminalError { code: 409, message: "cancelled", metadata: {} })
        "#]],
    );
}

#[test]
fn what_is_dropped_afterwards_is_forgotten_once() {
    check(
        "cancelled",
        async |ctx| {
            let awakeable = ctx.awakeable::<u32>();
            let result = ctx.sleep(Duration::from_secs(1)).await;
            drop(awakeable);
            result.map_err(|error| error.is_cancelled())
        },
        expect![[r#"
            0: awakeable
            1: sleep 1000
            <- cancelled
            forget 0
            forget 1
            => Err(true)
        "#]],
    );
}

#[test]
fn timeout_reports_what_it_limits() {
    check(
        "cancelled",
        async |ctx| ctx.timeout(Duration::from_secs(1), ctx.awakeable::<u32>()).await,
        expect![[r#"
            0: awakeable
            1: sleep 1000 (timeout)
            <- cancelled
            forget 0
            forget 1
            => Ok(Some(Err(TerminalError { code: 409, message: "cancelled", metadata: {} })))
        "#]],
    );
}
