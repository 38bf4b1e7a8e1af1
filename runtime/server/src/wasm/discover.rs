//! Discovery: a throw-away instance tells what the component offers, and that is checked.

use super::background::Heavy;
use super::bindings::ServicePre;
use super::bindings::exports::abide::runtime::guest as wit;
use super::components::Components;
use super::guest::{Guest, GuestParts};
use super::inspect::Invalid;
use super::output::Output;
use super::sandbox::Scope;
use abide_core::entry::Header;
use abide_core::manifest::{
    HandlerManifest, HandlerMode, HandlerOptions, Manifest, Payload, ServiceKind, ServiceManifest, Settings,
};
use abide_core::time::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a component may take to tell what it offers, which takes milliseconds; how long it computes has a limit of
/// its own.
const DISCOVER_MAX: Duration = Duration::from_secs(30);
const SERVICES_MAX: usize = 1_000;
const HANDLERS_MAX: usize = 1_000;
const NAME_BYTES_MAX: usize = 128;
const SCHEMA_BYTES_MAX: usize = 256 << 10;
/// Bytes of all that a component tells, as JSON: it is read at each start, and is in memory as long as the deployment.
const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// First path segments of the ingress that are not services.
const RESERVED: [&str; 2] = ["restate", "openapi"];
/// The handler that a workflow comes to.
const WORKFLOW_RUN: &str = "run";

/// Asks the component what it offers.
pub async fn discover(components: &Components, pre: &ServicePre<Guest>) -> Result<Manifest, Invalid> {
    let output = Output::new(None, 64 << 10);
    let parts = GuestParts {
        settings: &Settings::default(),
        limits: components.limits(),
        scope: Scope::new(Timestamp(0)),
        output: output.clone(),
        seed: 0,
        heavy: Heavy::default(),
        memory_bytes: Gauge::default(),
        trail: None,
        link: None,
    };
    let mut store = Guest::into_store(components.engine().engine(), parts);
    let asked = async {
        let instance = pre.instantiate_async(&mut store).await?;
        instance.abide_runtime_guest().call_discover(&mut store).await
    };
    let manifest = within(DISCOVER_MAX, asked).await.map_err(|error| {
        let message = format!(
            "the component does not tell what it offers: {}",
            super::execution::describe(&error, &output)
        );
        Invalid::new(
            "discovery_failed",
            message,
            "its discover function is called once, at upload, without a context",
        )
    })?;
    read(manifest)
}

/// Bounds the time: a guest that waits for something that never comes computes nothing.
async fn within<T>(limit: Duration, asked: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    let told = tokio::time::timeout(limit, asked).await;
    told.unwrap_or_else(|_| Err(wasmtime::Error::msg(format!("it waits for longer than {limit:?}"))))
}

fn read(manifest: wit::Manifest) -> Result<Manifest, Invalid> {
    if manifest.services.is_empty() || manifest.services.len() > SERVICES_MAX {
        let message = format!(
            "the component offers {} services, 1 to {SERVICES_MAX} are possible",
            manifest.services.len()
        );
        return Err(Invalid::new("bad_manifest", message, "mark an impl block with #[service]"));
    }
    unique("service", manifest.services.iter().map(|service| service.name.as_str()))?;
    let services = manifest.services.into_iter().map(service).collect::<Result<_, _>>()?;
    let manifest = Manifest { sdk: manifest.sdk, services };
    check_size(&manifest)?;
    Ok(manifest)
}

fn check_size(manifest: &Manifest) -> Result<(), Invalid> {
    let bytes = serde_json::to_vec(manifest).expect("a manifest can be written as JSON").len();
    if bytes <= MANIFEST_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "what the component tells of itself has {bytes} bytes, the limit is {MANIFEST_BYTES_MAX} (MANIFEST_BYTES_MAX)"
    );
    Err(Invalid::new("bad_manifest", message, "shorten documentation and schemas, or split the component up"))
}

fn service(service: wit::ServiceManifest) -> Result<ServiceManifest, Invalid> {
    check_name("service", &service.name)?;
    if RESERVED.contains(&service.name.as_str()) {
        let message = format!("the service name '{}' is reserved by the ingress", service.name);
        return Err(Invalid::new(
            "reserved_name",
            message,
            "give it another name: #[service(name = \"...\")]",
        ));
    }
    let kind = match service.kind {
        wit::ServiceKind::Service => ServiceKind::Service,
        wit::ServiceKind::Object => ServiceKind::Object,
        wit::ServiceKind::Workflow => ServiceKind::Workflow,
    };
    if service.handlers.is_empty() || service.handlers.len() > HANDLERS_MAX {
        let message = format!(
            "the service '{}' has {} handlers, 1 to {HANDLERS_MAX} are possible",
            service.name,
            service.handlers.len()
        );
        return Err(Invalid::new("bad_manifest", message, "add an async fn with a context"));
    }
    unique("handler", service.handlers.iter().map(|handler| handler.name.as_str()))?;
    let mut defaults = HandlerOptions::default();
    apply(&mut defaults, &service.name, service.options)?;
    let handlers = service.handlers.into_iter().map(|each| handler(&service.name, &defaults, each));
    let handlers: Vec<_> = handlers.collect::<Result<_, _>>()?;
    if kind == ServiceKind::Workflow {
        check_workflow(&service.name, &handlers)?;
    }
    Ok(ServiceManifest {
        handlers,
        kind,
        docs: service.docs,
        is_private: defaults.is_private,
        name: service.name,
    })
}

fn handler(
    service: &str,
    defaults: &HandlerOptions,
    handler: wit::HandlerManifest,
) -> Result<HandlerManifest, Invalid> {
    check_name("handler", &handler.name)?;
    let mut options = defaults.clone();
    apply(&mut options, &format!("{service}/{}", handler.name), handler.options)?;
    Ok(HandlerManifest {
        mode: match handler.mode {
            wit::HandlerMode::Exclusive => HandlerMode::Exclusive,
            wit::HandlerMode::Shared => HandlerMode::Shared,
        },
        input: payload(service, handler.input)?,
        output: payload(service, handler.output)?,
        docs: handler.docs,
        options,
        name: handler.name,
    })
}

/// A workflow is what one handler does, once per key; the others look on.
fn check_workflow(name: &str, handlers: &[HandlerManifest]) -> Result<(), Invalid> {
    let exclusive = handlers.iter().filter(|handler| handler.mode == HandlerMode::Exclusive);
    let exclusive: Vec<_> = exclusive.map(|handler| handler.name.as_str()).collect();
    if exclusive == [WORKFLOW_RUN] {
        return Ok(());
    }
    let there_are = match exclusive.len() {
        0 => "has no exclusive handler".to_owned(),
        1 => format!("has the exclusive handler '{}'", exclusive[0]),
        many => format!("has {many} exclusive handlers ({})", exclusive.join(", ")),
    };
    let message = format!("the workflow '{name}' {there_are}; it needs exactly one, named '{WORKFLOW_RUN}'");
    let hint = "name the one that is the workflow run, and make all others shared";
    Err(Invalid::new("bad_workflow", message, hint))
}

fn payload(service: &str, payload: wit::Payload) -> Result<Payload, Invalid> {
    let bytes = payload.schema.as_ref().map_or(0, String::len);
    if bytes > SCHEMA_BYTES_MAX {
        let message =
            format!("a schema of the service '{service}' has {bytes} bytes, the limit is {SCHEMA_BYTES_MAX}");
        return Err(Invalid::new("bad_manifest", message, "split the type up"));
    }
    Ok(Payload { content_type: payload.content_type, schema: payload.schema })
}

fn apply(
    options: &mut HandlerOptions,
    of: &str,
    given: Vec<super::bindings::abide::runtime::types::HeaderResult>,
) -> Result<(), Invalid> {
    let given: Vec<_> =
        given.into_iter().map(|header| Header { name: header.name, value: header.value }).collect();
    options.apply(&given).map_err(|bad| {
        let message =
            format!("{of} has the option {} = '{}', expected {}", bad.name, bad.value, bad.expected);
        Invalid::new("bad_option", message, "use a newer abide server, or leave the option out")
    })
}

fn check_name(what: &str, name: &str) -> Result<(), Invalid> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.');
    if !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(is_plain) {
        return Ok(());
    }
    let message = format!("{name:?} cannot be the name of a {what}");
    Err(Invalid::new(
        "bad_name",
        message,
        format!("letters, digits, '_', '-', '.', at most {NAME_BYTES_MAX} of them"),
    ))
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            let message = format!("the component offers two {what}s with the name '{name}'");
            return Err(Invalid::new("name_clash", message, format!("give one {what} another name")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(kind: wit::ServiceKind, handlers: &[(&str, wit::HandlerMode)]) -> Result<ServiceKind, Invalid> {
        let nothing = || wit::Payload { content_type: None, schema: None };
        let handlers = handlers.iter().map(|(name, mode)| wit::HandlerManifest {
            name: (*name).into(),
            mode: *mode,
            input: nothing(),
            output: nothing(),
            docs: None,
            options: Vec::new(),
        });
        let service = wit::ServiceManifest {
            name: "S".into(),
            kind,
            handlers: handlers.collect(),
            docs: None,
            options: Vec::new(),
        };
        let manifest = read(wit::Manifest { sdk: "test".into(), services: vec![service] })?;
        Ok(manifest.services[0].kind)
    }

    #[test]
    fn what_a_component_tells_has_a_limit() {
        let manifest = |handlers: usize| {
            let payload = |schema: String| wit::Payload { content_type: None, schema: Some(schema) };
            let handler = |number: usize| wit::HandlerManifest {
                name: format!("h{number}"),
                mode: wit::HandlerMode::Shared,
                input: payload("x".repeat(SCHEMA_BYTES_MAX)),
                output: payload(String::new()),
                docs: None,
                options: Vec::new(),
            };
            let service = wit::ServiceManifest {
                name: "S".into(),
                kind: wit::ServiceKind::Service,
                handlers: (0..handlers).map(handler).collect(),
                docs: None,
                options: Vec::new(),
            };
            read(wit::Manifest { sdk: "test".into(), services: vec![service] })
        };
        assert!(manifest(3).is_ok());
        assert_eq!(manifest(5).unwrap_err().code, "bad_manifest");
    }

    #[tokio::test]
    async fn a_component_that_waits_for_ever_is_given_up() {
        let limit = Duration::from_millis(1);
        assert_eq!(within(limit, async { Ok(7) }).await.unwrap(), 7);
        let error = within::<()>(limit, std::future::pending()).await.unwrap_err();
        assert_eq!(error.to_string(), "it waits for longer than 1ms");
    }

    #[test]
    fn services_and_objects_have_handlers_of_any_mode() {
        use wit::HandlerMode::{Exclusive, Shared};
        for (kind, read_as) in [
            (wit::ServiceKind::Service, ServiceKind::Service),
            (wit::ServiceKind::Object, ServiceKind::Object),
        ] {
            assert_eq!(offer(kind, &[("add", Exclusive), ("set", Exclusive), ("get", Shared)]), Ok(read_as));
            assert_eq!(offer(kind, &[("get", Shared)]), Ok(read_as));
        }
    }

    #[test]
    fn a_workflow_has_one_exclusive_handler_named_run() {
        use wit::HandlerMode::{Exclusive, Shared};
        let workflow = |handlers: &[(&str, wit::HandlerMode)]| offer(wit::ServiceKind::Workflow, handlers);
        assert_eq!(workflow(&[("run", Exclusive), ("status", Shared)]), Ok(ServiceKind::Workflow));
        for (handlers, words) in [
            (&[("run", Shared)][..], "has no exclusive handler;"),
            (&[("start", Exclusive)], "has the exclusive handler 'start';"),
            (&[("run", Exclusive), ("stop", Exclusive)], "has 2 exclusive handlers (run, stop);"),
        ] {
            let invalid = workflow(handlers).unwrap_err();
            assert_eq!(invalid.code, "bad_workflow");
            assert!(invalid.message.contains(words), "{}", invalid.message);
        }
    }
}
