//! Structured logging of guests: into the server's log, with the invocation; silent on replay.

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
        let _whose = self.output.whose();
        match level {
            Level::Trace => tracing::trace!(target: "guest", module = target, "{message}{fields}"),
            Level::Debug => tracing::debug!(target: "guest", module = target, "{message}{fields}"),
            Level::Info => tracing::info!(target: "guest", module = target, "{message}{fields}"),
            Level::Warn => tracing::warn!(target: "guest", module = target, "{message}{fields}"),
            Level::Error => tracing::error!(target: "guest", module = target, "{message}{fields}"),
        }
        Ok(())
    }
}
