//! Which code an invocation runs on: the newest one when it begins, and then the same, until a person
//! binds it to another.

use crate::effect::Refusal;
use crate::entry::Failure;
use crate::ids::{DeploymentId, InvocationId};
use crate::invocation::InvocationRow;
use crate::manifest::{HandlerManifest, HandlerMode, HandlerOptions, ServiceKind, ServiceManifest};
use crate::rows::Rows;
use crate::target::Target;

/// What an invocation takes from the deployment it is bound to.
pub struct Pin {
    deployment: DeploymentId,
    kind: ServiceKind,
    mode: HandlerMode,
    options: HandlerOptions,
}

impl Pin {
    fn new(deployment: DeploymentId, service: &ServiceManifest, handler: &HandlerManifest) -> Self {
        Self { deployment, kind: service.kind, mode: handler.mode, options: handler.options.clone() }
    }

    /// Binds the invocation.
    pub fn bind(self, row: &mut InvocationRow) {
        row.deployment = Some(self.deployment);
        row.retry = self.options.retry;
        row.retention = self.options.retention;
        row.kind = self.kind;
        row.mode = self.mode;
    }
}

/// Binds an invocation that begins to the newest code of its service.
pub fn newest(rows: &mut Rows, id: InvocationId, service: &str) -> Result<(), Failure> {
    let Some(service_row) = rows.service(service) else {
        let message =
            format!("service '{service}' not found, make sure to register the service before calling it.");
        return Err(Failure::new(404, message));
    };
    let row = rows.invocation(id).expect("the invocation is there: checked by the caller");
    let Some(handler) = service_row.manifest.handler(&row.target.handler) else {
        let handler = &row.target.handler;
        let message = format!(
            "the service '{service}' exists, but the handler '{handler}' was not found, check that the handler exists in the latest registered service version."
        );
        return Err(Failure::new(404, message));
    };
    check_key(&row.target, service_row.manifest.kind)?;
    if is_run_by_another_id(id, row, &service_row.manifest) {
        let message = format!(
            "a run of the workflow '{service}' is the only one of its key, and this one was submitted before the workflow was registered, or restarted; submit it again"
        );
        return Err(Failure::new(409, message));
    }
    let pin = Pin::new(service_row.deployment.clone(), &service_row.manifest, handler);
    let row = rows.invocation_mut(id).expect("the invocation is there: read above");
    pin.bind(row);
    Ok(())
}

/// Handlers may ask for any target; the ingress has checked its own.
fn check_key(target: &Target, kind: ServiceKind) -> Result<(), Failure> {
    let name = &target.service;
    match (kind, &target.key) {
        (ServiceKind::Service, None) | (ServiceKind::Object | ServiceKind::Workflow, Some(_)) => Ok(()),
        (ServiceKind::Service, Some(_)) => {
            Err(Failure::new(400, format!("'{name}' is a plain service, call it without a key")))
        }
        (ServiceKind::Object | ServiceKind::Workflow, None) => {
            Err(Failure::new(400, format!("'{name}' is called with the key of an object or workflow")))
        }
    }
}

/// Says whether this would be a second run of a workflow: the id of a run is computed of its key alone.
fn is_run_by_another_id(id: InvocationId, row: &InvocationRow, service: &ServiceManifest) -> bool {
    let is_id_of_run = id.is_computed() && row.idempotency_key.is_none();
    service.is_workflow_run(&row.target.handler) && !is_id_of_run
}

/// Finds the handler for what `row` asks for in a deployment; it is to run as `id`.
pub fn to(
    rows: &Rows,
    id: InvocationId,
    row: &InvocationRow,
    deployment: &DeploymentId,
) -> Result<Pin, Refusal> {
    let offered = rows.deployment(deployment).ok_or(Refusal::UnknownDeployment)?;
    let Target { service, handler, .. } = &row.target;
    let service = offered.manifest.services.iter().find(|offered| offered.name == *service);
    let service = service.ok_or(Refusal::NotOffered)?;
    let handler = service.handler(handler).ok_or(Refusal::NotOffered)?;
    // Who has a key, or a state of its own, cannot become somebody who needs none, nor the other way.
    if row.deployment.is_some() && (service.kind, handler.mode) != (row.kind, row.mode) {
        return Err(Refusal::OtherKind);
    }
    // One that never began has not been looked at by anybody.
    check_key(&row.target, service.kind).map_err(|_| Refusal::OtherKind)?;
    if is_run_by_another_id(id, row, service) {
        return Err(Refusal::WorkflowRun);
    }
    Ok(Pin::new(deployment.clone(), service, handler))
}
