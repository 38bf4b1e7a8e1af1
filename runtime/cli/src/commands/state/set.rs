//! `abide state set`.

use super::{How, Object};
use crate::cli::Global;
use crate::client::Client;
use crate::error::{CliError, Kind};
use bytes::Bytes;
use clap::Args;
use serde::de::IgnoredAny;

#[derive(Args)]
pub struct Set {
    #[command(flatten)]
    pub object: Object,
    /// The name of the value.
    pub name: String,
    /// The value, as JSON.
    #[arg(required_unless_present = "remove")]
    pub value: Option<String>,
    /// Take the value as it is, whether it is JSON or not.
    #[arg(long)]
    pub raw: bool,
    /// Remove the value instead.
    #[arg(long, conflicts_with = "value")]
    pub remove: bool,
    #[command(flatten)]
    pub how: How,
}

/// The rest of the state stays as it is; when somebody changes it meanwhile, nothing is done.
pub async fn run(set: Set, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let value = set.value.map(|value| checked(value, set.raw)).transpose()?;
    let (mut values, version) = super::read(&client, &set.object).await?;
    match value {
        Some(value) => _ = values.insert(set.name, value),
        None => _ = values.remove(&set.name),
    }
    super::write(&client, &set.object, (values, version), &set.how, global).await
}

fn checked(value: String, is_raw: bool) -> Result<Bytes, CliError> {
    match serde_json::from_str::<IgnoredAny>(&value) {
        Err(error) if !is_raw => Err(CliError::new(Kind::Usage, format!("the value is not JSON: {error}"))
            .hint("a text is written '\"text\"'; --raw takes anything as it is")),
        _ => Ok(value.into()),
    }
}
