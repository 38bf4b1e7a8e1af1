//! Notes become spans. What is open is remembered; what was forgotten is read from the journal again.

use super::context::TraceContext;
use super::notes::{Completed, Event, Note, Operation, Reason};
use abide_core::ids::{Attempt, InvocationId, OpId};
use abide_core::invocation::Origin;
use abide_core::time::Timestamp;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::collections::{HashMap, VecDeque};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// Invocations whose open spans are remembered.
const REMEMBERED_MAX: usize = 50_000;
/// Operations of one invocation that are remembered.
const OPERATIONS_MAX: usize = 1_000;
/// Failed tries that one attempt's span tells of.
const EVENTS_MAX: usize = 32;

/// What the journal knows.
pub trait Recall: Send + Sync + 'static {
    /// Returns the context an invocation came with.
    fn context(&self, invocation: InvocationId) -> Option<TraceContext>;
    /// Returns an operation with the time when it was asked for.
    fn operation(&self, invocation: InvocationId, op: OpId) -> Option<(Timestamp, Operation)>;
}

/// What is remembered of an invocation that is told of.
struct Open {
    context: TraceContext,
    attempt: Option<(Attempt, Timestamp)>,
    failed_runs: Vec<opentelemetry::trace::Event>,
    operations: HashMap<OpId, (Timestamp, Operation)>,
}

pub struct Spans {
    recall: Box<dyn Recall>,
    scope: InstrumentationScope,
    /// None: nothing is told of this one.
    known: HashMap<InvocationId, Option<Open>>,
    order: VecDeque<InvocationId>,
}

impl Spans {
    pub fn new(recall: Box<dyn Recall>) -> Self {
        let scope = InstrumentationScope::builder("abide").with_version(env!("CARGO_PKG_VERSION")).build();
        Self { recall, scope, known: HashMap::new(), order: VecDeque::new() }
    }

    /// Takes a note; returns the span that it ends, if it ends one.
    pub fn take(&mut self, note: Note) -> Option<SpanData> {
        let Note { invocation, at, event } = note;
        if let Event::Accepted(context) = &event {
            self.remember(invocation, context.clone());
            return None;
        }
        if !self.known.contains_key(&invocation) {
            let context = self.recall.context(invocation);
            self.remember(invocation, context);
        }
        let is_over = matches!(event, Event::Completed(_));
        let span = self.span(invocation, at, event);
        if is_over {
            self.known.remove(&invocation);
        }
        span
    }

    fn remember(&mut self, invocation: InvocationId, context: Option<TraceContext>) {
        let open = context.filter(TraceContext::is_sampled).map(|context| Open {
            context,
            attempt: None,
            failed_runs: Vec::new(),
            operations: HashMap::new(),
        });
        if self.known.insert(invocation, open).is_none() {
            self.order.push_back(invocation);
        }
        while self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn span(&mut self, invocation: InvocationId, at: Timestamp, event: Event) -> Option<SpanData> {
        let Self { recall, scope, known, .. } = self;
        let open = known.get_mut(&invocation)?.as_mut()?;
        let draw = |open: &Open| Draw { invocation, context: open.context.clone(), scope: scope.clone() };
        match event {
            Event::Accepted(_) => None,
            Event::AttemptStarted(attempt) => {
                open.attempt = Some((attempt, at));
                open.failed_runs.clear();
                None
            }
            Event::AttemptEnded { attempt, seen_at, how, reason } => {
                let started = open.attempt.take().filter(|(started, _)| *started == attempt);
                let began_at = started.map_or(seen_at, |(_, at)| at);
                let events = std::mem::take(&mut open.failed_runs);
                Some(draw(open).attempt(attempt, (began_at, at), how, reason, events))
            }
            Event::RunFailed { op, message } => {
                if open.failed_runs.len() < EVENTS_MAX {
                    open.failed_runs.push(run_failed(at, op, message));
                }
                None
            }
            Event::Asked(op, operation) if !operation.is_open => {
                Some(draw(open).operation(op, &operation, (at, at), None))
            }
            Event::Asked(op, operation) => {
                if open.operations.len() < OPERATIONS_MAX {
                    open.operations.insert(op, (at, operation));
                }
                None
            }
            Event::Settled(op, reason) => {
                let known = open.operations.remove(&op);
                let (asked_at, operation) = known.or_else(|| recall.operation(invocation, op))?;
                operation.is_open.then(|| draw(open).operation(op, &operation, (asked_at, at), reason))
            }
            Event::Completed(completed) => Some(draw(open).invocation(at, *completed)),
        }
    }
}

fn run_failed(at: Timestamp, op: OpId, message: String) -> opentelemetry::trace::Event {
    let attributes =
        vec![KeyValue::new("abide.operation.id", i64::from(op)), KeyValue::new("exception.message", message)];
    opentelemetry::trace::Event::new("run block failed", time(at), attributes, 0)
}

/// Draws the spans of one invocation.
struct Draw {
    invocation: InvocationId,
    context: TraceContext,
    scope: InstrumentationScope,
}

impl Draw {
    fn invocation(self, at: Timestamp, completed: Completed) -> SpanData {
        let Completed { target, origin, deployment, created_at, attempts, outcome, reason } = completed;
        let own = self.context.invocation_span(self.invocation);
        // A trace that begins here names the invocation itself as the parent.
        let parent = if self.context.parent == own { 0 } else { self.context.parent };
        let mut span = self.span(own, parent, format!("{}/{}", target.service, target.handler));
        span.parent_span_is_remote = parent != 0 && origin == Origin::Ingress;
        span.span_kind = match origin {
            Origin::Ingress | Origin::Call { .. } | Origin::Restart { .. } => SpanKind::Server,
            Origin::Send { .. } => SpanKind::Consumer,
        };
        (span.start_time, span.end_time) = (time(created_at), time(at));
        span.attributes.extend([
            KeyValue::new("rpc.system", "abide"),
            KeyValue::new("rpc.service", target.service),
            KeyValue::new("rpc.method", target.handler),
            KeyValue::new("abide.attempts", i64::from(attempts)),
            KeyValue::new("abide.outcome", outcome),
        ]);
        span.attributes.extend(target.key.map(|key| KeyValue::new("abide.object.key", key)));
        span.attributes.extend(deployment.map(|id| KeyValue::new("abide.deployment.id", id.to_string())));
        fail(&mut span, reason);
        span
    }

    fn attempt(
        self,
        attempt: Attempt,
        (began_at, ended_at): (Timestamp, Timestamp),
        how: &'static str,
        reason: Option<Reason>,
        events: Vec<opentelemetry::trace::Event>,
    ) -> SpanData {
        let own = self.context.attempt_span(self.invocation, attempt);
        let parent = self.context.invocation_span(self.invocation);
        let mut span = self.span(own, parent, "attempt".to_owned());
        (span.start_time, span.end_time) = (time(began_at), time(ended_at));
        span.attributes.push(KeyValue::new("abide.attempt", i64::from(attempt)));
        span.attributes.push(KeyValue::new("abide.attempt.end", how));
        span.events.events = events;
        fail(&mut span, reason);
        span
    }

    fn operation(
        self,
        op: OpId,
        operation: &Operation,
        (asked_at, settled_at): (Timestamp, Timestamp),
        reason: Option<Reason>,
    ) -> SpanData {
        let own = self.context.operation_span(self.invocation, op);
        let parent = self.context.invocation_span(self.invocation);
        let name = match &operation.subject {
            Some(subject) => format!("{} {subject}", operation.kind),
            None => operation.kind.to_owned(),
        };
        let mut span = self.span(own, parent, name);
        span.span_kind = match (&operation.callee, operation.is_open) {
            (Some(_), true) => SpanKind::Client,
            (Some(_), false) => SpanKind::Producer,
            (None, _) => SpanKind::Internal,
        };
        (span.start_time, span.end_time) = (time(asked_at), time(settled_at));
        span.attributes.push(KeyValue::new("abide.operation.id", i64::from(op)));
        span.attributes.push(KeyValue::new("abide.operation.kind", operation.kind));
        match (&operation.callee, &operation.subject) {
            (Some((callee, target)), _) => span.attributes.extend([
                KeyValue::new("rpc.system", "abide"),
                KeyValue::new("rpc.service", target.service.clone()),
                KeyValue::new("rpc.method", target.handler.clone()),
                KeyValue::new("abide.callee.id", callee.to_string()),
            ]),
            (None, Some(name)) => span.attributes.push(KeyValue::new("abide.operation.name", name.clone())),
            (None, None) => {}
        }
        fail(&mut span, reason);
        span
    }

    fn span(self, own: u64, parent: u64, name: String) -> SpanData {
        let state = self.context.state.as_deref().and_then(|state| TraceState::from_str(state).ok());
        let span_context = SpanContext::new(
            TraceId::from_bytes(self.context.trace.to_be_bytes()),
            SpanId::from_bytes(own.to_be_bytes()),
            TraceFlags::new(self.context.flags),
            false,
            state.unwrap_or_default(),
        );
        SpanData {
            span_context,
            parent_span_id: SpanId::from_bytes(parent.to_be_bytes()),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: vec![KeyValue::new("abide.invocation.id", self.invocation.to_string())],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope,
        }
    }
}

fn fail(span: &mut SpanData, reason: Option<Reason>) {
    let Some(Reason { code, message }) = reason else { return };
    span.attributes.extend(code.map(|code| KeyValue::new("error.type", code.to_string())));
    span.status = Status::error(message);
}

fn time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.0)
}
