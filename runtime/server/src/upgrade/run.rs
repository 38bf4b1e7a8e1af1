//! Running a check: few replays at a time, on threads of their own, until all are done or time is up.

use super::choose::{Chosen, Item, Match, Scope, add_overfull, add_stranded, choose};
use super::finding::{self, Judged};
use super::report::{Case, Grouping, Kind, Report};
use crate::clock::Clock;
use crate::engine::{EngineError, EngineHandle, LoadedJournal};
use crate::wasm::{Catalog, Components, Loaded, Recorded, check};
use abide_core::entry::Entry;
use abide_core::ids::{DeploymentId, InvocationId, OpId};
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::time::Timestamp;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::runtime::Handle;

/// How long a check may take.
pub const CHECK_MS_MAX: u64 = 60_000;
/// Replays at once, where the machine has so many processors; of few processors half are used.
const REPLAYS_AT_ONCE_MAX: usize = 4;

/// What a check needs.
#[derive(Clone)]
pub struct Tools {
    pub engine: EngineHandle,
    pub components: Arc<Components>,
    pub catalog: Arc<dyn Catalog>,
    pub clock: Arc<dyn Clock>,
}

/// A live invocation that the code can go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitting {
    pub id: InvocationId,
    /// How long its journal was.
    pub entries_len: u32,
    /// The closure of a run block is under way, as far as the journal tells.
    pub is_executing: bool,
}

/// What a check came to.
pub struct Done {
    pub report: Report,
    pub fitting: Vec<Fitting>,
}

impl Done {
    /// What comes of a check that there is no need for.
    #[must_use]
    pub fn nothing(deployment: &DeploymentId) -> Self {
        let report = Grouping::default().report(deployment.clone(), 0);
        Self { report, fitting: Vec::new() }
    }
}

/// Says how far a check is, for whoever waits for it.
#[derive(Debug, Default)]
pub struct Progress {
    pub total: AtomicUsize,
    pub done: AtomicUsize,
}

/// Checks code against the invocations of its services.
///
/// # Errors
/// The store cannot be read.
pub async fn run(
    tools: Tools,
    loaded: Arc<Loaded>,
    scope: Scope,
    progress: Arc<Progress>,
) -> Result<Done, EngineError> {
    let began = tools.clock.now();
    let work = Arc::new(Work {
        deadline: began.plus_millis(CHECK_MS_MAX),
        tools,
        loaded,
        scope,
        progress,
        next: AtomicUsize::new(0),
        is_given_up: AtomicBool::new(false),
        found: Mutex::default(),
    });
    // Whoever asked may go away; then nobody wants to know the rest.
    let _guard = GiveUp(work.clone());
    let chosen = {
        let work = work.clone();
        apart(move || choose(&work.tools.engine, &work.scope, &mut work.found.lock().grouping)).await?
    };
    work.progress.total.store(chosen.items.len(), Ordering::Relaxed);
    let chosen = Arc::new(chosen);
    let lanes: Vec<_> = (0..lanes())
        .map(|_| {
            let (work, chosen) = (work.clone(), chosen.clone());
            tokio::spawn(apart(move || work.replay_all(&chosen)))
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap_or_else(|error| Err(broken(&error)))?;
    }
    let Found { mut grouping, fitting, reached } = std::mem::take(&mut *work.found.lock());
    add_unreached(&mut grouping, &chosen, &reached);
    let took_ms = work.tools.clock.now().millis_since(began);
    Ok(Done { report: grouping.report(work.scope.deployment.clone(), took_ms), fitting })
}

/// Checks those alone that have not begun, without a replay.
///
/// # Errors
/// The store cannot be read.
pub async fn stranded(engine: EngineHandle, scope: Scope) -> Result<Report, EngineError> {
    apart(move || {
        let mut grouping = Grouping::default();
        add_stranded(&engine, &scope, &mut grouping)?;
        Ok(grouping.report(scope.deployment, 0))
    })
    .await
}

/// Half of the processors, so that calls find the other half free.
fn lanes() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors / 2).clamp(1, REPLAYS_AT_ONCE_MAX)
}

async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(broken(&error)))
}

fn broken(error: &tokio::task::JoinError) -> EngineError {
    EngineError::Stopped { reason: format!("the check broke off: {error}") }
}

#[derive(Default)]
struct Found {
    grouping: Grouping,
    fitting: Vec<Fitting>,
    /// Items that were looked at, whatever came of it.
    reached: Vec<usize>,
}

struct Work {
    tools: Tools,
    loaded: Arc<Loaded>,
    scope: Scope,
    progress: Arc<Progress>,
    deadline: Timestamp,
    next: AtomicUsize,
    is_given_up: AtomicBool,
    found: Mutex<Found>,
}

struct GiveUp(Arc<Work>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.is_given_up.store(true, Ordering::Relaxed);
    }
}

impl Work {
    /// Takes one item after the other. Runs on a thread of its own, which it blocks.
    fn replay_all(&self, chosen: &Chosen) -> Result<(), EngineError> {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = chosen.items.get(index) else { return Ok(()) };
            let is_late = self.tools.clock.now() >= self.deadline;
            if is_late || self.is_given_up.load(Ordering::Relaxed) {
                return Ok(());
            }
            if self.replay(*item)? {
                self.found.lock().reached.push(index);
                self.progress.done.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Replays one invocation; false when time was up before it was through.
    fn replay(&self, item: Item) -> Result<bool, EngineError> {
        let Some(row) = self.tools.engine.invocation(item.id)? else { return Ok(true) };
        let is_over = matches!(row.phase, Phase::Completed { .. });
        // It may have become so since it was chosen, or ended so.
        if row.is_overfull() {
            if !is_over {
                add_overfull(&mut self.found.lock().grouping, &row);
            }
            return Ok(true);
        }
        let Some((journal, answer)) = self.tools.engine.recorded(item.id)? else { return Ok(true) };
        // Of one that has ended a part may have been purged already.
        if is_over && journal.entries.len() != row.entries_len as usize {
            return Ok(true);
        }
        // It may have gone to another deployment since it was chosen.
        if self.scope.find(&row) != Match::Handler {
            return Ok(true);
        }
        let fitting = Fitting {
            id: item.id,
            entries_len: u32::try_from(journal.entries.len()).unwrap_or(u32::MAX),
            is_executing: is_executing(&row, &journal, self.tools.clock.now()),
        };
        let answer = answer.filter(|_| is_over);
        let Some(recorded) = Recorded::new(item.id, &row, journal, answer.clone()) else { return Ok(true) };
        let Tools { components, catalog, clock, .. } = &self.tools;
        let replay = check(components, catalog.clone(), clock.clone(), &self.loaded, recorded);
        let checked = Handle::current().block_on(async {
            tokio::select! {
                biased;
                checked = replay => Some(checked),
                () = self.time_is_up() => None,
            }
        });
        let Some(checked) = checked else { return Ok(false) };
        let judged = finding::judge(&self.scope, &row, answer.as_ref(), checked);
        self.note(fitting, &row, judged);
        Ok(true)
    }

    async fn time_is_up(&self) {
        while self.tools.clock.now() < self.deadline {
            self.tools.clock.sleep_until(self.deadline).await;
        }
    }

    fn note(&self, fitting: Fitting, row: &InvocationRow, judged: Judged) {
        let Judged { finding, is_objection } = judged;
        let is_over = matches!(row.phase, Phase::Completed { .. });
        let case = if is_over { Case::Finished(fitting.id) } else { Case::Live(fitting.id) };
        let is_elsewhere = row.deployment.as_ref() != Some(&self.scope.deployment);
        let fits = matches!(finding.kind, Kind::Fits | Kind::FitsSoFar);
        let mut found = self.found.lock();
        found.grouping.objections.diverging += u64::from(is_objection);
        if fits && is_elsewhere && !is_over {
            found.fitting.push(fitting);
        }
        found.grouping.add((&row.target.service, &row.target.handler), case, finding);
    }
}

/// Says whether a run block is open that does not wait to be tried again.
fn is_executing(row: &InvocationRow, journal: &LoadedJournal, now: Timestamp) -> bool {
    let settled: HashSet<OpId> = journal.outcomes.iter().map(|settled| settled.op).collect();
    let is_held = |op| row.run_tries.get(&op).is_some_and(|tries| tries.retry_at > now);
    let entries = (0..).zip(&journal.entries);
    let mut open =
        entries.filter(|(op, row)| matches!(row.entry, Entry::Run { .. }) && !settled.contains(op));
    open.any(|(op, _)| !is_held(op))
}

/// Live invocations that were left out, or that there was no time for.
fn add_unreached(grouping: &mut Grouping, chosen: &Chosen, reached: &[usize]) {
    let mut late = vec![0; chosen.handlers.len()];
    let mut is_reached = vec![false; chosen.items.len()];
    reached.iter().for_each(|index| is_reached[*index] = true);
    for (item, _) in
        chosen.items.iter().zip(is_reached).filter(|(item, is_reached)| item.is_live && !is_reached)
    {
        late[item.handler] += 1;
    }
    for (index, (service, handler)) in chosen.handlers.iter().enumerate() {
        let names = (service.as_str(), handler.as_str());
        if late[index] > 0 {
            let why = format!("there was no time left: a check takes {} s at most", CHECK_MS_MAX / 1_000);
            grouping.add_unchecked(names, late[index], &why);
        }
        if chosen.left_out[index] > 0 {
            let why = format!("there are more than a check replays ({})", super::choose::LIVE_CHECKED_MAX);
            grouping.add_unchecked(names, chosen.left_out[index], &why);
        }
    }
}
