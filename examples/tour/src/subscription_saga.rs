//! Sagas: when a step fails for good, what was done before is undone, latest first.

use abide_sdk::prelude::*;

use crate::SubscriptionRequest;
use crate::clients::{
    create_recurring_payment, create_subscription, remove_recurring_payment, remove_subscription,
};

/// Adds all subscriptions or none.
pub struct SubscriptionSaga;

/// How to undo one step.
enum Compensation<'a> {
    RemovePayment(Uuid),
    RemoveSubscription(&'a str),
}

#[service]
impl SubscriptionSaga {
    /// Sets up the payment and adds each subscription; undoes all of it when one is not available.
    async fn add(ctx: &Context, req: SubscriptionRequest) -> HandlerResult<()> {
        let mut compensations = Vec::new();
        let added = add_all(ctx, &req, &mut compensations).await;
        if added.is_err() {
            for compensation in compensations.into_iter().rev() {
                compensation.run(ctx, &req).await?;
            }
        }
        Ok(added?)
    }
}

/// Remembers the compensation of each step before the step: a step that failed may have had effects.
async fn add_all<'a>(
    ctx: &Context,
    req: &'a SubscriptionRequest,
    compensations: &mut Vec<Compensation<'a>>,
) -> Result<(), TerminalError> {
    let payment_id = ctx.rand_uuid();
    compensations.push(Compensation::RemovePayment(payment_id));
    let pay_ref =
        ctx.run("pay", async || create_recurring_payment(&req.credit_card, payment_id).await).await?;

    for subscription in &req.subscriptions {
        compensations.push(Compensation::RemoveSubscription(subscription));
        ctx.run(format!("add-{subscription}"), async || {
            create_subscription(&req.user_id, subscription, &pay_ref).await
        })
        .await?;
    }
    Ok(())
}

impl Compensation<'_> {
    async fn run(self, ctx: &Context, req: &SubscriptionRequest) -> Result<(), TerminalError> {
        match self {
            Self::RemovePayment(id) => ctx.run("undo-pay", async || remove_recurring_payment(id).await).await,
            Self::RemoveSubscription(name) => {
                ctx.run(format!("undo-{name}"), async || remove_subscription(&req.user_id, name).await).await
            }
        }
    }
}
