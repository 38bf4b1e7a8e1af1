//! Which invocations a check looks at: live ones of every handler at every place, then some that ended.

use super::report::{Case, Finding, Grouping, Kind};
use crate::engine::{EngineError, EngineHandle};
use abide_core::ids::{DeploymentId, InvocationId};
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::manifest::{HandlerMode, Manifest, ServiceKind, ServiceManifest};
use abide_core::target::Target;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Live invocations that one check replays; more are counted only.
pub const LIVE_CHECKED_MAX: usize = 10_000;
/// Live invocations that are remembered to choose from.
const CANDIDATES_MAX: usize = 200_000;
/// Ended invocations of one handler that a check replays, and of all together.
pub const FINISHED_PER_HANDLER: usize = 20;
pub const FINISHED_CHECKED_MAX: usize = 500;
/// Ended invocations that are looked at to find those.
const FINISHED_LOOKED_AT_MAX: usize = 20_000;

/// What is checked: a deployment, against the invocations of its services.
#[derive(Clone)]
pub struct Scope {
    pub deployment: DeploymentId,
    pub manifest: Arc<Manifest>,
    /// Which deployment each service is offered by now.
    pub offered_by: BTreeMap<String, DeploymentId>,
    /// Those that run on the deployment already are of no interest, nor are those that have ended.
    pub is_for_migration: bool,
}

/// How an invocation and what a deployment offers go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The service is none of the deployment's.
    OtherService,
    Handler,
    /// The interface has changed; the text says how.
    Changed(String),
}

impl Scope {
    /// Finds the handler for an invocation.
    #[must_use]
    pub fn find(&self, row: &InvocationRow) -> Match {
        let Target { service, handler, .. } = &row.target;
        let Some(offered) = self.manifest.services.iter().find(|offered| offered.name == *service) else {
            return Match::OtherService;
        };
        match offered.handler(handler) {
            None if row.deployment.is_none() => Match::Changed(
                "the handler is gone, and the invocation has not begun: it would fail with 404".to_owned(),
            ),
            None => Match::Changed("the handler is gone".to_owned()),
            Some(_) if row.deployment.is_none() => before_its_begin(row, offered.kind),
            Some(found) => since_its_begin(row, offered.kind, found.mode),
        }
    }

    /// Says whether an invocation speaks for or against the deployment: it runs on the code that this one
    /// takes over from, or will begin on it. Others were left behind by an earlier upgrade.
    #[must_use]
    pub fn concerns(&self, row: &InvocationRow) -> bool {
        match &row.deployment {
            None => true,
            Some(its) => *its != self.deployment && self.offered_by.get(&row.target.service) == Some(its),
        }
    }

    /// Says whether the check is about the invocation at all.
    #[must_use]
    pub fn is_of_interest(&self, row: &InvocationRow) -> bool {
        !self.is_for_migration || row.deployment.as_ref().is_some_and(|its| *its != self.deployment)
    }
}

/// Its kind is taken when it begins; only its key is there already.
fn before_its_begin(row: &InvocationRow, kind: ServiceKind) -> Match {
    match (kind, row.target.key.is_some()) {
        (ServiceKind::Service, true) => {
            Match::Changed("the service has no keys any more, and the invocation has not begun".to_owned())
        }
        (ServiceKind::Object | ServiceKind::Workflow, false) => {
            Match::Changed("the service has keys now, and the invocation has not begun".to_owned())
        }
        (ServiceKind::Service, false) | (ServiceKind::Object | ServiceKind::Workflow, true) => Match::Handler,
    }
}

fn since_its_begin(row: &InvocationRow, kind: ServiceKind, mode: HandlerMode) -> Match {
    if kind != row.kind {
        let (was, is) = (kind_name(row.kind), kind_name(kind));
        return Match::Changed(format!("the service was {was} and is {is} now"));
    }
    if mode != row.mode {
        let (was, is) = (mode_name(row.mode), mode_name(mode));
        return Match::Changed(format!("the handler was {was} and is {is} now"));
    }
    Match::Handler
}

/// Returns the words for a kind of service.
#[must_use]
pub fn kind_name(kind: ServiceKind) -> &'static str {
    match kind {
        ServiceKind::Service => "a plain service",
        ServiceKind::Object => "a virtual object",
        ServiceKind::Workflow => "a workflow",
    }
}

fn mode_name(mode: HandlerMode) -> &'static str {
    match mode {
        HandlerMode::Exclusive => "exclusive",
        HandlerMode::Shared => "shared",
    }
}

/// An invocation to be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    pub id: InvocationId,
    /// Number of its handler among those of the deployment.
    pub handler: usize,
    pub is_live: bool,
}

/// What was chosen.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Service and handler, by number.
    pub handlers: Vec<(String, String)>,
    pub items: Vec<Item>,
    /// Live invocations of each handler that were not chosen.
    pub left_out: Vec<u64>,
}

/// Looks through the live invocations, and chooses. What can be said without a replay is added to the
/// grouping at once. Reads much of the store.
///
/// # Errors
/// The store cannot be read.
pub fn choose(engine: &EngineHandle, scope: &Scope, grouping: &mut Grouping) -> Result<Chosen, EngineError> {
    let mut chosen = Chosen { handlers: handlers(&scope.manifest), ..Chosen::default() };
    let numbers: BTreeMap<(String, String), usize> = chosen.handlers.iter().cloned().zip(0..).collect();
    let number = |target: &Target| numbers.get(&(target.service.clone(), target.handler.clone())).copied();
    let mut classes = Classes { counts: vec![0; chosen.handlers.len()], ..Classes::default() };
    engine.visit_live(|id, row| {
        if scope.is_of_interest(row) {
            match scope.find(row) {
                Match::OtherService => {}
                Match::Handler if row.deployment.is_none() => {
                    let names = (row.target.service.as_str(), row.target.handler.as_str());
                    grouping.add(names, Case::Live(id), begins_here());
                }
                Match::Handler if row.is_overfull() => add_overfull(grouping, row),
                Match::Handler => {
                    number(&row.target).into_iter().for_each(|number| classes.add(number, id, row));
                }
                Match::Changed(how) => add_changed(scope, grouping, id, row, how),
            }
        }
        ControlFlow::Continue(())
    })?;
    chosen.items = classes.in_turns();
    chosen.left_out = classes.counts;
    chosen.items.iter().for_each(|item| chosen.left_out[item.handler] -= 1);
    if !scope.is_for_migration {
        choose_ended(engine, scope, number, &mut chosen)?;
    }
    Ok(chosen)
}

/// Looks for invocations that have not begun, and could not on the deployment.
///
/// # Errors
/// The store cannot be read.
pub fn add_stranded(
    engine: &EngineHandle,
    scope: &Scope,
    grouping: &mut Grouping,
) -> Result<(), EngineError> {
    engine.visit_live(|id, row| {
        if row.deployment.is_none()
            && let Match::Changed(how) = scope.find(row)
        {
            add_changed(scope, grouping, id, row, how);
        }
        ControlFlow::Continue(())
    })
}

/// Adds a live invocation that is not replayed: no attempt is given so much, nor is there room for it here.
pub fn add_overfull(grouping: &mut Grouping, row: &InvocationRow) {
    const WHY: &str = "its journal has more bytes than an attempt is given (JOURNAL_BYTES_BEGUN_MAX)";
    grouping.add_unchecked((&row.target.service, &row.target.handler), 1, WHY);
}

fn begins_here() -> Finding {
    Finding::saying(Kind::Fits, "not begun yet: it begins on the newest code")
}

fn add_changed(scope: &Scope, grouping: &mut Grouping, id: InvocationId, row: &InvocationRow, how: String) {
    if scope.concerns(row) {
        grouping.objections.breaking += 1;
    }
    let names = (row.target.service.as_str(), row.target.handler.as_str());
    grouping.add(names, Case::Live(id), Finding::saying(Kind::InterfaceChanged, how));
}

fn choose_ended(
    engine: &EngineHandle,
    scope: &Scope,
    number: impl Fn(&Target) -> Option<usize>,
    chosen: &mut Chosen,
) -> Result<(), EngineError> {
    let mut counts = vec![0; chosen.handlers.len()];
    let (mut found, mut looked_at) = (0, 0);
    let mut missing = chosen.handlers.len();
    engine.visit_ended(|id, row| {
        looked_at += 1;
        let handler = match scope.find(row) {
            Match::Handler => number(&row.target),
            Match::OtherService | Match::Changed(_) => None,
        };
        if let Some(handler) = handler.filter(|handler| counts[*handler] < FINISHED_PER_HANDLER)
            && is_told_by_its_journal(row)
        {
            counts[handler] += 1;
            found += 1;
            missing -= usize::from(counts[handler] == FINISHED_PER_HANDLER);
            chosen.items.push(Item { id, handler, is_live: false });
        }
        if missing == 0 || found == FINISHED_CHECKED_MAX || looked_at == FINISHED_LOOKED_AT_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
}

/// One that was ended from outside, or never began, has an answer that its code did not give.
fn is_told_by_its_journal(row: &InvocationRow) -> bool {
    matches!(row.phase, Phase::Completed { .. }) && row.begun_at.is_some()
}

fn handlers(manifest: &Manifest) -> Vec<(String, String)> {
    let of_service = |service: &ServiceManifest| {
        let name = service.name.clone();
        service.handlers.iter().map(move |handler| (name.clone(), handler.name.clone())).collect::<Vec<_>>()
    };
    manifest.services.iter().flat_map(of_service).collect()
}

/// Handler, entries and outcomes: invocations of one class are most likely at the same place.
type Class = (usize, u32, u32);

/// Live invocations by where they are.
#[derive(Debug, Default)]
struct Classes {
    members: BTreeMap<Class, Vec<InvocationId>>,
    kept: usize,
    /// All of each handler.
    counts: Vec<u64>,
}

impl Classes {
    fn add(&mut self, handler: usize, id: InvocationId, row: &InvocationRow) {
        self.counts[handler] += 1;
        let members = self.members.entry((handler, row.entries_len, row.outcomes_len)).or_default();
        if self.kept < CANDIDATES_MAX || members.is_empty() {
            members.push(id);
            self.kept += 1;
        }
    }

    /// Returns one of each class, then the next of each, and so on: wherever it is cut, each place in
    /// the code has been looked at.
    fn in_turns(&self) -> Vec<Item> {
        let longest = self.members.values().map(Vec::len).max().unwrap_or(0);
        let turn = |turn: usize| {
            let members = self.members.iter();
            members.filter_map(move |((handler, _, _), ids)| {
                Some(Item { id: *ids.get(turn)?, handler: *handler, is_live: true })
            })
        };
        (0..longest).flat_map(turn).take(LIVE_CHECKED_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::http::tests::world::{PARTITIONS, World};
    use abide_core::invocation::{Origin, PauseReason};
    use abide_core::limits::JOURNAL_BYTES_BEGUN_MAX;
    use abide_core::manifest::{HandlerManifest, HandlerOptions, Payload};
    use abide_core::rows::{Row, RowKey};
    use abide_core::time::Timestamp;
    use abide_store::{Batch, MemoryStore, Op, Store, codec, keys};

    fn row(handler: &str, key: Option<&str>, deployment: Option<u128>) -> InvocationRow {
        let target = Target { service: "S".into(), key: key.map(Into::into), handler: handler.into() };
        let mut row = InvocationRow::new(target, Origin::Ingress, Timestamp(0));
        row.deployment = deployment.map(DeploymentId::from_digest);
        row.kind = ServiceKind::Object;
        row.mode = HandlerMode::Exclusive;
        row
    }

    fn scope(kind: ServiceKind, mode: HandlerMode) -> Scope {
        let handler = HandlerManifest {
            name: "h".into(),
            mode,
            input: Payload::default(),
            output: Payload::default(),
            docs: None,
            options: HandlerOptions::default(),
        };
        let service = ServiceManifest {
            name: "S".into(),
            kind,
            handlers: vec![handler],
            docs: None,
            is_private: false,
        };
        Scope {
            deployment: DeploymentId::from_digest(3),
            manifest: Arc::new(Manifest { sdk: String::new(), services: vec![service] }),
            offered_by: [("S".to_owned(), DeploymentId::from_digest(2))].into(),
            is_for_migration: false,
        }
    }

    fn found(scope: &Scope, row: &InvocationRow) -> String {
        match scope.find(row) {
            Match::OtherService => "other".into(),
            Match::Handler => "h".into(),
            Match::Changed(how) => how,
        }
    }

    #[test]
    fn a_changed_interface_is_told() {
        use {HandlerMode::*, ServiceKind::*};
        let begun = row("h", Some("k"), Some(2));
        assert_eq!(found(&scope(Object, Exclusive), &begun), "h");
        assert_eq!(found(&scope(Object, Shared), &begun), "the handler was exclusive and is shared now");
        assert!(found(&scope(Workflow, Exclusive), &begun).ends_with("is a workflow now"));
        assert_eq!(found(&scope(Object, Exclusive), &row("gone", Some("k"), Some(2))), "the handler is gone");
        assert!(found(&scope(Object, Exclusive), &row("gone", Some("k"), None)).contains("404"));
        assert_eq!(found(&scope(Object, Shared), &row("h", Some("k"), None)), "h");
        assert!(found(&scope(Service, Shared), &row("h", Some("k"), None)).contains("no keys any more"));
        assert!(found(&scope(Object, Shared), &row("h", None, None)).contains("has keys now"));
    }

    #[test]
    fn what_an_earlier_upgrade_left_behind_is_no_objection() {
        let scope = scope(ServiceKind::Object, HandlerMode::Exclusive);
        let concerns = |deployment| scope.concerns(&row("h", Some("k"), deployment));
        assert!(concerns(Some(2)) && concerns(None));
        assert!(!concerns(Some(1)) && !concerns(Some(3)));
    }

    #[test]
    fn every_place_comes_before_the_second_of_any() {
        let mut classes = Classes { counts: vec![0; 2], ..Classes::default() };
        let mut at = row("h", None, Some(2));
        for n in 0..6_u128 {
            at.entries_len = u32::from(n >= 4);
            classes.add(usize::from(n == 5), InvocationId { unique: n, partition_key: 0 }, &at);
        }
        let ids: Vec<u128> = classes.in_turns().iter().map(|item| item.id.unique).collect();
        assert_eq!(ids, [0, 4, 5, 1, 2, 3]);
        assert_eq!(classes.counts, [5, 1]);
    }

    #[tokio::test]
    async fn one_with_more_than_an_attempt_is_given_is_told_and_not_replayed() {
        let store = MemoryStore::new();
        for (n, bytes) in [(0, JOURNAL_BYTES_BEGUN_MAX), (1, JOURNAL_BYTES_BEGUN_MAX + 1)] {
            let id = InvocationId::new(Timestamp(1_000 + n), n.into(), 0);
            let mut row = row("h", Some("k"), Some(2));
            row.phase = Phase::Paused { reason: PauseReason::ByPerson };
            row.journal_bytes = bytes;
            let partition = id.partition(PARTITIONS);
            let key = keys::encode(partition, &RowKey::Invocation(id));
            let ops = vec![Op::Put { key, value: codec::encode_row(&Row::Invocation(Box::new(row))) }];
            let fence = store.acquire(partition.0).unwrap();
            store.commit(Batch { fence, ops }).unwrap();
        }
        let world = World::on(store, &Config::default());
        let mut grouping = Grouping::default();
        let scope = scope(ServiceKind::Object, HandlerMode::Exclusive);
        let chosen = choose(&world.state.engine, &scope, &mut grouping).unwrap();
        let report = grouping.report(scope.deployment, 0);
        assert_eq!((chosen.items.len(), chosen.left_out), (1, vec![0]));
        assert_eq!((report.live_of(Kind::NotChecked), report.is_complete), (1, false));
    }
}
