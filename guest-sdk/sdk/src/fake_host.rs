//! A runtime for native tests: events come from a script, calls go to a transcript.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use expect_test::Expect;

use crate::bindings::events::{Completion, Event};
use crate::bindings::io::Wakeup;
use crate::bindings::log::{Field, Level};
use crate::bindings::types::{Failure, OpId, Outcome, RetryPolicy, Retryable, Target};
use crate::context::Context;
use crate::host::{self, Host, Pollable};

/// Runs a handler against a script of events and compares what it asked with the expectation.
pub(crate) fn check<T: std::fmt::Debug>(
    events: &str,
    handler: impl AsyncFnOnce(&Context) -> T,
    expected: Expect,
) {
    let (output, transcript) = play(events, handler);
    expected.assert_eq(&format!("{transcript}=> {output:?}\n"));
}

/// Runs a handler against a script of events; returns its output and what it asked.
///
/// Events, one per line: `execute OP`, `value OP JSON`, `empty OP`, `failure OP CODE MESSAGE`,
/// `io INDEX`.
pub(crate) fn play<T>(events: &str, handler: impl AsyncFnOnce(&Context) -> T) -> (T, String) {
    let host = Rc::new(FakeHost::new(events));
    host::install(host.clone());
    let target = Target { service: "Test".into(), key: None, handler: "test".into() };
    let context = Context::new("inv_1".into(), target, Vec::new(), 7);
    let output = crate::executor::block_on(handler(&context));
    assert!(host.events.borrow().is_empty(), "events were left over: {:?}", host.events.borrow());
    (output, host.transcript.take())
}

struct FakeHost {
    events: RefCell<VecDeque<String>>,
    transcript: RefCell<String>,
    next_op: Cell<OpId>,
}

impl FakeHost {
    fn new(events: &str) -> Self {
        let events =
            events.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        Self { events: RefCell::new(events), transcript: RefCell::default(), next_op: Cell::new(0) }
    }

    fn note(&self, text: String) {
        self.transcript.borrow_mut().push_str(&(text + "\n"));
    }

    fn issue(&self) -> OpId {
        self.next_op.replace(self.next_op.get() + 1)
    }

    fn next_line(&self) -> String {
        let line = self.events.borrow_mut().pop_front();
        let line = line.unwrap_or_else(|| panic!("deadlock after:\n{}", self.transcript.borrow()));
        self.note(format!("<- {line}"));
        line
    }
}

/// Reads a line of the script.
fn parse(line: &str) -> Wakeup {
    let mut words = line.splitn(3, ' ');
    let (kind, op) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
    let rest = words.next().unwrap_or_default();
    let completed = |outcome| Wakeup::Event(Event::Completed(Completion { op, outcome }));
    match kind {
        "execute" => Wakeup::Event(Event::Execute(op)),
        "value" => completed(Outcome::Value(rest.as_bytes().to_vec())),
        "empty" => completed(Outcome::Empty),
        "failure" => {
            let (code, message) = rest.split_once(' ').unwrap();
            let failure =
                Failure { code: code.parse().unwrap(), message: message.to_owned(), metadata: Vec::new() };
            completed(Outcome::Failure(failure))
        }
        "io" => Wakeup::Io(vec![op]),
        _ => panic!("bad line in the script: {line}"),
    }
}

impl Host for FakeHost {
    fn next_event(&self) -> Event {
        match parse(&self.next_line()) {
            Wakeup::Event(event) => event,
            Wakeup::Io(_) => panic!("the script has I/O, but the guest waits for events only"),
        }
    }

    fn next_event_or_io(&self, pollables: &[&Pollable]) -> Wakeup {
        self.note(format!(
            "wait also for io {:?}",
            pollables.iter().map(|pollable| pollable.0).collect::<Vec<_>>()
        ));
        parse(&self.next_line())
    }

    fn forget(&self, op: OpId) {
        self.note(format!("forget {op}"));
    }

    fn run_start(&self, name: &str, retry: Option<RetryPolicy>) -> OpId {
        let op = self.issue();
        let limit = retry.map(|policy| format!(", {:?} attempts", policy.max_attempts)).unwrap_or_default();
        self.note(format!("{op}: run {name}{limit}"));
        op
    }

    fn run_enter(&self, op: OpId) {
        self.note(format!("enter {op}"));
    }

    fn run_exit(&self) {
        self.note("exit".into());
    }

    fn run_finish(&self, op: OpId, result: Result<&[u8], &Failure>) {
        self.note(match result {
            Ok(bytes) => format!("finish {op} {}", String::from_utf8_lossy(bytes)),
            Err(failure) => format!("finish {op} failure {} {}", failure.code, failure.message),
        });
    }

    fn run_failed(&self, op: OpId, error: &Retryable) {
        self.note(format!("failed {op} {}", error.message));
    }

    fn sleep(&self, duration_ms: u64, name: Option<&str>) -> OpId {
        let op = self.issue();
        self.note(format!(
            "{op}: sleep {duration_ms}{}",
            name.map(|name| format!(" ({name})")).unwrap_or_default()
        ));
        op
    }

    fn log(&self, level: Level, target: &str, message: &str, fields: &[Field]) {
        let fields: String = fields.iter().map(|field| format!(" {}={}", field.name, field.value)).collect();
        self.note(format!("log {level:?} {target} {message}{fields}"));
    }
}
