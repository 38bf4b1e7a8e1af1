//! The server's own log on standard error: for people, or one flat JSON object per line.

use crate::config::settings::Log;
use crate::error::{CliError, Kind};
use serde_json::{Map, Value};
use std::fmt;
use std::io::IsTerminal;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Starts the log.
pub fn start(log: &Log) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| CliError::new(Kind::Usage, format!("log.filter is '{}': {error}", log.filter)))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format.as_str() {
        "json" => subscriber.fmt_fields(JsonFields::new()).event_format(Flat).init(),
        _ => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    Ok(())
}

/// One object per line: time, level, target, message, and the fields of the event and of the spans it is
/// in, all beside each other, so that `invocation` is where every program finds it.
struct Flat;

impl<S, N> FormatEvent<S, N> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        line.insert("time".into(), time.into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), event.metadata().target().into());
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        merge(&mut line, &fields);
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                merge(&mut line, fields);
            }
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Adds fields that are written as JSON; what is there already, said closer to the event, stays.
fn merge(line: &mut Map<String, Value>, fields: &str) {
    let Ok(Value::Object(fields)) = serde_json::from_str(fields) else { return };
    for (name, value) in fields {
        line.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Written {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn json_lines_are_flat() {
        let written = Written::default();
        let log = tracing_subscriber::fmt().with_writer(written.clone());
        let log = log.fmt_fields(JsonFields::new()).event_format(Flat).finish();
        tracing::subscriber::with_default(log, || {
            let span = tracing::error_span!("attempt", invocation = "inv_1", attempt = 2, op = 1);
            span.in_scope(|| tracing::warn!(op = 7, "line\n\"two\""));
        });
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().count(), 1);
        let mut line: Value = serde_json::from_str(&text).unwrap();
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
        line.as_object_mut().unwrap().remove("time");
        let target = module_path!();
        let expected = serde_json::json!({
            "level": "WARN", "target": target, "message": "line\n\"two\"",
            "op": 7, "invocation": "inv_1", "attempt": 2,
        });
        assert_eq!(line, expected);
    }
}
