//! The `tracing` crate's side: events are forwarded with the fields of the spans they are in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_core::field::{Field as TracingField, Visit};
use tracing_core::span::{Attributes, Current, Id, Record};
use tracing_core::{Event, LevelFilter, Metadata, Subscriber};

use crate::bindings::log::{Field, Level};

struct Forwarder {
    level: LevelFilter,
    next_span: AtomicU64,
}

/// What is remembered of an open span.
struct Span {
    metadata: &'static Metadata<'static>,
    fields: Vec<Field>,
    handles: usize,
}

#[derive(Default)]
struct Spans {
    open: BTreeMap<u64, Span>,
    entered: Vec<u64>,
}

// A component has one thread, so this is all there is.
thread_local! {
    static SPANS: RefCell<Spans> = RefCell::default();
}

pub(super) fn install(level: Option<&str>) {
    let level = level.and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::INFO);
    let forwarder = Forwarder { level, next_span: AtomicU64::new(1) };
    let _another_one_stays =
        tracing_core::dispatcher::set_global_default(tracing_core::Dispatch::new(forwarder));
}

impl Subscriber for Forwarder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= &self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.next_span.fetch_add(1, Ordering::Relaxed);
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = Span { metadata: attributes.metadata(), fields: fields.all, handles: 1 };
        SPANS.with_borrow_mut(|spans| spans.open.insert(id, span));
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        with_span(id, |span| span.fields.append(&mut fields.all));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        SPANS.with_borrow(|spans| {
            let entered = spans.entered.iter().filter_map(|id| spans.open.get(id));
            fields.all.extend(entered.flat_map(|span| span.fields.iter().cloned()));
        });
        let metadata = event.metadata();
        super::forward(level(metadata.level()), metadata.target(), &fields.message, &fields.all);
    }

    fn enter(&self, id: &Id) {
        SPANS.with_borrow_mut(|spans| spans.entered.push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        SPANS.with_borrow_mut(|spans| {
            if let Some(position) = spans.entered.iter().rposition(|each| *each == id.into_u64()) {
                spans.entered.remove(position);
            }
        });
    }

    fn clone_span(&self, id: &Id) -> Id {
        with_span(id, |span| span.handles += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        SPANS.with_borrow_mut(|spans| {
            let Some(span) = spans.open.get_mut(&id.into_u64()) else { return false };
            span.handles -= 1;
            let is_closed = span.handles == 0;
            if is_closed {
                spans.open.remove(&id.into_u64());
            }
            is_closed
        })
    }

    fn current_span(&self) -> Current {
        SPANS.with_borrow(|spans| {
            let innermost = spans.entered.last().and_then(|id| Some((*id, spans.open.get(id)?)));
            innermost.map_or_else(Current::none, |(id, span)| Current::new(Id::from_u64(id), span.metadata))
        })
    }
}

fn with_span(id: &Id, change: impl FnOnce(&mut Span)) {
    SPANS.with_borrow_mut(|spans| spans.open.get_mut(&id.into_u64()).map(change));
}

/// Collects the fields of an event or span; the one called `message` apart.
#[derive(Default)]
struct Fields {
    message: String,
    all: Vec<Field>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &TracingField, value: &dyn Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &TracingField, value: &str) {
        self.add(field, value.to_owned());
    }
}

impl Fields {
    fn add(&mut self, field: &TracingField, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => self.all.push(Field { name: name.to_owned(), value }),
        }
    }
}

fn level(level: &tracing_core::Level) -> Level {
    match *level {
        tracing_core::Level::TRACE => Level::Trace,
        tracing_core::Level::DEBUG => Level::Debug,
        tracing_core::Level::INFO => Level::Info,
        tracing_core::Level::WARN => Level::Warn,
        tracing_core::Level::ERROR => Level::Error,
    }
}
