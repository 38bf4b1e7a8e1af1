//! `abide doctor`: examines a data folder.

use crate::cli::Global;
use crate::error::CliError;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub struct Doctor {
    /// The data folder.
    #[arg(value_name = "DIR", default_value = "./abide-data")]
    pub data: PathBuf,
}

pub async fn run(doctor: Doctor, _global: &Global) -> Result<(), CliError> {
    Err(CliError::failed(format!(
        "{} cannot be examined yet: this version has no doctor",
        doctor.data.display()
    )))
}
