//! The components with the handlers that are called.

use crate::options::Options;
use crate::root;
use anyhow::{Context, bail};
use bytes::Bytes;
use std::path::Path;
use std::process::Command;

const PACKAGE: &str = "bench-guest";
const TARGET: &str = "wasm32-wasip2";

/// Returns the bytes of the component that is measured; it is built unless another one is asked for.
pub fn build(options: &Options) -> anyhow::Result<Bytes> {
    match &options.component {
        Some(path) => read(path),
        None => of_package(PACKAGE),
    }
}

/// Builds the component of a package of this repository, and returns its bytes.
pub fn of_package(package: &str) -> anyhow::Result<Bytes> {
    run_cargo(package)?;
    let file = format!("{}.wasm", package.replace('-', "_"));
    read(&root().join("target/guests").join(TARGET).join("release").join(file))
}

fn read(path: &Path) -> anyhow::Result<Bytes> {
    let bytes = std::fs::read(path).with_context(|| format!("read the component {}", path.display()))?;
    Ok(bytes.into())
}

fn run_cargo(package: &str) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--target", TARGET, "-p", package])
        .arg("--target-dir")
        .arg(root().join("target/guests"))
        .current_dir(root())
        .status()
        .with_context(|| format!("start cargo to build the component {package}"))?;
    if !built.success() {
        bail!("the component {package} was not built; is the target there? rustup target add {TARGET}");
    }
    Ok(())
}
