//! `abide invocations children`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::CliError;
use crate::model::Invocation;
use crate::output::{one_line, print, say, status_cell, table};
use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;

#[derive(Args)]
pub struct Children {
    /// The id of the invocation.
    pub id: String,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
    /// Only those from this operation on.
    #[arg(long, value_name = "OP", default_value_t = 0)]
    pub from: u32,
}

#[derive(Deserialize)]
struct Page {
    children: Vec<Child>,
    next_from: Option<u32>,
}

#[derive(Deserialize)]
struct Child {
    op: u32,
    kind: String,
    invocation_id: String,
    target: Option<String>,
    invocation: Option<Invocation>,
}

pub async fn run(children: Children, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut url = client.url(&["invocations", &children.id, "children"]);
    url.query_pairs_mut()
        .append_pair("from", &children.from.to_string())
        .append_pair("limit", &children.limit.to_string());
    let body = client.get(url).await?;
    let Some(page) = client::shown::<Page>(&body, global)? else { return Ok(()) };
    if page.children.is_empty() {
        say("it has called nobody");
        return Ok(());
    }
    let mut table = table(&["OP", "KIND", "ID", "TARGET", "STATUS"]);
    for child in page.children {
        let status = child.invocation.as_ref().map_or_else(|| "gone".to_owned(), Invocation::status_text);
        let is_failure = child.invocation.as_ref().is_some_and(Invocation::is_failure);
        table.add_row([
            Cell::new(child.op),
            Cell::new(child.kind),
            Cell::new(child.invocation_id),
            Cell::new(one_line(&child.target.unwrap_or_default())),
            status_cell(&status, is_failure),
        ]);
    }
    print(table);
    if let Some(next) = page.next_from {
        say(format!("there may be more: --from {next}"));
    }
    Ok(())
}
