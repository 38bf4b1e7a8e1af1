//! Lets a server leave work in a data folder, and packs that for `tests/e2e/folders`. `ABIDE_BIN` names the server.

use abide_e2e::{Guest, folders};
use std::path::Path;

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let (archive, component) = match args.as_slice() {
        [archive] => (Path::new(archive), Guest::Waiting.bytes()),
        [archive, component] => {
            (Path::new(archive), std::fs::read(component).expect("the component can be read"))
        }
        _ => panic!("usage: ABIDE_BIN=PATH make_folder ARCHIVE.tar.gz [COMPONENT.wasm]"),
    };
    folders::make(&component, archive);
    let bytes = std::fs::metadata(archive).expect("it was made").len();
    println!("{}: {bytes} bytes", archive.display());
}
