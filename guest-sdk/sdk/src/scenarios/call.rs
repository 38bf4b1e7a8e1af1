//! Calls and sends, by name and with the clients that the macros write.

use expect_test::expect;

use crate::fake_host::{check, play};
use crate::prelude::*;

struct Payments;

#[data]
#[derive(Debug)]
struct Charge {
    cents: u32,
}

#[service(name = "Pay", rename_all = "camelCase")]
impl Payments {
    async fn charge_card(_ctx: &Context, charge: Charge) -> HandlerResult<u32> {
        Ok(charge.cents)
    }

    #[handler(private)]
    async fn flush(_ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }

    // What it takes cannot be written, so no handler can call it; that is no reason not to compile.
    async fn import(_ctx: &Context, input: ReadOnly) -> HandlerResult<u32> {
        Ok(input.id)
    }

    async fn echo(_ctx: &Context, bytes: Bytes) -> HandlerResult<Text> {
        Ok(String::from_utf8_lossy(&bytes).into())
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "crate::serde")]
struct ReadOnly {
    id: u32,
}

struct Counter;

#[object]
impl Counter {
    async fn add(_ctx: &ObjectContext, delta: i64) -> HandlerResult<i64> {
        Ok(delta)
    }
}

struct Signup;

#[workflow]
impl Signup {
    async fn run(_ctx: &WorkflowContext, email: String) -> HandlerResult<bool> {
        Ok(email.is_empty())
    }
}

#[test]
fn clients_call_by_the_names_of_the_manifest() {
    check(
        "value 0 5
         value 1 7
         value 2 true",
        async |ctx| {
            let cents = ctx.service::<Payments>().charge_card(Charge { cents: 5 }).await?;
            let count = ctx.object::<Counter>("ann").add(i64::from(cents)).await?;
            let signed_up =
                ctx.workflow::<Signup>(format!("ann-{count}")).run("ann@example.org".to_owned()).await?;
            HandlerResult::Ok((cents, count, signed_up))
        },
        expect![[r#"
            0: call Pay/chargeCard [{"cents":5}]
            <- value 0 5
            1: call Counter/ann/add [5]
            <- value 1 7
            2: call Signup/ann-7/run ["ann@example.org"]
            <- value 2 true
            => Ok((5, 7, true))
        "#]],
    );
}

#[test]
fn call_is_made_when_it_is_awaited() {
    check(
        "empty 0",
        async |ctx| {
            let flush = ctx.service::<Payments>().flush();
            drop(ctx.service::<Payments>().flush());
            ctx.sleep(Duration::from_secs(1)).await?;
            drop(flush);
            HandlerResult::Ok(())
        },
        expect![[r#"
            0: sleep 1000
            <- empty 0
            => Ok(())
        "#]],
    );
}

#[test]
fn started_call_has_an_id_and_is_awaited_later() {
    check(
        "empty 1
         value 0 \"abc\"",
        async |ctx| {
            let running = ctx.service::<Payments>().echo(Bytes(b"abc".to_vec())).start();
            let id = running.invocation_id().to_owned();
            assert_eq!(running.handle().id(), id);
            ctx.sleep(Duration::from_secs(1)).await?;
            HandlerResult::Ok((id, running.await?))
        },
        expect![[r#"
            0: call Pay/echo [abc]
            1: sleep 1000
            <- empty 1
            <- value 0 "abc"
            => Ok(("inv_1_0", Text("\"abc\"")))
        "#]],
    );
}

#[test]
fn dropped_call_is_forgotten() {
    check(
        "",
        async |ctx| drop(ctx.service::<Payments>().flush().start()),
        expect![[r#"
        0: call Pay/flush []
        forget 0
        => ()
    "#]],
    );
}

#[test]
fn sends_carry_keys_headers_and_delays() {
    check(
        "",
        async |ctx| {
            let counter = ctx.object::<Counter>("ann");
            let sent = counter.add(1).idempotency_key("order-17").header("x-user", "ann").send();
            let delayed = counter.add(2).send_after(Duration::from_secs(60));
            (sent, delayed)
        },
        expect![[r#"
            0: send Counter/ann/add [1] x-user: ann once by order-17
            1: send Counter/ann/add [2] in 60000 ms
            => (InvocationHandle { id: "inv_1_0" }, InvocationHandle { id: "inv_1_1" })
        "#]],
    );
}

#[test]
fn handlers_are_called_by_name_only() {
    check(
        "value 0 {\"left\":3}
         value 1 1
         value 2 1
         empty 3",
        async |ctx| {
            let target = Target::service("Stock", "reserve");
            let input = serde_json::json!({ "copies": 2 });
            let left: serde_json::Value = ctx.call(target, &input).await?;
            let object = ctx.call::<u32>(Target::object("Counter", "ann", "get"), &()).await?;
            let workflow = ctx.call::<u32>(Target::workflow("Loan", "ann", "run"), "borrowed").await?;
            ctx.call::<()>(Target::service("Mail", "flush"), &None::<u32>).await?;
            HandlerResult::Ok((left, object, workflow))
        },
        expect![[r#"
            0: call Stock/reserve [{"copies":2}]
            <- value 0 {"left":3}
            1: call Counter/ann/get []
            <- value 1 1
            2: call Loan/ann/run ["borrowed"]
            <- value 2 1
            3: call Mail/flush [null]
            <- empty 3
            => Ok((Object {"left": Number(3)}, 1, 1))
        "#]],
    );
}

#[test]
fn failure_of_the_callee_can_be_caught() {
    check(
        "failure 0 402 declined",
        async |ctx| ctx.service::<Payments>().charge_card(Charge { cents: 5 }).await,
        expect![[r#"
            0: call Pay/chargeCard [{"cents":5}]
            <- failure 0 402 declined
            => Err(TerminalError { code: 402, message: "declined", metadata: {} })
        "#]],
    );
}

#[test]
fn answer_of_another_type_is_a_failure() {
    check(
        "value 0 [1]",
        async |ctx| {
            ctx.object::<Counter>("ann").add(1).await.map_err(|error| (error.code(), error.to_string()))
        },
        expect![[r#"
            0: call Counter/ann/add [1]
            <- value 0 [1]
            => Err((500, "the answer of Counter/ann/add is [1], which is not a i64: invalid type: sequence, expected i64 at line 1 column 0"))
        "#]],
    );
}

#[test]
fn loser_of_a_select_is_still_a_call() {
    check(
        "empty 1
         value 0 7",
        async |ctx| {
            let mut call = ctx.object::<Counter>("ann").add(1);
            select! {
                _ = call => panic!("too early"),
                _ = ctx.sleep(Duration::from_secs(5)) => {}
            }
            call.start().await
        },
        expect![[r#"
            0: call Counter/ann/add [1]
            1: sleep 5000
            <- empty 1
            <- value 0 7
            => Ok(7)
        "#]],
    );
}

#[test]
#[should_panic(expected = "a call was changed or sent after it had been made")]
fn made_call_cannot_be_sent() {
    play("empty 1", async |ctx| {
        let mut call = ctx.object::<Counter>("ann").add(1);
        select! {
            _ = call => panic!("too early"),
            _ = ctx.sleep(Duration::from_secs(5)) => {}
        }
        call.send()
    });
}

#[test]
#[should_panic(expected = "Counter/ann/add was called inside the run block \"outer\"")]
fn call_inside_a_block_is_explained() {
    let handler =
        async |ctx: &Context| ctx.run("outer", async || Ok(ctx.object::<Counter>("ann").add(1).await?)).await;
    play("execute 0", handler).0.unwrap();
}
