//! The payment provider and the subscription platforms, simulated.
//!
//! Everything here has side effects, so the services call it in run blocks only. Two environment
//! variables of the deployment repair what is broken: `NETFLIX=up` and `DISNEY=up`. With
//! `SUBSCRIPTIONS_URL` set, every call is also posted there, so that somebody can count.

use abide_sdk::prelude::*;
use abide_sdk::serde_json::{Value, json};

use crate::payments::PaymentRequest;

/// Charges the card every month from now on. The id makes asking twice harmless.
pub async fn create_recurring_payment(credit_card: &str, payment_id: Uuid) -> HandlerResult<String> {
    println!(">>> Creating recurring payment {payment_id}");
    post("payments/create", json!({ "creditCard": credit_card, "paymentId": payment_id })).await?;
    Ok(format!("payment-{payment_id}"))
}

/// Stops charging.
pub async fn remove_recurring_payment(payment_id: Uuid) -> HandlerResult<()> {
    println!(">>> Removing recurring payment {payment_id}");
    post("payments/remove", json!({ "paymentId": payment_id })).await
}

/// Adds one subscription.
pub async fn create_subscription(
    user_id: &str,
    subscription: &str,
    payment_ref: &str,
) -> HandlerResult<String> {
    fail_on_netflix(subscription)?;
    terminal_error_on_disney(subscription)?;
    let order = json!({ "userId": user_id, "subscription": subscription, "paymentRef": payment_ref });
    post("subscriptions/create", order).await?;
    println!(">>> Created subscription {subscription} for user {user_id}");
    Ok("SUCCESS".to_owned())
}

/// Removes one subscription; also when there is none, so that a compensation can always run.
pub async fn remove_subscription(user_id: &str, subscription: &str) -> HandlerResult<()> {
    post("subscriptions/remove", json!({ "userId": user_id, "subscription": subscription })).await?;
    println!(">>> Removed subscription {subscription} for user {user_id}");
    Ok(())
}

/// Asks the provider for a payment, which it confirms later. Here you are the provider: this prints
/// how to confirm. `INGRESS` in the environment of the deployment is for a server at another port.
pub async fn init_payment(
    req: &PaymentRequest,
    payment_id: Uuid,
    confirmation_id: &str,
) -> HandlerResult<String> {
    let body = json!({ "paymentId": payment_id, "confirmationId": confirmation_id, "payment": req });
    post("payments/init", body).await?;
    let ingress = std::env::var("INGRESS").unwrap_or_else(|_| "localhost:8080".to_owned());
    let result = r#"{"success": true, "transactionId": "txn-123"}"#;
    let confirm = format!(r#"confirm --json '{{"id": "{confirmation_id}", "result": {result}}}'"#);
    println!(">>> Initiating external payment {payment_id}");
    println!("  Confirm the payment via:");
    println!("    - For Payments service: curl {ingress}/Payments/{confirm}");
    println!("    - For PaymentsWithTimeout service: curl {ingress}/PaymentsWithTimeout/{confirm}");
    Ok(format!("payRef-{payment_id}"))
}

/// Calls off a payment that was not confirmed.
pub async fn cancel_payment(pay_ref: &str) -> HandlerResult<()> {
    println!(">>> Canceling external payment with ref {pay_ref}");
    post("payments/cancel", json!({ "payRef": pay_ref })).await
}

/// An outage: an ordinary error, which is worth another try.
fn fail_on_netflix(subscription: &str) -> HandlerResult<()> {
    if subscription == "Netflix" && !is_up("NETFLIX") {
        let message = r#"[👻 SIMULATED] "Netflix subscription failed: Netflix API down...""#;
        eprintln!("{message}");
        return Err(message.into());
    }
    Ok(())
}

/// A refusal: a terminal error, because trying again will not help.
fn terminal_error_on_disney(subscription: &str) -> Result<(), TerminalError> {
    if subscription == "Disney" && !is_up("DISNEY") {
        let message = r#"[👻 SIMULATED] "Disney subscription is not available in this region""#;
        eprintln!("{message}");
        return Err(TerminalError::new(message));
    }
    Ok(())
}

fn is_up(platform: &str) -> bool {
    std::env::var(platform).is_ok_and(|state| state == "up")
}

async fn post(path: &str, body: Value) -> HandlerResult<()> {
    if let Ok(base) = std::env::var("SUBSCRIPTIONS_URL") {
        let url = format!("{}/{path}", base.trim_end_matches('/'));
        http::post(url).json(&body).send().await?.error_for_status()?;
    }
    Ok(())
}
