//! The rules of the house.

use abide_tidy::{functions, paths, root, sources};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Collects complaints and fails with all of them at once.
fn report(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn is_compile_fail_case(path: &str) -> bool {
    path.contains("/compile-fail/") || path.contains("/compile_fail/") || path.contains("/ui/")
}

#[test]
fn files_answer_one_question() {
    let long = sources().into_iter().filter(|file| file.text.lines().count() > FILE_LINES_MAX);
    report(long.map(|file| format!("{}: over {FILE_LINES_MAX} lines", file.path)).collect());
}

#[test]
fn files_open_with_what_they_are() {
    let mute = sources().into_iter().filter(|file| {
        let first = file.text.lines().find(|line| !line.starts_with("#!["));
        !is_compile_fail_case(&file.path) && !first.is_some_and(|line| line.starts_with("//!"))
    });
    report(mute.map(|file| format!("{}: does not open with //!", file.path)).collect());
}

#[test]
fn functions_fit_a_screen() {
    let mut complaints = Vec::new();
    for file in sources() {
        for (line, name, length) in functions(&file.text) {
            if length > FUNCTION_LINES_MAX {
                complaints.push(format!("{}:{line}: {length} lines: {name}", file.path));
            }
        }
    }
    report(complaints);
}

/// Folder, what its files may not name, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "runtime/core/src",
        &[
            "tokio",
            "wasmtime",
            "std::fs",
            "std::net",
            "SystemTime",
            "Instant::now",
            "async ",
            "rand::",
            "abide_store",
        ],
        "the core is pure",
    ),
    ("runtime/store/src", &["abide_server", "wasmtime", "axum"], "the store knows the core, nothing else"),
    (
        "runtime/server/src/engine",
        &["crate::wasm", "crate::http", "wasmtime", "axum"],
        "guests only through the executor",
    ),
    ("runtime/server/src/wasm", &["crate::http", "abide_store", "axum"], "guests never see the store"),
    (
        "runtime/server/src/sql",
        &["crate::wasm", "wasmtime", "axum", "crate::http::admin", "crate::http::error"],
        "SQL reads what is stored and knows no HTTP",
    ),
    ("runtime/server/src/http", &["wasmtime", "crate::wasm::Session"], "HTTP speaks to the engine's handle"),
    (
        "guest-sdk",
        &["abide_core", "abide_server", "abide_store"],
        "the guest SDK knows the WIT package alone",
    ),
    ("runtime/cli/src", &["wasmtime", "crate::engine"], "the CLI starts a server or speaks HTTP"),
];

#[test]
fn dependencies_point_one_way() {
    let mut complaints = Vec::new();
    for file in sources() {
        for (folder, words, why) in FORBIDDEN.iter().filter(|(folder, _, _)| file.path.starts_with(folder)) {
            let code = file.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
            for (index, line) in code {
                for word in words.iter().filter(|word| line.contains(**word)) {
                    complaints.push(format!("{}:{}: {word} in {folder}: {why}", file.path, index + 1));
                }
            }
        }
    }
    report(complaints);
}

#[test]
fn nothing_is_left_open() {
    let marks = [
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[ig", "nore"),
    ];
    let mut complaints = Vec::new();
    for file in sources() {
        for (index, line) in file.text.lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(**mark)) {
                complaints.push(format!("{}:{}: {mark}", file.path, index + 1));
            }
        }
    }
    report(complaints);
}

/// Data folders of earlier servers, packed: nothing builds them again.
const KEPT_FOLDERS: &str = "tests/e2e/folders/";
const KEPT_FOLDER_BYTES_MAX: u64 = 200 << 10;

#[test]
fn kept_folders_are_small() {
    let bytes = |path: &str| std::fs::metadata(root().join(path)).expect("git lists what is there").len();
    let kept = paths().into_iter().filter(|path| path.starts_with(KEPT_FOLDERS));
    let large = kept.filter(|path| bytes(path) > KEPT_FOLDER_BYTES_MAX);
    report(large.map(|path| format!("{path}: over {KEPT_FOLDER_BYTES_MAX} bytes")).collect());
}

#[test]
fn no_binary_files() {
    let endings = [".wasm", ".cwasm", ".png", ".zip", ".gz", ".so", ".o", ".a"];
    let binary = paths().into_iter().filter(|path| endings.iter().any(|ending| path.ends_with(ending)));
    let binary = binary.filter(|path| !path.starts_with(KEPT_FOLDERS));
    report(binary.map(|path| format!("{path}: binary files are built, not kept")).collect());
}

#[test]
fn versions_live_in_the_root_manifest() {
    let mut complaints = Vec::new();
    for path in paths().into_iter().filter(|path| path.ends_with("/Cargo.toml")) {
        let text = std::fs::read_to_string(root().join(&path)).expect("a manifest is readable");
        let mut section = String::new();
        for line in text.lines() {
            if line.starts_with('[') {
                section = line.to_owned();
                continue;
            }
            let names_version = line.contains(" = \"") || line.contains("version = ");
            if section.contains("dependencies") && names_version && !line.contains("workspace") {
                complaints.push(format!("{path}: {line}"));
            }
        }
    }
    report(complaints);
}

#[test]
fn every_example_says_how_to_run_it() {
    let examples = std::fs::read_dir(root().join("examples")).expect("there are examples");
    let folders = examples.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir());
    let mute = folders.filter(|path| !path.join("README.md").is_file());
    report(mute.map(|path| format!("{}: no README.md", path.display())).collect());
}

#[test]
fn every_area_is_on_the_map() {
    let map = std::fs::read_to_string(root().join("runtime/ARCHITECTURE.md")).expect("there is a map");
    let mut complaints = Vec::new();
    for path in paths().into_iter().filter(|path| path.starts_with("runtime/") && path.ends_with(".rs")) {
        let Some((crate_path, module)) = path.split_once("/src/") else { continue };
        let area = module.split('/').next().expect("a path has a first part").trim_end_matches(".rs");
        let is_root = ["lib", "main", "mod"].contains(&area);
        if !is_root && !map.contains(area) {
            complaints.push(format!("{crate_path}: {area} is not on the map (runtime/ARCHITECTURE.md)"));
        }
    }
    complaints.sort();
    complaints.dedup();
    report(complaints);
}
