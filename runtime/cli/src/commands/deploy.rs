//! `abide deploy`: from a crate or a file to a deployment.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::CliError;
use crate::model::Deployment;
use crate::output::{Paint, print, say, table};
use crate::{guest, progress};
use bytes::Bytes;
use clap::Args;
use futures_util::stream;
use reqwest::{Method, Url};
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
    let (body, is_new) = build_and_upload(&client, &deploy).await?;
    if global.json {
        print(body);
        return Ok(());
    }
    let deployment: Deployment = client::read(&body)?;
    show(&deployment, is_new);
    suggest(&deployment, &global.ingress_url);
    Ok(())
}

/// Builds what has to be built and uploads it. Returns the server's answer, and whether it is new.
pub async fn build_and_upload(client: &Client, deploy: &Deploy) -> Result<(String, bool), CliError> {
    let component = guest::component(&deploy.path).await?;
    let mut url = client.url(&["deployments"]);
    add_settings(&mut url, deploy);
    let size = component.len();
    let bar = progress::upload(size as u64);
    let (moving, mut sent) = (bar.clone(), 0);
    let pieces = std::iter::from_fn(move || {
        let piece = component.slice(sent..size.min(sent + PIECE_BYTES));
        sent += piece.len();
        moving.set_position(sent as u64);
        (!piece.is_empty()).then_some(Ok::<Bytes, std::io::Error>(piece))
    });
    let request = client
        .request(Method::POST, url)
        .header("content-type", "application/wasm")
        .header("content-length", size)
        .body(reqwest::Body::wrap_stream(stream::iter(pieces)));
    let response = client.send(request).await;
    bar.finish_and_clear();
    let response = response?;
    let is_new = response.status().as_u16() == 201;
    Ok((client.accept(response).await?, is_new))
}

fn add_settings(url: &mut Url, deploy: &Deploy) {
    // Without settings there is no question mark either.
    if deploy.env.is_empty() && deploy.allow_host.is_empty() {
        return;
    }
    let mut query = url.query_pairs_mut();
    for (name, value) in &deploy.env {
        query.append_pair("env", &format!("{name}={value}"));
    }
    for host in &deploy.allow_host {
        query.append_pair("allow_host", host);
    }
}

/// Prints the services of a deployment.
fn show(deployment: &Deployment, is_new: bool) {
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
    let deploy = Deploy { path: path.to_path_buf(), env: Vec::new(), allow_host: Vec::new() };
    let (body, is_new) = build_and_upload(client, &deploy).await?;
    let deployment = client::read(&body)?;
    if global.json {
        print(body);
    } else {
        show(&deployment, is_new);
    }
    Ok(deployment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_go_into_the_query() {
        let mut url: Url = "http://h/deployments".parse().unwrap();
        let mut deploy = Deploy { path: "x".into(), env: Vec::new(), allow_host: Vec::new() };
        add_settings(&mut url, &deploy);
        assert_eq!(url.as_str(), "http://h/deployments");
        deploy.env = vec![parse_env("A=b=c d&").unwrap()];
        deploy.allow_host = vec!["x.test:8080".into()];
        add_settings(&mut url, &deploy);
        assert_eq!(url.query(), Some("env=A%3Db%3Dc+d%26&allow_host=x.test%3A8080"));
        assert!(parse_env("A").is_err() && parse_env("=1").is_err());
    }
}
