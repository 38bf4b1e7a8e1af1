//! Version 2: prices may have a comma.

use abide_sdk::prelude::*;
use upgrades::{Order, Review};

/// Sells things.
pub struct Shop;

#[service(retry(initial = "20ms", max_attempts = 3, on_max_attempts = "pause"))]
impl Shop {
    /// Reserves, computes the price, and charges.
    async fn order(ctx: &Context, order: Order) -> HandlerResult<String> {
        ctx.run("reserve", async || order.tell("reserve").await).await?;
        let price: f64 = order.price.replace(',', ".").parse()?;
        ctx.run("charge", async || order.tell("charge").await).await?;
        Ok(format!("{} for {price:.2}", order.item))
    }

    /// Packs, waits for the courier, and ships.
    async fn deliver(ctx: &Context, order: Order) -> HandlerResult<String> {
        ctx.run("pack", async || order.tell("pack").await).await?;
        let courier: String = ctx.awakeable_named("courier").await?;
        ctx.run("ship", async || order.tell("ship").await).await?;
        Ok(format!("{} is on its way with {courier}", order.item))
    }
}

/// What customers think of an item.
pub struct Reviews;

#[object]
impl Reviews {
    async fn add(ctx: &ObjectContext, review: Review) -> HandlerResult<u32> {
        let count = ctx.get::<u32>("count").await?.unwrap_or(0) + 1;
        ctx.set("count", &count);
        ctx.set("last", &review.stars);
        Ok(count)
    }
}
