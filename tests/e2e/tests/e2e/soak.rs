//! Many invocations come, end and are forgotten: what they leave on the disk does not grow with their number.

use abide_e2e::http::read_reply;
use abide_e2e::{Guest, Server, cli, within};
use std::fs;
use std::io::{BufReader, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const CONNECTIONS: u64 = 16;
/// Requests that are on their way on one connection.
const AT_ONCE: u64 = 8;
/// Calls of one of two rounds. An unoptimised server is given fewer; the bench has a soak of a million.
const CALLS: u64 = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
/// What is this large is a file of its own.
const LARGE_BYTES: usize = 40 << 10;
/// Objects. Each round does the same to them, so that it leaves as many values behind.
const KEYS: u64 = 5;
/// The handlers are kept for two seconds, and purging keeps up with calling.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);
/// The index is compressed, and gives back what is free in pieces.
const INDEX_SLACK_BYTES: u64 = 1 << 20;
/// The log before the first snapshot is due, and its spare segments.
const LOG_BYTES_MAX: u64 = (128 + 4 * 32) << 20;

#[test]
fn what_is_forgotten_takes_no_space() {
    let mut server = Server::with(Guest::Bench);
    soak(&server, 0..CALLS);
    let once = Left::after_a_stop(&mut server);
    soak(&server, CALLS..2 * CALLS);
    let twice = Left::after_a_stop(&mut server);
    let both = format!("once {once:?}\ntwice {twice:?}");
    // Whatever is stored under any key belongs to the objects, which are the same.
    assert_eq!(once.keys, twice.keys, "{both}");
    assert_eq!((once.blobs, once.blob_files), (twice.blobs, twice.blob_files), "{both}");
    assert_eq!(twice.blobs, twice.blob_files, "{both}");
    assert!(twice.index_bytes <= once.index_bytes + INDEX_SLACK_BYTES, "{both}");
    assert!(twice.log_bytes <= LOG_BYTES_MAX, "{both}");
}

/// Calls a bit of everything, over connections that carry several requests at once.
fn soak(server: &Server, calls: std::ops::Range<u64>) {
    let next = AtomicU64::new(calls.start);
    let call = || {
        let mut stream = BufReader::new(server.ingress().connect());
        loop {
            let first = next.fetch_add(AT_ONCE, Ordering::Relaxed);
            if first >= calls.end {
                return;
            }
            let requests: String = (first..first + AT_ONCE).map(request).collect();
            stream.get_mut().write_all(requests.as_bytes()).expect("the server reads");
            for nth in first..first + AT_ONCE {
                let reply = read_reply(&mut stream, false).expect("the server answers");
                assert!([200, 202].contains(&reply.status), "call {nth}: {}", reply.text());
            }
        }
    };
    std::thread::scope(|scope| (0..CONNECTIONS).for_each(|_| _ = scope.spawn(call)));
}

/// Returns the nth request as it goes over the wire.
fn request(nth: u64) -> String {
    let json = |path: &str| wire(path, "content-type: application/json\r\n", &nth.to_string());
    let hundred = nth / 100;
    match nth % 100 {
        0 => wire("/Soak/large", "content-type: text/plain\r\n", &format!("{nth:LARGE_BYTES$}")),
        1 => {
            let path = format!("/Shelf/k{}/replace", hundred % KEYS);
            wire(&path, "content-type: application/json\r\n", &hundred.to_string())
        }
        2..4 => wire("/Soak/nest", "content-type: application/json\r\n", "2"),
        4..15 => json("/Soak/steps"),
        15..30 => json(&format!("/Shelf/k{}/add", nth % KEYS)),
        30..50 => {
            let headers = format!("content-type: application/json\r\nidempotency-key: {nth}\r\n");
            wire("/Soak/keep", &headers, &nth.to_string())
        }
        50..60 => json("/Soak/keep/send"),
        60..70 => json("/Soak/forget"),
        _ => json("/Soak/keep"),
    }
}

fn wire(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

/// What is in the data folder when nothing is known of any invocation any more.
#[derive(Debug)]
struct Left {
    keys: u64,
    /// Large values that the index refers to.
    blobs: u64,
    blob_files: u64,
    index_bytes: u64,
    log_bytes: u64,
}

impl Left {
    fn after_a_stop(server: &mut Server) -> Self {
        within(FORGOTTEN_AFTER, "all invocations are forgotten", || {
            let listing = server.admin().get("/invocations?limit=1").expect(200).json();
            listing["invocations"].as_array().is_some_and(Vec::is_empty).then_some(())
        });
        assert!(server.stop().success(), "the server stops in order");
        let data = server.data();
        let report = cli::abide(&["doctor", "--json", &data.display().to_string()]).expect(0).json();
        let number = |pointer| report.pointer(pointer).and_then(|value| value.as_u64()).expect("a number");
        let left = Self {
            keys: number("/index/keys"),
            blobs: number("/blobs/referenced"),
            blob_files: bytes_and_files(&data.join("blobs")).1,
            index_bytes: bytes_and_files(&data.join("index")).0,
            log_bytes: bytes_and_files(&data.join("log")).0,
        };
        server.restart();
        left
    }
}

/// Returns what the files below a folder take on the disk, and how many there are.
fn bytes_and_files(folder: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = fs::read_dir(folder) else { return (0, 0) };
    entries.flatten().fold((0, 0), |(bytes, files), entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            let (more_bytes, more_files) = bytes_and_files(&entry.path());
            (bytes + more_bytes, files + more_files)
        }
        Ok(metadata) => (bytes + metadata.blocks() * 512, files + 1),
        Err(_) => (bytes, files),
    })
}
