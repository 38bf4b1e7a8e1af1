//! Version 4: nothing is delivered any more, and reviews are not kept by item.

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
}

/// What customers think.
pub struct Reviews;

#[service]
impl Reviews {
    async fn add(_ctx: &Context, review: Review) -> HandlerResult<u32> {
        Ok(review.stars)
    }
}
