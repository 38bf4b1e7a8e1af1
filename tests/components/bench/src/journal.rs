//! A journal that becomes long: what it costs to write, and to go through once more.

use abide_sdk::prelude::*;

/// Run blocks under way at once: one wait for the disk serves all of them.
const AT_ONCE: u32 = 500;

/// Each handler makes a journal of so many entries, of which the last one waits for the signal "go".
pub struct Journal;

#[object]
impl Journal {
    async fn runs(ctx: &ObjectContext, entries: u32) -> HandlerResult<u64> {
        let (mut sum, last) = (0, entries.saturating_sub(1));
        for first in (0..last).step_by(AT_ONCE as usize) {
            let several = first..last.min(first + AT_ONCE);
            let several = several.map(|n| ctx.run("step", async move || Ok(u64::from(n))));
            for n in join_all(several).await {
                sum += n?;
            }
        }
        ctx.signal::<()>("go").await?;
        Ok(sum)
    }

    async fn states(ctx: &ObjectContext, entries: u32) -> HandlerResult<u64> {
        let last = entries.saturating_sub(1);
        for n in 0..last {
            ctx.set("n", &n);
        }
        ctx.signal::<()>("go").await?;
        Ok(u64::from(last))
    }
}
