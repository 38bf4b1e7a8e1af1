//! Forwards the macros of `tracing` and `log` to the runtime, which keeps quiet during replay.
//!
//! Installed when an invocation starts. Levels above `info` are off unless the deployment's
//! environment variable `ABIDE_LOG` says `debug` or `trace` (or `warn`, `error`, `off`).

mod facade;
mod subscriber;

use std::sync::Once;

use crate::bindings::log::{Field, Level};
use crate::host;

static INSTALLED: Once = Once::new();

/// Installs both forwarders once per instance. One that the handler's crate installed itself stays.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        let level = std::env::var("ABIDE_LOG").ok();
        facade::install(level.as_deref());
        subscriber::install(level.as_deref());
    });
}

fn forward(level: Level, target: &str, message: &str, fields: &[Field]) {
    host::with(|host| host.log(level, target, message, fields));
}
