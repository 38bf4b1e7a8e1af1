//! Durable timers: a handler that does not wait forever.

use abide_sdk::prelude::*;

use crate::clients::{cancel_payment, init_payment};
use crate::payments::{ConfirmationRequest, PaymentRequest, PaymentResult};

/// As `Payments`, but a payment that nobody confirms in time is cancelled.
pub struct PaymentsWithTimeout;

#[service]
impl PaymentsWithTimeout {
    /// Starts a payment and waits half a minute until it is confirmed.
    async fn process(ctx: &Context, req: PaymentRequest) -> HandlerResult<PaymentResult> {
        let confirmation = ctx.awakeable::<PaymentResult>();

        let payment_id = ctx.rand_uuid();
        let pay_ref =
            ctx.run("pay", async || init_payment(&req, payment_id, confirmation.id()).await).await?;

        // Race between payment confirmation and timeout
        match ctx.timeout(Duration::from_secs(30), confirmation).await? {
            Some(result) => Ok(result?),
            None => {
                // Cancel the payment with external provider
                ctx.run("cancel-payment", async || cancel_payment(&pay_ref).await).await?;
                let error_message = Some("Payment timeout".to_owned());
                Ok(PaymentResult { success: false, error_message, ..Default::default() })
            }
        }
    }

    /// Webhook handler called by external payment provider.
    async fn confirm(ctx: &Context, confirmation: ConfirmationRequest) -> HandlerResult<()> {
        Ok(ctx.resolve_awakeable(&confirmation.id, &confirmation.result)?)
    }
}
