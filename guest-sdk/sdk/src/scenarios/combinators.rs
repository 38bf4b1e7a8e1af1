//! Joining, racing and buffering: all start in the order written and end in journal order.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;

use expect_test::expect;

use crate::fake_host::check;
use crate::prelude::*;

fn call(ctx: &Context, n: u32) -> crate::Call<u32> {
    ctx.call(Target::service("Work", "do"), &n)
}

#[test]
fn race_yields_the_first_and_forgets_the_other() {
    check(
        "value 1 7",
        async |ctx| match race(ctx.sleep(Duration::from_secs(5)), ctx.signal::<u32>("go")).await {
            Either::Left(elapsed) => elapsed.map(|()| 0),
            Either::Right(number) => number,
        },
        expect![[r#"
            0: sleep 5000
            1: signal go
            <- value 1 7
            forget 0
            => Ok(7)
        "#]],
    );
}

#[test]
fn select_all_leaves_the_others_running() {
    check(
        "value 1 10
         value 2 20
         value 0 0",
        async |ctx| {
            let mut calls: Vec<_> = (0..3).map(|n| call(ctx, n)).collect();
            let mut order = Vec::new();
            while !calls.is_empty() {
                let (answer, index, rest) = select_all(calls).await;
                order.push((answer?, index));
                calls = rest;
            }
            HandlerResult::Ok(order)
        },
        expect![[r#"
            0: call Work/do [0]
            1: call Work/do [1]
            2: call Work/do [2]
            <- value 1 10
            <- value 2 20
            <- value 0 0
            => Ok([(10, 1), (20, 1), (0, 0)])
        "#]],
    );
}

#[test]
fn try_join_gives_up_at_the_first_failure() {
    check(
        "failure 1 500 broken",
        async |ctx| try_join!(call(ctx, 0), call(ctx, 1), call(ctx, 2)).map_err(|error| error.to_string()),
        expect![[r#"
            0: call Work/do [0]
            1: call Work/do [1]
            2: call Work/do [2]
            <- failure 1 500 broken
            forget 2
            forget 0
            => Err("broken")
        "#]],
    );
}

#[test]
fn try_join_all_gives_up_at_the_first_failure() {
    check(
        "value 0 0
         failure 2 500 broken",
        async |ctx| try_join_all((0..4).map(|n| call(ctx, n))).await.map_err(|error| error.to_string()),
        expect![[r#"
            0: call Work/do [0]
            1: call Work/do [1]
            2: call Work/do [2]
            3: call Work/do [3]
            <- value 0 0
            <- failure 2 500 broken
            forget 1
            forget 3
            => Err("broken")
        "#]],
    );
}

#[test]
fn join_all_keeps_the_order_of_the_futures() {
    check(
        "value 2 20
         failure 0 500 broken
         value 1 10",
        async |ctx| join_all((0..3).map(|n| call(ctx, n).map(Result::ok))).await,
        expect![[r#"
            0: call Work/do [0]
            1: call Work/do [1]
            2: call Work/do [2]
            <- value 2 20
            <- failure 0 500 broken
            <- value 1 10
            => [None, Some(10), Some(20)]
        "#]],
    );
}

#[test]
fn join_starts_all_and_waits_for_all() {
    check(
        "empty 1
         value 0 0",
        async |ctx| join!(call(ctx, 0), ctx.sleep(Duration::from_secs(1))),
        expect![[r#"
            0: call Work/do [0]
            1: sleep 1000
            <- empty 1
            <- value 0 0
            => (Ok(0), Ok(()))
        "#]],
    );
}

#[test]
fn buffered_starts_the_next_when_the_oldest_is_over() {
    check(
        "value 1 10
         value 0 0
         value 3 30
         value 2 20",
        async |ctx| {
            let calls = stream::iter(0..4).map(|n| call(ctx, n));
            calls.buffered(2).try_collect::<Vec<_>>().await
        },
        expect![[r#"
            0: call Work/do [0]
            1: call Work/do [1]
            <- value 1 10
            <- value 0 0
            2: call Work/do [2]
            3: call Work/do [3]
            <- value 3 30
            <- value 2 20
            => Ok([0, 10, 20, 30])
        "#]],
    );
}

#[test]
fn buffer_unordered_starts_the_next_when_any_is_over() {
    check(
        "value 1 10
         value 2 20
         value 0 0
         value 3 30",
        async |ctx| {
            let calls = stream::iter(0..4).map(|n| call(ctx, n));
            calls.buffer_unordered(2).try_collect::<Vec<_>>().await
        },
        expect![[r#"
            0: call Work/do [0]
            1: call Work/do [1]
            <- value 1 10
            2: call Work/do [2]
            <- value 2 20
            3: call Work/do [3]
            <- value 0 0
            <- value 3 30
            => Ok([10, 20, 0, 30])
        "#]],
    );
}

#[test]
fn only_the_future_whose_operation_completed_is_polled() {
    let polls: [Cell<u32>; 3] = Default::default();
    check(
        "value 2 2
         value 0 0
         value 1 1",
        async |ctx| {
            let counted = (0..3).map(|n| {
                let mut call = call(ctx, n);
                let polls = &polls[n as usize];
                poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    Pin::new(&mut call).poll(cx)
                })
            });
            counted.collect::<FuturesUnordered<_>>().try_collect::<Vec<_>>().await
        },
        expect![[r#"
            0: call Work/do [0]
            1: call Work/do [1]
            2: call Work/do [2]
            <- value 2 2
            <- value 0 0
            <- value 1 1
            => Ok([2, 0, 1])
        "#]],
    );
    assert_eq!(polls.map(Cell::into_inner), [2, 2, 2]);
}
