//! Host functions, one file per interface of the WIT package.

mod events;
mod io;
mod log;
mod run;
mod sleep;

use super::bindings::abide::runtime::types as wit;
use super::guest::Guest;
use abide_core::entry::{Failure, Header, Outcome};
use abide_core::limits::NAME_BYTES_MAX;
use abide_core::retry::RetryPolicy;

impl wit::Host for Guest {}

/// Reads a failure of the guest.
pub fn failure(failure: wit::Failure) -> Failure {
    let header = |header: wit::Header| Header { name: header.name, value: header.value };
    Failure {
        code: failure.code,
        message: failure.message,
        metadata: failure.metadata.into_iter().map(header).collect(),
    }
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
    }
}

/// Hands headers to the guest.
pub fn headers(headers: Vec<Header>) -> Vec<wit::Header> {
    let header = |header: Header| wit::Header { name: header.name, value: header.value };
    headers.into_iter().map(header).collect()
}

fn check_name(name: &str) -> wasmtime::Result<()> {
    if name.len() > NAME_BYTES_MAX {
        wasmtime::bail!("a name of {} bytes, the limit is {NAME_BYTES_MAX} (NAME_BYTES_MAX)", name.len());
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
