//! `abide doctor`: examines the configuration and a data folder.

use crate::cli::Global;
use crate::config::advice::advice;
use crate::config::{self, Flags};
use crate::error::CliError;
use crate::output::{Paint, print, say};
use abide_store::doctor::Report;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Args)]
pub struct Doctor {
    /// The data folder, when it is not the one of the configuration.
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    pub flags: Flags,
}

/// What was found.
#[derive(Serialize)]
struct Findings {
    #[serde(flatten)]
    report: Report,
    /// What is allowed, but seldom meant.
    config_warnings: Vec<String>,
}

/// Prints the findings. A folder with problems is a failure, so that scripts notice.
pub async fn run(doctor: Doctor, global: &Global) -> Result<(), CliError> {
    let loaded = config::load(&doctor.flags)?;
    let config_warnings = advice(&loaded);
    let data = doctor.dir.unwrap_or(loaded.settings.server.data);
    let examined = tokio::task::spawn_blocking(move || abide_store::doctor(&data)).await;
    let examined =
        examined.map_err(|error| CliError::failed(format!("the examination broke off: {error}")))?;
    if !global.json {
        config_warnings
            .iter()
            .for_each(|warning| say(format!("{} {warning}", Paint::stderr().yellow("warning:"))));
    }
    let report = examined.map_err(|error| CliError::failed(error.to_string()))?;
    let findings = Findings { report, config_warnings };
    let report = &findings.report;
    if global.json {
        let json = serde_json::to_string(&findings);
        print(json.map_err(|error| CliError::failed(format!("cannot write the findings: {error}")))?);
    } else {
        print(describe(report));
    }
    match report.problems.len() {
        0 => Ok(()),
        count => Err(CliError::failed(format!("{count} problem(s), see above"))),
    }
}

fn describe(report: &Report) -> String {
    let mut lines = vec![
        format!(" Data folder:  {} (format {})", report.dir.display(), report.format),
        format!(" Free space:   {}", size(report.free_bytes)),
    ];
    match &report.held_by {
        Some(holder) => lines.push(format!(" In use by:    {holder}")),
        None => lines.extend(parts(report)),
    }
    match report.problems.as_slice() {
        [] => lines.push(" Everything is well.".to_owned()),
        problems => lines.extend(problems.iter().map(|problem| format!(" Problem: {problem}"))),
    }
    lines.join("\n")
}

fn parts(report: &Report) -> Vec<String> {
    let (log, index, blobs) = (&report.log, &report.index, &report.blobs);
    let bytes = log.segments.iter().map(|segment| segment.bytes).sum();
    let closed = if log.is_closed_cleanly { "closed in order" } else { "not closed in order" };
    let opens = if index.opens { "opens" } else { "does not open" };
    let snapshot = match &report.snapshot {
        None => "none yet".to_owned(),
        Some(snapshot) => {
            format!("{} entries up to {}, {}", snapshot.entries, snapshot.sequence, size(snapshot.bytes))
        }
    };
    vec![
        format!(
            " Log:          {} segment(s), {}, up to {}, {closed}, torn tail {} bytes",
            log.segments.len(),
            size(bytes),
            log.last_sequence,
            log.torn_tail_bytes
        ),
        format!(" Index:        {opens}, {} keys, applied up to {}", index.keys, index.applied),
        format!(
            " Large values: {} in use ({}), {} left over, {} missing",
            blobs.referenced,
            size(blobs.referenced_bytes),
            blobs.orphaned,
            blobs.missing
        ),
        format!(" Snapshot:     {snapshot}"),
    ]
}

fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
