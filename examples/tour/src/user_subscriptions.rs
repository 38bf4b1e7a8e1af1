//! Virtual objects: each user has a state of their own, kept by the runtime.

use abide_sdk::prelude::*;
use jiff::Timestamp;

/// The subscriptions of one user; the key is the user's id.
pub struct UserSubscriptions;

#[object(rename_all = "camelCase")]
impl UserSubscriptions {
    /// Remembers a subscription. One at a time per user.
    async fn add(ctx: &ObjectContext, subscription: String) -> HandlerResult<()> {
        // Get current subscriptions
        let mut subscriptions: Vec<String> = ctx.get("subscriptions").await?.unwrap_or_default();

        // Add new subscription
        if !subscriptions.contains(&subscription) {
            subscriptions.push(subscription);
        }
        ctx.set("subscriptions", &subscriptions);

        // Update metrics
        ctx.set("lastUpdated", &Timestamp::now());
        Ok(())
    }

    /// Lists the subscriptions. Only reads, so it need not wait for its turn.
    async fn get_subscriptions(ctx: &SharedObjectContext) -> HandlerResult<Vec<String>> {
        Ok(ctx.get("subscriptions").await?.unwrap_or_default())
    }
}
