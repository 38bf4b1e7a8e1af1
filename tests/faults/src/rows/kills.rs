//! `kill -9`: at random moments, and before and after everything that happens.

use super::{Extent, uploads};
use crate::life::{Lives, point};
use abide_e2e::{Guest, Setup};
use abide_store::faults::{Edge, SITES, Site, VARIABLE};
use std::time::Duration;

const EDGES: [Edge; 2] = [Edge::Before, Edge::After];
/// So many failpoints of each part are in a bounded run; an upload, which compiles, takes longer.
const CHOSEN: usize = 4;
const CHOSEN_NEW: usize = 3;
/// How long a server lives that is killed at random.
const LIFE_MAX: Duration = Duration::from_millis(1_200);
/// How long it may take to come to a failpoint for the nth time, and for the first.
const NTH_MAX: Duration = Duration::from_secs(3);
const FIRST_MAX: Duration = Duration::from_secs(20);

pub fn at_random(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    for _ in 0..extent.of(2, 200) {
        let pause = lives.rng.pause(LIFE_MAX);
        lives.under("", pause);
    }
    Vec::new()
}

/// Which part of the server a failpoint is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Engine,
    Disk,
    /// Only what is new comes there: a data folder, a component.
    New,
}

/// Every failpoint is in one part, so that none is forgotten.
fn part(site: Site) -> Part {
    match site {
        Site::Commit
        | Site::ArmTimer
        | Site::StartAttempt
        | Site::StopAttempt
        | Site::Deliver
        | Site::HoldRun
        | Site::AllowRuns
        | Site::Notice
        | Site::Reply
        | Site::Transmit
        | Site::Acknowledge
        | Site::Run => Part::Engine,
        Site::FormatCreate
        | Site::FormatWrite
        | Site::FormatSync
        | Site::FormatRename
        | Site::FormatNames
        | Site::ComponentWrite
        | Site::ComponentSync
        | Site::ComponentRename
        | Site::ComponentNames => Part::New,
        Site::SpareCreate
        | Site::SpareWrite
        | Site::SpareSync
        | Site::SpareRename
        | Site::LogTake
        | Site::LogWrite
        | Site::LogSync
        | Site::LogNames
        | Site::LogRecycle
        | Site::LogRemove
        | Site::LogRead
        | Site::BlobCreate
        | Site::BlobWrite
        | Site::BlobSync
        | Site::BlobLink
        | Site::BlobNames
        | Site::BlobRemove
        | Site::BlobRead
        | Site::SnapshotCreate
        | Site::SnapshotWrite
        | Site::SnapshotSync
        | Site::SnapshotRename
        | Site::SnapshotNames
        | Site::SnapshotRemove
        | Site::SnapshotRead
        | Site::IndexApply
        | Site::IndexMark
        | Site::IndexFlush
        | Site::IndexReopen
        | Site::IndexGiveUp
        | Site::IndexRead => Part::Disk,
    }
}

/// Says whether only what is new comes there.
pub fn is_new(site: Site) -> bool {
    part(site) == Part::New
}

fn points(of: Part) -> Vec<(Site, Edge)> {
    let sites = SITES.iter().map(|(site, _)| *site).filter(|site| part(*site) == of);
    sites.flat_map(|site| EDGES.map(|edge| (site, edge))).collect()
}

pub fn in_the_engine(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    at_all(lives, extent, Part::Engine)
}

pub fn at_the_disk(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    at_all(lives, extent, Part::Disk)
}

/// Kills the server at each failpoint of a part; returns those that it never came to.
fn at_all(lives: &mut Lives<'_>, extent: Extent, part: Part) -> Vec<String> {
    let mut missed = Vec::new();
    for _ in 0..extent.of(1, 10) {
        for (site, edge) in extent.choose(&mut lives.rng, &points(part), CHOSEN) {
            lead_to(lives, site);
            let nth = 1 + lives.rng.below(extent.of(12, 40));
            if !lives.die_at(site, edge, nth, NTH_MAX) {
                lead_to(lives, site);
                if !lives.die_at(site, edge, 1, FIRST_MAX) {
                    missed.push(format!("the server never came to {}", point(site, edge)));
                }
            }
        }
    }
    missed
}

/// Some places are reached only after something else went wrong.
pub fn lead_to(lives: &mut Lives<'_>, site: Site) {
    match site {
        // A spare that is not whole is removed at the next start.
        Site::LogRemove => _ = lives.die_at(Site::SpareWrite, Edge::After, 1, FIRST_MAX),
        // The index is rebuilt from a snapshot.
        Site::SnapshotRead => {
            lives.die_at(Site::SnapshotNames, Edge::After, 1, FIRST_MAX);
            let marker = lives.data().join("REBUILD-INDEX");
            std::fs::write(marker, "asked for by a test").expect("the data folder can be written");
        }
        _ => {}
    }
}

/// Kills servers that open a folder for the first time, and such that are given a component.
pub fn when_all_is_new(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let mut wrong = Vec::new();
    for (site, edge, nth) in extent.choose(&mut lives.rng, &new_points(), CHOSEN_NEW) {
        let killed = match uploads::SITES.contains(&site) {
            true => uploads::killed(lives, site, edge, nth),
            false => {
                let point = point(site, edge);
                in_a_new_folder(&format!("kill:{point}#1"), &format!("killed at {point}"))
            }
        };
        wrong.extend(killed.err());
    }
    wrong
}

/// An upload comes to each of its points once for every file that it writes.
fn new_points() -> Vec<(Site, Edge, u64)> {
    let files = |site| if uploads::SITES.contains(&site) { 1..=uploads::FILES } else { 1..=1 };
    let points = points(Part::New).into_iter();
    points.flat_map(|(site, edge)| files(site).map(move |nth| (site, edge, nth))).collect()
}

/// A server that opens a folder for the first time ends by a fault and says so, and the next one can use the folder.
pub fn in_a_new_folder(fault: &str, word: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = folder.path().join("data");
    let ended = Setup::new().data(&data).env(VARIABLE, &format!("small,{fault}")).try_start();
    let said = ended.err().map(|(_, log)| log).ok_or(format!("{fault} does not end a new server"))?;
    if !said.contains(word) {
        return Err(format!("a new server does not end by {fault}: {said}"));
    }
    match Setup::new().data(&data).try_start() {
        Ok(server) => {
            server.deploy(Guest::Greeter);
            Ok(())
        }
        Err((_, log)) => Err(format!("after {fault} a folder is of no use: {log}")),
    }
}
