//! `abide deploy`: from a crate or a file to a deployment.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::services::flavour;
use crate::error::CliError;
use crate::model::{Changed, Deployment, DryRun, NotCarriedOver, Offer};
use crate::output::{Paint, print, say, table};
use crate::report::{self, Report};
use crate::{guest, hints, progress};
use bytes::Bytes;
use clap::Args;
use futures_util::stream;
use reqwest::{Method, Url};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Pieces in which a component is sent, so that the bar moves.
const PIECE_BYTES: usize = 64 << 10;

#[derive(Args)]
pub struct Deploy {
    /// The folder of a crate, which is built, or a .wasm file.
    pub path: PathBuf,
    /// An environment variable for the handlers.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_env)]
    pub env: Vec<(String, String)>,
    /// A host that run blocks may reach by HTTP: host, host:port, or * for any.
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,
    /// Check it against what is recorded, and change nothing. Fails when it would be refused.
    #[arg(long)]
    pub dry_run: bool,
    /// Take new calls although live invocations could not go on with it: they stay on their code.
    #[arg(long)]
    pub force: bool,
    /// Move live invocations to it, those that it can go on with.
    #[arg(long)]
    pub migrate: bool,
    /// A service may become one of another kind, and handlers that live invocations need may go.
    #[arg(long)]
    pub breaking: bool,
}

impl Deploy {
    /// What is deployed without any option.
    fn of(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            env: Vec::new(),
            allow_host: Vec::new(),
            dry_run: false,
            force: false,
            migrate: false,
            breaking: false,
        }
    }
}

/// Splits `NAME=VALUE`.
pub fn parse_env(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("it has to look like NAME=VALUE".to_owned()),
    }
}

pub async fn run(deploy: Deploy, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let uploaded = build_and_upload(&client, &deploy).await;
    let (body, is_new) = uploaded.map_err(|refused| with_report(refused, global))?;
    if global.json {
        print(&body);
    }
    if deploy.dry_run {
        return show_dry_run(&client::read(&body)?, global);
    }
    if !global.json {
        let changed: Changed = client::read(&body)?;
        show_changed(&changed, is_new);
        suggest(&changed.deployment, &global.ingress_url);
    }
    Ok(())
}

fn show_dry_run(dry_run: &DryRun, global: &Global) -> Result<(), CliError> {
    if !global.json {
        show_offers(dry_run);
        report::show(&dry_run.check);
        warn_of_settings(dry_run.settings_not_carried_over.as_ref(), None);
    }
    match dry_run.refusal.as_deref() {
        None => {
            if !global.json {
                print("it can be deployed; nothing was changed");
            }
            Ok(())
        }
        Some(code) => Err(CliError {
            hint: hints::of_refusal(code, None).map(str::to_owned),
            ..CliError::failed(format!("it would be refused ({code}); nothing was changed"))
        }),
    }
}

/// Prints what the upload would offer, and whose calls it would get.
fn show_offers(dry_run: &DryRun) {
    if !dry_run.is_new {
        print("this component is a deployment already");
    }
    let mut table = table(&["SERVICE", "FLAVOR", "CALLS", "HANDLERS"]);
    for offer in &dry_run.services {
        table.add_row([
            offer.name.clone(),
            flavour(&offer.ty).to_owned(),
            calls_of(offer),
            handlers_of(offer),
        ]);
    }
    print(table);
}

fn calls_of(offer: &Offer) -> String {
    match &offer.takes_over_from {
        Some(other) => format!("taken over from {other}"),
        None if offer.is_new => "new".to_owned(),
        None => "go to it already".to_owned(),
    }
}

fn handlers_of(offer: &Offer) -> String {
    if offer.is_new {
        return offer.handlers.iter().map(|handler| handler.name.as_str()).collect::<Vec<_>>().join(", ");
    }
    let added = offer.handlers_added.iter().map(|name| format!("+{name}"));
    let changes: Vec<_> = added.chain(offer.handlers_removed.iter().map(|name| format!("-{name}"))).collect();
    if changes.is_empty() { "the same".to_owned() } else { changes.join(", ") }
}

fn show_changed(changed: &Changed, is_new: bool) {
    if !changed.check.groups.is_empty() {
        report::show(&changed.check);
    }
    show(&changed.deployment, is_new);
    if let Some(moved) = &changed.moved {
        report::show_moved(moved, &changed.deployment.id);
    }
    warn_of_settings(changed.settings_not_carried_over.as_ref(), Some(&changed.deployment));
}

/// Names the settings that are not carried over from the deployment before, and says how to give them.
fn warn_of_settings(missing: Option<&NotCarriedOver>, deployed: Option<&Deployment>) {
    let Some(missing) = missing else { return };
    let ways = match deployed {
        Some(deployment) => ways_to_set(missing, &deployment.id, &deployment.settings.allowed_hosts),
        None => vec![format!("deploy it with {}", options_for(missing))],
    };
    say_missing(missing, &ways);
}

/// Names the settings that are not carried over, and the ways to give them.
pub fn say_missing(missing: &NotCarriedOver, ways: &[String]) {
    let NotCarriedOver { variables, allowed_hosts } = missing;
    let what = [("variables", variables), ("allowed hosts", allowed_hosts)];
    let named = what.iter().filter(|(_, names)| !names.is_empty());
    let named: Vec<_> = named.map(|(what, names)| format!("{what} {}", names.join(", "))).collect();
    let warning = Paint::stderr().yellow("warning:");
    say(format!("{warning} not carried over from the version before: {}", named.join("; ")));
    ways.iter().for_each(|way| say(format!("hint: {way}")));
}

/// Returns the options by which a deployment gets what it has not.
pub fn options_for(missing: &NotCarriedOver) -> String {
    let env = missing.variables.iter().map(|name| format!("--env {name}=…"));
    let hosts = missing.allowed_hosts.iter().map(|host| format!("--allow-host '{host}'"));
    env.chain(hosts).collect::<Vec<_>>().join(" ")
}

/// Returns the commands that give a deployment what it has not, beside the hosts that it may reach already.
fn ways_to_set(missing: &NotCarriedOver, id: &str, allowed: &[String]) -> Vec<String> {
    let mut ways = Vec::new();
    if !missing.variables.is_empty() {
        let env: Vec<_> = missing.variables.iter().map(|name| format!("{name}=…")).collect();
        ways.push(format!("abide deployments env {id} {}", env.join(" ")));
    }
    if !missing.allowed_hosts.is_empty() {
        let hosts = allowed.iter().chain(&missing.allowed_hosts);
        let hosts: Vec<_> = hosts.map(|host| format!("'{host}'")).collect();
        ways.push(format!("abide deployments allow-host {id} {}", hosts.join(" ")));
    }
    ways
}

/// Shows the report that a refusal carries.
pub fn with_report(refused: CliError, global: &Global) -> CliError {
    let Some(body) = &refused.refusal else { return refused };
    if global.json {
        print(body);
    } else if let Ok(Refusal { details: Some(report) }) = serde_json::from_str(body) {
        report::show(&report);
    }
    refused
}

#[derive(Deserialize)]
struct Refusal {
    details: Option<Report>,
}

/// Builds what has to be built and uploads it. Returns the server's answer, and whether it is new.
pub async fn build_and_upload(client: &Client, deploy: &Deploy) -> Result<(String, bool), CliError> {
    let component = guest::component(&deploy.path).await?.bytes;
    upload(client, deploy, component).await
}

/// Uploads a component. Returns the server's answer, and whether it is new.
pub async fn upload(client: &Client, deploy: &Deploy, component: Bytes) -> Result<(String, bool), CliError> {
    let mut url = client.url(&["deployments"]);
    add_settings(&mut url, deploy);
    let size = component.len();
    let bar = progress::upload(size as u64);
    let (moving, mut sent) = (bar.clone(), 0);
    let pieces = std::iter::from_fn(move || {
        let piece = component.slice(sent..size.min(sent + PIECE_BYTES));
        sent += piece.len();
        moving.set_position(sent as u64);
        if sent == size {
            moving.finish_and_clear();
        }
        (!piece.is_empty()).then_some(Ok::<Bytes, std::io::Error>(piece))
    });
    let request = client
        .request(Method::POST, url)
        .header("content-type", "application/wasm")
        .header("content-length", size)
        .body(reqwest::Body::wrap_stream(stream::iter(pieces)));
    // The server is silent while it compiles and checks: then there is another thing to show.
    let response = progress::of_check(client, client.send(request)).await;
    bar.finish_and_clear();
    let response = response?;
    let is_new = response.status().as_u16() == 201;
    Ok((client.accept(response).await?, is_new))
}

fn add_settings(url: &mut Url, deploy: &Deploy) {
    let flags = [
        ("dry_run", deploy.dry_run),
        ("force", deploy.force),
        ("migrate", deploy.migrate),
        ("breaking", deploy.breaking),
    ];
    let is_plain = deploy.env.is_empty() && deploy.allow_host.is_empty();
    // Without settings there is no question mark either.
    if is_plain && flags.iter().all(|(_, is_set)| !is_set) {
        return;
    }
    let mut query = url.query_pairs_mut();
    for (name, value) in &deploy.env {
        query.append_pair("env", &format!("{name}={value}"));
    }
    for host in &deploy.allow_host {
        query.append_pair("allow_host", host);
    }
    for (name, _) in flags.iter().filter(|(_, is_set)| *is_set) {
        query.append_pair(name, "true");
    }
}

/// Prints the services of a deployment.
pub fn show(deployment: &Deployment, is_new: bool) {
    let news = if is_new { "new" } else { "the same component was there already" };
    print(format!("deployed {} ({news})", deployment.id));
    let mut table = table(&["SERVICE", "REVISION", "HANDLERS"]);
    for service in &deployment.services {
        let handlers: Vec<&str> = service.handlers.iter().map(|handler| handler.name.as_str()).collect();
        table.add_row([service.name.clone(), service.revision.to_string(), handlers.join(", ")]);
    }
    print(table);
}

/// Says what to type next: a call of the first handler that is public.
pub fn suggest(deployment: &Deployment, ingress_url: &str) {
    let public = deployment.services.iter().filter(|service| service.public);
    let first = public.flat_map(|service| service.handlers.iter().map(move |handler| (service, handler)));
    let Some((service, handler)) = first.into_iter().find(|(_, handler)| handler.public) else { return };
    let body = match handler.input_description.as_str() {
        "none" => "",
        "JSON string" => " --json '\"text\"'",
        _ => " --json '{…}'",
    };
    let key = if service.ty == "Service" { "" } else { "/any-key" };
    let url = ingress_url.trim_end_matches('/').trim_start_matches("http://");
    let bold = Paint::stderr().bold(&format!("curl {url}/{}{key}/{}{body}", service.name, handler.name));
    say(format!("call it:  {bold}"));
}

/// Builds and uploads one path on behalf of `abide up`.
pub async fn deploy_path(client: &Client, path: &Path, global: &Global) -> Result<Deployment, CliError> {
    let uploaded = build_and_upload(client, &Deploy::of(path)).await;
    let (body, is_new) = uploaded.map_err(|refused| with_report(refused, global))?;
    let Changed { deployment, settings_not_carried_over: missing, .. } = client::read(&body)?;
    if global.json {
        print(body);
    } else {
        show(&deployment, is_new);
        warn_of_settings(missing.as_ref(), Some(&deployment));
    }
    Ok(deployment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_go_into_the_query() {
        let mut url: Url = "http://h/deployments".parse().unwrap();
        let mut deploy = Deploy::of(Path::new("x"));
        add_settings(&mut url, &deploy);
        assert_eq!(url.as_str(), "http://h/deployments");
        deploy.env = vec![parse_env("A=b=c d&").unwrap()];
        deploy.allow_host = vec!["x.test:8080".into()];
        add_settings(&mut url, &deploy);
        assert_eq!(url.query(), Some("env=A%3Db%3Dc+d%26&allow_host=x.test%3A8080"));
        deploy = Deploy { dry_run: true, force: true, ..Deploy::of(Path::new("x")) };
        let mut url: Url = "http://h/deployments".parse().unwrap();
        add_settings(&mut url, &deploy);
        assert_eq!(url.query(), Some("dry_run=true&force=true"));
        assert!(parse_env("A").is_err() && parse_env("=1").is_err());
    }

    #[test]
    fn settings_that_are_missing_come_with_what_to_type() {
        let missing = NotCarriedOver { variables: vec!["A".into()], allowed_hosts: vec!["*".into()] };
        assert_eq!(options_for(&missing), "--env A=… --allow-host '*'");
        let ways = ways_to_set(&missing, "dp_1", &["x.test".into()]);
        assert_eq!(
            ways,
            ["abide deployments env dp_1 A=…", "abide deployments allow-host dp_1 'x.test' '*'"]
        );
    }
}
