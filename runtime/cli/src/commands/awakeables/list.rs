//! `abide awakeables list`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::CliError;
use crate::output::{one_line, print, say, table};
use crate::when;
use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;

#[derive(Args)]
pub struct List {
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// Goes on where the list before ended.
    #[arg(long, value_name = "PLACE")]
    pub before: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    awakeables: Vec<Awakeable>,
    next_before: Option<String>,
}

#[derive(Deserialize)]
struct Awakeable {
    id: String,
    name: Option<String>,
    target: String,
    since: String,
}

pub async fn run(list: List, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut url = client.url(&["awakeables"]);
    url.query_pairs_mut().append_pair("limit", &list.limit.to_string());
    if let Some(before) = &list.before {
        url.query_pairs_mut().append_pair("before", before);
    }
    let body = client.get(url).await?;
    let Some(page) = client::shown::<Page>(&body, global)? else { return Ok(()) };
    let now = jiff::Timestamp::now();
    if page.awakeables.is_empty() {
        say("no handler waits for an awakeable");
    } else {
        let mut table = table(&["ID", "NAME", "TARGET", "SINCE"]);
        for awakeable in page.awakeables {
            table.add_row([
                Cell::new(awakeable.id),
                Cell::new(one_line(&awakeable.name.unwrap_or_default())),
                Cell::new(one_line(&awakeable.target)),
                Cell::new(when::distance_of(&awakeable.since, now)),
            ]);
        }
        print(table);
    }
    if let Some(next) = page.next_before {
        say(format!("there may be more: --before {next}"));
    }
    Ok(())
}
