//! `abide services patch`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::services;
use crate::error::{CliError, Kind};
use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value};

/// The changes last until the next deployment of the service.
#[derive(Args)]
pub struct Patch {
    /// The name of the service.
    pub name: String,
    /// Whether the ingress may call it.
    #[arg(long, value_name = "true|false")]
    pub public: Option<bool>,
    /// How long answers with an idempotency key are kept: 1h, 7d.
    #[arg(long, value_name = "TIME")]
    pub idempotency_retention: Option<String>,
    /// How long workflows are kept after their end.
    #[arg(long, value_name = "TIME")]
    pub workflow_completion_retention: Option<String>,
    /// How long journals are kept.
    #[arg(long, value_name = "TIME")]
    pub journal_retention: Option<String>,
}

pub async fn run(patch: Patch, global: &Global) -> Result<(), CliError> {
    let fields = [
        ("public", patch.public.map(Value::from)),
        ("idempotency_retention", patch.idempotency_retention.map(Value::from)),
        ("workflow_completion_retention", patch.workflow_completion_retention.map(Value::from)),
        ("journal_retention", patch.journal_retention.map(Value::from)),
    ];
    let change: Map<String, Value> =
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    if change.is_empty() {
        return Err(CliError::new(Kind::Usage, "nothing to change")
            .hint("abide services patch --help lists what can be"));
    }
    let client = Client::admin(global)?;
    let url = client.url(&["services", &patch.name]);
    let body = client.ask(Method::PATCH, url, Some(Value::from(change).to_string())).await?;
    if let Some(found) = client::shown(&body, global)? {
        services::show(&found);
    }
    Ok(())
}
