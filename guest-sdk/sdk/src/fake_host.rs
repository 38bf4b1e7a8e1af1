//! A runtime for native tests: events come from a script or by chance, calls go to a transcript.

mod chance;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{Debug, Display};
use std::rc::Rc;

use expect_test::Expect;

use self::chance::{Chance, Next};
use crate::bindings::awakeable::AwakeableHandle;
use crate::bindings::call::CallHandle;
use crate::bindings::events::{Completion, Event};
use crate::bindings::io::Wakeup;
use crate::bindings::log::{Field, Level};
use crate::bindings::state::Lookup;
use crate::bindings::types::{Failure, OpId, Outcome, RetryPolicy, Retryable, Target};
use crate::context::{Context, FromContext};
use crate::host::{self, Answer, Host, Pollable, Request};
use crate::reception;

/// Runs a handler against a script of events and compares what it asked with the expectation.
pub(crate) fn check<T: Debug>(events: &str, handler: impl AsyncFnOnce(&Context) -> T, expected: Expect) {
    check_keyed(events, handler, expected);
}

/// As [`check`], for handlers that take another context. Their key is `ann`.
pub(crate) fn check_keyed<C: FromContext, T: Debug>(
    events: &str,
    handler: impl AsyncFnOnce(&C) -> T,
    expected: Expect,
) {
    let (output, transcript) = play_keyed(events, handler);
    expected.assert_eq(&format!("{transcript}=> {output:?}\n"));
}

/// Runs a handler against a script of events; returns its output and what it asked.
///
/// Events, one per line: `execute OP`, `value OP JSON`, `empty OP`, `names OP NAME NAME`,
/// `failure OP CODE MESSAGE`, `io INDEX`, `cancelled`.
pub(crate) fn play<T>(events: &str, handler: impl AsyncFnOnce(&Context) -> T) -> (T, String) {
    play_keyed(events, handler)
}

/// As [`play`], for handlers that take another context.
pub(crate) fn play_keyed<C: FromContext, T>(events: &str, handler: impl AsyncFnOnce(&C) -> T) -> (T, String) {
    let lines = events.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
    let host = FakeHost::new(Events::Script(lines.collect()));
    let output = host.clone().drive(handler);
    let Events::Script(left) = &*host.events.borrow() else { unreachable!("made so above") };
    assert!(left.is_empty(), "events were left over: {left:?}");
    (output, host.transcript.take())
}

/// Runs a handler while things happen by chance; returns its output, what it asked, and the events
/// for a replay.
pub(crate) fn play_by_chance<T>(seed: u64, handler: impl AsyncFnOnce(&Context) -> T) -> (T, String, String) {
    let host = FakeHost::new(Events::Chance(Box::new(Chance::new(seed))));
    let output = host.clone().drive(handler);
    let Events::Chance(chance) = host.events.replace(Events::Script(VecDeque::new())) else {
        unreachable!("made so above")
    };
    (output, host.transcript.take(), chance.into_journal())
}

/// Where the events come from.
enum Events {
    Script(VecDeque<String>),
    Chance(Box<Chance>),
}

struct FakeHost {
    events: RefCell<Events>,
    transcript: RefCell<String>,
    next_op: Cell<OpId>,
    /// What the handler set and cleared, so that it is known without asking.
    state: RefCell<BTreeMap<String, Option<Vec<u8>>>>,
}

impl FakeHost {
    fn new(events: Events) -> Rc<Self> {
        Rc::new(Self {
            events: RefCell::new(events),
            transcript: RefCell::default(),
            next_op: Cell::new(0),
            state: RefCell::default(),
        })
    }

    fn drive<C: FromContext, T>(self: Rc<Self>, handler: impl AsyncFnOnce(&C) -> T) -> T {
        reception::begin_anew();
        host::install(self);
        let target = Target { service: "Test".into(), key: Some("ann".into()), handler: "test".into() };
        let context = C::from_context(Context::new("inv_1".into(), target, Vec::new(), 7));
        crate::executor::block_on(handler(&context))
    }

    fn note(&self, text: String) {
        self.transcript.borrow_mut().push_str(&(text + "\n"));
    }

    /// Issues an operation that will complete, and notes what it is.
    fn issue(&self, text: impl Display) -> OpId {
        self.issue_with(Next::Complete, text)
    }

    fn issue_with(&self, next: Next, text: impl Display) -> OpId {
        let op = self.number(text);
        if let Events::Chance(chance) = &mut *self.events.borrow_mut() {
            chance.open(op, next);
        }
        op
    }

    /// Gives an operation its number, and notes what it is.
    fn number(&self, text: impl Display) -> OpId {
        let op = self.next_op.replace(self.next_op.get() + 1);
        self.note(format!("{op}: {text}"));
        op
    }

    /// Notes something that is not an operation; fails when `id` is none.
    fn tell(&self, id: &str, text: String) -> Result<(), Failure> {
        check_id(id)?;
        self.note(text);
        Ok(())
    }

    fn next_line(&self) -> String {
        let line = match &mut *self.events.borrow_mut() {
            Events::Script(lines) => lines.pop_front(),
            Events::Chance(chance) => chance.next(),
        };
        let line = line.unwrap_or_else(|| panic!("deadlock after:\n{}", self.transcript.borrow()));
        self.note(format!("<- {line}"));
        line
    }
}

/// Reads a line of the script.
fn parse(line: &str) -> Wakeup {
    let mut words = line.splitn(3, ' ');
    let kind = words.next().unwrap();
    if kind == "cancelled" {
        return Wakeup::Event(Event::Cancelled);
    }
    let op = words.next().unwrap().parse().unwrap();
    let rest = words.next().unwrap_or_default();
    let completed = |outcome| Wakeup::Event(Event::Completed(Completion { op, outcome }));
    match kind {
        "execute" => Wakeup::Event(Event::Execute(op)),
        "value" => completed(Outcome::Value(rest.as_bytes().to_vec())),
        "empty" => completed(Outcome::Empty),
        "names" => completed(Outcome::Names(rest.split_whitespace().map(str::to_owned).collect())),
        "failure" => {
            let (code, message) = rest.split_once(' ').unwrap();
            completed(Outcome::Failure(failure(code.parse().unwrap(), message)))
        }
        "io" => Wakeup::Io(vec![op]),
        _ => panic!("bad line in the script: {line}"),
    }
}

fn failure(code: u16, message: &str) -> Failure {
    Failure { code, message: message.to_owned(), metadata: Vec::new() }
}

fn check_id(id: &str) -> Result<(), Failure> {
    if id.contains('_') { Ok(()) } else { Err(failure(400, "this is not an id")) }
}

fn show(answer: Answer<'_>) -> String {
    match answer {
        Ok(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Err(failure) => format!("failure {} {}", failure.code, failure.message),
    }
}

/// Shows the parts of a request that are there.
fn show_request(request: &Request) -> String {
    let Request { target, input, headers, idempotency_key } = request;
    let mut text = format!("{target} [{}]", String::from_utf8_lossy(input));
    text.extend(headers.iter().map(|header| format!(" {}: {}", header.name, header.value)));
    text.extend(idempotency_key.iter().map(|key| format!(" once by {key}")));
    text
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
        if let Events::Chance(chance) = &mut *self.events.borrow_mut() {
            chance.forget(op);
        }
    }

    fn run_start(&self, name: &str, retry: Option<RetryPolicy>) -> OpId {
        let limit = retry.map(|policy| format!(", {:?} attempts", policy.max_attempts)).unwrap_or_default();
        self.issue_with(Next::Execute, format_args!("run {name}{limit}"))
    }

    fn run_enter(&self, op: OpId) {
        self.note(format!("enter {op}"));
    }

    fn run_exit(&self) {
        self.note("exit".into());
    }

    fn run_finish(&self, op: OpId, answer: Answer<'_>) {
        self.note(format!("finish {op} {}", show(answer)));
    }

    fn run_failed(&self, op: OpId, error: &Retryable) {
        self.note(format!("failed {op} {}", error.message));
    }

    fn sleep(&self, duration_ms: u64, name: Option<&str>) -> OpId {
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        self.issue(format_args!("sleep {duration_ms}{name}"))
    }

    fn state_get(&self, name: &str) -> Lookup {
        match self.state.borrow().get(name) {
            Some(value) => Lookup::Known(value.clone()),
            None => Lookup::Pending(self.issue(format_args!("get {name}"))),
        }
    }

    fn state_set(&self, name: &str, value: &[u8]) {
        self.note(format!("set {name} {}", String::from_utf8_lossy(value)));
        self.state.borrow_mut().insert(name.to_owned(), Some(value.to_vec()));
    }

    fn state_clear(&self, name: &str) {
        self.note(format!("clear {name}"));
        self.state.borrow_mut().insert(name.to_owned(), None);
    }

    fn state_clear_all(&self) {
        self.note("clear all".into());
        self.state.borrow_mut().values_mut().for_each(|value| *value = None);
    }

    fn state_keys(&self) -> OpId {
        self.issue("keys")
    }

    fn call(&self, request: &Request) -> CallHandle {
        let op = self.issue(format_args!("call {}", show_request(request)));
        CallHandle { op, invocation: format!("inv_1_{op}") }
    }

    fn send(&self, request: &Request, delay_ms: Option<u64>) -> String {
        let delay = delay_ms.map(|delay| format!(" in {delay} ms")).unwrap_or_default();
        let op = self.number(format_args!("send {}{delay}", show_request(request)));
        format!("inv_1_{op}")
    }

    fn attach(&self, invocation_id: &str) -> Result<OpId, Failure> {
        check_id(invocation_id)?;
        Ok(self.issue(format_args!("attach {invocation_id}")))
    }

    fn cancel(&self, invocation_id: &str) -> Result<(), Failure> {
        self.tell(invocation_id, format!("cancel {invocation_id}"))
    }

    fn kill(&self, invocation_id: &str) -> Result<(), Failure> {
        self.tell(invocation_id, format!("kill {invocation_id}"))
    }

    fn awakeable_create(&self, name: Option<&str>) -> AwakeableHandle {
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        let op = self.issue(format_args!("awakeable{name}"));
        AwakeableHandle { op, id: format!("awk_{op}") }
    }

    fn awakeable_complete(&self, id: &str, answer: Answer<'_>) -> Result<(), Failure> {
        self.tell(id, format!("complete {id} {}", show(answer)))
    }

    fn signal_receive(&self, name: &str) -> OpId {
        self.issue(format_args!("signal {name}"))
    }

    fn signal_send(&self, invocation_id: &str, name: &str, answer: Answer<'_>) -> Result<(), Failure> {
        self.tell(invocation_id, format!("signal {invocation_id} {name} {}", show(answer)))
    }

    fn promise_get(&self, name: &str) -> OpId {
        self.issue(format_args!("promise {name}"))
    }

    fn promise_peek(&self, name: &str) -> OpId {
        self.issue(format_args!("peek {name}"))
    }

    fn promise_complete(&self, name: &str, answer: Answer<'_>) -> OpId {
        self.issue(format_args!("complete {name} {}", show(answer)))
    }

    fn log(&self, level: Level, target: &str, message: &str, fields: &[Field]) {
        let fields: String = fields.iter().map(|field| format!(" {}={}", field.name, field.value)).collect();
        self.note(format!("log {level:?} {target} {message}{fields}"));
    }
}
