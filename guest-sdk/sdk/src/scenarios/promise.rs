//! Promises between the handlers of a workflow.

use expect_test::expect;

use crate::fake_host::check_keyed;
use crate::prelude::*;

#[test]
fn promise_is_awaited() {
    check_keyed(
        "value 0 true
         failure 1 500 refused",
        async |ctx: &WorkflowContext| {
            let approved = ctx.promise::<bool>("approved").await;
            (approved, ctx.promise::<bool>("approved by the boss").await)
        },
        expect![[r#"
            0: promise approved
            <- value 0 true
            1: promise approved by the boss
            <- failure 1 500 refused
            => (Ok(true), Err(TerminalError { code: 500, message: "refused", metadata: {} }))
        "#]],
    );
}

#[test]
fn peeking_does_not_wait() {
    check_keyed(
        "empty 0
         value 1 true",
        async |ctx: &SharedWorkflowContext| {
            let approved = ctx.promise::<bool>("approved");
            (approved.peek().await, approved.peek().await)
        },
        expect![[r#"
            0: peek approved
            <- empty 0
            1: peek approved
            <- value 1 true
            => (Ok(None), Ok(Some(true)))
        "#]],
    );
}

#[test]
fn promise_is_completed_once() {
    check_keyed(
        "empty 0
         failure 1 409 completed before
         failure 2 409 completed before",
        async |ctx: &SharedWorkflowContext| {
            let promise = ctx.promise::<bool>("approved");
            let first = promise.resolve(&true).await;
            let second = promise.resolve(&false).await.map_err(|error| error.code());
            (first, second, promise.reject("too late").await.map_err(|error| error.code()))
        },
        expect![[r#"
            0: complete approved true
            <- empty 0
            1: complete approved false
            <- failure 1 409 completed before
            2: complete approved failure 500 too late
            <- failure 2 409 completed before
            => (Ok(()), Err(409), Err(409))
        "#]],
    );
}

#[test]
fn promise_is_raced_as_a_future() {
    check_keyed(
        "empty 1",
        async |ctx: &WorkflowContext| {
            let click = ctx.promise::<String>("click").into_future();
            match race(click, ctx.sleep(Duration::from_secs(3600))).await {
                Either::Left(secret) => secret,
                Either::Right(elapsed) => elapsed.map(|()| "nobody clicked".to_owned()),
            }
        },
        expect![[r#"
            0: promise click
            1: sleep 3600000
            <- empty 1
            => Ok("nobody clicked")
        "#]],
    );
}

#[test]
fn who_waits_again_and_again_is_one_listener() {
    check_keyed(
        "empty 1
         empty 2
         value 0 true
         value 4 true",
        async |ctx: &WorkflowContext| {
            let wait = || ctx.timeout(Duration::from_secs(60), ctx.promise::<bool>("approved").into_future());
            let looks = (wait().await?, wait().await?, wait().await?);
            Ok::<_, TerminalError>((looks, ctx.promise::<bool>("approved").await?))
        },
        expect![[r#"
            0: promise approved
            1: sleep 60000 (timeout)
            <- empty 1
            2: sleep 60000 (timeout)
            <- empty 2
            3: sleep 60000 (timeout)
            <- value 0 true
            forget 3
            4: promise approved
            <- value 4 true
            => Ok(((None, None, Some(Ok(true))), true))
        "#]],
    );
}

#[test]
fn value_of_another_type_is_a_terminal_error() {
    check_keyed(
        "value 0 7
         value 1 7",
        async |ctx: &WorkflowContext| {
            let promise = ctx.promise::<bool>("approved");
            let peeked = promise.peek().await.map_err(|error| error.to_string());
            (peeked, promise.await.map_err(|error| error.to_string()))
        },
        expect![[r#"
            0: peek approved
            <- value 0 7
            1: promise approved
            <- value 1 7
            => (Err("promise \"approved\" is 7, which is not a bool: invalid type: integer `7`, expected a boolean at line 1 column 1"), Err("promise \"approved\" is 7, which is not a bool: invalid type: integer `7`, expected a boolean at line 1 column 1"))
        "#]],
    );
}
