//! `abide up`: the server.

use crate::cli::Global;
use crate::client::Client;
use crate::commands::deploy;
use crate::config::settings::Log;
use crate::config::{self, Flags, Settings};
use crate::error::{CliError, Kind};
use crate::output::{Paint, print, say};
use abide_server::Server;
use clap::Args;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;

#[derive(Args)]
pub struct Up {
    #[command(flatten)]
    pub flags: Flags,
    /// After the start, build and deploy this: the folder of a crate, or a .wasm file.
    #[arg(long, value_name = "PATH")]
    pub deploy: Vec<PathBuf>,
}

pub async fn run(up: Up, global: Global) -> Result<(), CliError> {
    let paths = up.deploy.clone();
    serve(up, global, async move |global: Global| deploy_all(&paths, &global).await).await
}

/// Starts the server and runs it until it is asked to stop, and meanwhile something that is told where the
/// server is. A failure of that stops the server.
pub async fn serve(
    up: Up,
    global: Global,
    meanwhile: impl AsyncFnOnce(Global) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let settings = settings(&up.flags)?;
    start_log(&settings.log)?;
    // From the first moment, so that a signal during the start is not lost.
    let stop_signal = stop_signal()?;
    let data = settings.server.data.clone();
    let server = abide_server::start(settings.server).await?;
    let global = Global {
        admin_url: format!("http://{}", reachable(server.admin_addr)),
        ingress_url: format!("http://{}", reachable(server.ingress_addr)),
        ..global
    };
    tell(&up, &data, &server, &global);
    let serving = server.run(stop_signal);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        done = meanwhile(global) => done?,
    }
    Ok(serving.await?)
}

/// Reads the configuration, and checks what concerns several settings.
fn settings(flags: &Flags) -> Result<Settings, CliError> {
    let loaded = config::load(flags)?;
    let shown = config::shown::shown(&loaded);
    let mut settings = loaded.settings;
    settings.server.shown = shown;
    check_admin(settings.server.admin.listen, settings.server.admin.token.as_deref())?;
    Ok(settings)
}

/// The admin port runs whatever code it is given, so strangers must not reach it.
fn check_admin(admin: SocketAddr, token: Option<&str>) -> Result<(), CliError> {
    if admin.ip().is_loopback() || token.is_some() {
        return Ok(());
    }
    let message =
        format!("the admin port would be open to others at {admin}, and it runs whatever code it is given");
    Err(CliError::new(Kind::Usage, message).hint("set a secret with --admin-token or ABIDE_ADMIN_TOKEN"))
}

fn start_log(log: &Log) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| CliError::new(Kind::Usage, format!("log.filter is '{}': {error}", log.filter)))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format.as_str() {
        "json" => subscriber.json().init(),
        _ => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    Ok(())
}

/// Returns a future that ends when the process is asked to stop. Asked twice, it stops at once.
fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| CliError::failed(format!("cannot listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::spawn(async move {
            interrupt.recv().await;
            // Everything acknowledged is on the disk, so this loses nothing.
            std::process::exit(130);
        });
    })
}

/// Returns an address that can be connected to, also for one that stands for all interfaces.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => address.set_ip(std::net::Ipv4Addr::LOCALHOST.into()),
            SocketAddr::V6(_) => address.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
        }
    }
    address
}

/// Tells what is up, and what to type next.
fn tell(up: &Up, data: &Path, server: &Server, global: &Global) {
    if global.json {
        print(serde_json::json!({
            "ingress": global.ingress_url,
            "admin": global.admin_url,
            "data": data.display().to_string(),
        }));
        return;
    }
    let bold = |text: &str| Paint::stderr().bold(text);
    say(format!("\nabide {} is up", env!("CARGO_PKG_VERSION")));
    say(format!("  ingress  {}   handlers are called here", bold(&global.ingress_url)));
    say(format!("  admin    {}   everything else", bold(&global.admin_url)));
    say(format!("  data     {}", data.display()));
    if up.deploy.is_empty() && server.deployments.list().is_empty() {
        say(format!("next:  {}", bold("abide deploy PATH-OF-A-CRATE-OR-A-.wasm-FILE")));
    }
    say("");
}

async fn deploy_all(paths: &[PathBuf], global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut last = None;
    for path in paths {
        last = Some(deploy::deploy_path(&client, path, global).await?);
    }
    if let Some(deployment) = last {
        deploy::suggest(&deployment, &global.ingress_url);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_admin_port_needs_a_token() {
        let check = |address: &str, token| check_admin(address.parse().unwrap(), token).is_ok();
        assert!(check("127.0.0.1:9070", None));
        assert!(check("[::1]:9070", None));
        assert!(check("0.0.0.0:9070", Some("t")));
        assert!(!check("0.0.0.0:9070", None));
        assert!(!check("[::]:9070", None));
        assert!(!check("10.1.2.3:9070", None));
    }

    #[test]
    fn an_address_of_all_interfaces_is_reached_by_loopback() {
        assert_eq!(reachable("0.0.0.0:1".parse().unwrap()).to_string(), "127.0.0.1:1");
        assert_eq!(reachable("[::]:1".parse().unwrap()).to_string(), "[::1]:1");
        assert_eq!(reachable("10.0.0.1:1".parse().unwrap()).to_string(), "10.0.0.1:1");
    }
}
