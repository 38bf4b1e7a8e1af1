//! A guest that returns any bytes where a manifest or the end of an invocation belongs.

use super::deployment::{ACCEPTED, remove, upload};
use super::invocation::{ends_with_value, id_of, others_are_answered};
use super::{LONG_ENOUGH, Target, is_well};
use abide_e2e::{Guest, Server};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an input is by its first byte: what is told at discovery; changes of the truth, two bytes for a place and one for
/// what is there then; what an invocation comes to.
const AT_DISCOVERY: u8 = b'd';
const CHANGES: u8 = b'c';
const AT_THE_END: u8 = b'e';
/// In the component what it tells at discovery comes behind this, and has so many bytes.
const MARK: &[u8] = b"what it tells:  ";
const TOLD_BYTES: usize = 4_000;

/// What a guest returns, as words: the first is the address, the others are what is there.
pub struct Lies {
    server: Server,
    log_seen: u64,
    component: Vec<u8>,
    /// Where in the component that is which it tells at discovery.
    told_at: usize,
    /// The deployment that tells the truth.
    honest: String,
    tally: Tally,
}

/// What became of lies, those that were true not counted, so that a run in which all or none are seen through is noticed.
#[derive(Default)]
struct Tally {
    /// Manifests by the codes of their answers.
    codes: BTreeMap<String, u64>,
    values: u64,
    failures: u64,
}

impl Tally {
    /// Of so many there are some of both.
    const LIES_MIN: u64 = 50 * LONG_ENOUGH;

    fn is_enough(&self) -> Result<String, String> {
        let Self { codes, values, failures } = self;
        let said = format!("{values} invocations gave a value, {failures} none; of manifests: {codes:?}");
        let manifests: u64 = codes.values().sum();
        let accepted = codes.get(ACCEPTED).copied().unwrap_or_default();
        let is_both = |one: u64, other: u64| one + other < Self::LIES_MIN || (one > 0 && other > 0);
        let is_enough = manifests > 0
            && values + failures > 0
            && is_both(accepted, manifests - accepted)
            && is_both(*values, *failures);
        if is_enough { Ok(said) } else { Err(format!("only this: {said}")) }
    }
}

impl Lies {
    pub fn start() -> Self {
        let server = Server::with(Guest::Probe);
        let honest = server.deploy(Guest::Liar);
        let component = Guest::Liar.bytes();
        let marked = component.windows(MARK.len()).position(|bytes| bytes == MARK);
        let told_at = marked.expect("the liar has a place for what it tells") + MARK.len();
        Self { server, log_seen: 0, component, told_at, honest, tally: Tally::default() }
    }

    /// What it tells as it was built.
    fn truth(&self) -> &[u8] {
        let told = &self.component[self.told_at..self.told_at + TOLD_BYTES];
        let end = told.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &told[..end]
    }

    fn changed(&self, changes: &[u8]) -> Vec<u8> {
        let mut told = self.truth().to_vec();
        for [high, low, value] in changes.as_chunks::<3>().0 {
            let place = usize::from(u16::from_be_bytes([*high, *low])) % told.len();
            told[place] = *value;
        }
        told
    }

    /// Uploads a guest that tells this, looks at what is known of it, and removes it.
    fn discover(&mut self, lie: &[u8]) -> Result<(), String> {
        let is_true = lie == self.truth();
        let mut component = self.component.clone();
        let told = &mut component[self.told_at..self.told_at + TOLD_BYTES];
        told.fill(0);
        let bytes = lie.len().min(TOLD_BYTES);
        told[..bytes].copy_from_slice(&lie[..bytes]);
        let (deployment, code) = upload(&self.server, &mut self.log_seen, &component, "force=true")?;
        if is_true {
            return if code == ACCEPTED { Ok(()) } else { Err(format!("the truth is refused: {code}")) };
        }
        if code == ACCEPTED {
            self.look_at(&deployment)?;
            remove(&self.server, &deployment)?;
            self.offer_the_truth()?;
        }
        *self.tally.codes.entry(code).or_default() += 1;
        Ok(())
    }

    /// Asks for what is made of a manifest.
    fn look_at(&self, deployment: &Value) -> Result<(), String> {
        let id = deployment["id"].as_str().unwrap_or_default();
        let services = deployment["services"].as_array().into_iter().flatten();
        let names = services.filter_map(|service| service["name"].as_str());
        let paths = names.flat_map(|name| [format!("/services/{name}"), format!("/services/{name}/openapi")]);
        for path in paths.chain([format!("/deployments/{id}")]) {
            let looked = self.server.admin().request("GET", &path).try_send();
            let reply = looked.map_err(|error| format!("{path} has no answer: {error}"))?;
            if reply.status >= 500 {
                return Err(format!("{path}: {} {}", reply.status, reply.text()));
            }
        }
        Ok(())
    }

    /// The liar may have taken over from itself.
    fn offer_the_truth(&self) -> Result<(), String> {
        let path = format!("/deployments/{}/promote?force=true", self.honest);
        let promoted =
            self.server.admin().request("POST", &path).try_send().map_err(|error| error.to_string())?;
        match promoted.status {
            200 => Ok(()),
            status => Err(format!("the truth cannot be promoted: {status} {}", promoted.text())),
        }
    }

    /// Lets an invocation come to this.
    fn end(&mut self, lie: &[u8]) -> Result<(), String> {
        let request = self.server.ingress().request("POST", "/restate/send/Liar/lie");
        let sent =
            request.body("application/octet-stream", lie).try_send().map_err(|error| error.to_string())?;
        let id = id_of(&sent).ok_or_else(|| format!("not accepted: {} {}", sent.status, sent.text()))?;
        match ends_with_value(&self.server, &id)? {
            true => self.tally.values += 1,
            false => self.tally.failures += 1,
        }
        Ok(())
    }
}

/// A place in what is returned.
const fn at(bytes: u32) -> u32 {
    0xaa00_0000 | bytes
}

/// What an invocation may come to: a value, a failure for good with metadata, one that is worth another try.
fn endings() -> [Vec<u8>; 3] {
    let text = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
    let value = [at(0), 0, 0, at(16), 4, text(b"true")];
    let failure = [at(0), 1, 0, 0, 0, 404, at(36), 4, at(40), 1, text(b"gone"), at(36), 4, at(36), 4];
    let retryable = [at(0), 1, 0, 1, 0, at(40), 4, 1, 0, 5, 0, text(b"once")];
    let ending = |words: &[u32]| {
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        std::iter::once(AT_THE_END).chain(words).collect()
    };
    [ending(&value), ending(&failure), ending(&retryable)]
}

impl Target for Lies {
    fn name(&self) -> &'static str {
        "lies"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let manifest = [&[AT_DISCOVERY], self.truth()].concat();
        // Two places among the records, and one of a text.
        let changes = |first: u8| vec![CHANGES, 0, first, 1, 0, 2 * first, 0, 0, 190, b'-'];
        endings().into_iter().chain([manifest, changes(32), changes(65)]).collect()
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"\x00\x00\x00\xaa",
            b"\x10\x00\x00\xaa",
            b"\x00\x10\x00\xaa",
            b"\x00\x00\x00\x00",
            b"\x01\x00\x00\x00",
            b"\x02\x00\x00\x00",
            b"\x00\x00\x01\x00",
            b"\xff\xff\xff\x7f",
            b"\xff\xff\xff\xff",
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b"retry.max-attempts",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        match input.split_first() {
            Some((&AT_DISCOVERY, lie)) => self.discover(lie)?,
            Some((&CHANGES, changes)) => self.discover(&self.changed(changes))?,
            Some((_, lie)) => self.end(lie)?,
            None => self.end(input)?,
        }
        others_are_answered(&self.server)?;
        is_well(&self.server, &mut self.log_seen)
    }

    fn finish(&mut self) -> Result<String, String> {
        self.tally.is_enough()
    }
}
