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

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::fake_host::check;
    use crate::prelude::*;

    #[test]
    fn both_facades_reach_the_runtime() {
        super::install();
        check(
            "",
            async |_| {
                let span = crate::tracing::info_span!("order", id = 7, note = "urgent");
                let _entered = span.enter();
                info!(items = 2, "packed {}", "books");
                debug!("too detailed");
                log::warn!(target: "stock", "low");
            },
            expect![[r#"
                log Level::Info abide_sdk::logging::tests packed books items=2 id=7 note=urgent
                log Level::Warn stock low
                => ()
            "#]],
        );
    }
}
