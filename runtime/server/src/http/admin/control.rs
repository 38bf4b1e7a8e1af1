//! What a person may do to an invocation: let it stand still and go on, do it once more, end it, forget it.
//!
//! Statuses as Restate's. `bulk.rs` does the same to many.

use crate::http::AppState;
use crate::http::admin::code::Code;
use crate::http::admin::invocations::parse_id;
use crate::http::admin::query;
use crate::http::error::AdminError;
use abide_core::effect::{Notice, Refusal};
use abide_core::ids::{DeploymentId, InvocationId, OpId};
use abide_core::invocation::Phase;
use abide_core::limits::{RESTART_BYTES_MAX, RESTART_ENTRIES_MAX};
use abide_core::target::Target;
use axum::Json;
use axum::extract::{Path, State};
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a person wants of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Cancel,
    Kill,
    Pause,
    Resume(Code),
    /// Of one that has ended; the first so many entries of its journal are taken over.
    Restart {
        entries_kept: u32,
        code: Code,
    },
    Purge,
    PurgeJournal,
}

/// What came of it.
pub struct Acted {
    pub status: StatusCode,
    /// What a restart began.
    pub new_invocation: Option<InvocationId>,
}

impl Acted {
    fn status(status: StatusCode) -> Self {
        Self { status, new_invocation: None }
    }
}

/// Does to an invocation what a person wants.
///
/// # Errors
/// It cannot be done to this one, or the engine takes no work now.
pub async fn act(state: &AppState, id: InvocationId, action: &Action) -> Result<Acted, AdminError> {
    let engine = &state.engine;
    let ok = Acted::status(StatusCode::OK);
    match action {
        Action::Cancel => {
            let is_waiting_to_begin = is_waiting_to_begin(state, id)?;
            check(id, engine.cancel(id).await?)?;
            Ok(if is_waiting_to_begin { ok } else { Acted::status(StatusCode::ACCEPTED) })
        }
        Action::Kill => check(id, engine.kill(id).await?).map(|()| ok),
        Action::Pause => match engine.pause(id).await? {
            Notice::Unfit => Err(AdminError::NotPausable(id)),
            Notice::Known => Ok(ok),
            notice => check(id, notice).map(|()| Acted::status(StatusCode::ACCEPTED)),
        },
        Action::Resume(code) => resume_on(state, id, code).await.map(|()| ok),
        Action::Restart { entries_kept, code } => {
            let new = restart_on(state, id, *entries_kept, code).await?;
            Ok(Acted { new_invocation: Some(new), ..ok })
        }
        Action::Purge => check(id, engine.purge(id).await?).map(|()| ok),
        Action::PurgeJournal => check(id, engine.purge_journal(id).await?).map(|()| ok),
    }
}

async fn resume_on(state: &AppState, id: InvocationId, code: &Code) -> Result<(), AdminError> {
    let row = state.engine.invocation(id)?.ok_or(AdminError::UnknownInvocation(id))?;
    let deployment = code.resolve(state, &row.target.service)?;
    match state.engine.resume(id, deployment.clone()).await? {
        Notice::Unfit if is_waiting_to_begin(state, id)? => Err(AdminError::NotStarted(id)),
        Notice::Unfit => Ok(()),
        Notice::Refused(refusal) => Err(refused(id, &row.target, deployment, refusal)),
        notice => check(id, notice),
    }
}

async fn restart_on(
    state: &AppState,
    id: InvocationId,
    entries_kept: u32,
    code: &Code,
) -> Result<InvocationId, AdminError> {
    let row = state.engine.invocation(id)?.ok_or(AdminError::UnknownInvocation(id))?;
    let deployment = match code {
        Code::Keep => row.deployment,
        // What is not named is found when it begins.
        Code::Latest => None,
        Code::Named(deployment) => Some(deployment.clone()),
    };
    match state.engine.restart(id, entries_kept, deployment.clone()).await? {
        Ok(new) => Ok(new),
        Err(Notice::Refused(refusal)) => Err(refused(id, &row.target, deployment, refusal)),
        Err(notice) => Err(check(id, notice).err().unwrap_or(AdminError::UnknownInvocation(id))),
    }
}

/// Cancels an invocation, so that it can undo what it did.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/cancel",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses(
        (status = 202, description = "It will end when it has undone what it did; it has ended if its journal is too large to go on with"),
        (status = 200, description = "It had not begun, and has ended"),
    ),
)]
pub async fn cancel(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    Ok(act(&state, parse_id(&id)?, &Action::Cancel).await?.status)
}

/// Ends an invocation where it is.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/kill",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses(
        (status = 200, description = "It has ended"),
    ),
)]
pub async fn kill(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    Ok(act(&state, parse_id(&id)?, &Action::Kill).await?.status)
}

/// Forgets a completed invocation.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/purge",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses(
        (status = 200, description = "It is forgotten"),
    ),
)]
pub async fn purge(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    Ok(act(&state, parse_id(&id)?, &Action::Purge).await?.status)
}

/// Forgets the journal of a completed invocation; its answer is kept as long as it would be.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/purge-journal",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses(
        (status = 200, description = "The journal is forgotten, or is gone already"),
    ),
)]
pub async fn purge_journal(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    Ok(act(&state, parse_id(&id)?, &Action::PurgeJournal).await?.status)
}

/// Lets an invocation that has begun stand still until it is resumed.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/pause",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses(
        (status = 202, description = "It stands still, and its guest is being stopped"),
        (status = 200, description = "It stood still already"),
    ),
)]
pub async fn pause(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    Ok(act(&state, parse_id(&id)?, &Action::Pause).await?.status)
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ResumeQuery {
    /// On which code: `keep`, `latest` or the id of a deployment. Without it, that it has.
    deployment: Option<String>,
}

/// Lets a paused invocation, or one that backs off, go on now.
///
/// One that runs, or only waits, needs no help: that is no mistake. With other code, it goes on on that.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/resume",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation"), ResumeQuery),
    responses((status = 200, description = "It goes on")),
)]
pub async fn resume(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<StatusCode, AdminError> {
    let id = parse_id(&id)?;
    let wanted: ResumeQuery = query(&uri)?;
    let code = wanted.deployment.as_deref().map_or(Ok(Code::Keep), Code::read)?;
    Ok(act(&state, id, &Action::Resume(code)).await?.status)
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RestartQuery {
    /// The last operation of the journal that is taken over, with what came of it. Without it, all is
    /// done again.
    from: Option<OpId>,
    /// On which code: `latest`, `keep` or the id of a deployment. Without it, on the newest.
    deployment: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Restarted {
    new_invocation_id: String,
}

/// Does once more, by a new invocation, what a completed one was asked: from its beginning or from a step.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/restart-as-new",
    tag = "invocations",
    params(("id" = String, Path, description = "The completed invocation"), RestartQuery),
    responses((status = 200, description = "The new one is recorded", body = Restarted)),
)]
pub async fn restart_as_new(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Restarted>, AdminError> {
    let id = parse_id(&id)?;
    let wanted: RestartQuery = query(&uri)?;
    let code = wanted.deployment.as_deref().map_or(Ok(Code::Latest), Code::read)?;
    let entries_kept = wanted.from.map_or(0, |op| op.saturating_add(1));
    let acted = act(&state, id, &Action::Restart { entries_kept, code }).await?;
    let new = acted.new_invocation.ok_or_else(|| AdminError::Internal(format!("{id} has no successor")))?;
    Ok(Json(Restarted { new_invocation_id: new.to_string() }))
}

fn refused(
    id: InvocationId,
    target: &Target,
    deployment: Option<DeploymentId>,
    refusal: Refusal,
) -> AdminError {
    let (target, deployment) = (target.to_string(), deployment.map_or(String::new(), |id| id.to_string()));
    let bad_restart = |why: String| AdminError::BadRestart { id, why };
    match refusal {
        Refusal::UnknownDeployment => AdminError::UnknownDeployment(deployment),
        Refusal::NotOffered => AdminError::NotOffered { id, target, deployment },
        Refusal::OtherKind => AdminError::OtherKind { id, target, deployment },
        Refusal::WorkflowRun => AdminError::RestartOfRun(id),
        Refusal::JournalPurged => AdminError::JournalPurged(id),
        Refusal::BeyondEnd => bad_restart("its journal does not have this operation".into()),
        Refusal::TooLong => bad_restart(format!(
            "more than {RESTART_ENTRIES_MAX} operations (RESTART_ENTRIES_MAX) or {} MiB (RESTART_BYTES_MAX) \
             would be taken over",
            RESTART_BYTES_MAX >> 20
        )),
        Refusal::Open(op) => bad_restart(format!(
            "operation {op} has no result, and in a new invocation nobody would give it one"
        )),
        Refusal::Cancelled => bad_restart("the operation was asked after a cancellation".into()),
        Refusal::Overfull => AdminError::Overfull(id),
        // Nobody names a length here.
        Refusal::WentOn => AdminError::Internal(format!("the invocation '{id}' went on meanwhile")),
    }
}

/// Says whether the invocation is scheduled for later, or waits for its turn.
fn is_waiting_to_begin(state: &AppState, id: InvocationId) -> Result<bool, AdminError> {
    let phase = state.engine.invocation(id)?.map(|row| row.phase);
    Ok(matches!(phase, Some(Phase::Scheduled { .. } | Phase::Queued { .. })))
}

/// Says what an answer of the engine means, unless the caller knows better.
pub fn check(id: InvocationId, notice: Notice) -> Result<(), AdminError> {
    match notice {
        Notice::Done | Notice::Known => Ok(()),
        Notice::Absent => Err(AdminError::UnknownInvocation(id)),
        Notice::Completed => Err(AdminError::Completed(id)),
        Notice::Unfit => Err(AdminError::NotCompleted(id)),
        Notice::Full => Err(AdminError::SignalsFull(id)),
        Notice::Refused(refusal) => Err(AdminError::Internal(format!("nobody handles {refusal:?} of {id}"))),
        Notice::Changed | Notice::Held => Err(AdminError::Internal(format!("{id} has no state to edit"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_of_one_that_cannot_go_on_says_so() {
        let id = InvocationId { unique: 1, partition_key: 1 };
        let target = Target { service: "Probe".into(), key: None, handler: "wait".into() };
        let error = refused(id, &target, None, Refusal::Overfull);
        assert_eq!(error.code(), "journal_overfull");
        assert!(error.to_string().contains("JOURNAL_BYTES_BEGUN_MAX"), "{error}");
    }
}
