//! Disks that lose their power, tear writes, fail, are full, or slow.

use super::{Extent, uploads};
use crate::life::{End, Lives};
use std::time::{Duration, Instant};

/// A test build is slow, and some places are reached seldom; after an error the server still says for a while why it stops.
const ERROR_MAX: Duration = Duration::from_secs(25);

pub fn power_cuts(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let mut wrong = Vec::new();
    for _ in 0..extent.of(3, 300) {
        let seed = lives.rng.next_u64();
        // Some are cut while they open.
        let operations =
            if lives.rng.below(4) == 0 { lives.rng.below(60) } else { 400 + lives.rng.below(2_000) };
        if lives.under(&format!("power:{seed}#{operations}"), Duration::from_secs(30)) == End::Alive {
            wrong.push(format!("the power was not cut at operation {operations}"));
        } else if !lives.said().contains("the power was cut") {
            wrong.push(format!("a life before a power cut ended otherwise:\n{}", lives.said()));
        }
    }
    wrong
}

/// A part of a write reaches the disk, and then the process is gone.
pub fn torn_writes(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    each(lives, extent, "tear", &["log.write", "log.write", "blob.write", "snapshot.write"], "tore")
}

/// The server stops by itself and says why; nothing that it acknowledged is lost.
pub fn errors(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let often = [
        "log.write",
        "log.sync",
        "log.read",
        "blob.create",
        "blob.write",
        "blob.sync",
        "blob.names",
        "blob.read",
    ];
    let seldom = [
        "log.names",
        "log.take",
        "blob.remove",
        "spare.create",
        "spare.write",
        "spare.sync",
        "spare.rename",
        "snapshot.create",
        "snapshot.write",
        "snapshot.sync",
        "snapshot.rename",
        "snapshot.names",
        "snapshot.remove",
    ];
    let sites = match extent {
        Extent::Bounded => often.to_vec(),
        Extent::Long => [&often[..], &seldom].concat(),
    };
    let mut wrong = each(lives, extent, "fail", &sites, "planned for");
    wrong.extend(uploads_fail(lives, extent, "fail"));
    wrong
}

/// The disk fails what an upload writes; that ends the upload, not the server.
fn uploads_fail(lives: &mut Lives<'_>, extent: Extent, fault: &str) -> Vec<String> {
    let sites = extent.choose(&mut lives.rng, &uploads::SITES, 1);
    let files = extent.choose(&mut lives.rng, &[1, uploads::FILES], 1);
    let all = sites.into_iter().flat_map(|site| files.iter().map(move |nth| (site, *nth)));
    all.filter_map(|(site, nth)| uploads::failed(lives, fault, site, nth).err()).collect()
}

pub fn full(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let sites = match extent {
        Extent::Bounded => vec!["log.write", "blob.create", "blob.write"],
        Extent::Long => {
            vec!["log.write", "blob.create", "blob.write", "spare.create", "spare.write", "snapshot.write"]
        }
    };
    let mut wrong = each(lives, extent, "full", &sites, "planned for");
    wrong.extend(uploads_fail(lives, extent, "full"));
    wrong.extend(nearly_full(lives).err());
    wrong
}

/// While there is little space the server asks for no new work, and lives.
fn nearly_full(lives: &mut Lives<'_>) -> Result<(), String> {
    if lives.begin("free:1000") == End::Died {
        return Err(format!("a server does not start on a disk that is nearly full:\n{}", lives.said()));
    }
    let start = Instant::now();
    let mut last = String::new();
    while start.elapsed() < ERROR_MAX {
        let request = lives.server().ingress().request("POST", "/restate/send/Probe/hello");
        match request.json(r#"{"name":"Ann"}"#).try_send() {
            Ok(reply) if reply.status == 503 && reply.header("retry-after").is_some() => {
                lives.kill();
                return Ok(());
            }
            Ok(reply) => last = format!("{} {}", reply.status, reply.text()),
            Err(error) => last = error.to_string(),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("a disk that is nearly full is not told: {last}"))
}

/// Returns about how often a server comes to a failpoint in a second or two.
fn often(site: &str) -> u64 {
    match site.split_once('.') {
        Some(("log", "write" | "sync")) => 60,
        Some(("blob", "create" | "write" | "sync" | "names")) => 15,
        _ => 2,
    }
}

/// Lets one fault happen at each of some places; every life has to end by it, and to name it.
fn each(lives: &mut Lives<'_>, extent: Extent, fault: &str, sites: &[&str], word: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for _ in 0..extent.of(1, 10) {
        for site in extent.choose(&mut lives.rng, sites, 2) {
            let nth = 1 + lives.rng.below(often(site));
            let end = lives.under(&format!("{fault}:{site}#{nth}"), ERROR_MAX);
            if end == End::Alive && lives.under(&format!("{fault}:{site}#1"), ERROR_MAX) == End::Alive {
                wrong.push(format!("{fault} at {site} did not end the server"));
            } else if !lives.said().contains(word) {
                wrong.push(format!("{fault} at {site} is not named:\n{}", lives.said()));
            }
        }
    }
    wrong
}

/// Each sync takes a tenth of a second longer; everything goes on, and is as safe as ever.
pub fn slow(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    for _ in 0..extent.of(1, 20) {
        let life = Duration::from_millis(1_500) + lives.rng.pause(Duration::from_millis(500));
        lives.under("slow:log.sync#100,slow:blob.sync#100,slow:spare.sync#100", life);
    }
    Vec::new()
}
