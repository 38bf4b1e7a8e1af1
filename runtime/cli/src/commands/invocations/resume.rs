//! `abide invocations resume`.

use crate::cli::Global;
use crate::client::Client;
use crate::error::CliError;
use crate::output::print;
use clap::Args;
use reqwest::Method;

#[derive(Args)]
pub struct Resume {
    /// The ids of the invocations.
    #[arg(required = true)]
    pub ids: Vec<String>,
}

/// Resumes one after the other; the first that cannot be resumed ends it.
pub async fn run(resume: Resume, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    for id in &resume.ids {
        client.ask(Method::PATCH, client.url(&["invocations", id, "resume"]), None).await?;
        if global.json {
            print(serde_json::json!({ "resumed": id }));
        } else {
            print(format!("resumed {id}"));
        }
    }
    Ok(())
}
