//! `abide services list`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::services::flavour;
use crate::error::CliError;
use crate::model::Services;
use crate::output::{print, say, table};

pub async fn run(global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = client.get(client.url(&["services"])).await?;
    let Some(Services { services }) = client::shown(&body, global)? else { return Ok(()) };
    if services.is_empty() {
        say("no services yet; try \"abide deploy PATH\"");
        return Ok(());
    }
    let mut table = table(&["", "NAME", "REVISION", "FLAVOR", "DEPLOYMENT", "HANDLERS"]);
    for service in services {
        let access = if service.public { "[public]" } else { "[private]" };
        table.add_row([
            access.to_owned(),
            service.name,
            service.revision.to_string(),
            flavour(&service.ty).to_owned(),
            service.deployment_id,
            service.handlers.len().to_string(),
        ]);
    }
    print(table);
    Ok(())
}
