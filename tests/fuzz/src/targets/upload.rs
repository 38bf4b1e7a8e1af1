//! Components that were changed on their way; those that are accepted are called.

use super::deployment::{ACCEPTED, remove, upload};
use super::invocation::{ends_with_value, id_of, others_are_answered};
use super::{LONG_ENOUGH, Target, is_well};
use crate::sections::{Place, places};
use abide_e2e::{Guest, Server, Setup};
use serde_json::Value;
use std::collections::BTreeMap;

/// An input that begins with this is no component but changes of a guest: places of three bytes, and what is there then.
const CHANGES: &[u8] = b"=";
/// How many changes each of the first such inputs has.
const CHANGES_OF_A_SEED: u8 = 12;
/// A changed guest may have an endless loop where it tells what it offers.
const GUEST_CPU_MAX: &str = "2s";
/// What is called is given a program of the hostile guest: a run block that is executed and has a result.
const CALL: &str = "[0,1,0,0,0,0,0,0,0,0,0,23,3,1,0,2,3,0,0,8,23,3]";
/// Who is refused for one of these was not even compiled.
const INVALID: [&str; 5] =
    ["not_a_component", "core_module", "invalid_component", "not_compiled", "too_large"];

/// Uploads, which are examined, compiled, asked what they offer, taken, called and removed.
pub struct Upload {
    server: Server,
    log_seen: u64,
    guest: Vec<u8>,
    places: Vec<Place>,
    tally: Tally,
}

/// What became of uploads, so that a run whose changes are all refused at the door is noticed.
#[derive(Default)]
struct Tally {
    /// Answers, by their codes.
    codes: BTreeMap<String, u64>,
    /// Guests that were changed where they stay valid, those that were, and those that were accepted.
    guests: u64,
    valid: u64,
    accepted: u64,
    /// Calls that were accepted, and those that gave a value.
    calls: u64,
    values: u64,
}

impl Tally {
    fn answered(&mut self, code: &str, is_of_guest: bool) {
        *self.codes.entry(code.to_owned()).or_default() += 1;
        if is_of_guest {
            self.guests += 1;
            self.valid += u64::from(!INVALID.contains(&code));
            self.accepted += u64::from(code == ACCEPTED);
        }
    }

    fn is_enough(&self) -> Result<String, String> {
        let Self { codes, guests, valid, accepted, calls, values } = self;
        let said = format!(
            "of {guests} guests that were changed where they stay valid {valid} were and {accepted} were accepted; \
             {values} of {calls} calls gave a value; {codes:?}"
        );
        let is_guests_enough = *guests < LONG_ENOUGH || (*valid > 0 && *accepted > 0);
        let is_calls_enough = *calls < LONG_ENOUGH || *values > 0;
        let is_enough = !codes.is_empty() && is_guests_enough && is_calls_enough;
        if is_enough { Ok(said) } else { Err(format!("only this: {said}")) }
    }
}

impl Upload {
    pub fn start() -> Self {
        let server = Setup::new().args(&["--guests-cpu-max", GUEST_CPU_MAX]).start();
        server.deploy(Guest::Probe);
        let guest = Guest::Hostile.bytes();
        let places = places(&guest).expect("a guest has a module with data");
        Self { server, log_seen: 0, guest, places, tally: Tally::default() }
    }

    /// Returns the guest with changes that keep its length, and mostly keep it valid.
    fn changed(&self, changes: &[u8]) -> Vec<u8> {
        let mut guest = self.guest.clone();
        for [high, middle, low, value] in changes.as_chunks::<4>().0 {
            let number = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
            let Place { at, bits } = self.places[number % self.places.len()];
            guest[at] = (guest[at] & !bits) | (value & bits);
        }
        guest
    }

    fn upload(&mut self, component: &[u8], query: &str) -> Result<(Value, String), String> {
        upload(&self.server, &mut self.log_seen, component, query)
    }

    /// Asks for a deployment once more, calls it, and removes it.
    fn use_up(&mut self, component: &[u8], deployment: &Value) -> Result<(), String> {
        self.upload(component, "dry_run=true&force=true")?;
        self.call(deployment)?;
        others_are_answered(&self.server)?;
        remove(&self.server, deployment)?;
        is_well(&self.server, &mut self.log_seen)
    }

    /// Calls the first handler of the first service, if it may be called from outside.
    fn call(&mut self, deployment: &Value) -> Result<(), String> {
        let service = &deployment["services"][0];
        let (name, handler) = (service["name"].as_str(), service["handlers"][0]["name"].as_str());
        let (Some(name), Some(handler)) = (name, handler) else {
            return Err(format!("a deployment without a handler: {deployment}"));
        };
        let key = if service["ty"] == "Service" { String::new() } else { format!("/{}", self.tally.calls) };
        let request = self.server.ingress().request("POST", &format!("/restate/send/{name}{key}/{handler}"));
        let sent = request.json(CALL).try_send().map_err(|error| format!("a call has no answer: {error}"))?;
        match id_of(&sent) {
            Some(id) => {
                self.tally.calls += 1;
                self.tally.values += u64::from(ends_with_value(&self.server, &id)?);
                Ok(())
            }
            None if (400..=499).contains(&sent.status) => Ok(()),
            None => Err(format!("a call is answered with {} {}", sent.status, sent.text())),
        }
    }
}

impl Target for Upload {
    fn name(&self) -> &'static str {
        "upload"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        // An empty component and an empty module; what is larger is cut so that its beginning is changed often.
        let greeter = Guest::Greeter.bytes();
        let beginning = greeter[..greeter.len().min(40_000)].to_vec();
        let empty = |layer: u8| vec![0, b'a', b's', b'm', if layer == 1 { 0x0d } else { 1 }, 0, layer, 0];
        let change = |seed: u8, number: u8| [number, seed.wrapping_mul(number), number ^ seed, seed];
        let changes = |seed: u8| -> Vec<u8> {
            let changes = (1..=CHANGES_OF_A_SEED).flat_map(|number| change(seed, number));
            CHANGES.iter().copied().chain(changes).collect()
        };
        vec![greeter, beginning, empty(1), empty(0), CHANGES.to_vec(), changes(97), changes(0), changes(255)]
    }

    fn words(&self) -> &'static [&'static [u8]] {
        &[
            b"\xff\xff\xff\xff\x0f",
            b"\x80\x80\x80\x80\x08",
            b"\0asm",
            b"\x0d\0\x01\0",
            b"abide:runtime",
            b"discover",
            b"invoke",
            b"wasi:cli/environment",
            b"memory",
            b"cabi_realloc",
            b"@0.1.0",
            b"\x00",
            b"\x0b",
            b"\x40",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<(), String> {
        let changes = input.strip_prefix(CHANGES);
        let component = changes.map_or_else(|| input.to_vec(), |changes| self.changed(changes));
        let (deployment, code) = self.upload(&component, "force=true")?;
        self.tally.answered(&code, changes.is_some());
        if code != ACCEPTED {
            let is_as_built = component == self.guest;
            return if is_as_built {
                Err(format!("a guest is refused as it was built: {code}"))
            } else {
                Ok(())
            };
        }
        self.use_up(&component, &deployment)
    }

    fn finish(&mut self) -> Result<String, String> {
        self.tally.is_enough()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_of_which_nothing_is_accepted_is_none() {
        let mut tally = Tally::default();
        assert!(tally.is_enough().is_err(), "nothing was uploaded");
        (0..LONG_ENOUGH).for_each(|_| tally.answered("not_a_component", false));
        assert!(tally.is_enough().is_ok());
        (0..LONG_ENOUGH).for_each(|_| tally.answered("invalid_component", true));
        assert!(tally.is_enough().unwrap_err().contains("0 were and 0 were accepted"));
        tally.answered("discovery_failed", true);
        assert!(tally.is_enough().unwrap_err().contains("1 were and 0 were accepted"));
        tally.answered(ACCEPTED, true);
        assert!(tally.is_enough().is_ok());
        tally.calls = LONG_ENOUGH;
        assert!(tally.is_enough().is_err(), "no call gave a value");
    }
}
