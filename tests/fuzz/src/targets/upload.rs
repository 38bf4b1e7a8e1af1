//! Components that were changed on their way.

use super::{Target, is_well};
use abide_e2e::{Guest, Server};

/// Uploads, which are examined, compiled and asked what they offer, but not taken.
pub struct Upload {
    server: Server,
    log_seen: u64,
}

impl Upload {
    pub fn start() -> Self {
        Self { server: Server::start(), log_seen: 0 }
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
        vec![greeter, beginning, empty(1), empty(0)]
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
        let request = self.server.admin().request("POST", "/deployments?dry_run=true&force=true");
        let sent = request.body("application/wasm", input).try_send();
        is_well(&self.server, &mut self.log_seen)?;
        let reply =
            sent.map_err(|error| format!("an upload of {} bytes has no answer: {error}", input.len()))?;
        match reply.status {
            200..=299 => Ok(()),
            400..=499 if reply.text().contains("\"message\"") => Ok(()),
            status => Err(format!("an upload of {} bytes: {status} {}", input.len(), reply.text())),
        }
    }
}
