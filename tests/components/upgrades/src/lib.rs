//! What all versions of the shop share. The versions are in `versions/`, for tests of upgrades.

use abide_sdk::prelude::*;

/// What somebody orders, and where the tests see what is done about it.
#[data]
pub struct Order {
    pub item: String,
    pub price: String,
    pub url: Option<String>,
}

impl Order {
    /// Tells the outside of a step, if it wants to know.
    pub async fn tell(&self, step: &str) -> HandlerResult<String> {
        let Some(url) = &self.url else { return Ok(step.to_owned()) };
        let response = http::post(url).body(step).header("content-type", "text/plain").send().await?;
        Ok(response.error_for_status()?.text())
    }
}

/// What a customer thinks.
#[data]
pub struct Review {
    pub stars: u32,
}
