//! The tour of durable execution: one file per section, one service each.

mod clients;
mod parallel_subscription_service;
mod subscription_saga;
mod subscription_service;

use abide_sdk::prelude::*;

/// What all services of the tour that add subscriptions take.
#[data]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionRequest {
    user_id: String,
    credit_card: String,
    subscriptions: Vec<String>,
}
