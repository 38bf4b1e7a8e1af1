//! Disks that lose their power, tear writes, fail, are full, or slow.

use super::{Extent, kills, uploads};
use crate::life::{End, Lives};
use abide_store::faults::{SITES, Site};
use std::time::{Duration, Instant};

/// A test build is slow, and some places are reached seldom; after an error the server still says for a while why it stops.
const ERROR_MAX: Duration = Duration::from_secs(25);
/// Every error that a plan asks for says so.
const PLANNED: &str = "planned for";

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
    let sites = [Site::LogWrite, Site::LogWrite, Site::BlobWrite, Site::SnapshotWrite];
    each(lives, extent, "tear", &sites, "tore")
}

/// The server stops by itself and says why; nothing that it acknowledged is lost.
pub fn errors(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let (reads, changes): (Vec<_>, Vec<_>) = error_sites().partition(|site| site.is_read());
    let mut wrong = Vec::new();
    for _ in 0..extent.of(1, 10) {
        // Some of both, however few.
        for sites in [&reads, &changes] {
            for site in extent.choose(&mut lives.rng, sites, 1) {
                wrong.extend(error_at(lives, site).err());
            }
        }
    }
    wrong.extend(uploads_fail(lives, extent, "fail"));
    wrong
}

/// Returns every place where the disk can fail, so that none is forgotten, but for those of uploads.
fn error_sites() -> impl Iterator<Item = Site> {
    let sites = SITES.iter().map(|(site, _)| *site);
    sites.filter(|site| site.can_fail() && !uploads::SITES.contains(site))
}

fn error_at(lives: &mut Lives<'_>, site: Site) -> Result<(), String> {
    match kills::is_new(site) {
        true => kills::in_a_new_folder(&format!("fail:{}#1", site.name()), PLANNED),
        false => at(lives, "fail", site, PLANNED),
    }
}

/// The disk fails what an upload writes; that ends the upload, not the server.
fn uploads_fail(lives: &mut Lives<'_>, extent: Extent, fault: &str) -> Vec<String> {
    let sites = extent.choose(&mut lives.rng, &uploads::SITES, 1);
    let files = extent.choose(&mut lives.rng, &[1, uploads::FILES], 1);
    let all = sites.into_iter().flat_map(|site| files.iter().map(move |nth| (site, *nth)));
    all.filter_map(|(site, nth)| uploads::failed(lives, fault, site, nth).err()).collect()
}

/// What finds no room stops the server, too. A snapshot does not: it is put off.
pub fn full(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let often = [Site::LogWrite, Site::BlobCreate, Site::BlobWrite];
    let seldom = [Site::SpareCreate, Site::SpareWrite];
    let sites = match extent {
        Extent::Bounded => often.to_vec(),
        Extent::Long => [&often[..], &seldom].concat(),
    };
    let mut wrong = each(lives, extent, "full", &sites, PLANNED);
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
fn often(site: Site) -> u64 {
    match site.name().split_once('.') {
        // The first of them are those of a start.
        Some(("index", "read")) => 500,
        Some(("log", "write" | "sync")) => 60,
        Some(("blob", "create" | "write" | "sync" | "names")) => 15,
        // What leads there does so once.
        Some(("log", "remove") | ("snapshot", "read")) => 1,
        _ => 2,
    }
}

/// Lets one fault happen at each of some places.
fn each(lives: &mut Lives<'_>, extent: Extent, fault: &str, sites: &[Site], word: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for _ in 0..extent.of(1, 10) {
        for site in extent.choose(&mut lives.rng, sites, 2) {
            wrong.extend(at(lives, fault, site, word).err());
        }
    }
    wrong
}

/// Lets a fault happen at one place: the life has to end by it, and to name it.
fn at(lives: &mut Lives<'_>, fault: &str, site: Site, word: &str) -> Result<(), String> {
    let place = format!("{fault}:{}", site.name());
    let nth = 1 + lives.rng.below(often(site));
    kills::lead_to(lives, site);
    let mut end = lives.under(&format!("{place}#{nth}"), ERROR_MAX);
    let has_failed = lives.said().contains(&format!("failed {}", site.name()));
    if end == End::Alive && !has_failed {
        // So often it does not come there.
        kills::lead_to(lives, site);
        end = lives.under(&format!("{place}#1"), ERROR_MAX);
    }
    match end {
        End::Alive => Err(format!("{place} did not end the server")),
        End::Died if lives.said().contains(word) => Ok(()),
        End::Died => Err(format!("{place} is not named:\n{}", lives.said())),
    }
}

/// What a disk that is slow at everything makes of each operation: of reads of the index there are hundreds in a second.
const SLOW: &str = "slow:log.sync#100,slow:blob.sync#100,slow:spare.sync#100,\
                    slow:log.write#20,slow:blob.write#20,slow:blob.read#20,slow:index.read#2";

/// Each sync takes a tenth of a second longer, and writes and reads take their time; everything goes on, and is as safe as
/// ever.
pub fn slow(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let mut wrong = Vec::new();
    for _ in 0..extent.of(1, 20) {
        let life = Duration::from_millis(1_500) + lives.rng.pause(Duration::from_millis(500));
        if lives.under(SLOW, life) == End::Died {
            wrong.push(format!("a slow disk ended the server:\n{}", lives.said()));
        }
    }
    wrong
}
