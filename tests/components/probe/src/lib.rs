//! A service for tests of the HTTP surface, of determinism and of run blocks under faults.

mod look;
mod shapes;
mod steps;

use std::collections::BTreeMap;

use abide_sdk::prelude::*;
use abide_sdk::serde_json::{Value, json};

use look::LookReport;
use shapes::{HelloRequest, TerminalRequest};
use steps::{Race, StepsRequest};

/// How long.
#[data]
pub struct Millis {
    ms: u64,
}

/// Where to send a request.
#[data]
pub struct Place {
    url: String,
}

/// Ingress/admin probe service
pub struct Probe;

#[service(rename_all = "camelCase")]
impl Probe {
    /// says hello
    async fn hello(_ctx: &Context, request: HelloRequest) -> HandlerResult<String> {
        Ok(format!("Hello {}", request.name))
    }

    async fn echo(_ctx: &Context, value: Value) -> HandlerResult<Value> {
        Ok(value)
    }

    async fn nothing(_ctx: &Context) -> HandlerResult<()> {
        Ok(())
    }

    async fn text(_ctx: &Context, text: Text) -> HandlerResult<Text> {
        Ok(text.to_uppercase().into())
    }

    async fn binary(_ctx: &Context, bytes: Bytes) -> HandlerResult<Bytes> {
        Ok(bytes)
    }

    /// Returns what the handler knows about its request.
    async fn headers(ctx: &Context, _input: Value) -> HandlerResult<Value> {
        let headers: BTreeMap<&str, &str> = ctx.headers().collect();
        Ok(json!({
            "headers": headers,
            "id": ctx.invocation_id(),
            "service": ctx.service_name(),
            "handler": ctx.handler_name(),
        }))
    }

    async fn terminal(_ctx: &Context, request: TerminalRequest) -> HandlerResult<()> {
        Err(request.into_error().into())
    }

    #[handler(name = "private_", private)]
    async fn not_for_everybody(_ctx: &Context, _input: Value) -> HandlerResult<String> {
        Ok("private".to_owned())
    }

    /// Returns `n` bytes of text.
    async fn big(_ctx: &Context, request: StepsRequest) -> HandlerResult<String> {
        Ok("x".repeat(request.n as usize))
    }

    async fn sleep(ctx: &Context, millis: Millis) -> HandlerResult<String> {
        ctx.sleep(Duration::from_millis(millis.ms)).named("nap").await?;
        Ok("slept".to_owned())
    }

    /// A run block that gives up after three tries; nobody catches it.
    async fn run_max3(ctx: &Context, _input: Value) -> HandlerResult<()> {
        Ok(steps::gives_up(ctx, 3).await?)
    }

    /// The same, caught.
    async fn run_max3_caught(ctx: &Context, _input: Value) -> HandlerResult<String> {
        let error = steps::gives_up(ctx, 3).await.expect_err("it always fails");
        Ok(format!("caught {} {}", error.code(), error.message()))
    }

    /// Fails on every attempt, with its cause.
    async fn retryable(_ctx: &Context, _input: Value) -> HandlerResult<()> {
        "not a number".parse::<u32>()?;
        Ok(())
    }

    #[handler(retry(initial = "50ms", max_attempts = 2, on_max_attempts = "kill"))]
    async fn kill_after2(_ctx: &Context, _input: Value) -> HandlerResult<()> {
        Err("fails then killed".into())
    }

    #[handler(retry(initial = "50ms", max_attempts = 2, on_max_attempts = "pause"))]
    async fn pause_after2(_ctx: &Context, _input: Value) -> HandlerResult<()> {
        Err("fails then paused".into())
    }

    /// Fails until the deployment's environment has `FIXED=yes`; tries every 20 ms.
    #[handler(retry(initial = "20ms", factor = 1.0, max_attempts = "unlimited"))]
    async fn until_fixed(ctx: &Context, _input: Value) -> HandlerResult<String> {
        let before = ctx.run("before", async || Ok("before".to_owned())).await?;
        match std::env::var("FIXED") {
            Ok(answer) if answer == "yes" => Ok(format!("{before} and fixed")),
            _ => Err("not fixed yet".into()),
        }
    }

    /// Returns the environment.
    async fn env(_ctx: &Context, _input: Value) -> HandlerResult<BTreeMap<String, String>> {
        Ok(std::env::vars().collect())
    }

    /// Returns random values that are the same on every attempt of an invocation.
    async fn random(ctx: &Context, _input: Value) -> HandlerResult<Value> {
        Ok(json!({ "uuid": ctx.rand_uuid(), "number": ctx.rand().random_range(0..1_000_000_u32) }))
    }

    /// Looks at clocks, randomness and hash order outside and inside a run block and after a timer.
    async fn look(ctx: &Context, millis: Millis) -> HandlerResult<LookReport> {
        look::report(ctx, Duration::from_millis(millis.ms)).await
    }

    /// Does `n` run blocks one after the other, each posting its name to `url`.
    async fn steps(ctx: &Context, request: StepsRequest) -> HandlerResult<Vec<String>> {
        steps::one_after_the_other(ctx, request).await
    }

    /// Does `n` run blocks at once, each posting its name to `url`.
    async fn parallel(ctx: &Context, request: StepsRequest) -> HandlerResult<Vec<String>> {
        steps::at_once(ctx, request).await
    }

    /// Posts to `url` and sleeps for `ms` at once; says what was first and awaits the other as well.
    async fn both(ctx: &Context, race: Race) -> HandlerResult<Value> {
        steps::both(ctx, race).await
    }

    /// Posts to `url`, but gives up after `ms`.
    async fn timeout(ctx: &Context, race: Race) -> HandlerResult<String> {
        steps::timeout(ctx, race).await
    }

    /// Sleeps for several times at once and returns them in the order in which they ended.
    async fn timers(ctx: &Context, millis: Vec<u64>) -> HandlerResult<Vec<u64>> {
        let timers = millis.iter().map(|ms| ctx.sleep(Duration::from_millis(*ms)).map(move |_| *ms));
        Ok(timers.collect::<FuturesUnordered<_>>().collect().await)
    }

    /// Posts `n` bytes to `url` and returns how many came back.
    async fn upload(ctx: &Context, request: StepsRequest) -> HandlerResult<u64> {
        steps::upload(ctx, request).await
    }

    /// Requests `url`, waiting for at most `ms`, and returns the answer or what went wrong.
    async fn request(ctx: &Context, race: Race) -> HandlerResult<String> {
        steps::request(ctx, race).await
    }

    /// Requests `url` with the client `wstd` inside a run block.
    async fn other_client(ctx: &Context, place: Place) -> HandlerResult<String> {
        Ok(ctx.run("wstd", async || steps::get_with_wstd(&place.url)).await?)
    }

    /// Writes one line with each way of logging, then waits, then writes again.
    async fn logs(ctx: &Context, millis: Millis) -> HandlerResult<()> {
        shapes::write_logs("before", ctx.invocation_id());
        ctx.sleep(Duration::from_millis(millis.ms)).await?;
        shapes::write_logs("after", ctx.invocation_id());
        Ok(())
    }
}

/// A service that only other services may call.
pub struct Hidden;

#[service(private)]
impl Hidden {
    async fn hi(_ctx: &Context, _input: Value) -> HandlerResult<String> {
        Ok("hi".to_owned())
    }
}
