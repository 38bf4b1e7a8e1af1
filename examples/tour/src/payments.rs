//! External events: a handler that waits until somebody outside calls back.

use abide_sdk::prelude::*;

use crate::clients::init_payment;

/// Payments by a provider that confirms them later, by a webhook.
pub struct Payments;

/// What to pay.
#[data]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequest {
    pub amount: u32,
    pub currency: String,
    pub customer_id: String,
    pub order_id: String,
}

/// What the provider says.
#[data]
#[derive(Default)]
#[serde(rename_all = "camelCase")]
pub struct PaymentResult {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// What the provider sends: the id it was given, and the result.
#[data]
pub struct ConfirmationRequest {
    pub id: String,
    pub result: PaymentResult,
}

#[service]
impl Payments {
    /// Starts a payment and waits until it is confirmed.
    async fn process(ctx: &Context, req: PaymentRequest) -> HandlerResult<PaymentResult> {
        // Create awakeable to wait for webhook payment confirmation
        let confirmation = ctx.awakeable::<PaymentResult>();

        // Initiate payment with external provider (Stripe, PayPal, etc.)
        let payment_id = ctx.rand_uuid();
        ctx.run("pay", async || init_payment(&req, payment_id, confirmation.id()).await).await?;

        // Wait for external payment provider to call our webhook
        Ok(confirmation.await?)
    }

    /// Webhook handler called by external payment provider.
    async fn confirm(ctx: &Context, confirmation: ConfirmationRequest) -> HandlerResult<()> {
        // Resolve the awakeable to continue the payment flow
        Ok(ctx.resolve_awakeable(&confirmation.id, &confirmation.result)?)
    }
}
