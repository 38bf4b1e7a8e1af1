//! `abide backup`: a copy of everything that a running server keeps, in a folder.

use crate::cli::Global;
use crate::client::Client;
use crate::error::CliError;
use crate::output::{print, say};
use crate::progress;
use abide_store::backup::{self, Manifest, Received, Receiver};
use clap::Args;
use indicatif::{HumanBytes, HumanDuration};
use reqwest::Method;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Args)]
pub struct Backup {
    /// Where to put it: a folder that is empty, or not there.
    pub dir: PathBuf,
}

pub async fn run(arguments: Backup, global: &Global) -> Result<(), CliError> {
    let Backup { dir } = arguments;
    let started = Instant::now();
    let client = Client::admin(global)?;
    // A server should not begin what cannot be kept; and when it refuses, nothing is there that would be in the way.
    backup::check_empty(&dir).map_err(failed)?;
    let request = client.request(Method::POST, client.url(&["backup"]));
    let mut response = client.send(request).await?;
    if !response.status().is_success() {
        return Err(match client.accept(response).await {
            Ok(answer) => CliError::failed(format!("the server answered {answer}")),
            Err(refused) => refused,
        });
    }
    let mut receiver = Receiver::create(&dir).map_err(failed)?;
    let bar = progress::spinner("waiting for the server".to_owned());
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                let received = receiver.push(&piece).map_err(failed)?;
                bar.set_message(how_far(received));
            }
            Ok(None) => break,
            Err(error) => return Err(client.unreachable(&error).hint(broke_off(&dir))),
        }
    }
    let manifest = receiver.finish().map_err(failed)?;
    bar.finish_and_clear();
    tell(&dir, &manifest, started, global);
    Ok(())
}

fn failed(error: abide_store::Error) -> CliError {
    CliError::failed(error.to_string())
}

fn broke_off(dir: &Path) -> String {
    format!("this is no backup yet: delete {}, and take it again", dir.display())
}

fn how_far(received: Received) -> String {
    let Received { bytes, bytes_expected, blobs, blob_bytes } = received;
    let of = if bytes < bytes_expected {
        format!(" of about {}", HumanBytes(bytes_expected))
    } else {
        String::new()
    };
    format!("{}{of}, {blobs} large values ({})", HumanBytes(bytes), HumanBytes(blob_bytes))
}

fn tell(dir: &Path, manifest: &Manifest, started: Instant, global: &Global) {
    let dir = dir.display();
    if global.json {
        print(serde_json::json!({ "dir": dir.to_string(), "backup": manifest }));
        return;
    }
    let size = HumanBytes(manifest.bytes());
    let (last, took) = (manifest.last, HumanDuration(started.elapsed()));
    print(format!("backed up everything up to record {last}: {size} in {dir}, in {took}"));
    say(format!("restore it elsewhere:  abide restore {dir} --data FOLDER"));
}
