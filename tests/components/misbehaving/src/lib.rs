//! A guest that does everything a guest should not do, one handler per sin.

mod changing;
mod deep;
mod escape;
mod hoard;
mod multiplying;
mod output;
mod resources;

use std::collections::BTreeMap;

use abide_sdk::prelude::*;

use escape::Doors;
use output::NotJson;

/// How much of something.
#[data]
pub struct Amount {
    #[serde(default = "one")]
    n: u64,
}

fn one() -> u64 {
    1
}

/// Where to send a request.
#[data]
pub struct Place {
    url: String,
}

/// Everything here ends badly. Every handler gives up after its second attempt.
pub struct Misbehaving;

#[service(retry(initial = "10ms", max_attempts = 2, on_max_attempts = "kill"), rename_all = "camelCase")]
impl Misbehaving {
    /// Never returns, never waits.
    async fn endless_loop(_ctx: &Context) -> HandlerResult<()> {
        resources::spin()
    }

    /// The same inside a run block.
    async fn endless_loop_in_run(ctx: &Context) -> HandlerResult<()> {
        Ok(ctx.run("spin", async || resources::spin()).await?)
    }

    /// Asks for memory until there is none.
    async fn endless_allocation(_ctx: &Context) -> HandlerResult<()> {
        resources::allocate_forever()
    }

    /// Recurses until the stack is used up.
    async fn stack_overflow(_ctx: &Context) -> HandlerResult<u64> {
        Ok(resources::recurse(1))
    }

    /// Appends run blocks to its journal without end.
    async fn endless_journal(ctx: &Context) -> HandlerResult<()> {
        loop {
            ctx.run("again", async || Ok(())).await?;
        }
    }

    /// Makes awakeables without end, and waits for none.
    async fn endless_awakeables(ctx: &Context) -> HandlerResult<()> {
        let mut hoard = Vec::new();
        loop {
            hoard.push(ctx.awakeable::<()>());
        }
    }

    /// Makes a request in a run block and waits for the answer as long as it takes.
    async fn hold_connection(ctx: &Context, place: Place) -> HandlerResult<u64> {
        let held =
            ctx.run("hold", async || Ok(http::post(place.url.as_str()).body("held").send().await?.status()));
        Ok(u64::from(held.await?))
    }

    /// Opens `n` run blocks at once.
    async fn many_at_once(ctx: &Context, amount: Amount) -> HandlerResult<u64> {
        let blocks = (0..amount.n).map(|n| ctx.run(format!("block-{n}"), async || Ok(1)));
        Ok(try_join_all(blocks).await?.iter().sum())
    }

    /// Executes an instruction that traps.
    async fn trap(_ctx: &Context) -> HandlerResult<()> {
        resources::trap()
    }

    /// Panics with a message.
    async fn panic(_ctx: &Context) -> HandlerResult<()> {
        panic!("this guest panics on purpose")
    }

    /// Panics inside a run block.
    async fn panic_in_run(ctx: &Context) -> HandlerResult<()> {
        Ok(ctx.run("boom", async || panic!("this run block panics on purpose")).await?)
    }

    /// Returns a text of `n` bytes.
    async fn giant_result(_ctx: &Context, amount: Amount) -> HandlerResult<String> {
        Ok(resources::text_of(amount.n))
    }

    /// Records a text of `n` bytes in a run block and returns its length.
    async fn giant_run_result(ctx: &Context, amount: Amount) -> HandlerResult<u64> {
        let text = ctx.run("giant", async || Ok(resources::text_of(amount.n))).await?;
        Ok(text.len() as u64)
    }

    /// Opens a run block whose name has `n` bytes.
    async fn giant_name(ctx: &Context, amount: Amount) -> HandlerResult<()> {
        Ok(ctx.run(resources::text_of(amount.n), async || Ok(())).await?)
    }

    /// Fails with a message of `n` bytes.
    async fn giant_error(_ctx: &Context, amount: Amount) -> HandlerResult<()> {
        Err(TerminalError::new(resources::text_of(amount.n)).into())
    }

    /// Declares JSON and returns bytes that are not even text.
    async fn not_json(_ctx: &Context) -> HandlerResult<NotJson> {
        Ok(NotJson)
    }

    /// On replay asks for another run block, because a skipped closure changed a global variable.
    async fn leaking_closure(ctx: &Context) -> HandlerResult<()> {
        changing::leaking_closure(ctx).await
    }

    /// The same with the order of a map of `std`.
    async fn leaking_hash_map(ctx: &Context) -> HandlerResult<()> {
        changing::leaking_hash_map(ctx).await
    }

    /// Asks for a run block named after the environment variable `MIND` and then fails, every 50 ms,
    /// until there is `CONTINUE=yes`, so that a test can change the first in between.
    #[handler(retry(initial = "50ms", factor = 1.0, max_attempts = "unlimited"))]
    async fn changing_mind(ctx: &Context) -> HandlerResult<()> {
        changing::changing_mind(ctx).await
    }

    /// The same with `FORGET`: once it is set, returns without asking for what the journal has.
    #[handler(retry(initial = "50ms", factor = 1.0, max_attempts = "unlimited"))]
    async fn forgetful(ctx: &Context) -> HandlerResult<()> {
        changing::forgetful(ctx).await
    }

    /// Uses a timer inside a run block.
    async fn operation_in_run(ctx: &Context) -> HandlerResult<()> {
        Ok(ctx.run("outer", async || Ok(ctx.sleep(Duration::from_millis(1)).await?)).await?)
    }

    /// Opens a run block inside a run block.
    async fn run_in_run(ctx: &Context) -> HandlerResult<()> {
        Ok(ctx.run("outer", async || Ok(ctx.run("inner", async || Ok(())).await?)).await?)
    }

    /// Blocks the thread for `n` milliseconds outside run blocks.
    async fn blocking_sleep(_ctx: &Context, amount: Amount) -> HandlerResult<()> {
        std::thread::sleep(Duration::from_millis(amount.n));
        Ok(())
    }

    /// Blocks the thread for `n` milliseconds inside a run block.
    async fn blocking_sleep_in_run(ctx: &Context, amount: Amount) -> HandlerResult<()> {
        let blocked = ctx.run("block", async || {
            std::thread::sleep(Duration::from_millis(amount.n));
            Ok(())
        });
        Ok(blocked.await?)
    }

    /// Makes a request outside run blocks and returns what it is told.
    async fn http_outside_run(_ctx: &Context, place: Place) -> HandlerResult<String> {
        Ok(match http::post(place.url).body("outside").send().await {
            Ok(response) => format!("status {}", response.status()),
            Err(error) => error.to_string(),
        })
    }

    /// Tries every way to the outside but HTTP, and returns what it is told.
    async fn escape(_ctx: &Context, doors: Doors) -> HandlerResult<BTreeMap<String, String>> {
        Ok(escape::try_all(&doors))
    }

    /// The same inside a run block.
    async fn escape_in_run(ctx: &Context, doors: Doors) -> HandlerResult<BTreeMap<String, String>> {
        Ok(ctx.run("escape", async || Ok(escape::try_all(&doors))).await?)
    }

    /// Ends the process with code `n`.
    async fn exit(_ctx: &Context, amount: Amount) -> HandlerResult<()> {
        std::process::exit(amount.n as i32)
    }

    /// Waits for nothing at all.
    async fn deadlock(_ctx: &Context) -> HandlerResult<()> {
        std::future::pending().await
    }

    /// The closure of a run block waits for nothing at all.
    async fn deadlock_in_run(ctx: &Context) -> HandlerResult<()> {
        Ok(ctx.run("stuck", async || std::future::pending().await).await?)
    }

    /// Writes `n` lines of a kilobyte.
    async fn log_flood(_ctx: &Context, amount: Amount) -> HandlerResult<()> {
        resources::flood(amount.n);
        Ok(())
    }
}
