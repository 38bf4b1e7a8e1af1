//! `abide up`: the server.

use crate::allocator;
use crate::cli::{ADMIN_URL, Global};
use crate::client::Client;
use crate::commands::deploy;
use crate::config::advice::advice;
use crate::config::{self, Flags, Loaded, Settings};
use crate::error::{CliError, Kind};
use crate::log;
use crate::output::{Paint, print, say};
use abide_server::access::grant::{Grant, Scope};
use abide_server::access::token::{self, Digest};
use abide_server::wasm::Compiler;
use abide_server::{NoToken, Reloader, Server};
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// The name of the token that this process itself uses.
const OWN_TOKEN: &str = "abide-up";

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
    let loaded = config::load(&up.flags)?;
    let (settings, warnings) = (settings(&loaded), advice(&loaded));
    log::start(&settings.log)?;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    allocator::give_back();
    // From the first moment, so that a signal during the start is not lost.
    let stop_signal = stop_signal()?;
    let data = settings.server.data.clone();
    let hangup = signal(SignalKind::hangup()).map_err(no_signals)?;
    let mut server_config = settings.server;
    server_config.compiler = Compiler::own_process();
    let (token, own) = own_token();
    server_config.admin.own = Some(own.clone());
    let server = abide_server::start(server_config).await.map_err(explain)?;
    let global = Global {
        admin_token: Some(token),
        admin_url: format!("{}://{}", server.admin_scheme, reachable(server.admin_addr)),
        ingress_url: format!("{}://{}", server.ingress_scheme, reachable(server.ingress_addr)),
        ..global
    };
    tell(&up, &data, &server, &global);
    let reloader = server.reloader.clone();
    let serving = server.run(stop_signal);
    let mut serving = std::pin::pin!(serving);
    let working = async {
        let reloading = async {
            reload(hangup, &up.flags, &loaded, &own, reloader).await;
            Ok(())
        };
        tokio::try_join!(meanwhile(global), reloading)?;
        std::future::pending::<Result<(), CliError>>().await
    };
    tokio::select! {
        ended = &mut serving => Ok(ended?),
        failed = working => failed,
    }
}

/// Returns a token with which this process itself can deploy, whichever other tokens come and go. Nobody else
/// ever sees it, and it is gone with the process.
fn own_token() -> (String, Grant) {
    let token = token::generate();
    let grant = Grant::new(OWN_TOKEN, Digest::of(&token), Scope::Deploy, Vec::new());
    (token, grant.expect("the name is plain"))
}

fn settings(loaded: &Loaded) -> Settings {
    let mut settings = loaded.settings.clone();
    settings.server.shown = config::shown::shown(loaded);
    settings
}

/// Says what to type when a server would be open to everybody.
fn explain(error: anyhow::Error) -> CliError {
    match error.downcast_ref::<NoToken>() {
        Some(no_token) => CliError::new(Kind::Usage, no_token.to_string()).hint(
            "make a token with \"abide tokens create ops --into abide.toml\", or set a secret with --admin-token or ABIDE_ADMIN_TOKEN",
        ),
        None => error.into(),
    }
}

/// Takes over what may change while the server runs, each time it is asked to, and says what else has
/// changed since the start.
async fn reload(
    mut asked: tokio::signal::unix::Signal,
    flags: &Flags,
    started: &Loaded,
    own: &Grant,
    reloader: Reloader,
) {
    while asked.recv().await.is_some() {
        let loaded = match config::load(flags) {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!(error = error.message, "nothing is taken over, what was there goes on");
                continue;
            }
        };
        let ignored = started.needing_a_start(&loaded);
        if !ignored.is_empty() {
            tracing::warn!(settings = ignored.join(", "), "these have changed, and need a new start");
        }
        let mut config = loaded.settings.server;
        config.admin.own = Some(own.clone());
        match reloader.reload(&config) {
            Ok(()) => tracing::info!("tokens and certificates were read again"),
            Err(error) => tracing::error!(%error, "a certificate cannot be used, the old one goes on"),
        }
    }
}

fn no_signals(error: std::io::Error) -> CliError {
    CliError::failed(format!("cannot listen for signals: {error}"))
}

/// Returns a future that ends when the process is asked to stop. Asked twice, it stops at once.
fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
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
        say(format!("next:  {}", bold(&next(&global.admin_url))));
    }
    say("");
}

/// Returns what to type next, in another shell that knows nothing of this server.
fn next(admin_url: &str) -> String {
    let command = "abide deploy PATH-OF-A-CRATE-OR-A-.wasm-FILE";
    if admin_url == ADMIN_URL { command.to_owned() } else { format!("{command} --admin-url {admin_url}") }
}

/// Builds and deploys these, one after the other.
pub async fn deploy_all(paths: &[PathBuf], global: &Global) -> Result<(), CliError> {
    let client = Client::own_admin(global)?;
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
    fn what_to_type_next_finds_the_server() {
        assert!(!next(ADMIN_URL).contains("--admin-url"));
        assert!(next("http://127.0.0.1:19073").ends_with(" --admin-url http://127.0.0.1:19073"));
    }

    #[test]
    fn an_address_of_all_interfaces_is_reached_by_loopback() {
        assert_eq!(reachable("0.0.0.0:1".parse().unwrap()).to_string(), "127.0.0.1:1");
        assert_eq!(reachable("[::]:1".parse().unwrap()).to_string(), "[::1]:1");
        assert_eq!(reachable("10.0.0.1:1".parse().unwrap()).to_string(), "10.0.0.1:1");
    }
}
