//! The component with the handlers that are called.

use crate::options::Options;
use crate::root;
use anyhow::{Context, bail};
use bytes::Bytes;
use std::process::Command;

const PACKAGE: &str = "bench-guest";
const TARGET: &str = "wasm32-wasip2";

/// Builds the component and returns its bytes.
pub fn build(options: &Options) -> anyhow::Result<Bytes> {
    let path = match &options.component {
        Some(path) => path.clone(),
        None => {
            run_cargo()?;
            root().join("target/guests").join(TARGET).join("release/bench_guest.wasm")
        }
    };
    let bytes = std::fs::read(&path).with_context(|| format!("read the component {}", path.display()))?;
    Ok(bytes.into())
}

fn run_cargo() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--target", TARGET, "-p", PACKAGE])
        .arg("--target-dir")
        .arg(root().join("target/guests"))
        .current_dir(root())
        .status()
        .context("start cargo to build the component")?;
    if !built.success() {
        bail!("the component was not built; is the target there? rustup target add {TARGET}");
    }
    Ok(())
}
