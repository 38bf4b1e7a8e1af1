//! An object that keeps whatever it gets.

use abide_sdk::prelude::*;

/// So many things of so many bytes.
#[data]
pub struct Pile {
    n: u64,
    bytes: u64,
}

pub struct Hoard;

#[object(retry(initial = "10ms", max_attempts = 2, on_max_attempts = "kill"), rename_all = "camelCase")]
impl Hoard {
    /// Puts values under ever new names into its state, and waits for nothing.
    async fn state(ctx: &ObjectContext, pile: Pile) -> HandlerResult<()> {
        let value = Bytes(vec![7; pile.bytes as usize]);
        (0..pile.n).for_each(|n| ctx.set(&format!("value-{n}"), &value));
        Ok(())
    }

    /// Records results of run blocks, one after the other.
    async fn journal(ctx: &ObjectContext, pile: Pile) -> HandlerResult<()> {
        for _ in 0..pile.n {
            ctx.run("keep", async || Ok(Bytes(vec![7; pile.bytes as usize]))).await?;
        }
        Ok(())
    }

    /// Records results of run blocks that are all open at once.
    async fn results(ctx: &ObjectContext, pile: Pile) -> HandlerResult<()> {
        let kept = (0..pile.n).map(async |_| {
            let kept = ctx.run("keep", async || Ok(Bytes(vec![7; pile.bytes as usize]))).await;
            kept.map(drop)
        });
        join_all(kept).await.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    /// Asks for so many values of its state at once, and says how many of them there are.
    async fn values(ctx: &SharedObjectContext, n: u64) -> HandlerResult<u64> {
        let asked = (0..n).map(async |n| ctx.get::<Bytes>(&format!("value-{n}")).await);
        let values = join_all(asked).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(values.iter().flatten().count() as u64)
    }

    /// Says how many values its state has.
    async fn names(ctx: &SharedObjectContext) -> HandlerResult<u64> {
        Ok(ctx.state_keys().await?.len() as u64)
    }
}
