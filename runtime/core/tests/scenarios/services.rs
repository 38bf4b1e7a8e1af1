//! The services every script can call: of each kind, with handlers of different patience and memory.

use abide_core::ids::DeploymentId;
use abide_core::manifest::{
    DeploymentRow, HandlerManifest, HandlerMode, HandlerOptions, Manifest, Payload, Retention, ServiceKind,
    ServiceManifest, ServiceRow, Settings,
};
use abide_core::retry::{OnMaxAttempts, RetryPolicy};
use abide_core::time::Timestamp;

/// `svc` is a plain service, `obj` an object, and the others are workflows: `flow` is kept for a day,
/// `brief` for a second, `void` not at all.
pub fn all() -> Vec<ServiceManifest> {
    let [exclusive, shared] = [HandlerMode::Exclusive, HandlerMode::Shared];
    let mut object = handlers(exclusive);
    object.push(handler("add", exclusive));
    object.push(handler("look", shared));
    let workflow = |name: &str, retention: Retention| {
        let mut run = handler("run", exclusive);
        run.options.retention = retention;
        service(name, ServiceKind::Workflow, vec![run, handler("ask", shared)])
    };
    vec![
        service("svc", ServiceKind::Service, handlers(shared)),
        service("obj", ServiceKind::Object, object),
        workflow("flow", Retention::default()),
        workflow("brief", BRIEF),
        workflow("void", NONE),
    ]
}

const BRIEF: Retention = Retention { idempotency_ms: 1_000, workflow_ms: 1_000, journal_ms: 100 };
const NONE: Retention = Retention { idempotency_ms: 0, workflow_ms: 0, journal_ms: 0 };

pub fn row(manifest: ServiceManifest) -> ServiceRow {
    ServiceRow { deployment: DeploymentId::from_digest(1), revision: 1, manifest }
}

pub fn deployment(services: Vec<ServiceManifest>) -> DeploymentRow {
    DeploymentRow {
        digest: [0; 32],
        size_bytes: 0,
        created_at: Timestamp(0),
        revisions: vec![1; services.len()],
        manifest: Manifest { sdk: String::new(), services },
        settings: Settings::default(),
    }
}

fn service(name: &str, kind: ServiceKind, handlers: Vec<HandlerManifest>) -> ServiceManifest {
    ServiceManifest { name: name.into(), kind, handlers, docs: None, is_private: false }
}

/// `h` tries for good; `pauses` and `kills` try twice; `brief` keeps the journal for 100 ms and the
/// answer for a second, `forgets` nothing.
fn handlers(mode: HandlerMode) -> Vec<HandlerManifest> {
    let mut handlers = ["h", "pauses", "kills", "brief", "forgets"].map(|name| handler(name, mode));
    for handler in &mut handlers {
        let HandlerOptions { retry, retention, .. } = &mut handler.options;
        match handler.name.as_str() {
            "pauses" => retry.policy.max_attempts = Some(2),
            "kills" => {
                retry.policy.max_attempts = Some(2);
                retry.on_max_attempts = OnMaxAttempts::Kill;
            }
            "brief" => *retention = BRIEF,
            "forgets" => *retention = NONE,
            _ => {}
        }
    }
    handlers.into()
}

fn handler(name: &str, mode: HandlerMode) -> HandlerManifest {
    let mut options = HandlerOptions::default();
    options.retry.policy = RetryPolicy {
        initial_interval_ms: 100,
        factor_milli: 2_000,
        max_interval_ms: None,
        max_attempts: None,
        max_duration_ms: None,
    };
    HandlerManifest {
        name: name.into(),
        mode,
        input: Payload::default(),
        output: Payload::default(),
        docs: None,
        options,
    }
}
