//! `abide deployments remove`.

use crate::cli::Global;
use crate::client::Client;
use crate::error::CliError;
use crate::output::print;
use clap::Args;
use reqwest::Method;

#[derive(Args)]
pub struct Remove {
    /// The ids of the deployments.
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// Also when calls go to it, or invocations run on it: those fail until they are moved to another.
    #[arg(long)]
    pub force: bool,
}

pub async fn run(remove: Remove, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    for id in &remove.ids {
        let mut url = client.url(&["deployments", id]);
        if remove.force {
            url.query_pairs_mut().append_pair("force", "true");
        }
        client.ask(Method::DELETE, url, None).await?;
        if !global.json {
            print(format!("removed {id}"));
        }
    }
    if global.json {
        print(serde_json::json!({ "removed": remove.ids }));
    }
    Ok(())
}
