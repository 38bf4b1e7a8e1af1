//! A program: bytes that say which function is called next, and with what.

use super::imports as host;

/// Where the host puts results. More than any of them takes.
const OUT_BYTES: usize = 256;
/// A text that is longer than most limits.
const LONG_BYTES: usize = 300_000;

/// Texts that are names of something, texts that are none, and bytes that are no text.
const TEXTS: [&[u8]; 20] = [
    b"",
    b"a",
    b"Probe",
    b"hello",
    b"Register",
    b"add",
    b"Act",
    b"script",
    b"5",
    b"[]",
    b"{\"name\":\"Ann\"}",
    b"inv_18zmwd0zpKnd7n42DGM5Pr5gESa5Zl12l6",
    b"sign_1PePOqp",
    b"prom_1PePOqp",
    b"\0",
    b"a\nb\r\n\x1b[31m",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "\u{10ffff}\u{202e}\u{e4}".as_bytes(),
    b"content-type",
];

/// Makes the calls of a program; returns how many came back.
pub fn run(program: &[u8]) -> u64 {
    let long: &'static [u8] = vec![b'x'; LONG_BYTES].leak();
    let out: &'static mut [u8] = vec![0; OUT_BYTES].leak();
    let mut rest = Program { bytes: program, long, out: out.as_mut_ptr() as usize as i32 };
    let mut calls = 0;
    while let Some(what) = rest.next() {
        rest.call(what);
        calls += 1;
    }
    calls
}

struct Program<'a> {
    bytes: &'a [u8],
    long: &'static [u8],
    out: i32,
}

impl Program<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// A program that is at its end goes on with zeros, so that its last call is made.
    fn byte(&mut self) -> u8 {
        self.next().unwrap_or_default()
    }

    /// Mostly a small number, which is the one of an operation or a case; else any.
    fn number(&mut self) -> i32 {
        match self.byte() {
            small @ 0..=199 => i32::from(small % 8),
            200..=219 => -1,
            220..=229 => i32::MAX,
            230..=239 => i32::MIN,
            _ => i32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]),
        }
    }

    fn long(&mut self) -> i64 {
        match self.byte() {
            small @ 0..=199 => i64::from(small),
            200..=219 => -1,
            220..=239 => i64::MAX,
            _ => i64::from(self.number()) << 32 | i64::from(self.number()),
        }
    }

    /// Mostly an address and a length that belong together.
    fn text(&mut self) -> (i32, i32) {
        match self.byte() {
            known @ 0..=229 => place_of(TEXTS[usize::from(known) % TEXTS.len()]),
            230..=239 => place_of(self.long),
            _ => (self.number(), self.number()),
        }
    }

    /// Names and values.
    fn pairs(&mut self) -> (i32, i32) {
        let count = self.byte();
        if count >= 250 {
            return (self.number(), self.number());
        }
        let mut pairs = Vec::new();
        for _ in 0..count % 4 {
            let ((name, name_bytes), (value, value_bytes)) = (self.text(), self.text());
            pairs.extend([name, name_bytes, value, value_bytes]);
        }
        let pairs: &'static [i32] = pairs.leak();
        (pairs.as_ptr() as usize as i32, (pairs.len() / 4) as i32)
    }

    /// A result: a value, or a failure with code, message and metadata.
    fn result(&mut self) -> [i32; 6] {
        let case = self.number();
        if case == 0 {
            let (value, bytes) = self.text();
            return [case, value, bytes, 0, 0, 0];
        }
        let (code, (message, bytes), (pairs, len)) = (self.number(), self.text(), self.pairs());
        [case, code, message, bytes, pairs, len]
    }

    fn call(&mut self, what: u8) {
        match what % 24 {
            0..=4 => self.run_block(what % 24),
            5..=9 => self.state(what % 24),
            10 | 11 => self.service(what % 24 == 10),
            12..=14 => self.invocation(what % 24),
            15..=20 => self.outside(what % 24),
            _ => self.wait(what % 24),
        }
    }

    fn run_block(&mut self, what: u8) {
        // SAFETY: whatever is passed, the host has to see to it; it writes nothing back here.
        unsafe {
            match what {
                0 => {
                    let ((name, bytes), has) = (self.text(), self.number());
                    let (initial, factor) = (self.long(), self.number());
                    let (has_interval, interval) = (self.number(), self.long());
                    let (has_attempts, attempts) = (self.number(), self.number());
                    let (has_duration, duration) = (self.number(), self.long());
                    host::run_start(
                        name,
                        bytes,
                        has,
                        initial,
                        factor,
                        has_interval,
                        interval,
                        has_attempts,
                        attempts,
                        has_duration,
                        duration,
                    );
                }
                1 => host::run_enter(self.number()),
                2 => host::run_exit(),
                3 => {
                    let (op, [case, a, b, c, d, e]) = (self.number(), self.result());
                    host::run_finish(op, case, a, b, c, d, e);
                }
                _ => {
                    let (op, (message, bytes)) = (self.number(), self.text());
                    host::run_failed(op, message, bytes, self.number(), self.long());
                }
            }
        }
    }

    fn state(&mut self, what: u8) {
        let (name, bytes) = self.text();
        // SAFETY: as above; results go to `out`, which is large enough.
        unsafe {
            match what {
                5 => host::state_get(name, bytes, self.out),
                6 => {
                    let (value, value_bytes) = self.text();
                    host::state_set(name, bytes, value, value_bytes);
                }
                7 => host::state_clear(name, bytes),
                8 => host::state_clear_all(),
                _ => _ = host::state_keys(),
            }
        }
    }

    fn service(&mut self, is_call: bool) {
        let (service, service_bytes) = self.text();
        let (has_key, (key, key_bytes)) = (self.number(), self.text());
        let ((handler, handler_bytes), (input, input_bytes)) = (self.text(), self.text());
        let (headers, len) = self.pairs();
        let (has_idempotency, (idempotency, idempotency_bytes)) = (self.number(), self.text());
        // SAFETY: as above.
        unsafe {
            if is_call {
                host::call(
                    service,
                    service_bytes,
                    has_key,
                    key,
                    key_bytes,
                    handler,
                    handler_bytes,
                    input,
                    input_bytes,
                    headers,
                    len,
                    has_idempotency,
                    idempotency,
                    idempotency_bytes,
                    self.out,
                );
            } else {
                let (has_delay, delay) = (self.number(), self.long());
                host::send(
                    service,
                    service_bytes,
                    has_key,
                    key,
                    key_bytes,
                    handler,
                    handler_bytes,
                    input,
                    input_bytes,
                    headers,
                    len,
                    has_idempotency,
                    idempotency,
                    idempotency_bytes,
                    has_delay,
                    delay,
                    self.out,
                );
            }
        }
    }

    fn invocation(&mut self, what: u8) {
        let (id, bytes) = self.text();
        // SAFETY: as above.
        unsafe {
            match what {
                12 => host::attach(id, bytes, self.out),
                13 => host::cancel(id, bytes, self.out),
                _ => host::kill(id, bytes, self.out),
            }
        }
    }

    fn outside(&mut self, what: u8) {
        let (name, bytes) = self.text();
        // SAFETY: as above.
        unsafe {
            match what {
                15 => host::awakeable_create(self.number(), name, bytes, self.out),
                16 => {
                    let [case, a, b, c, d, e] = self.result();
                    host::awakeable_complete(name, bytes, case, a, b, c, d, e, self.out);
                }
                17 => _ = host::signal_receive(name, bytes),
                18 => {
                    let ((signal, signal_bytes), [case, a, b, c, d, e]) = (self.text(), self.result());
                    host::signal_send(name, bytes, signal, signal_bytes, case, a, b, c, d, e, self.out);
                }
                19 => _ = host::promise_get(name, bytes),
                _ => {
                    let [case, a, b, c, d, e] = self.result();
                    let _ = host::promise_peek(name, bytes);
                    let _ = host::promise_complete(name, bytes, case, a, b, c, d, e);
                }
            }
        }
    }

    fn wait(&mut self, what: u8) {
        // SAFETY: as above.
        unsafe {
            match what {
                21 => {
                    let (has_name, (name, bytes)) = (self.number(), self.text());
                    host::sleep(self.long(), has_name, name, bytes);
                }
                22 => {
                    let ((target, bytes), (message, message_bytes)) = (self.text(), self.text());
                    let (level, (fields, len)) = (self.number(), self.pairs());
                    host::log(level, target, bytes, message, message_bytes, fields, len);
                }
                _ => match self.number() {
                    0 => host::forget(self.number()),
                    1 => {
                        let (pollables, len) = self.text();
                        host::next_event_or_io(pollables, len, self.out);
                    }
                    2 => host::next_event(self.number()),
                    _ => host::next_event(self.out),
                },
            }
        }
    }
}

fn place_of(text: &'static [u8]) -> (i32, i32) {
    (text.as_ptr() as usize as i32, text.len() as i32)
}
