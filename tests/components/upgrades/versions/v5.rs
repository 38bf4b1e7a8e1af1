//! Version 5: it panics on what is packed, and answers orders in other words.

use abide_sdk::prelude::*;
use upgrades::Order;

/// Sells things.
pub struct Shop;

#[service(retry(initial = "20ms", max_attempts = 3, on_max_attempts = "pause"))]
impl Shop {
    /// Reserves, computes the price, and charges.
    async fn order(ctx: &Context, order: Order) -> HandlerResult<String> {
        ctx.run("reserve", async || order.tell("reserve").await).await?;
        let price: f64 = order.price.replace(',', ".").parse()?;
        ctx.run("charge", async || order.tell("charge").await).await?;
        Ok(format!("you bought {} for {price:.2}", order.item))
    }

    /// Packs, and then knows nothing better than to panic.
    async fn deliver(ctx: &Context, order: Order) -> HandlerResult<String> {
        let packed = ctx.run("pack", async || order.tell("pack").await).await?;
        assert!(packed.is_empty(), "no courier for {packed}");
        Ok(packed)
    }
}
