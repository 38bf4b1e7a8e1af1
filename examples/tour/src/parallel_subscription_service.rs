//! Concurrent tasks: all subscriptions at once.

use abide_sdk::prelude::*;

use crate::SubscriptionRequest;
use crate::clients::{create_recurring_payment, create_subscription};

/// Adds subscriptions concurrently.
pub struct ParallelSubscriptionService;

/// What the caller gets.
#[data]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionResult {
    success: bool,
    payment_ref: String,
}

#[service]
impl ParallelSubscriptionService {
    /// Sets up the payment, then adds all subscriptions at once.
    async fn add(ctx: &Context, req: SubscriptionRequest) -> HandlerResult<SubscriptionResult> {
        let payment_id = ctx.rand_uuid();
        let payment_ref =
            ctx.run("pay", async || create_recurring_payment(&req.credit_card, payment_id).await).await?;

        // Start all subscriptions in parallel
        let (user_id, pay_ref) = (&req.user_id, &payment_ref);
        let subscriptions = req.subscriptions.iter().map(|subscription| {
            ctx.run(format!("add-{subscription}"), async move || {
                create_subscription(user_id, subscription, pay_ref).await
            })
        });

        // Wait for all subscriptions to complete
        try_join_all(subscriptions).await?;

        Ok(SubscriptionResult { success: true, payment_ref })
    }
}
