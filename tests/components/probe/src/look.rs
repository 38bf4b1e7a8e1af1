//! What the sandbox shows of time and chance.

use std::collections::HashMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use abide_sdk::prelude::*;

/// One look around.
#[data]
#[derive(Clone)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    system_clock_ms: u64,
    random: String,
    hash_order: Vec<u32>,
    fixed_order: Vec<u32>,
}

/// Looks from different places.
#[data]
#[serde(rename_all = "camelCase")]
pub struct LookReport {
    /// Before anything else, seen by the attempt that returned.
    outside: Look,
    /// The same, as the first attempt saw and recorded it.
    recorded: Look,
    /// From inside a run block.
    inside: Look,
    /// After the run block and a timer.
    after: Look,
    /// Time between the first and the last look on the monotonic clock.
    elapsed_ms: u64,
}

pub(crate) async fn report(ctx: &Context, pause: Duration) -> HandlerResult<LookReport> {
    let start = Instant::now();
    let outside = look();
    let recorded = ctx.run("record", async || Ok(outside.clone())).await?;
    let inside = ctx.run("look", async || Ok(look())).await?;
    ctx.sleep(pause).await?;
    let after = look();
    Ok(LookReport { outside, recorded, inside, after, elapsed_ms: start.elapsed().as_millis() as u64 })
}

#[expect(clippy::disallowed_methods, reason = "the clock is what is looked at")]
fn look() -> Look {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let hash_map: HashMap<u32, ()> = (0..8).map(|n| (n, ())).collect();
    let fixed_map: abide_sdk::collections::HashMap<u32, ()> = (0..8).map(|n| (n, ())).collect();
    Look {
        system_clock_ms: since_epoch.as_millis() as u64,
        random: random_bytes(),
        hash_order: hash_map.into_keys().collect(),
        fixed_order: fixed_map.into_keys().collect(),
    }
}

#[cfg(target_family = "wasm")]
fn random_bytes() -> String {
    format!("{:016x}", getrandom::u64().expect("the sandbox has randomness"))
}

#[cfg(not(target_family = "wasm"))]
fn random_bytes() -> String {
    String::new()
}
