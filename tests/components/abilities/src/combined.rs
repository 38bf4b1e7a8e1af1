//! Every way to wait for several things, in one handler.

use abide_sdk::prelude::*;
use abide_sdk::serde_json::{Value, json};

use crate::register::Register;

/// Where effects are posted to, how long the pauses are, and which register is used.
#[data]
#[derive(Clone)]
pub struct Plan {
    url: String,
    ms: u64,
    key: String,
}

impl Plan {
    fn pause(&self, times: u64) -> Duration {
        Duration::from_millis(self.ms * times)
    }
}

/// Waits for several things at once.
pub struct Combined;

#[service(rename_all = "camelCase", retry(initial = "20ms", factor = 1.0, max_attempts = "unlimited"))]
impl Combined {
    /// Uses all combinators, one after the other. Before each it posts its name.
    async fn all(ctx: &Context, plan: Plan) -> HandlerResult<Value> {
        Ok(json!({
            "timeout": timeout(ctx, &plan).await?,
            "select": select_loop(ctx, &plan).await?,
            "join": joined(ctx, &plan).await?,
            "race": raced(ctx, &plan).await?,
            "joinAll": joined_all(ctx, &plan).await?,
            "unordered": unordered(ctx, &plan).await?,
            "buffered": buffered(ctx, &plan).await?,
            "nested": nested(ctx, &plan).await?,
        }))
    }
}

async fn post(ctx: &Context, plan: &Plan, name: &str) -> Result<String, TerminalError> {
    let block = ctx.run(name, async || {
        let response = http::post(&plan.url).body(name).header("content-type", "text/plain").send().await?;
        Ok(response.error_for_status()?.text())
    });
    block.await
}

async fn add(ctx: &Context, plan: &Plan, by: i64) -> Result<i64, TerminalError> {
    ctx.object::<Register>(&plan.key).add(by).await
}

/// A timer that is too short, one that is long enough, and an awakeable that never comes.
async fn timeout(ctx: &Context, plan: &Plan) -> HandlerResult<Value> {
    post(ctx, plan, "timeout").await?;
    let never = ctx.awakeable::<u32>();
    let gave_up = ctx.timeout(plan.pause(1), never).await?.is_none();
    let sum = ctx.timeout(Duration::from_secs(60), add(ctx, plan, 1)).await?;
    Ok(json!([gave_up, sum.transpose()?]))
}

/// Ticks, until a slower timer ends it.
async fn select_loop(ctx: &Context, plan: &Plan) -> HandlerResult<Value> {
    post(ctx, plan, "select").await?;
    let mut ticks = 0;
    let mut end = ctx.sleep(plan.pause(7) / 2);
    loop {
        let mut tick = ctx.sleep(plan.pause(1));
        select! {
            ended = end => {
                ended?;
                return Ok(json!(ticks >= 1));
            },
            ticked = tick => {
                ticked?;
                ticks += 1;
            }
        }
    }
}

/// Different things at once, all needed.
async fn joined(ctx: &Context, plan: &Plan) -> HandlerResult<Value> {
    let (posted, sum, slept) = join!(post(ctx, plan, "join"), add(ctx, plan, 10), ctx.sleep(plan.pause(2)));
    slept?;
    let (posted_too, sum_too) = try_join!(post(ctx, plan, "try-join"), add(ctx, plan, 100))?;
    Ok(json!([posted?, sum?, posted_too, sum_too]))
}

/// The first of two, a known one.
async fn raced(ctx: &Context, plan: &Plan) -> HandlerResult<Value> {
    let slow = ctx.sleep(plan.pause(5_000));
    let first = match race(slow, post(ctx, plan, "race")).await {
        Either::Left(slept) => slept.map(|()| "slept".to_owned())?,
        Either::Right(posted) => posted?,
    };
    let timers = [3, 1, 2].map(|times| ctx.sleep(plan.pause(times)));
    let (ended, index, rest) = select_all(timers).await;
    ended?;
    drop(rest);
    Ok(json!([first, index]))
}

/// Many of one kind; the answers are in the order of the questions.
async fn joined_all(ctx: &Context, plan: &Plan) -> HandlerResult<Value> {
    let names: Vec<_> = (0..4).map(|n| format!("all-{n}")).collect();
    let answers = join_all(names.iter().map(|name| post(ctx, plan, name))).await;
    let answers: Vec<_> = answers.into_iter().collect::<Result<_, _>>()?;
    Ok(json!(answers))
}

/// Many of one kind; the answers are in the order in which they come.
async fn unordered(ctx: &Context, plan: &Plan) -> HandlerResult<Value> {
    post(ctx, plan, "unordered").await?;
    let timers = [5, 1, 3].map(|times| ctx.sleep(plan.pause(times)).map(move |slept| slept.map(|()| times)));
    let ended: Vec<_> = timers.into_iter().collect::<FuturesUnordered<_>>().try_collect().await?;
    Ok(json!(ended))
}

/// Many, but only two at a time.
async fn buffered(ctx: &Context, plan: &Plan) -> HandlerResult<Value> {
    let names: Vec<_> = (0..5).map(|n| format!("buffered-{n}")).collect();
    let in_order: Vec<_> =
        stream::iter(&names).map(|name| post(ctx, plan, name)).buffered(2).try_collect().await?;
    let mut sums: Vec<i64> =
        stream::iter(0..4).map(|_| add(ctx, plan, 1000)).buffer_unordered(3).try_collect().await?;
    sums.sort_unstable();
    Ok(json!([in_order, sums]))
}

/// Things that wait for several things, several at once.
async fn nested(ctx: &Context, plan: &Plan) -> HandlerResult<Value> {
    let chain = |name: &'static str, times: u64| async move {
        ctx.sleep(plan.pause(times)).await?;
        let posted = post(ctx, plan, name).await?;
        let sum = add(ctx, plan, 10_000).await?;
        Ok::<_, TerminalError>((posted, sum > 10_000))
    };
    let (left, right) = try_join!(chain("nested-left", 1), chain("nested-right", 3))?;
    Ok(json!([left, right]))
}
