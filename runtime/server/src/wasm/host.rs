//! Host functions, one file per interface of the WIT package.

mod awakeable;
mod call;
mod events;
mod invocations;
mod io;
mod log;
mod promise;
mod run;
mod signal;
mod sleep;
mod state;

use super::bindings::abide::runtime::types as wit;
use super::guest::Guest;
use abide_core::entry::{Entry, Failure, Header, Outcome};
use abide_core::ids::ParseIdError;
use abide_core::limits::{self, KEY_BYTES_MAX, NAME_BYTES_MAX};
use abide_core::retry::RetryPolicy;
use std::str::FromStr;

/// Bytes of a text that is no id which the failure shows.
const BAD_ID_BYTES_MAX: usize = 100;

impl wit::Host for Guest {}

impl Guest {
    /// Reads what the guest says that something came to.
    fn read_result(&self, what: &str, res: Result<Vec<u8>, wit::Failure>) -> wasmtime::Result<Outcome> {
        match res {
            Ok(value) => {
                check_value(what, value.len(), self.limits.value_bytes_max)?;
                Ok(Outcome::Value(value.into()))
            }
            Err(refused) => Ok(Outcome::Failure(failure(refused).within_limits())),
        }
    }

    /// Asks for something that names an id. A text that is none is the guest's failure, and nothing of
    /// it is recorded.
    async fn ask_by_id<Id: FromStr<Err = ParseIdError>>(
        &mut self,
        what: &str,
        id: String,
        entry: impl FnOnce(Id) -> Entry,
    ) -> wasmtime::Result<Result<wit::OpId, wit::Failure>> {
        match id.parse() {
            Ok(id) => self.ask(entry(id)).await.map(Ok),
            Err(error) => Ok(Err(bad_id(what, id, error))),
        }
    }
}

fn bad_id(what: &str, id: String, error: ParseIdError) -> wit::Failure {
    let shown = limits::cut(id, BAD_ID_BYTES_MAX);
    wit::Failure { code: 400, message: format!("bad {what} id '{shown}': {error}"), metadata: Vec::new() }
}

/// Reads a failure of the guest.
pub fn failure(failure: wit::Failure) -> Failure {
    Failure { code: failure.code, message: failure.message, metadata: read_headers(failure.metadata) }
}

fn read_headers(headers: Vec<wit::HeaderResult>) -> Vec<Header> {
    let header = |header: wit::HeaderResult| Header { name: header.name, value: header.value };
    headers.into_iter().map(header).collect()
}

fn retry_policy(policy: &wit::RetryPolicy) -> RetryPolicy {
    RetryPolicy {
        initial_interval_ms: policy.initial_interval_ms,
        factor_milli: policy.factor_milli,
        max_interval_ms: policy.max_interval_ms,
        max_attempts: policy.max_attempts,
        max_duration_ms: policy.max_duration_ms,
    }
}

fn outcome(outcome: Outcome) -> wit::Outcome {
    match outcome {
        Outcome::Empty => wit::Outcome::Empty,
        Outcome::Value(value) => wit::Outcome::Value(value.into()),
        Outcome::Failure(failure) => wit::Outcome::Failure(wit::Failure {
            code: failure.code,
            message: failure.message,
            metadata: headers(failure.metadata),
        }),
        Outcome::Names(names) => wit::Outcome::Names(names),
    }
}

/// Hands headers to the guest.
pub fn headers(headers: Vec<Header>) -> Vec<wit::HeaderResult> {
    let header = |header: Header| wit::HeaderResult { name: header.name, value: header.value };
    headers.into_iter().map(header).collect()
}

fn check_name(name: &str) -> wasmtime::Result<()> {
    if name.len() > NAME_BYTES_MAX {
        wasmtime::bail!("a name of {} bytes, the limit is {NAME_BYTES_MAX} (NAME_BYTES_MAX)", name.len());
    }
    Ok(())
}

/// Refuses the key of an object, or of a call, that is longer than what the store takes.
fn check_key(what: &str, key: &str) -> wasmtime::Result<()> {
    if key.len() > KEY_BYTES_MAX {
        wasmtime::bail!("{what} has {} bytes, the limit is {KEY_BYTES_MAX} (KEY_BYTES_MAX)", key.len());
    }
    Ok(())
}

/// Refuses a value that is larger than what a journal takes.
pub fn check_value(what: &str, bytes: usize, bytes_max: usize) -> wasmtime::Result<()> {
    if bytes > bytes_max {
        wasmtime::bail!("{what} has {bytes} bytes, the limit is {bytes_max} (guest value_bytes_max)");
    }
    Ok(())
}
