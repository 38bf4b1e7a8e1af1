//! Inputs of the handlers that show the shapes of requests and answers.

use std::collections::BTreeMap;

use abide_sdk::prelude::*;

/// Who is to be greeted.
#[data]
pub struct HelloRequest {
    pub(crate) name: String,
}

/// How to fail.
#[data]
pub struct TerminalRequest {
    message: String,
    code: Option<u16>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl TerminalRequest {
    pub(crate) fn into_error(self) -> TerminalError {
        let error = TerminalError::new(self.message).with_code(self.code.unwrap_or(500));
        self.metadata.into_iter().fold(error, |error, (name, value)| error.with_metadata(name, value))
    }
}

/// One line each through `tracing`, `log`, standard output and standard error.
pub(crate) fn write_logs(when: &str, invocation_id: &str) {
    let span = abide_sdk::tracing::info_span!("probe", invocation = invocation_id);
    let _entered = span.enter();
    info!(answer = 42, "tracing {when}");
    log::warn!("log {when}");
    println!("stdout {when}");
    eprintln!("stderr {when}");
}
