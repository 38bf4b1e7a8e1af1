//! Inputs on the disk: those that are kept for good, and the one that is being tried.
//!
//! Kept inputs are lines of text files, with `\xff` for what is no plain text, so that they can be read and reviewed.

use abide_e2e::binary::workspace;
use abide_store::{DiskStore, Options, Store, View};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Returns the folder of what is kept for a target.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    workspace().join("tests/fuzz/corpus").join(name)
}

/// Returns what is kept for a target, by the names of its files.
///
/// # Panics
/// A file cannot be read.
#[must_use]
pub fn of(name: &str) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for path in files(&folder(name)) {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (index, line) in text.lines().enumerate() {
            let input = unescape(line);
            inputs.push(input.unwrap_or_else(|| panic!("{}:{}: no input", path.display(), index + 1)));
        }
    }
    inputs
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Keeps an input that found something.
///
/// # Panics
/// The folder cannot be written.
pub fn keep(name: &str, input: &[u8]) -> PathBuf {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    fs::create_dir_all(folder(name)).expect("the corpus can be written");
    let path = folder(name).join(format!("found-{hash:016x}.txt"));
    fs::write(&path, format!("{}\n", input.escape_ascii())).expect("the corpus can be written");
    path
}

/// How many rows of a kind are worth keeping, and how large they may be.
const ROWS_OF_A_KIND: usize = 3;
const ROW_BYTES_MAX: usize = 1_500;

/// Returns rows of all kinds of a data folder as lines of a corpus: of each kind the first of some lengths.
///
/// # Errors
/// It is no data folder, or a server uses it.
pub fn rows_of(folder: &Path) -> Result<Vec<String>, abide_store::Error> {
    let store = DiskStore::open(folder, Options::default())?;
    let mut kinds: BTreeMap<u8, BTreeMap<usize, Vec<u8>>> = BTreeMap::new();
    for (key, value) in store.scan(View::Durable, b"", &[0xff; 16], usize::MAX)? {
        let (Some(tag), true) = (key.get(2), value.len() <= ROW_BYTES_MAX) else { continue };
        kinds.entry(*tag).or_default().entry(value.len()).or_insert_with(|| value.to_vec());
    }
    let of_a_kind = |rows: BTreeMap<usize, Vec<u8>>| {
        // From small to large, not only the smallest.
        let step = rows.len().div_ceil(ROWS_OF_A_KIND).max(1);
        rows.into_values().step_by(step).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = kinds.into_values().flat_map(of_a_kind).collect();
    rows.dedup();
    Ok(rows.iter().map(|row| row.escape_ascii().to_string()).collect())
}

/// Reads what `escape_ascii` wrote.
fn unescape(line: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::with_capacity(line.len()), line.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        bytes.push(match escape {
            b't' => b'\t',
            b'r' => b'\r',
            b'n' => b'\n',
            b'x' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            b'\'' | b'"' | b'\\' => *escape,
            _ => return None,
        });
    }
    Some(bytes)
}

/// The input that is being tried, on the disk: an abort, an endless loop or a kill leaves it there.
pub struct Current {
    path: PathBuf,
    file: File,
}

impl Current {
    /// Begins a run; returns what runs that ended before their end were at.
    ///
    /// # Panics
    /// The folder cannot be written.
    #[must_use]
    pub fn open(name: &str) -> (Self, Vec<Vec<u8>>) {
        let folder = workspace().join("target/fuzz");
        fs::create_dir_all(&folder).expect("the target folder can be written");
        let mut left_over = Vec::new();
        for path in files(&folder) {
            let is_of_the_dead = |process: &str| !Path::new("/proc").join(process).exists();
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if file_name.split_once('-').is_some_and(|(of, process)| of == name && is_of_the_dead(process)) {
                left_over.extend(fs::read(&path).ok().and_then(|content| Self::input(&content)));
                let _ = fs::remove_file(&path);
            }
        }
        let path = folder.join(format!("{name}-{}", std::process::id()));
        let file = File::create(&path).expect("the target folder can be written");
        (Self { path, file }, left_over)
    }

    fn input(content: &[u8]) -> Option<Vec<u8>> {
        let (length, rest) = content.split_first_chunk()?;
        Some(rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?.to_vec())
    }

    /// Writes down what is tried next. One write into the same place: some targets try thousands a second.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn set(&mut self, input: &[u8]) {
        let content = [&(input.len() as u64).to_le_bytes(), input].concat();
        self.file.write_all_at(&content, 0).expect("the target folder can be written");
    }

    /// Ends a run in order.
    pub fn close(self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::{Current, unescape};

    #[test]
    fn every_byte_comes_back() {
        let input: Vec<u8> = (0..=255).chain(*b"\\x41 \\n").collect();
        assert_eq!(unescape(&input.escape_ascii().to_string()), Some(input));
        assert_eq!(unescape("\\x4"), None);
        assert_eq!(unescape("\\q"), None);
    }

    #[test]
    fn what_is_tried_can_be_read_after_a_shorter_one() {
        let (mut current, _) = Current::open("test");
        current.set(b"something long");
        current.set(b"short");
        let content = std::fs::read(&current.path).unwrap();
        assert_eq!(Current::input(&content), Some(b"short".to_vec()));
        current.close();
    }
}
