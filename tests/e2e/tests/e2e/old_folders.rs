//! Data folders of earlier servers: what waits in them comes to its end, and stays.

use abide_e2e::{Guest, folders};

#[test]
fn what_waits_in_a_folder_that_was_kept_comes_to_its_end() {
    let kept = folders::kept();
    assert!(!kept.is_empty(), "the archives are in tests/e2e/folders");
    kept.iter().for_each(|archive| folders::open(archive));
}

#[test]
fn a_folder_that_is_packed_today_can_be_kept() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let archive = home.path().join("today.tar.gz");
    folders::make(&Guest::Waiting.bytes(), &archive);
    folders::open(&archive);
}
