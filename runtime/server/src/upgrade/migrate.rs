//! Moving live invocations to a deployment that can go on with them.
//!
//! What an invocation does between its check and its move need not fit any more. So a move is for a
//! journal of the length that was checked; an invocation that went on is checked again.

use super::choose::{Match, Scope};
use super::run::{Done, Fitting};
use super::{Moved, UpgradeError, Upgrades};
use crate::engine::{EngineError, EngineHandle};
use abide_core::effect::{Notice, Refusal};
use abide_core::ids::DeploymentId;
use abide_core::invocation::{InvocationRow, PauseReason, Phase};
use std::ops::ControlFlow;
use tokio::task::JoinSet;

/// Times that invocations which went on are checked again.
const ROUNDS: usize = 3;
/// Between two rounds: by then an attempt that only waits has given up its instance.
const PAUSE_MS: u64 = 1_200;
/// Moves that wait for the disk at once: they share its syncs.
const MOVES_AT_ONCE: usize = 256;

/// What moving one invocation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    Moved,
    /// It went on in between, or is in the middle of a run block.
    Later,
    /// It has ended, or is there already, or cannot be moved.
    Stays,
}

impl Upgrades {
    /// Moves what a check found to fit.
    pub(super) async fn move_all(&self, id: &DeploymentId, done: &Done) -> Result<Moved, UpgradeError> {
        let mut fitting = done.fitting.clone();
        let (mut migrated, mut busy) = (0, 0);
        for round in 1..=ROUNDS {
            let (moved, later) = self.move_these(id, &fitting).await?;
            migrated += moved;
            busy = later;
            if later == 0 || round == ROUNDS {
                break;
            }
            let clock = &self.inner.clock;
            clock.sleep_until(clock.now().plus_millis(PAUSE_MS)).await;
            fitting = self.run(id, self.code(id)?, true).await?.fitting;
        }
        self.inner.counter.forget().await;
        let left = self.count_elsewhere(id).await?;
        // Some may have ended since.
        Ok(Moved { migrated, left, busy: busy.min(left) })
    }

    /// Returns how many were moved, and how many may be later.
    async fn move_these(&self, id: &DeploymentId, fitting: &[Fitting]) -> Result<(u64, u64), UpgradeError> {
        let (mut moved, mut later) = (0, 0);
        for part in fitting.chunks(MOVES_AT_ONCE) {
            let mut moving = JoinSet::new();
            for one in part {
                moving.spawn(move_one(self.inner.engine.clone(), id.clone(), *one));
            }
            while let Some(went) = moving.join_next().await {
                let broken = |error| EngineError::Stopped { reason: format!("a move broke off: {error}") };
                match went.map_err(broken)?? {
                    Went::Moved => moved += 1,
                    Went::Later => later += 1,
                    Went::Stays => {}
                }
            }
        }
        Ok((moved, later))
    }

    /// Counts live invocations of its services that have begun elsewhere.
    async fn count_elsewhere(&self, id: &DeploymentId) -> Result<u64, UpgradeError> {
        let loaded = self.code(id)?;
        let scope = self.scope(id, &loaded.manifest, true);
        let engine = self.inner.engine.clone();
        let counting = tokio::task::spawn_blocking(move || {
            let mut count = 0;
            engine.visit_live(|_, row| {
                count += u64::from(is_elsewhere(&scope, row));
                ControlFlow::Continue(())
            })?;
            Ok::<u64, EngineError>(count)
        });
        let broken = |error| EngineError::Stopped { reason: format!("the count broke off: {error}") };
        Ok(counting.await.map_err(broken)??)
    }
}

fn is_elsewhere(scope: &Scope, row: &InvocationRow) -> bool {
    scope.is_of_interest(row) && scope.find(row) != Match::OtherService
}

async fn move_one(engine: EngineHandle, to: DeploymentId, one: Fitting) -> Result<Went, EngineError> {
    let Some(row) = engine.invocation(one.id)? else { return Ok(Went::Stays) };
    // Its closure would be executed twice, for no need.
    if one.is_executing && matches!(row.phase, Phase::Running { .. }) {
        return Ok(Went::Later);
    }
    let went = match engine.repin(one.id, to, Some(one.entries_len)).await? {
        Notice::Done => Went::Moved,
        Notice::Refused(Refusal::WentOn) => Went::Later,
        Notice::Known
        | Notice::Absent
        | Notice::Completed
        | Notice::Unfit
        | Notice::Full
        | Notice::Changed
        | Notice::Held
        | Notice::Refused(
            Refusal::UnknownDeployment
            | Refusal::NotOffered
            | Refusal::OtherKind
            | Refusal::WorkflowRun
            | Refusal::JournalPurged
            | Refusal::BeyondEnd
            | Refusal::TooLong
            | Refusal::Open(_)
            | Refusal::Cancelled
            | Refusal::Overfull,
        ) => Went::Stays,
    };
    if went == Went::Moved && goes_on(&row) {
        engine.resume(one.id, None).await?;
    }
    Ok(went)
}

/// Says whether the invocation should go on at once: the new code may be what it was waiting for. Those that run or are
/// suspended begin anew with the move.
fn goes_on(row: &InvocationRow) -> bool {
    match &row.phase {
        Phase::BackingOff { .. } => true,
        Phase::Paused { reason } => match reason {
            PauseReason::AttemptsExhausted | PauseReason::JournalMismatch(_) => true,
            PauseReason::LimitReached(_) | PauseReason::ByPerson => false,
        },
        Phase::Scheduled { .. }
        | Phase::Queued { .. }
        | Phase::Running { .. }
        | Phase::Suspended { .. }
        | Phase::Completed { .. } => false,
    }
}
