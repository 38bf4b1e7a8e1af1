//! What a deployment offers, as its component told it at upload.

use crate::entry::Header;
use crate::ids::DeploymentId;
use crate::retry::{HandlerRetry, OnMaxAttempts};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceKind {
    Service,
    Object,
    Workflow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandlerMode {
    /// One at a time per key.
    Exclusive,
    /// Beside any other.
    Shared,
}

/// What goes in or comes out of a handler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// None: nothing at all.
    pub content_type: Option<String>,
    /// JSON schema, draft 2020-12, as text.
    pub schema: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerManifest {
    pub name: String,
    pub mode: HandlerMode,
    pub input: Payload,
    pub output: Payload,
    pub docs: Option<String>,
    pub options: HandlerOptions,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceManifest {
    pub name: String,
    pub kind: ServiceKind,
    pub handlers: Vec<HandlerManifest>,
    pub docs: Option<String>,
    /// Private: handlers may call it, the ingress may not.
    pub is_private: bool,
}

impl ServiceManifest {
    /// Says whether the handler runs once per key and is what the workflow comes to.
    #[must_use]
    pub fn is_workflow_run(&self, handler: &str) -> bool {
        self.kind == ServiceKind::Workflow
            && self.handler(handler).is_some_and(|handler| handler.mode == HandlerMode::Exclusive)
    }

    #[must_use]
    pub fn handler(&self, name: &str) -> Option<&HandlerManifest> {
        self.handlers.iter().find(|handler| handler.name == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub sdk: String,
    pub services: Vec<ServiceManifest>,
}

/// The part of a service that the core has to know to start an invocation: where its newest code
/// is, and how its handlers are retried. One per service name, written by uploads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRow {
    pub deployment: DeploymentId,
    /// Counts the deployments that offered this service, from 1.
    pub revision: u32,
    pub manifest: ServiceManifest,
}

/// What the operator lets a deployment see and reach. May change while the deployment lives; an
/// attempt that begins afterwards sees the change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Environment variables of the guest.
    pub env: BTreeMap<String, String>,
    /// Hosts that run blocks may reach by HTTP: `host`, `host:port`, or `*` for any.
    pub allowed_hosts: Vec<String>,
}

/// An uploaded component. The component itself is a file named by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRow {
    /// SHA-256 of the component.
    pub digest: [u8; 32],
    pub size_bytes: u64,
    pub created_at: Timestamp,
    pub manifest: Manifest,
    /// Revision of each of its services, in the order of the manifest.
    pub revisions: Vec<u32>,
    pub settings: Settings,
}

/// The options of a handler, after its own and its service's were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerOptions {
    pub retry: HandlerRetry,
    pub is_private: bool,
    pub retention: Retention,
}

/// How long something of an invocation is kept after its end, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The answer of an invocation with an idempotency key.
    pub idempotency_ms: u64,
    /// The answer, the state and the promises of a workflow.
    pub workflow_ms: u64,
    /// The journal of any invocation, though no longer than its answer.
    pub journal_ms: u64,
}

/// A day each, as in Restate 1.7.
impl Default for Retention {
    fn default() -> Self {
        const DAY_MS: u64 = 86_400_000;
        Self { idempotency_ms: DAY_MS, workflow_ms: DAY_MS, journal_ms: DAY_MS }
    }
}

/// An option that is not known or whose value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadOption {
    pub name: String,
    pub value: String,
    pub expected: &'static str,
}

impl HandlerOptions {
    /// Applies options by name over these. A service's options are applied before its handler's.
    ///
    /// # Errors
    /// Names the first option that is unknown or has a value that does not fit.
    pub fn apply(&mut self, options: &[Header]) -> Result<(), BadOption> {
        options.iter().try_for_each(|option| self.apply_one(option))
    }

    fn apply_one(&mut self, option: &Header) -> Result<(), BadOption> {
        let bad = |expected| BadOption { name: option.name.clone(), value: option.value.clone(), expected };
        let number = || option.value.parse::<u64>().map_err(|_| bad("a number of milliseconds"));
        let policy = &mut self.retry.policy;
        match option.name.as_str() {
            "retry.initial-interval-ms" => policy.initial_interval_ms = number()?,
            "retry.max-interval-ms" => policy.max_interval_ms = Some(number()?),
            "retry.factor-milli" => {
                policy.factor_milli = option.value.parse().map_err(|_| bad("a factor times 1000"))?;
            }
            "retry.max-attempts" => {
                policy.max_attempts =
                    parse_attempts(&option.value).ok_or_else(|| bad("a number from 1, or unlimited"))?
            }
            "retry.on-max-attempts" => {
                self.retry.on_max_attempts = match option.value.as_str() {
                    "pause" => OnMaxAttempts::Pause,
                    "kill" => OnMaxAttempts::Kill,
                    _ => return Err(bad("pause or kill")),
                }
            }
            "retention.idempotency-ms" => self.retention.idempotency_ms = number()?,
            "retention.workflow-ms" => self.retention.workflow_ms = number()?,
            "retention.journal-ms" => self.retention.journal_ms = number()?,
            "ingress.private" => {
                self.is_private = option.value.parse().map_err(|_| bad("true or false"))?;
            }
            _ => return Err(bad("an option this runtime knows")),
        }
        Ok(())
    }
}

fn parse_attempts(text: &str) -> Option<Option<u32>> {
    if text == "unlimited" {
        return Some(None);
    }
    text.parse().ok().filter(|attempts| *attempts > 0).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(name: &str, value: &str) -> Header {
        Header { name: name.into(), value: value.into() }
    }

    #[test]
    fn a_handlers_option_wins_over_its_services() {
        let mut options = HandlerOptions::default();
        options.apply(&[option("retry.max-attempts", "3"), option("ingress.private", "true")]).unwrap();
        options.apply(&[option("retry.max-attempts", "unlimited")]).unwrap();
        assert_eq!(options.retry.policy.max_attempts, None);
        assert!(options.is_private);
    }

    #[test]
    fn an_unknown_or_bad_option_is_named() {
        let apply = |name, value| HandlerOptions::default().apply(&[option(name, value)]);
        assert_eq!(apply("retry.colour", "red").unwrap_err().name, "retry.colour");
        assert_eq!(apply("retry.max-attempts", "0").unwrap_err().value, "0");
        assert!(apply("retry.on-max-attempts", "explode").is_err());
    }
}
