//! The tour of durable execution: one file per service.

mod clients;
mod concert_ticketing_service;
mod email_service;
mod parallel_subscription_service;
mod payment_service;
mod payments;
mod payments_with_timeout;
mod subscription_saga;
mod subscription_service;
mod user_subscriptions;

use abide_sdk::prelude::*;

/// What all services of the tour that add subscriptions take.
#[data]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionRequest {
    user_id: String,
    credit_card: String,
    subscriptions: Vec<String>,
}
