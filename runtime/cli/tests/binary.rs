//! The binary itself. That there is such a test makes `cargo test --workspace` build the binary, which
//! the end-to-end tests start.

use std::process::Command;

#[test]
fn the_binary_tells_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_abide")).arg("--version").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), concat!("abide ", env!("CARGO_PKG_VERSION"), "\n"));
}
