//! A guest that passes to the host what no SDK would: any numbers where addresses, lengths, cases and operations belong.

use super::invocation::{ends_with_value, id_of, others_are_answered};
use super::{Target, is_well};
use abide_e2e::{Guest, Server};
use serde_json::json;

/// A program is a list in JSON, and each call takes some bytes of it.
const PROGRAM_MAX: usize = 400;
/// Of so many programs of a hundred all calls come back; the others trap, wait or fail.
const DONE_PERCENT: u64 = 2;

/// Programs for a hostile guest.
pub struct Hostile {
    server: Server,
    log_seen: u64,
    programs: u64,
    done: u64,
}

impl Hostile {
    pub fn start() -> Self {
        let server = Server::with(Guest::Hostile);
        server.deploy(Guest::Probe);
        server.deploy(Guest::Abilities);
        Self { server, log_seen: 0, programs: 0, done: 0 }
    }
}

impl Target for Hostile {
    fn name(&self) -> &'static str {
        "guest"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds: Vec<Vec<u8>> =
            (0..24).map(|what| vec![what, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]).collect();
        // A run block that is executed and has a result; a call, a timer, an awakeable that is completed.
        seeds.push(vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 3, 1, 0, 2, 3, 0, 0, 8, 23, 3]);
        seeds.push(vec![10, 2, 0, 0, 3, 10, 0, 0, 0, 21, 0, 0, 1, 23, 3, 23, 3]);
        seeds.push(vec![
            11, 4, 1, 1, 5, 8, 1, 19, 1, 1, 1, 1, 50, 15, 1, 1, 16, 12, 0, 8, 22, 1, 15, 3, 1, 1, 1,
        ]);
        seeds
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[b"\x17\x03", b"\xfa", b"\xd2", b"\xe6", b"\xff\xff\xff\xff\xff", b"\x00", b"\x01", b"\xf0"]
    }

    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        self.programs += 1;
        let program = &input[..input.len().min(PROGRAM_MAX)];
        let request =
            self.server.ingress().request("POST", &format!("/restate/send/Hostile/{}/run", self.programs));
        let sent = request.json(&json!(program).to_string()).try_send().map_err(|error| error.to_string())?;
        let id = id_of(&sent).ok_or_else(|| format!("not accepted: {} {}", sent.status, sent.text()))?;
        self.done += u64::from(ends_with_value(&self.server, &id)?);
        others_are_answered(&self.server)?;
        is_well(&self.server, &mut self.log_seen)
    }

    fn finish(&mut self) -> Result<String, String> {
        let said = format!("{} of {} programs came to their end", self.done, self.programs);
        let is_enough = self.programs > 0 && self.done * 100 >= self.programs * DONE_PERCENT;
        if is_enough { Ok(said) } else { Err(format!("only {said}")) }
    }
}
