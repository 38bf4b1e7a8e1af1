//! Structured logging of guests: kept with the invocation, and in the server's log; silent on replay.

use crate::logs::{self, Source};
use crate::wasm::bindings::abide::runtime::log::{Field, Host, Level};
use crate::wasm::guest::Guest;
use crate::wasm::output::LINE_BYTES_MAX;
use abide_core::limits::{NAME_BYTES_MAX, cut};

impl Host for Guest {
    fn log(
        &mut self,
        level: Level,
        target: String,
        message: String,
        fields: Vec<Field>,
    ) -> wasmtime::Result<()> {
        let (target, line) = (cut(target, NAME_BYTES_MAX), line(message, &fields));
        if !self.output.may_log(target.len() + line.len()) {
            return Ok(());
        }
        let _whose = self.output.whose().entered();
        match level {
            Level::Trace => tracing::trace!(target: "guest", module = target, "{line}"),
            Level::Debug => tracing::debug!(target: "guest", module = target, "{line}"),
            Level::Info => tracing::info!(target: "guest", module = target, "{line}"),
            Level::Warn => tracing::warn!(target: "guest", module = target, "{line}"),
            Level::Error => tracing::error!(target: "guest", module = target, "{line}"),
        }
        self.output.keep(kept_level(level), Source::Log, line);
        Ok(())
    }
}

/// Returns a message and its fields, cut to what a line may have.
fn line(message: String, fields: &[Field]) -> String {
    let fields: String = fields.iter().map(|field| format!(" {}={}", field.name, field.value)).collect();
    cut(message + &fields, LINE_BYTES_MAX)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_together_with_its_fields() {
        let field = |value: &str| Field { name: "n".into(), value: value.into() };
        assert_eq!(line("said".into(), &[field("1"), field("2")]), "said n=1 n=2");
        let long = "x".repeat(LINE_BYTES_MAX);
        assert_eq!(line("said".into(), &[field(&long)]).len(), LINE_BYTES_MAX);
        assert_eq!(line(long.clone() + &long, &[]).len(), LINE_BYTES_MAX);
    }
}
