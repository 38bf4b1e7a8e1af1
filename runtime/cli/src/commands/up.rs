//! `abide up`: the server.

use crate::cli::Global;
use crate::client::Client;
use crate::commands::deploy;
use crate::error::{CliError, Kind};
use crate::output::{Paint, print, say};
use abide_server::wasm::GuestLimits;
use abide_server::{Config, Server};
use clap::{Args, ValueEnum, value_parser};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

#[derive(Args)]
pub struct Up {
    /// The folder that keeps everything; it is made when it is not there.
    #[arg(long, default_value = "./abide-data", value_name = "DIR")]
    pub data: PathBuf,
    /// Where handlers are called.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub ingress: SocketAddr,
    /// Where the server is administered. Off loopback it needs --admin-token.
    #[arg(long, default_value = "127.0.0.1:9070", value_name = "ADDR:PORT")]
    pub admin: SocketAddr,
    /// Into how many parts a new data folder is divided; they work side by side.
    #[arg(long, value_name = "N")]
    pub partitions: Option<u16>,
    /// After the start, build and deploy this: the folder of a crate, or a .wasm file.
    #[arg(long, value_name = "PATH")]
    pub deploy: Vec<PathBuf>,
    #[command(flatten)]
    pub guests: Guests,
    /// How the log looks. What it tells is chosen by ABIDE_LOG, for example info or abide_server=debug.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// What guests may use.
#[derive(Args)]
pub struct Guests {
    /// Memory of one guest.
    #[arg(long, default_value_t = 128, value_parser = value_parser!(u32).range(2..=4096), value_name = "MIB")]
    pub guest_memory_mib: u32,
    /// How long a guest may compute without waiting for anything; an endless loop ends here.
    #[arg(long, default_value_t = GuestLimits::default().cpu_ms_max, value_name = "MS")]
    pub guest_cpu_ms: u64,
    /// Attempts in memory at once; more wait until others end or are suspended.
    #[arg(long, default_value_t = GuestLimits::default().attempts_max, value_name = "N")]
    pub attempts_max: u32,
    /// How long an attempt that only waits is kept in memory.
    #[arg(long, default_value_t = GuestLimits::default().suspend_after_ms, value_name = "MS")]
    pub suspend_after_ms: u64,
}

impl Guests {
    fn limits(&self) -> GuestLimits {
        GuestLimits {
            memory_bytes_max: (self.guest_memory_mib as usize) << 20,
            cpu_ms_max: self.guest_cpu_ms,
            attempts_max: self.attempts_max,
            suspend_after_ms: self.suspend_after_ms,
            ..GuestLimits::default()
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

pub async fn run(up: Up, global: Global) -> Result<(), CliError> {
    check_admin(up.admin, global.admin_token.as_deref())?;
    start_log(up.log_format)?;
    // From the first moment, so that a signal during the start is not lost.
    let stop_signal = stop_signal()?;
    let config = Config {
        data: up.data.clone(),
        ingress: up.ingress,
        admin: up.admin,
        partitions: up.partitions,
        admin_token: global.admin_token.clone(),
        guests: up.guests.limits(),
    };
    let server = abide_server::start(config).await?;
    let global = Global {
        admin_url: format!("http://{}", reachable(server.admin_addr)),
        ingress_url: format!("http://{}", reachable(server.ingress_addr)),
        ..global
    };
    tell(&up, &server, &global);
    let serving = server.run(stop_signal);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        deployed = deploy_all(&up.deploy, &global) => deployed?,
    }
    Ok(serving.await?)
}

/// The admin port runs whatever code it is given, so strangers must not reach it.
fn check_admin(admin: SocketAddr, token: Option<&str>) -> Result<(), CliError> {
    if token.is_some_and(str::is_empty) {
        return Err(CliError::new(Kind::Usage, "the admin token is empty"));
    }
    if admin.ip().is_loopback() || token.is_some() {
        return Ok(());
    }
    let message =
        format!("the admin port would be open to others at {admin}, and it runs whatever code it is given");
    Err(CliError::new(Kind::Usage, message).hint("set a secret with --admin-token or ABIDE_ADMIN_TOKEN"))
}

fn start_log(format: LogFormat) -> Result<(), CliError> {
    let filter = match std::env::var("ABIDE_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text)
            .map_err(|error| CliError::new(Kind::Usage, format!("ABIDE_LOG is '{text}': {error}")))?,
        Ok(_) | Err(_) => EnvFilter::new("info"),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
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
fn tell(up: &Up, server: &Server, global: &Global) {
    if global.json {
        print(serde_json::json!({
            "ingress": global.ingress_url,
            "admin": global.admin_url,
            "data": up.data.display().to_string(),
        }));
        return;
    }
    let bold = |text: &str| Paint::stderr().bold(text);
    say(format!("\nabide {} is up", env!("CARGO_PKG_VERSION")));
    say(format!("  ingress  {}   handlers are called here", bold(&global.ingress_url)));
    say(format!("  admin    {}   everything else", bold(&global.admin_url)));
    say(format!("  data     {}", up.data.display()));
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
        assert!(!check("127.0.0.1:9070", Some("")));
    }

    #[test]
    fn an_address_of_all_interfaces_is_reached_by_loopback() {
        assert_eq!(reachable("0.0.0.0:1".parse().unwrap()).to_string(), "127.0.0.1:1");
        assert_eq!(reachable("[::]:1".parse().unwrap()).to_string(), "[::1]:1");
        assert_eq!(reachable("10.0.0.1:1".parse().unwrap()).to_string(), "10.0.0.1:1");
    }
}
