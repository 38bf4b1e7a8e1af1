//! `abide objects list`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::CliError;
use crate::model::Other;
use crate::output::{one_line, print, say, table};
use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;

#[derive(Args)]
pub struct List {
    /// The name of the service.
    pub service: String,
    /// Only keys that begin so.
    #[arg(long)]
    pub prefix: Option<String>,
    /// Only keys after this one.
    #[arg(long, value_name = "KEY")]
    pub after: Option<String>,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
}

#[derive(Deserialize)]
struct Page {
    objects: Vec<Object>,
    next_after: Option<String>,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    state_values: usize,
    state_bytes: usize,
    holder: Option<Other>,
    waiting: u64,
}

pub async fn run(list: List, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut url = client.url(&["services", &list.service, "objects"]);
    url.query_pairs_mut().append_pair("limit", &list.limit.to_string());
    for (name, value) in [("prefix", &list.prefix), ("after", &list.after)] {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    let body = client.get(url).await?;
    let Some(page) = client::shown::<Page>(&body, global)? else { return Ok(()) };
    if page.objects.is_empty() {
        say("no objects");
        return Ok(());
    }
    let mut table = table(&["KEY", "VALUES", "BYTES", "HELD BY", "WAITING"]);
    for object in page.objects {
        let holder = object.holder.map_or_else(String::new, |holder| {
            format!("{} {}", holder.invocation_id, one_line(&holder.target.unwrap_or_default()))
        });
        table.add_row([
            Cell::new(one_line(&object.key)),
            Cell::new(object.state_values),
            Cell::new(object.state_bytes),
            Cell::new(holder.trim_end()),
            Cell::new(object.waiting),
        ]);
    }
    print(table);
    if let Some(next) = page.next_after {
        say(format!("there may be more: --after {next}"));
    }
    Ok(())
}
