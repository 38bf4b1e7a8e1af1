//! The arguments: what the user may type.

use crate::commands::{
    awakeables, backup, call, completions, config, deploy, deployments, dev, doctor, invocations, logs, new,
    objects, restore, send, services, sql, state, tokens, up,
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Runs durable handlers: code that continues where it left off, after any crash and any wait.
#[derive(Parser)]
#[command(version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Where the admin port of a server is that nobody has told another address.
pub const ADMIN_URL: &str = "http://127.0.0.1:9070";

/// Options of every command.
#[derive(Args, Clone)]
pub struct Global {
    /// Where the admin port of the server is.
    #[arg(
        long,
        global = true,
        env = "ABIDE_ADMIN_URL",
        default_value = ADMIN_URL,
        value_name = "URL"
    )]
    pub admin_url: String,
    /// Where the ingress of the server is.
    #[arg(
        long,
        global = true,
        env = "ABIDE_INGRESS_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    pub ingress_url: String,
    /// The token of the admin port; `abide up` asks for it, the other commands send it.
    #[arg(long, global = true, env = "ABIDE_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub admin_token: Option<String>,
    /// The token that calls are sent with, where the ingress asks for one.
    #[arg(long, global = true, env = "ABIDE_INGRESS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub ingress_token: Option<String>,
    /// Trust also the certificates in this PEM file, for a server whose certificate is its own.
    #[arg(long, global = true, env = "ABIDE_CA_CERT", value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Start the server.
    Up(up::Up),
    /// Start a server, deploy a crate to it, and deploy it again whenever it changes.
    Dev(dev::Dev),
    /// Make a crate that builds and deploys at once.
    New(new::New),
    /// Build a component, if given a folder, and upload it.
    Deploy(deploy::Deploy),
    /// Call a handler and wait for its answer.
    Call(call::Call),
    /// Ask for a handler, now or later, and do not wait.
    Send(send::Send),
    /// List, describe and change deployments.
    #[command(subcommand, visible_alias = "dp")]
    Deployments(deployments::Command),
    /// List, describe and change services.
    #[command(subcommand, visible_alias = "svc")]
    Services(services::Command),
    /// List and describe invocations; pause, resume, restart, cancel, kill, purge and signal them.
    #[command(subcommand, visible_alias = "inv")]
    Invocations(Box<invocations::Command>),
    /// Show and change what objects and workflows remember.
    #[command(subcommand)]
    State(state::Command),
    /// List objects and workflows.
    #[command(subcommand)]
    Objects(objects::Command),
    /// List and complete what handlers wait for.
    #[command(subcommand)]
    Awakeables(awakeables::Command),
    /// Print the settings of a server, and where each value comes from.
    Config(config::Config),
    /// Show what handlers log, as it comes.
    Logs(logs::Logs),
    /// Ask with SQL for what the server has stored.
    Sql(sql::Sql),
    /// Print what a shell needs to complete the arguments of this command.
    Completions(completions::Completions),
    /// Make, list and revoke the tokens that open the ports.
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Ask whether the server takes work.
    Health,
    /// Examine the configuration and a data folder; the server must not run on it.
    Doctor(doctor::Doctor),
    /// Copy everything that a running server keeps into a folder.
    Backup(backup::Backup),
    /// Make a data folder of a backup, or examine one.
    Restore(restore::Restore),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    /// As users type them.
    const TAKEN: &[&str] = &[
        "abide up",
        "abide up --data D --ingress 127.0.0.1:0 --admin [::1]:0 --partitions 2 --log-format json",
        "abide up --deploy examples/tour --deploy x.wasm --admin-token t",
        "abide deploy examples/tour --env A=1 --env B=a=b --allow-host x.test --json",
        "abide deployments register x.wasm",
        "abide dp list --json",
        "abide deployments describe dp_1",
        "abide deployments env dp_1 A=1 B-",
        "abide deployments allow-host dp_1 a.test b.test",
        "abide services list",
        "abide svc describe Probe",
        "abide invocations list --service S --handler h --status paused --limit 5",
        "abide inv describe inv_1",
        "abide invocations resume inv_1 inv_2 --on latest",
        "abide inv pause --service S --status running --yes",
        "abide inv restart inv_1 --from 3 --on keep",
        "abide inv purge-journal --all --dry-run --json",
        "abide inv cancel --all -y",
        "abide deploy x.wasm --dry-run --force --migrate --breaking",
        "abide deployments check dp_1 --json",
        "abide deployments promote dp_1 --force",
        "abide deployments migrate dp_1",
        "abide dp remove dp_1 dp_2 --force",
        "abide dev . --data D --admin 127.0.0.1:0 --env A=1 --allow-host x.test --partitions 2",
        "abide new my-service",
        "abide new a/b --template workflow --sdk-path S --json",
        "abide sql",
        "abide sql select 1 --csv",
        "abide sql --file q.sql --json",
        "abide completions zsh",
        "abide call S/h {\"a\":1} -i",
        "abide invocations list --status pending,paused --result failure --key k --stuck --text boom",
        "abide invocations list --created-after 2026-11-22T15:58:08Z --sort modified_at --order asc",
        "abide inv children inv_1 --from 3",
        "abide state get Cart k",
        "abide state get Cart k total --json",
        "abide state set Cart k total 1 --force",
        "abide state set Cart k total --remove",
        "abide state edit Cart k",
        "abide state clear Cart k --force",
        "abide objects list Cart --prefix a --limit 5",
        "abide services openapi Cart",
        "abide svc patch Cart --public false --journal-retention 2d",
        "abide awakeables list --limit 3",
        "abide inv cancel inv_1 inv_2",
        "abide inv kill inv_1 --json",
        "abide inv purge inv_1",
        "abide inv signal inv_1 line {\"a\":1}",
        "abide inv signal inv_1 line late --reject",
        "abide call S/h - --send --delay 10s -H x:y",
        "abide call S/k/h 1 --idempotency-key k --ingress-token t",
        "abide send S/k/h 1 --idempotency-key k --delay 1h -i",
        "abide awakeables resolve sign_1 {}",
        "abide awakeables resolve sign_1 x --raw",
        "abide awakeables reject sign_1 late",
        "abide up --config f.toml --guests-memory-max 64MiB --guest-cpu-ms 5 --log-filter debug",
        "abide config --json --ingress 127.0.0.1:0",
        "abide services list --ca-cert ca.pem --admin-url https://a.test:9070",
        "abide up --admin-tls-cert c.pem --admin-tls-key k.pem --ingress-tls-cert c.pem --ingress-tls-key k.pem",
        "abide config --default",
        "abide config --running",
        "abide invocations logs inv_1 --follow",
        "abide logs --service S --handler h -n 5 -f --json",
        "abide up --otlp-endpoint http://localhost:4318",
        "abide up --ingress-require-token --ingress-cors-origins https://a.test --ingress-cors-origins https://b.test",
        "abide up --admin-require-token=false --ingress-require-token-for A,B",
        "abide tokens create ops",
        "abide tokens create shop --scope call --service Cart --into abide.toml --json",
        "abide tokens list",
        "abide health",
        "abide doctor --config abide.toml",
        "abide tokens revoke ops ci",
        "abide doctor abide-data",
        "abide backup D --json",
        "abide restore D --data F",
        "abide restore D --check",
    ];
    const REFUSED: &[&str] = &[
        "abide",
        "abide deploy",
        "abide deploy x --env A",
        "abide call S/h --delay",
        "abide invocations signal inv_1",
        "abide awakeables resolve",
        "abide config --default --running",
        "abide state set Cart k total",
        "abide state set Cart k total 1 --remove",
        "abide invocations list --status odd",
        "abide invocations list --sort size",
        "abide tokens create x --scope root",
        "abide tokens revoke",
        "abide sql x --file q.sql",
        "abide sql x --csv --json",
        "abide backup",
        "abide restore D",
        "abide restore D --check --data F",
        "abide dev",
        "abide new x --template function",
        "abide completions tcsh",
    ];

    #[test]
    fn commands_as_users_type_them() {
        for line in TAKEN {
            if let Err(error) = Cli::try_parse_from(line.split(' ')) {
                panic!("{line}: {error}");
            }
        }
        for line in REFUSED {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
