//! `abide deployments promote`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::{deploy, deployments};
use crate::error::CliError;
use crate::hints;
use crate::model::Changed;
use crate::output::print;
use crate::report;
use clap::Args;

#[derive(Args)]
pub struct Promote {
    /// The id of the deployment.
    pub id: String,
    /// Also when live invocations could not go on with it: they stay on their code.
    #[arg(long)]
    pub force: bool,
}

pub async fn run(promote: Promote, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let answer = deployments::act(&client, &promote.id, "promote", promote.force).await;
    let body = answer.map_err(|refused| with_own_hint(deploy::with_report(refused, global)))?;
    let Some(changed) = client::shown::<Changed>(&body, global)? else { return Ok(()) };
    report::show(&changed.check);
    print(format!("new calls go to {} now", changed.deployment.id));
    Ok(())
}

fn with_own_hint(refused: CliError) -> CliError {
    match refused.code().as_deref().and_then(hints::of_promotion) {
        Some(hint) => refused.hint(hint),
        None => refused,
    }
}
