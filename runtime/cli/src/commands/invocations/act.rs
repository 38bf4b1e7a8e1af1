//! What is done to invocations that are named, or to all that a filter means.
//!
//! Those that are named are done one after the other. For a filter, the server is first asked how many
//! there are; a person at a terminal has to agree, a script has to say `--yes`.

use super::filter::Filter;
use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::{CliError, Kind};
use crate::model::{BulkFailed, BulkReport};
use crate::output::{print, say};
use crate::{confirm, progress};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

/// Invocations whose refusal is told one by one; more are only counted.
const FAILURES_SHOWN_MAX: usize = 20;

/// The invocations that are meant.
#[derive(Args)]
pub struct Chosen {
    /// The ids of the invocations.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub filter: Filter,
    /// All that the filter means, or all there are; without --status, those that this can be done to.
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// Only say how many there are.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask for confirmation.
    #[arg(long, short)]
    pub yes: bool,
}

/// What is done, and the words for it.
pub struct Verb {
    /// As the server knows it.
    pub name: &'static str,
    pub done: &'static str,
    /// For one: the parameters. For many: what stands beside the filter.
    pub options: Vec<(&'static str, String)>,
}

impl Verb {
    pub fn new(name: &'static str, done: &'static str) -> Self {
        Self { name, done, options: Vec::new() }
    }

    /// Adds a parameter if it is given.
    pub fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.options.extend(value.map(|value| (name, value)));
        self
    }
}

pub async fn run(verb: &Verb, chosen: &Chosen, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let fields = chosen.filter.fields();
    match (chosen.ids.is_empty(), fields.is_empty() && !chosen.all) {
        (false, false) => Err(CliError::new(Kind::Usage, "ids and a filter exclude each other")),
        (true, true) => {
            let hint = format!(
                "name invocations, or say which with --service, --status and others, or --all: \
                 abide invocations {} --help",
                verb.name
            );
            Err(CliError::new(Kind::Usage, "which invocations?").hint(hint))
        }
        (false, true) => named(&client, verb, chosen, global).await,
        (true, false) => filtered(&client, verb, chosen, &fields, global).await,
    }
}

/// The first that refuses ends it.
async fn named(client: &Client, verb: &Verb, chosen: &Chosen, global: &Global) -> Result<(), CliError> {
    for id in &chosen.ids {
        if chosen.dry_run {
            client.get(client.url(&["invocations", id])).await?;
            tell(global, json!({ "would_be": verb.done, "id": id }), &format!("{id} would be {}", verb.done));
            continue;
        }
        let mut url = client.url(&["invocations", id, verb.path()]);
        for (name, value) in &verb.options {
            url.query_pairs_mut().append_pair(name, value);
        }
        let body = client.ask(Method::PATCH, url, None).await?;
        let new = serde_json::from_str::<Value>(&body).ok();
        let new = new.as_ref().and_then(|body| body["new_invocation_id"].as_str());
        match new {
            Some(new) => tell(
                global,
                json!({ verb.done: id, "new_invocation_id": new }),
                &format!("{} {id} as {new}", verb.done),
            ),
            None => tell(global, json!({ verb.done: id }), &format!("{} {id}", verb.done)),
        }
    }
    Ok(())
}

fn tell(global: &Global, json: Value, text: &str) {
    if global.json { print(json) } else { print(text) }
}

async fn filtered(
    client: &Client,
    verb: &Verb,
    chosen: &Chosen,
    fields: &[(&'static str, String)],
    global: &Global,
) -> Result<(), CliError> {
    let bulk = Bulk { client, verb, fields };
    let mut found = 0;
    bulk.each_page(true, |page| found += page.matched).await?;
    if found == 0 || chosen.dry_run {
        if found == 0 {
            say(none(verb, &chosen.filter));
        }
        if found > 0 || global.json {
            let json = json!({ "matched": found, "dry_run": chosen.dry_run, "succeeded": [], "failed": [] });
            tell(global, json, &format!("{} would be {}", invocations(found), verb.done));
        }
        return Ok(());
    }
    if !chosen.yes && !confirm::ask(&format!("{} will be {}", invocations(found), verb.done))? {
        return Err(CliError::failed("nothing was done"));
    }
    let bar = progress::count(u64::try_from(found).unwrap_or(u64::MAX), verb.name);
    let mut total = BulkReport::default();
    bulk.each_page(false, |page| {
        bar.inc(u64::try_from(page.matched).unwrap_or(0));
        total.take_in(page);
    })
    .await?;
    bar.finish_and_clear();
    report(verb, &total, global)
}

/// Says that there are none, and where to look for them.
fn none(verb: &Verb, filter: &Filter) -> String {
    let which = if filter.status.is_empty() { format!(" that can be {}", verb.done) } else { String::new() };
    let look = "\"abide invocations list\" shows what there is";
    match &filter.service {
        Some(_) => format!("no invocation{which} matches; {look}, \"abide services list\" the services"),
        None => format!("no invocation{which} matches; {look}"),
    }
}

fn invocations(count: usize) -> String {
    if count == 1 { "1 invocation".into() } else { format!("{count} invocations") }
}

fn report(verb: &Verb, total: &BulkReport, global: &Global) -> Result<(), CliError> {
    if global.json {
        print(json!(total));
    } else {
        for done in &total.succeeded {
            let new = done.new_invocation_id.as_ref().map_or(String::new(), |new| format!(" as {new}"));
            print(format!("{} {}{new}", verb.done, done.invocation_id));
        }
    }
    for BulkFailed { invocation_id, message, .. } in total.failed.iter().take(FAILURES_SHOWN_MAX) {
        say(format!("{invocation_id}: {message}"));
    }
    if total.failed.is_empty() {
        return Ok(());
    }
    let (failed, of) = (total.failed.len(), invocations(total.matched));
    Err(CliError::failed(format!("{failed} of {of} were not {}", verb.done)).hint(
        "their answers are above; they may have changed meanwhile, \"abide invocations describe ID\" says what one does",
    ))
}

/// A part after the other, as much as the server does at once.
struct Bulk<'a> {
    client: &'a Client,
    verb: &'a Verb,
    fields: &'a [(&'static str, String)],
}

impl Bulk<'_> {
    async fn each_page(&self, is_dry: bool, mut take: impl FnMut(BulkReport)) -> Result<(), CliError> {
        let mut filter: serde_json::Map<String, Value> =
            self.fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        loop {
            let mut body = json!({ "filter": filter, "dry_run": is_dry });
            for (name, value) in &self.verb.options {
                body[*name] = json!(value);
            }
            let url = self.client.url(&["invocations", "bulk", self.verb.path()]);
            let answer = self.client.ask(Method::POST, url, Some(body.to_string())).await?;
            let page: BulkReport = client::read(&answer)?;
            let next = page.next_before.clone().filter(|_| page.is_truncated);
            take(page);
            match next {
                Some(next) => _ = filter.insert("before".to_owned(), json!(next)),
                None => return Ok(()),
            }
        }
    }
}

impl Verb {
    fn path(&self) -> &'static str {
        match self.name {
            "restart" => "restart-as-new",
            name => name,
        }
    }
}
