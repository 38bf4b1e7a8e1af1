//! What the simulation offers: services of all three kinds, whose handlers differ in patience and in
//! how long they are kept.

use super::rng::Rng;
use abide_core::effect::Refusal;
use abide_core::ids::DeploymentId;
use abide_core::manifest::{
    DeploymentRow, HandlerManifest, HandlerMode, HandlerOptions, Manifest, Payload, Retention, ServiceKind,
    ServiceManifest, ServiceRow, Settings,
};
use abide_core::retry::{HandlerRetry, OnMaxAttempts, RetryPolicy};
use abide_core::rows::{Row, RowKey};
use abide_core::target::{ObjectKey, Target};
use abide_core::time::Timestamp;

/// A handler that is offered.
pub struct Offered {
    pub service: &'static str,
    pub handler: &'static str,
    pub kind: ServiceKind,
    pub mode: HandlerMode,
    max_attempts: Option<u32>,
    pub on_max_attempts: OnMaxAttempts,
    pub retention: Retention,
}

use HandlerMode::{Exclusive, Shared};
use OnMaxAttempts::{Kill, Pause};
use ServiceKind::{Object, Service, Workflow};

const fn offer(
    service: &'static str,
    handler: &'static str,
    kind: ServiceKind,
    mode: HandlerMode,
    patience: (Option<u32>, OnMaxAttempts),
    retention: Retention,
) -> Offered {
    let (max_attempts, on_max_attempts) = patience;
    Offered { service, handler, kind, mode, max_attempts, on_max_attempts, retention }
}

const fn kept(idempotency_ms: u64, workflow_ms: u64, journal_ms: u64) -> Retention {
    Retention { idempotency_ms, workflow_ms, journal_ms }
}

const PATIENT: (Option<u32>, OnMaxAttempts) = (None, Pause);
const PAUSES: (Option<u32>, OnMaxAttempts) = (Some(2), Pause);
const KILLS: (Option<u32>, OnMaxAttempts) = (Some(3), Kill);

/// Retentions of nothing, of a while and of longer than the simulation goes on.
pub const OFFERED: &[Offered] = &[
    offer("plain", "patient", Service, Shared, PATIENT, kept(0, 0, 0)),
    offer("plain", "pauses", Service, Shared, PAUSES, kept(90, 0, 40)),
    offer("plain", "kills", Service, Exclusive, KILLS, kept(5_000, 0, 200)),
    offer("object", "write", Object, Exclusive, PATIENT, kept(60, 0, 1_000)),
    offer("object", "write too", Object, Exclusive, KILLS, kept(0, 0, 50)),
    offer("object", "write again", Object, Exclusive, PAUSES, kept(900_000, 0, 0)),
    offer("object", "read", Object, Shared, PATIENT, kept(30, 0, 0)),
    offer("brief", "run", Workflow, Exclusive, PATIENT, kept(9_000, 0, 70)),
    offer("brief", "help", Workflow, Shared, KILLS, kept(40, 0, 10)),
    offer("flow", "run", Workflow, Exclusive, KILLS, kept(0, 150, 60)),
    offer("flow", "help", Workflow, Shared, PATIENT, kept(0, 5_000, 0)),
];

const KEYS: &[&str] = &["", "k", "l"];
pub const IDEMPOTENCY_KEYS: &[&str] = &["once", "twice"];

/// Returns the handler a target names, whether its key fits or not.
pub fn offered(target: &Target) -> Option<&'static Offered> {
    OFFERED.iter().find(|offered| offered.service == target.service && offered.handler == target.handler)
}

/// Says whether a target can be called at all.
pub fn is_offered(target: &Target) -> bool {
    offered(target).is_some_and(|offered| (offered.kind == Service) == target.key.is_none())
}

fn target(offered: &Offered, key: Option<&str>) -> Target {
    let (service, handler) = (offered.service.into(), offered.handler.into());
    Target { service, key: key.map(Into::into), handler }
}

/// Returns any target; now and then one that nobody offers.
pub fn some_target(rng: &mut Rng) -> Target {
    let offered = &OFFERED[rng.index(OFFERED.len())];
    let key = KEYS[rng.index(KEYS.len())];
    let key = (offered.kind != Service).then_some(key);
    let target = target(offered, key);
    match rng.below(40) {
        0 => Target { service: "unknown".into(), ..target },
        1 => Target { handler: "absent".into(), ..target },
        2 => Target { key: if key.is_some() { None } else { Some("odd".into()) }, ..target },
        _ => target,
    }
}

/// Deployments: two offer all, one offers plain services as they are and objects whose handlers are all
/// shared, and one is not there.
const DEPLOYMENTS: u128 = 4;
const PARTIAL: u128 = 3;
const UNKNOWN: u128 = 4;

pub fn some_deployment(rng: &mut Rng) -> DeploymentId {
    DeploymentId::from_digest(1 + u128::from(rng.below(DEPLOYMENTS as u64)))
}

/// Says whether an invocation of this target, which has begun, can go on on a deployment.
pub fn fits(target: &Target, deployment: &DeploymentId) -> Result<(), Refusal> {
    let is = |number| *deployment == DeploymentId::from_digest(number);
    let mode = offered(target).map(|offered| offered.mode);
    match target.service.as_str() {
        _ if is(UNKNOWN) => Err(Refusal::UnknownDeployment),
        _ if !is(PARTIAL) => Ok(()),
        "plain" => Ok(()),
        "object" if mode == Some(Shared) => Ok(()),
        "object" => Err(Refusal::OtherKind),
        _ => Err(Refusal::NotOffered),
    }
}

/// Returns any object or workflow, whether it is there or not.
pub fn some_object(rng: &mut Rng) -> ObjectKey {
    let offered: Vec<_> = OFFERED.iter().filter(|offered| offered.kind != Service).collect();
    let service = offered[rng.index(offered.len())].service.into();
    ObjectKey { service, key: KEYS[rng.index(KEYS.len())].into() }
}

/// Returns what the uploads have written.
pub fn services() -> Vec<(RowKey, Row)> {
    let mut names: Vec<&str> = OFFERED.iter().map(|offered| offered.service).collect();
    names.dedup();
    let all: Vec<ServiceManifest> = names.iter().map(|name| service(name).manifest).collect();
    let mut partial = all.clone();
    partial.retain(|service| ["plain", "object"].contains(&service.name.as_str()));
    let objects = partial.iter_mut().filter(|service| service.kind == Object);
    objects.flat_map(|service| &mut service.handlers).for_each(|handler| handler.mode = Shared);
    let services =
        names.into_iter().map(|name| (RowKey::Service(name.into()), Row::Service(service(name).into())));
    let deployments = [(1, all.clone()), (2, all), (PARTIAL, partial)];
    let deployments = deployments.map(|(number, services)| deployment(number, services));
    services.chain(deployments).collect()
}

fn deployment(number: u128, services: Vec<ServiceManifest>) -> (RowKey, Row) {
    let row = DeploymentRow {
        digest: [0; 32],
        size_bytes: 0,
        created_at: Timestamp(0),
        revisions: vec![1; services.len()],
        manifest: Manifest { sdk: String::new(), services },
        settings: Settings::default(),
    };
    (RowKey::Deployment(DeploymentId::from_digest(number)), Row::Deployment(row.into()))
}

fn service(name: &str) -> ServiceRow {
    let offered: Vec<&Offered> = OFFERED.iter().filter(|offered| offered.service == name).collect();
    let manifest = ServiceManifest {
        name: name.to_owned(),
        kind: offered[0].kind,
        handlers: offered.iter().map(|offered| handler(offered)).collect(),
        docs: None,
        is_private: false,
    };
    ServiceRow { deployment: DeploymentId::from_digest(1), revision: 1, manifest }
}

fn handler(offered: &Offered) -> HandlerManifest {
    HandlerManifest {
        name: offered.handler.into(),
        mode: offered.mode,
        input: Payload::default(),
        output: Payload::default(),
        docs: None,
        options: HandlerOptions { retry: offered.retry(), is_private: false, retention: offered.retention },
    }
}

impl Offered {
    pub fn retry(&self) -> HandlerRetry {
        let policy = RetryPolicy { max_attempts: self.max_attempts, ..quick_policy() };
        HandlerRetry { policy, on_max_attempts: self.on_max_attempts }
    }

    pub fn is_workflow_run(&self) -> bool {
        self.kind == Workflow && self.mode == Exclusive
    }

    /// Says whether it runs one at a time per key.
    pub fn needs_key(&self) -> bool {
        self.kind == Object && self.mode == Exclusive
    }
}

pub fn quick_policy() -> RetryPolicy {
    RetryPolicy {
        initial_interval_ms: 10,
        factor_milli: 2_000,
        max_interval_ms: Some(200),
        max_attempts: None,
        max_duration_ms: None,
    }
}
