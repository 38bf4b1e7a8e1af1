//! `abide restore`: a backup becomes a data folder.

use crate::cli::Global;
use crate::error::CliError;
use crate::output::{print, say};
use crate::progress;
use abide_store::Options;
use abide_store::backup::{self, Checked, Manifest};
use clap::Args;
use indicatif::HumanBytes;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Restore {
    /// The folder that `abide backup` made.
    pub dir: PathBuf,
    /// The data folder to make: one that is empty, or not there.
    #[arg(long, value_name = "FOLDER", required_unless_present = "check")]
    pub data: Option<PathBuf>,
    /// Only examine the backup.
    #[arg(long, conflicts_with = "data")]
    pub check: bool,
}

pub async fn run(restore: Restore, global: &Global) -> Result<(), CliError> {
    let Restore { dir, data, .. } = restore;
    let bar = progress::spinner("examining the backup".to_owned());
    let (moving, mut bytes) = (bar.clone(), 0);
    let progress = move |more| {
        bytes += more;
        moving.set_message(format!("{} read", HumanBytes(bytes)));
    };
    let (from, to) = (dir.clone(), data.clone());
    let done = tokio::task::spawn_blocking(move || match &to {
        Some(data) => backup::restore(&from, data, Options::default(), progress).map(|done| done.manifest),
        None => examine(&from, progress),
    });
    let done = done.await.map_err(|error| CliError::failed(format!("it broke off: {error}")))?;
    bar.finish_and_clear();
    tell(&done.map_err(|error| CliError::failed(error.to_string()))?, data.as_deref(), global);
    Ok(())
}

fn examine(dir: &Path, progress: impl FnMut(u64)) -> Result<Manifest, abide_store::Error> {
    let Checked { manifest, damaged } = backup::check(dir, progress)?;
    if damaged.is_empty() {
        return Ok(manifest);
    }
    Err(abide_store::Error::BackupDamaged { dir: dir.to_path_buf(), what: damaged })
}

fn tell(manifest: &Manifest, data: Option<&Path>, global: &Global) {
    if global.json {
        print(serde_json::json!({ "data": data, "backup": manifest }));
        return;
    }
    let size = HumanBytes(manifest.bytes());
    let (last, at) = (manifest.last, &manifest.label.made_at);
    match data {
        None => print(format!("the backup is whole: {size} up to record {last}, of {at}")),
        Some(data) => {
            print(format!("restored {size} up to record {last}, of {at}, to {}", data.display()));
            say(format!("start it:  abide up --data {}", data.display()));
            say("the server that it was taken from must not go on: both would do the same work");
        }
    }
}
