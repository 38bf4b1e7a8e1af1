//! The `log` crate's side.

use log::{LevelFilter, Log, Metadata, Record};

use crate::bindings::log::Level;

struct Forwarder;

impl Log for Forwarder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            super::forward(level(record.level()), record.target(), &record.args().to_string(), &[]);
        }
    }

    fn flush(&self) {}
}

pub(super) fn install(level: Option<&str>) {
    if log::set_logger(&Forwarder).is_ok() {
        log::set_max_level(level.and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::Info));
    }
}

fn level(level: log::Level) -> Level {
    match level {
        log::Level::Trace => Level::Trace,
        log::Level::Debug => Level::Debug,
        log::Level::Info => Level::Info,
        log::Level::Warn => Level::Warn,
        log::Level::Error => Level::Error,
    }
}
