//! A collector of traces, as OTLP over HTTP wants it.

use crate::http::{read_body, read_headers, read_line};
use crate::poll::eventually;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message;
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A span as it arrived.
#[derive(Clone, Debug)]
pub struct Span {
    pub trace: String,
    pub id: String,
    /// Empty: it has none.
    pub parent: String,
    pub name: String,
    pub kind: &'static str,
    pub took: Duration,
    pub attributes: BTreeMap<String, String>,
    /// The message of a span that failed.
    pub error: Option<String>,
    pub events: Vec<String>,
    /// Attributes of the process that sent it.
    pub resource: BTreeMap<String, String>,
}

#[derive(Default)]
struct Shared {
    spans: Mutex<Vec<Span>>,
    is_closed: AtomicBool,
}

/// A running collector.
pub struct Collector {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Collector {
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let addr = listener.local_addr().expect("it is bound");
        let shared = Arc::<Shared>::default();
        let serving = shared.clone();
        std::thread::spawn(move || serve(&listener, &serving));
        Self { addr, shared }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns what arrived so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.shared.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a span arrives that is wanted.
    #[track_caller]
    pub fn span(&self, what: &str, is_wanted: impl Fn(&Span) -> bool) -> Span {
        eventually(what, || self.spans().into_iter().find(|span| is_wanted(span)))
    }

    /// Waits for the span of this name of an invocation.
    #[track_caller]
    pub fn span_of(&self, invocation: &str, name: &str) -> Span {
        let what = format!("a span {name} of {invocation}");
        self.span(&what, |span| span.name == name && span.attribute("abide.invocation.id") == invocation)
    }
}

impl Span {
    /// Returns an attribute, empty when there is none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.addr);
        if std::thread::panicking() {
            eprintln!("---- what the collector got ----");
            self.spans().iter().for_each(|span| eprintln!("{span:?}"));
        }
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_closed.load(Ordering::Relaxed) {
            return;
        }
        let (Ok(stream), shared) = (stream, shared.clone()) else { continue };
        std::thread::spawn(move || while take_one(&stream, &shared).is_some() {});
    }
}

/// Takes one request off a connection; None when the connection is done.
fn take_one(stream: &TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let request_line = read_line(&mut reader).ok()?;
    let headers = read_headers(&mut reader).ok()?;
    let body = read_body(&mut reader, &headers).ok()?;
    let is_protobuf = headers.contains(&("content-type".into(), "application/x-protobuf".into()));
    let is_ours = request_line.starts_with("POST /v1/traces ") && is_protobuf;
    let decoded = ExportTraceServiceRequest::decode(body.as_slice());
    let status = match decoded {
        Ok(request) if is_ours => {
            let mut spans = shared.spans.lock().unwrap_or_else(PoisonError::into_inner);
            spans.extend(spans_of(request));
            200
        }
        _ => 400,
    };
    let head = format!(
        "HTTP/1.1 {status} Seen\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()
}

fn spans_of(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let resource = attributes(of_resource.resource.unwrap_or_default().attributes);
        let scoped = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(scoped.map(|span| read(span, resource.clone())));
    }
    spans
}

fn read(span: proto::Span, resource: BTreeMap<String, String>) -> Span {
    let error = span.status.filter(|status| status.code == proto::status::StatusCode::Error as i32);
    let took = span.end_time_unix_nano.checked_sub(span.start_time_unix_nano);
    Span {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        kind: match span.kind {
            1 => "internal",
            2 => "server",
            3 => "client",
            4 => "producer",
            5 => "consumer",
            _ => "unspecified",
        },
        took: Duration::from_nanos(took.expect("a span does not end before it begins")),
        attributes: attributes(span.attributes),
        error: error.map(|status| status.message),
        events: span.events.into_iter().map(|event| event.name).collect(),
        resource,
    }
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
