//! `abide deployments list`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::CliError;
use crate::model::Deployments;
use crate::output::{print, say, table};
use crate::when;

pub async fn run(global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = client.get(client.url(&["deployments"])).await?;
    let Some(Deployments { deployments }) = client::shown(&body, global)? else { return Ok(()) };
    if deployments.is_empty() {
        say("nothing is deployed yet; try \"abide deploy PATH\"");
        return Ok(());
    }
    let mut table = table(&["ID", "STATUS", "LIVE", "CREATED", "SIZE", "SDK", "SERVICES"]);
    for deployment in deployments {
        let services =
            deployment.services.iter().map(|service| format!("{} [{}]", service.name, service.revision));
        table.add_row([
            deployment.id,
            deployment.status,
            deployment.invocations_live.to_string(),
            when::clock(&deployment.created_at),
            format!("{} KiB", deployment.size_bytes.div_ceil(1024)),
            deployment.sdk_version,
            services.collect::<Vec<_>>().join("\n"),
        ]);
    }
    print(table);
    Ok(())
}
