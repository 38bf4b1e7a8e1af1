//! Bits that flip at rest: each is named, or does no harm, and never makes the server believe something else.

use super::Extent;
use crate::life::{End, Lives};
use abide_e2e::Guest;
use abide_store::inspect::{self, Secret};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Long enough for a server that stops to say why.
const STOP_MAX: Duration = Duration::from_millis(1_200);
/// Long enough for a server to write a snapshot.
const THERE_MAX: Duration = Duration::from_secs(30);

/// Where a bit flips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Log,
    Index,
    IndexNames,
    Blobs,
    Snapshots,
    Components,
    Artifacts,
}

const PLACES: [Place; 7] = [
    Place::Log,
    Place::Index,
    Place::IndexNames,
    Place::Blobs,
    Place::Snapshots,
    Place::Components,
    Place::Artifacts,
];

impl Place {
    fn folder(self, data: &Path) -> PathBuf {
        match self {
            Self::Log => data.join("log"),
            Self::Index => inspect::index(data).join("slabs"),
            Self::IndexNames => inspect::index(data).join("metadata"),
            Self::Blobs => data.join("blobs"),
            Self::Snapshots => data.join("snapshots"),
            Self::Components => data.join("components"),
            Self::Artifacts => data.join("artifacts"),
        }
    }

    /// Returns places that a server reads, one of which is hit.
    fn targets(self, data: &Path) -> Vec<Target> {
        let mut files = files(&self.folder(data));
        match self {
            Self::Log => {
                let secret = inspect::secret(data).expect("the folder says what its records carry");
                return records_before_the_last_group(&files, secret);
            }
            // The newest is read, and no draft.
            Self::Snapshots => {
                files.retain(|path| path.extension().is_none());
                files = files.split_off(files.len().saturating_sub(1));
            }
            // Others are there for guests that were not deployed.
            Self::Artifacts => {
                let digests: Vec<_> =
                    self::files(&data.join("components")).iter().filter_map(|path| stem(path)).collect();
                files.retain(|path| digests.iter().any(|digest| name(path).starts_with(digest)));
            }
            Self::Index | Self::IndexNames | Self::Blobs | Self::Components => {}
        }
        files.into_iter().filter_map(Target::whole).collect()
    }
}

/// A part of a file.
struct Target {
    path: PathBuf,
    bytes: Range<usize>,
}

impl Target {
    /// Up to the last byte that is not zero: what is behind it was never written.
    fn whole(path: PathBuf) -> Option<Self> {
        let content = fs::read(&path).ok()?;
        let end = content.iter().rposition(|byte| *byte != 0)? + 1;
        Some(Self { path, bytes: 0..end })
    }
}

/// Returns the records behind which something stands that was synced later, so that they were synced before: what a crash
/// tore off is at the end.
fn records_before_the_last_group(segments: &[PathBuf], secret: Secret) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut is_last = true;
    for path in segments.iter().rev() {
        let name = name(path);
        let Some(number) = name.strip_prefix("log-").and_then(|hex| u64::from_str_radix(hex, 16).ok()) else {
            continue;
        };
        let places = inspect::records(&fs::read(path).unwrap_or_default(), number, secret);
        let Some(last) = places.last().copied() else { continue };
        let is_synced = |place: &&inspect::Place| !is_last || place.offset < last.group;
        targets.extend(
            places
                .iter()
                .filter(is_synced)
                .map(|place| Target { path: path.clone(), bytes: place.offset..place.offset + place.bytes }),
        );
        is_last = false;
    }
    targets
}

pub fn flipped(lives: &mut Lives<'_>, extent: Extent) -> Vec<String> {
    let mut wrong = Vec::new();
    lives.go_on(Duration::from_secs(1));
    for _ in 0..extent.of(1, 30) {
        for place in extent.choose(&mut lives.rng, &PLACES, 3) {
            wrong.extend(one(lives, place).err());
        }
    }
    wrong
}

/// Starts on damaged data. It refuses and names the file, or goes on and is judged by all that it says.
fn one(lives: &mut Lives<'_>, place: Place) -> Result<(), String> {
    let flip = Flip::once_there(lives, place)?;
    match place {
        // What is compiled from it would be used otherwise.
        Place::Components => remove_artifacts(lives.data()),
        // A snapshot is read when the index is rebuilt.
        Place::Snapshots => {
            let marker = lives.data().join("REBUILD-INDEX");
            fs::write(marker, "asked for by a test").map_err(|error| error.to_string())?;
        }
        Place::Log | Place::Index | Place::IndexNames | Place::Blobs | Place::Artifacts => {}
    }
    let started = lives.begin("");
    let end = if started == End::Alive { lives.go_on(STOP_MAX) } else { started };
    let judged = judge(lives, &flip, place, end);
    // Two damages at once are more than a folder has to survive.
    if end == End::Alive {
        lives.kill();
    }
    flip.undo_if_untouched();
    lives.begin_well()?;
    judged
}

fn judge(lives: &Lives<'_>, flip: &Flip, place: Place, end: End) -> Result<(), String> {
    let said = lives.said();
    let is_named = said.contains(&name(&flip.path));
    match (place, end) {
        // A whole log is read at every start.
        (Place::Log | Place::Snapshots, End::Alive) => Err(format!("{flip:?} was not noticed")),
        (Place::Log | Place::Snapshots | Place::Blobs, End::Died) if is_named => Ok(()),
        // Not every blob is read at once, and an index is rebuilt.
        (Place::Index | Place::IndexNames | Place::Blobs, End::Alive) => Ok(()),
        (Place::Index | Place::IndexNames, End::Died) if said.contains("the index") => Ok(()),
        (Place::Artifacts, End::Alive) if is_named => Ok(()),
        (Place::Components, End::Alive) if is_named && said.contains("is damaged") => heal(lives, flip),
        _ => Err(format!("{flip:?} has no name ({end:?}):\n{said}")),
    }
}

/// A damaged component is uploaded again, as the message says.
fn heal(lives: &Lives<'_>, flip: &Flip) -> Result<(), String> {
    let guests = [Guest::Probe, Guest::Abilities].map(Guest::bytes);
    let guest = guests.into_iter().find(|bytes| *bytes == flip.original);
    let guest = guest.ok_or(format!("{} is none of our guests", flip.path.display()))?;
    let request = lives.server().admin().request("POST", "/deployments").body("application/wasm", guest);
    let reply = request.try_send().map_err(|error| format!("an upload after {flip:?}: {error}"))?;
    match fs::read(&flip.path).is_ok_and(|found| found == flip.original) {
        true => Ok(()),
        false => Err(format!("{flip:?} is still there after an upload: {} {}", reply.status, reply.text())),
    }
}

fn remove_artifacts(data: &Path) {
    for path in files(&data.join("artifacts")) {
        fs::remove_file(path).expect("a file can be removed");
    }
}

/// A bit that was flipped, and the file as it was.
struct Flip {
    path: PathBuf,
    original: Vec<u8>,
    damaged: Vec<u8>,
    at: usize,
}

impl std::fmt::Debug for Flip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a bit of byte {} of {}", self.at, self.path.display())
    }
}

impl Flip {
    /// Flips a bit once there is a file with something in it; the server is down then.
    fn once_there(lives: &mut Lives<'_>, place: Place) -> Result<Self, String> {
        let start = Instant::now();
        loop {
            lives.kill();
            let targets = place.targets(lives.data());
            if !targets.is_empty() {
                let target = &targets[lives.rng.below(targets.len() as u64) as usize];
                return Self::within(lives, target).map_err(|error| format!("{place:?}: {error}"));
            }
            if start.elapsed() > THERE_MAX {
                let folder = place.folder(lives.data());
                return Err(format!("nothing was flipped in {}: there is nothing", folder.display()));
            }
            lives.begin_well()?;
            lives.go_on(Duration::from_secs(1));
        }
    }

    fn within(lives: &mut Lives<'_>, target: &Target) -> std::io::Result<Self> {
        let Target { path, bytes } = target;
        let original = fs::read(path)?;
        let at = bytes.start + lives.rng.below(bytes.len() as u64) as usize;
        let mut damaged = original.clone();
        damaged[at] ^= 1 << lives.rng.below(8);
        // A file of its own: artifacts may be shared with other servers.
        fs::remove_file(path)?;
        fs::write(path, &damaged)?;
        Ok(Self { path: path.clone(), original, damaged, at })
    }

    /// Undoes it unless the server has written something else there since.
    fn undo_if_untouched(&self) {
        if fs::read(&self.path).is_ok_and(|found| found == self.damaged) {
            fs::write(&self.path, &self.original).expect("a file can be written");
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn stem(path: &Path) -> Option<String> {
    Some(path.file_stem()?.to_string_lossy().into_owned())
}

/// Returns the files with something in them, by name.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0));
    files.sort();
    files
}
