//! `abide state clear`.

use super::{How, Object, Values};
use crate::cli::Global;
use crate::client::Client;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Clear {
    #[command(flatten)]
    pub object: Object,
    #[command(flatten)]
    pub how: How,
}

pub async fn run(clear: Clear, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    super::write(&client, &clear.object, (Values::new(), None), &clear.how, global).await
}
