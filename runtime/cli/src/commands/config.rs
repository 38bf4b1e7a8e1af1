//! `abide config`: how the server is, or would be, set up.

use crate::cli::Global;
use crate::client::{Client, read};
use crate::config::{self, Flags};
use crate::error::CliError;
use crate::output::{one_line, print, say, table};
use abide_server::ShownSetting;
use clap::Args;
use serde::{Deserialize, Serialize};

#[derive(Args)]
pub struct Config {
    /// Print a file with every setting and its default, commented out.
    #[arg(long, conflicts_with = "running")]
    pub default: bool,
    /// Ask the running server instead of reading file and environment.
    #[arg(long)]
    pub running: bool,
    #[command(flatten)]
    pub flags: Flags,
}

/// What `GET /config` answers.
#[derive(Serialize, Deserialize)]
struct Listing {
    values: Vec<ShownSetting>,
}

pub async fn run(command: Config, global: &Global) -> Result<(), CliError> {
    if command.default {
        print(config::example::example().trim_end());
        return Ok(());
    }
    let (listing, file) = if command.running {
        let client = Client::admin(global)?;
        (read::<Listing>(&client.get(client.url(&["config"])).await?)?, None)
    } else {
        let loaded = config::load(&command.flags)?;
        (Listing { values: config::shown::shown(&loaded) }, loaded.file)
    };
    if global.json {
        let json = serde_json::to_string(&listing);
        print(json.map_err(|error| CliError::failed(format!("cannot write the settings: {error}")))?);
        return Ok(());
    }
    let mut shown = table(&["SETTING", "VALUE", "FROM"]);
    for setting in listing.values {
        shown.add_row([setting.key, one_line(&text(&setting.value)), one_line(&setting.origin)]);
    }
    print(shown);
    match file {
        Some(file) => say(format!("\nread from {}, the environment and the flags", file.display())),
        None if !command.running => {
            say("\nthere is no abide.toml here; \"abide config --default\" prints one")
        }
        None => {}
    }
    Ok(())
}

fn text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "-".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
