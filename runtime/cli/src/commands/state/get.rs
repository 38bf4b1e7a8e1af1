//! `abide state get`.

use super::Object;
use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::{CliError, Kind};
use crate::model::Payload;
use crate::output::{one_line, print, print_raw, say, table};
use clap::Args;
use comfy_table::Cell;
use serde::Deserialize;

/// Characters of a value in the table.
const VALUE_CHARS_MAX: usize = 100;

#[derive(Args)]
pub struct Get {
    #[command(flatten)]
    pub object: Object,
    /// Only this value, as a whole and as it is stored.
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct State {
    version: Option<String>,
    values: Vec<Value>,
    values_total: usize,
}

#[derive(Deserialize)]
struct Value {
    name: String,
    size_bytes: usize,
    value: Payload,
}

pub async fn run(get: Get, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    if let Some(name) = get.name.as_ref().filter(|_| !global.json) {
        let (mut values, _) = super::read(&client, &get.object).await?;
        let value = values.remove(name).ok_or_else(|| {
            let Object { service, key } = &get.object;
            CliError::new(Kind::NotFound, format!("{service}/{key} has no value '{name}'"))
                .hint("abide state get SERVICE KEY lists them")
        })?;
        print_raw(&value);
        return Ok(());
    }
    let mut url = client.url(&["services", &get.object.service, "state"]);
    url.query_pairs_mut().append_pair("key", &get.object.key);
    if let Some(name) = &get.name {
        url.query_pairs_mut().append_pair("name", name).append_pair("full", "true");
    }
    let body = client.get(url).await?;
    if let Some(found) = client::shown(&body, global)? {
        show(&found);
    }
    Ok(())
}

fn show(state: &State) {
    if state.values.is_empty() {
        say("no values");
        return;
    }
    let mut table = table(&["NAME", "BYTES", "VALUE"]);
    for value in &state.values {
        table.add_row([
            Cell::new(one_line(&value.name)),
            Cell::new(value.size_bytes),
            Cell::new(text(&value.value).chars().take(VALUE_CHARS_MAX).collect::<String>()),
        ]);
    }
    print(table);
    if state.values_total > state.values.len() {
        say(format!("{} values, the first {} are shown", state.values_total, state.values.len()));
    }
    if let Some(version) = &state.version {
        say(format!("version {version}"));
    }
}

fn text(value: &Payload) -> String {
    match (&value.json, &value.text) {
        (Some(json), _) => json.to_string(),
        (None, Some(text)) => one_line(text),
        (None, None) => format!("{} bytes", value.bytes),
    }
}
