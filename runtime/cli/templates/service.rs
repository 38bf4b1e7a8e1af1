//! A service: handlers, and any number of invocations at once.

use abide_sdk::prelude::*;

/// What somebody wants.
#[data]
#[serde(rename_all = "camelCase")]
pub struct Order {
    customer: String,
    items: Vec<String>,
}

pub struct Example;

#[service]
impl Example {
    /// Charges the customer, ships each item, and answers with the receipt.
    async fn place(ctx: &Context, order: Order) -> HandlerResult<String> {
        // Drawn outside the run block: the same on every attempt, so that nobody is charged twice.
        let payment_id = ctx.rand_uuid();
        let receipt = ctx.run("charge", async || charge(&order.customer, payment_id).await).await?;
        for item in &order.items {
            ctx.run(format!("ship-{item}"), async || ship(item).await).await?;
        }
        Ok(receipt)
    }
}

/// What is done in a run block is recorded, and never done again. An error is tried again later.
async fn charge(customer: &str, payment_id: Uuid) -> HandlerResult<String> {
    println!("charging {customer}");
    Ok(format!("receipt for {customer}, payment {payment_id}"))
}

async fn ship(item: &str) -> HandlerResult<()> {
    println!("shipping {item}");
    Ok(())
}
