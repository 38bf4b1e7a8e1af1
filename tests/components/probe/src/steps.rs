//! Run blocks that the outside can count.

use abide_sdk::prelude::*;
use abide_sdk::serde_json::{Value, json};

/// How many run blocks, and where they post to; without a place they do nothing.
#[data]
pub struct StepsRequest {
    pub(crate) n: u64,
    url: Option<String>,
}

/// A request against a timer.
#[data]
pub struct Race {
    url: String,
    ms: u64,
}

pub(crate) async fn one_after_the_other(ctx: &Context, request: StepsRequest) -> HandlerResult<Vec<String>> {
    let mut answers = Vec::new();
    for n in 0..request.n {
        let name = format!("step-{n}");
        answers.push(ctx.run(&name, async || post(request.url.as_deref(), &name).await).await?);
    }
    Ok(answers)
}

pub(crate) async fn at_once(ctx: &Context, request: StepsRequest) -> HandlerResult<Vec<String>> {
    let url = request.url.as_deref();
    let blocks = (0..request.n).map(|n| {
        let name = format!("step-{n}");
        ctx.run(name.clone(), async move || post(url, &name).await)
    });
    Ok(try_join_all(blocks).await?)
}

pub(crate) async fn both(ctx: &Context, race: Race) -> HandlerResult<Value> {
    let mut answer = ctx.run("post", async || post(Some(&race.url), "post").await);
    let mut timer = ctx.sleep(Duration::from_millis(race.ms));
    Ok(select! {
        text = answer => {
            timer.await?;
            json!({ "first": "answer", "answer": text? })
        },
        elapsed = timer => {
            elapsed?;
            json!({ "first": "timer", "answer": answer.await? })
        }
    })
}

pub(crate) async fn timeout(ctx: &Context, race: Race) -> HandlerResult<String> {
    let answer = ctx.run("post", async || post(Some(&race.url), "post").await);
    match ctx.timeout(Duration::from_millis(race.ms), answer).await? {
        Some(answer) => Ok(answer?),
        None => Ok("timeout".to_owned()),
    }
}

pub(crate) async fn upload(ctx: &Context, request: StepsRequest) -> HandlerResult<u64> {
    let url = request.url.ok_or_else(|| TerminalError::new("there is no url"))?;
    let sent = ctx.run("upload", async || {
        let response = http::post(&url).body(vec![b'x'; request.n as usize]).send().await?;
        Ok(response.error_for_status()?.bytes().len() as u64)
    });
    Ok(sent.await?)
}

pub(crate) async fn request(ctx: &Context, race: Race) -> HandlerResult<String> {
    let answer = ctx.run("request", async || {
        let answer = http::get(&race.url).timeout(Duration::from_millis(race.ms)).send().await;
        Ok(match answer {
            Ok(response) => format!("{} {}", response.status(), response.text()),
            Err(error) => error.to_string(),
        })
    });
    Ok(answer.await?)
}

/// A run block that always fails.
pub(crate) async fn gives_up(ctx: &Context, attempts: u32) -> Result<(), TerminalError> {
    let policy = RetryPolicy::new().initial_interval(Duration::from_millis(20)).max_attempts(attempts);
    ctx.run("flaky", async || Err("flaky step".into())).retry(policy).await
}

/// Posts the name of the step and returns the answer's text; a status of 400 and above fails.
async fn post(url: Option<&str>, step: &str) -> HandlerResult<String> {
    let Some(url) = url else { return Ok(step.to_owned()) };
    let response = http::post(url).body(step).header("content-type", "text/plain").send().await?;
    Ok(response.error_for_status()?.text())
}

/// Blocks the whole instance while it waits, as every client with an executor of its own does.
#[cfg(target_family = "wasm")]
pub(crate) fn get_with_wstd(url: &str) -> HandlerResult<String> {
    use wstd::http::{Body, Client, Request};

    wstd::runtime::block_on(async {
        let request = Request::get(url).body(Body::empty())?;
        let mut response = Client::new().send(request).await?;
        Ok(response.body_mut().str_contents().await?.to_owned())
    })
}

/// There is no `wstd` for native builds.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn get_with_wstd(url: &str) -> HandlerResult<String> {
    Err(format!("cannot request {url} natively").into())
}
