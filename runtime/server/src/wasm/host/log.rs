//! Structured logging of guests: kept with the invocation, and in the server's log; silent on replay.

use crate::logs::{self, Source};
use crate::wasm::bindings::abide::runtime::log::{Field, Host, Level};
use crate::wasm::guest::Guest;

impl Host for Guest {
    fn log(
        &mut self,
        level: Level,
        target: String,
        message: String,
        fields: Vec<Field>,
    ) -> wasmtime::Result<()> {
        let fields: String = fields.iter().map(|field| format!(" {}={}", field.name, field.value)).collect();
        if !self.output.may_log(message.len() + fields.len()) {
            return Ok(());
        }
        let _whose = self.output.whose().entered();
        match level {
            Level::Trace => tracing::trace!(target: "guest", module = target, "{message}{fields}"),
            Level::Debug => tracing::debug!(target: "guest", module = target, "{message}{fields}"),
            Level::Info => tracing::info!(target: "guest", module = target, "{message}{fields}"),
            Level::Warn => tracing::warn!(target: "guest", module = target, "{message}{fields}"),
            Level::Error => tracing::error!(target: "guest", module = target, "{message}{fields}"),
        }
        self.output.keep(kept_level(level), Source::Log, message + &fields);
        Ok(())
    }
}

fn kept_level(level: Level) -> logs::Level {
    match level {
        Level::Trace => logs::Level::Trace,
        Level::Debug => logs::Level::Debug,
        Level::Info => logs::Level::Info,
        Level::Warn => logs::Level::Warn,
        Level::Error => logs::Level::Error,
    }
}
