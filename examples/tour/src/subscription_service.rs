//! Durable execution: a handler that continues where it left off.

use abide_sdk::prelude::*;

use crate::SubscriptionRequest;
use crate::clients::{create_recurring_payment, create_subscription};

/// Adds subscriptions one after the other.
pub struct SubscriptionService;

#[service]
impl SubscriptionService {
    /// Sets up the payment, then adds each subscription.
    async fn add(ctx: &Context, req: SubscriptionRequest) -> HandlerResult<()> {
        let payment_id = ctx.rand_uuid();

        let pay_ref =
            ctx.run("pay", async || create_recurring_payment(&req.credit_card, payment_id).await).await?;

        for subscription in &req.subscriptions {
            ctx.run(format!("add-{subscription}"), async || {
                create_subscription(&req.user_id, subscription, &pay_ref).await
            })
            .await?;
        }
        Ok(())
    }
}
