//! The trace an invocation belongs to: read from its headers, passed on to whom it calls.
//!
//! The headers of an invocation are stored with its input, so its place in the trace survives what the
//! invocation survives. The ids of its spans are computed, so they are known to everybody, always: what
//! was sent to another service before a crash still names the span that is told after it.

use abide_core::entry::Header;
use abide_core::ids::{Attempt, InvocationId, OpId};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

pub const TRACEPARENT: &str = "traceparent";
pub const TRACESTATE: &str = "tracestate";

/// Bytes of a trace state that is passed on; a longer one is left out, as the standard allows.
const STATE_BYTES_MAX: usize = 512;
const SAMPLED: u8 = 1;

/// A place in a trace, as W3C Trace Context writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub trace: u128,
    /// The span under which what follows stands.
    pub parent: u64,
    pub flags: u8,
    pub state: Option<String>,
}

impl TraceContext {
    /// Reads the context of an invocation from its headers; None when there is none, or no valid one.
    #[must_use]
    pub fn of(headers: &[Header]) -> Option<Self> {
        let find = |name: &str| headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        let mut context = Self::parse(&find(TRACEPARENT)?.value)?;
        let state = find(TRACESTATE).map(|header| header.value.clone());
        context.state = state.filter(|state| !state.is_empty() && state.len() <= STATE_BYTES_MAX);
        Some(context)
    }

    /// Reads `00-<trace>-<parent>-<flags>`. Later versions may append to it.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.trim().split('-').collect();
        let [version, trace, parent, flags, rest @ ..] = fields.as_slice() else { return None };
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let lengths = [version, trace, parent, flags].map(|field| field.len());
        if lengths != [2, 32, 16, 2] || ![version, trace, parent, flags].iter().all(|field| is_hex(field)) {
            return None;
        }
        if *version == "ff" || (*version == "00" && !rest.is_empty()) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
        let parent = u64::from_str_radix(parent, 16).ok().filter(|parent| *parent != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { trace, parent, flags, state: None })
    }

    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    #[must_use]
    pub fn with_sampled(mut self, is_sampled: bool) -> Self {
        self.flags = if is_sampled { self.flags | SAMPLED } else { self.flags & !SAMPLED };
        self
    }

    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.parent, self.flags)
    }

    /// Returns the headers that pass the context on.
    #[must_use]
    pub fn headers(&self) -> Vec<Header> {
        let mut headers = vec![Header { name: TRACEPARENT.to_owned(), value: self.traceparent() }];
        let state = self.state.clone().map(|value| Header { name: TRACESTATE.to_owned(), value });
        headers.extend(state);
        headers
    }

    /// Puts the context into the headers of a request, unless somebody has put one there.
    pub fn put_into(&self, headers: &mut HeaderMap) {
        if headers.contains_key(TRACEPARENT) {
            return;
        }
        if let Ok(value) = HeaderValue::try_from(self.traceparent()) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(Ok(value)) = self.state.as_deref().map(HeaderValue::from_str) {
            headers.insert(TRACESTATE, value);
        }
    }

    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// Returns the id of the span of an invocation in this trace.
    #[must_use]
    pub fn invocation_span(&self, invocation: InvocationId) -> u64 {
        self.span(invocation, b"invocation", 0)
    }

    #[must_use]
    pub fn attempt_span(&self, invocation: InvocationId, attempt: Attempt) -> u64 {
        self.span(invocation, b"attempt", attempt)
    }

    #[must_use]
    pub fn operation_span(&self, invocation: InvocationId, op: OpId) -> u64 {
        self.span(invocation, b"operation", op)
    }

    /// The trace is part of it: an id that is used again after a purge is another span.
    fn span(&self, invocation: InvocationId, what: &[u8], number: u32) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.trace.to_be_bytes());
        hash.update(invocation.to_bytes());
        hash.update(what);
        hash.update(number.to_be_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes")).max(1)
    }
}

/// What an attempt knows of its trace, for those it talks to.
#[derive(Clone, Debug)]
pub struct Trail {
    invocation: InvocationId,
    context: TraceContext,
    /// Spans of this server are told, so they may be named.
    is_on: bool,
}

impl Trail {
    /// Returns the trail of an invocation; None when it belongs to no trace.
    #[must_use]
    pub fn of(invocation: InvocationId, headers: &[Header], is_on: bool) -> Option<Self> {
        Some(Self { invocation, context: TraceContext::of(headers)?, is_on })
    }

    /// Returns the context for what an operation asks of others. When this server tells no spans, it is
    /// the one it was given.
    #[must_use]
    pub fn at(&self, op: OpId) -> TraceContext {
        let context = self.context.clone();
        if !self.is_on {
            return context;
        }
        TraceContext { parent: self.context.operation_span(self.invocation, op), ..context }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(pairs: &[(&str, &str)]) -> Vec<Header> {
        let header = |(name, value): &(&str, &str)| Header { name: (*name).into(), value: (*value).into() };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn contexts_are_read_as_the_standard_says() {
        let read = |text: &str| TraceContext::parse(text).map(|context| context.traceparent());
        assert_eq!(read(PARENT).as_deref(), Some(PARENT));
        for (text, is_valid) in [
            ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false),
            ("00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", false),
            ("", false),
        ] {
            assert_eq!(read(text).is_some(), is_valid, "{text}");
        }
    }

    #[test]
    fn what_is_asked_of_others_stands_under_its_operation() {
        let given = headers(&[("Traceparent", PARENT), ("tracestate", "a=1")]);
        let trail = Trail::of(ID, &given, true).unwrap();
        let (first, second) = (trail.at(0), trail.at(1));
        assert_eq!((first.trace_id().as_str(), first.is_sampled()), (&PARENT[3..35], true));
        assert!(first.parent != second.parent && first == trail.at(0), "computed, so the same each time");
        assert_eq!(first.headers()[1], Header { name: "tracestate".into(), value: "a=1".into() });
        let off = Trail::of(ID, &given, false).unwrap();
        assert_eq!(off.at(7).traceparent(), PARENT, "nothing is told, so nothing is named");
        assert!(Trail::of(ID, &headers(&[("traceparent", "x")]), true).is_none());
    }

    #[test]
    fn spans_of_one_invocation_differ_and_so_do_those_of_another_trace() {
        let context = TraceContext::parse(PARENT).unwrap();
        let other = TraceContext { trace: 1, ..context.clone() };
        let spans = [
            context.invocation_span(ID),
            context.attempt_span(ID, 0),
            context.attempt_span(ID, 1),
            context.operation_span(ID, 0),
            other.invocation_span(ID),
        ];
        assert_eq!(std::collections::BTreeSet::from(spans).len(), spans.len());
    }
}
