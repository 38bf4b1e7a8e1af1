//! `abide deployments allow-host`.

use crate::cli::Global;
use crate::commands::deployments;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct AllowHost {
    /// The id of the deployment.
    pub id: String,
    /// All hosts that run blocks may reach from now on: host, host:port, or * for any.
    #[arg(required_unless_present = "none", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Allow no host at all.
    #[arg(long, conflicts_with = "hosts")]
    pub none: bool,
}

pub async fn run(allow_host: AllowHost, global: &Global) -> Result<(), CliError> {
    let change = serde_json::json!({ "allowed_hosts": allow_host.hosts });
    deployments::change(&allow_host.id, &change, global).await
}
