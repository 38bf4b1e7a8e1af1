//! `abide services`: what is offered.

mod describe;
mod list;
mod openapi;
mod patch;

use crate::cli::Global;
use crate::error::CliError;
use crate::model::Service;
use crate::output::{print, table};
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// List the services at their newest revision.
    List,
    /// Show one service and its handlers.
    Describe(describe::Describe),
    /// Print what the ingress takes for a service, as OpenAPI 3.1.
    Openapi(openapi::Openapi),
    /// Change options of a service, until its next deployment.
    Patch(patch::Patch),
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::List => list::run(global).await,
        Command::Describe(describe) => describe::run(describe, global).await,
        Command::Openapi(openapi) => openapi::run(openapi, global).await,
        Command::Patch(patch) => patch::run(patch, global).await,
    }
}

/// Prints a service with its handlers.
pub fn show(service: &Service) {
    let access = if service.public { "public" } else { "private" };
    print(format!(" {} ({}, {access}, revision {})", service.name, flavour(&service.ty), service.revision));
    if let Some(documentation) = &service.documentation {
        print(format!("   {}", documentation.trim().replace('\n', "\n   ")));
    }
    let mut table = table(&["HANDLER", "INPUT", "OUTPUT", "", "DOCUMENTATION"]);
    for handler in &service.handlers {
        let mut flags: Vec<&str> = handler.ty.as_deref().into_iter().collect();
        if !handler.public && service.public {
            flags.push("private");
        }
        let documentation = handler.documentation.as_deref().unwrap_or_default();
        table.add_row([
            handler.name.clone(),
            handler.input_description.clone(),
            handler.output_description.clone(),
            flags.join(", "),
            documentation.lines().next().unwrap_or_default().to_owned(),
        ]);
    }
    print(table);
}

pub fn flavour(ty: &str) -> &str {
    match ty {
        "Service" => "service",
        "VirtualObject" => "virtual object",
        "Workflow" => "workflow",
        other => other,
    }
}
