//! Handlers that do something else when they are replayed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use abide_sdk::prelude::*;

static EXECUTED: AtomicBool = AtomicBool::new(false);

/// Live, the closure sets the variable; in the second attempt's instance it is skipped.
pub(crate) async fn leaking_closure(ctx: &Context) -> HandlerResult<()> {
    ctx.run("touch", async || {
        EXECUTED.store(true, Ordering::Relaxed);
        Ok(())
    })
    .await?;
    let name = if EXECUTED.load(Ordering::Relaxed) { "executed" } else { "skipped" };
    ctx.run(name, async || Ok(())).await?;
    Err("try again, so that there is a replay")?
}

/// A map made in the closure moves the seed of the next one.
pub(crate) async fn leaking_hash_map(ctx: &Context) -> HandlerResult<()> {
    ctx.run("touch", async || Ok(HashMap::<u32, u32>::new().len() as u64)).await?;
    let names: HashMap<u32, ()> = (0..64).map(|n| (n, ())).collect();
    for name in names.keys() {
        ctx.run(format!("step-{name}"), async || Ok(())).await?;
    }
    Err("try again, so that there is a replay")?
}

/// Outside run blocks the environment is an input like any other, and it can change.
pub(crate) async fn changing_mind(ctx: &Context) -> HandlerResult<()> {
    let mind = std::env::var("MIND").unwrap_or_else(|_| "unset".to_owned());
    ctx.run(format!("mind-{mind}"), async || Ok(())).await?;
    is_permitted()
}

pub(crate) async fn forgetful(ctx: &Context) -> HandlerResult<()> {
    if std::env::var("FORGET").is_ok() {
        return Ok(());
    }
    ctx.run("remembered", async || Ok(())).await?;
    is_permitted()
}

/// Fails, so that there is another attempt, until the environment has `CONTINUE=yes`.
fn is_permitted() -> HandlerResult<()> {
    match std::env::var("CONTINUE") {
        Ok(answer) if answer == "yes" => Ok(()),
        _ => Err("not yet permitted to continue".into()),
    }
}
