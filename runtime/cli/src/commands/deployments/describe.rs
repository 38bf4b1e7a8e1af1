//! `abide deployments describe`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::{deployments, services};
use crate::error::CliError;
use crate::model::Deployment;
use crate::output::print;
use crate::when;
use clap::Args;

#[derive(Args)]
pub struct Describe {
    /// The id of the deployment.
    pub id: String,
}

pub async fn run(describe: Describe, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = client.get(client.url(&["deployments", &describe.id])).await?;
    let Some(deployment) = client::shown::<Deployment>(&body, global)? else { return Ok(()) };
    print(format!(" ID:             {}", deployment.id));
    print(format!(" Status:         {}", status_text(&deployment)));
    print(format!(" Created:        {}", when::relative(&deployment.created_at, jiff::Timestamp::now())));
    print(format!(" Size:           {} KiB", deployment.size_bytes.div_ceil(1024)));
    print(format!(" SDK:            {}", deployment.sdk_version));
    deployments::show_settings(&deployment);
    for service in &deployment.services {
        print("");
        services::show(service);
    }
    Ok(())
}

fn status_text(deployment: &Deployment) -> String {
    let live = match deployment.invocations_live {
        0 => "no live invocation runs on it".to_owned(),
        1 => "1 live invocation runs on it".to_owned(),
        live => format!("{live} live invocations run on it"),
    };
    format!("{}, {live}", deployment.status)
}
