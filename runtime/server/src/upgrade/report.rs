//! The report of a check: what would become of invocations under other code, in groups, the worst first.

use abide_core::ids::{DeploymentId, InvocationId, OpId};
use std::collections::BTreeMap;

/// Groups of one kind, handler and operation that are told apart by what was recorded and asked. Keys and
/// ids are among the arguments, so there could be one group per invocation.
const VARIANTS_MAX: usize = 5;
/// Groups of a report; what is beyond is put together, by kind.
const GROUPS_MAX: usize = 100;
/// Invocations that a group names.
const EXAMPLES_MAX: usize = 5;

/// What would become of an invocation. The order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The code asks for something else than is recorded.
    Diverges,
    /// The code traps, or its handler fails.
    Traps,
    /// The handler is gone, or is one of another kind.
    InterfaceChanged,
    /// An invocation that has ended comes to another answer.
    AnswerDiffers,
    /// There were too many, or too little time, or its journal is more than an attempt is given.
    NotChecked,
    FitsSoFar,
    Fits,
}

impl Kind {
    /// Returns the word for it, which is a promise to users.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Diverges => "diverges",
            Self::Traps => "traps",
            Self::InterfaceChanged => "interface-changed",
            Self::AnswerDiffers => "answer-differs",
            Self::NotChecked => "not-checked",
            Self::FitsSoFar => "fits-so-far",
            Self::Fits => "fits",
        }
    }
}

/// What is said of one invocation, or of many in the same words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    pub op: Option<OpId>,
    pub recorded: Option<String>,
    pub asked: Option<String>,
    pub message: Option<String>,
    pub backtrace: Option<String>,
}

impl Finding {
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, op: None, recorded: None, asked: None, message: None, backtrace: None }
    }

    #[must_use]
    pub fn saying(kind: Kind, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::new(kind) }
    }

    /// A backtrace may differ in its depth; it is shown once and tells no groups apart.
    fn is_like(&self, other: &Self) -> bool {
        (&self.recorded, &self.asked, &self.message) == (&other.recorded, &other.asked, &other.message)
    }
}

/// Invocations of which the same is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub service: String,
    pub handler: String,
    pub finding: Finding,
    pub live: u64,
    pub finished: u64,
    pub examples: Vec<InvocationId>,
}

/// Whether an invocation is live, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Live(InvocationId),
    Finished(InvocationId),
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub deployment: DeploymentId,
    pub live_checked: u64,
    pub finished_checked: u64,
    /// All live invocations were checked.
    pub is_complete: bool,
    pub took_ms: u64,
    pub groups: Vec<Group>,
    /// Live invocations that speak against the deployment, see [`Objections`].
    pub objections: Objections,
}

/// Live invocations for which a deployment is refused unless it is forced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Objections {
    /// The new code cannot go on with them.
    pub diverging: u64,
    /// Their handler is gone, or is another one.
    pub breaking: u64,
}

impl Report {
    /// Returns how many live invocations are in groups of this kind.
    #[must_use]
    pub fn live_of(&self, kind: Kind) -> u64 {
        self.groups.iter().filter(|group| group.finding.kind == kind).map(|group| group.live).sum()
    }
}

type Place = (Kind, String, String, Option<OpId>);

/// Collects findings into groups.
#[derive(Debug, Default)]
pub struct Grouping {
    groups: BTreeMap<Place, Vec<Group>>,
    pub live_checked: u64,
    pub finished_checked: u64,
    pub objections: Objections,
}

impl Grouping {
    /// Adds what was found about one invocation.
    pub fn add(&mut self, (service, handler): (&str, &str), case: Case, finding: Finding) {
        match case {
            Case::Live(_) => self.live_checked += 1,
            Case::Finished(_) => self.finished_checked += 1,
        }
        let group = self.group(service, handler, finding);
        let (count, id) = match case {
            Case::Live(id) => (&mut group.live, id),
            Case::Finished(id) => (&mut group.finished, id),
        };
        *count += 1;
        if group.examples.len() < EXAMPLES_MAX {
            group.examples.push(id);
        }
    }

    /// Adds live invocations that were not looked at.
    pub fn add_unchecked(&mut self, (service, handler): (&str, &str), live: u64, why: &str) {
        self.group(service, handler, Finding::saying(Kind::NotChecked, why)).live += live;
    }

    fn group(&mut self, service: &str, handler: &str, finding: Finding) -> &mut Group {
        const MANY: &str = "others have other arguments; those of one are shown";
        let place = (finding.kind, service.to_owned(), handler.to_owned(), finding.op);
        let variants = self.groups.entry(place).or_default();
        let like = variants.iter().position(|group| group.finding.is_like(&finding));
        let index = like.unwrap_or_else(|| {
            if variants.len() < VARIANTS_MAX {
                let (service, handler) = (service.to_owned(), handler.to_owned());
                variants.push(Group {
                    service,
                    handler,
                    finding,
                    live: 0,
                    finished: 0,
                    examples: Vec::new(),
                });
            } else if let Some(last) = variants.last_mut() {
                last.finding.message.get_or_insert_with(|| MANY.to_owned());
            }
            variants.len() - 1
        });
        &mut variants[index]
    }

    /// Builds the report.
    #[must_use]
    pub fn report(self, deployment: DeploymentId, took_ms: u64) -> Report {
        let mut groups: Vec<Group> = self.groups.into_values().flatten().collect();
        groups.sort_by_key(|group| {
            (group.finding.kind, std::cmp::Reverse((group.live, group.finished)), group.finding.op)
        });
        let is_complete = groups.iter().all(|group| group.finding.kind != Kind::NotChecked);
        Report {
            deployment,
            live_checked: self.live_checked,
            finished_checked: self.finished_checked,
            is_complete,
            took_ms,
            groups: within_limit(groups),
            objections: self.objections,
        }
    }
}

/// Puts the smallest groups of each kind together when there are too many.
fn within_limit(mut groups: Vec<Group>) -> Vec<Group> {
    if groups.len() <= GROUPS_MAX {
        return groups;
    }
    // Each kind may need one group for the rest of it.
    let mut by_size: Vec<usize> = (0..groups.len()).collect();
    by_size.sort_by_key(|index| std::cmp::Reverse((groups[*index].live, groups[*index].finished)));
    let mut is_kept = vec![false; groups.len()];
    by_size.iter().take(GROUPS_MAX).for_each(|index| is_kept[*index] = true);
    let mut rest: BTreeMap<Kind, Group> = BTreeMap::new();
    let mut kept = Vec::with_capacity(GROUPS_MAX);
    for (group, is_kept) in groups.drain(..).zip(is_kept) {
        if is_kept {
            kept.push(group);
            continue;
        }
        let kind = group.finding.kind;
        let sum = rest.entry(kind).or_insert_with(|| Group {
            service: String::new(),
            handler: String::new(),
            finding: Finding::saying(kind, "more groups, put together"),
            live: 0,
            finished: 0,
            examples: Vec::new(),
        });
        sum.live += group.live;
        sum.finished += group.finished;
        sum.examples.extend(group.examples);
        sum.examples.truncate(EXAMPLES_MAX);
    }
    kept.extend(rest.into_values());
    // Stable: within a kind the rest stays last.
    kept.sort_by_key(|group| group.finding.kind);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(unique: u128) -> InvocationId {
        InvocationId { unique, partition_key: 0 }
    }

    fn diverges(op: OpId, asked: &str) -> Finding {
        Finding { op: Some(op), asked: Some(asked.into()), ..Finding::new(Kind::Diverges) }
    }

    fn lines(report: &Report) -> Vec<String> {
        let line = |group: &Group| {
            let Finding { kind, op, asked, .. } = &group.finding;
            let op = op.map(|op| format!("@{op}")).unwrap_or_default();
            let asked = asked.clone().unwrap_or_default();
            format!(
                "{}{op} {}/{} {asked} {}+{}",
                kind.word(),
                group.service,
                group.handler,
                group.live,
                group.finished
            )
        };
        report.groups.iter().map(line).collect()
    }

    #[test]
    fn the_worst_comes_first_and_the_largest_of_it() {
        let mut grouping = Grouping::default();
        grouping.add(("S", "a"), Case::Live(id(1)), Finding::new(Kind::Fits));
        grouping.add(("S", "a"), Case::Live(id(2)), diverges(4, "run(\"b\")"));
        grouping.add(("S", "a"), Case::Finished(id(3)), Finding::new(Kind::Fits));
        grouping.add(("S", "b"), Case::Live(id(4)), diverges(1, "run(\"c\")"));
        grouping.add(("S", "b"), Case::Live(id(5)), diverges(1, "run(\"c\")"));
        grouping.add_unchecked(("S", "b"), 7, "too many");
        let report = grouping.report(DeploymentId::from_digest(1), 3);
        assert_eq!(
            lines(&report),
            [
                "diverges@1 S/b run(\"c\") 2+0",
                "diverges@4 S/a run(\"b\") 1+0",
                "not-checked S/b  7+0",
                "fits S/a  1+1",
            ]
        );
        assert_eq!((report.live_checked, report.finished_checked, report.is_complete), (4, 1, false));
        assert_eq!(report.groups[0].examples, [id(4), id(5)]);
    }

    #[test]
    fn arguments_of_many_kinds_stay_few_groups() {
        let mut grouping = Grouping::default();
        for n in 0..1_000 {
            grouping.add(("S", "a"), Case::Live(id(n)), diverges(2, &format!("call(Thing/{n}/look)")));
        }
        let report = grouping.report(DeploymentId::from_digest(1), 3);
        assert_eq!(report.groups.len(), VARIANTS_MAX);
        assert_eq!(report.live_of(Kind::Diverges), 1_000);
        assert!(report.groups.iter().any(|group| group.finding.message.is_some()));
    }

    #[test]
    fn a_report_has_a_limit_and_forgets_nobody() {
        let mut grouping = Grouping::default();
        for op in 0..500 {
            grouping.add(("S", "a"), Case::Live(id(u128::from(op))), diverges(op, "run(\"x\")"));
        }
        grouping.add(("S", "a"), Case::Live(id(1)), Finding::new(Kind::Fits));
        let report = grouping.report(DeploymentId::from_digest(1), 3);
        assert!(report.groups.len() <= GROUPS_MAX + 2, "{}", report.groups.len());
        assert_eq!((report.live_of(Kind::Diverges), report.live_of(Kind::Fits)), (500, 1));
        let kinds: Vec<Kind> = report.groups.iter().map(|group| group.finding.kind).collect();
        assert!(kinds.is_sorted());
    }
}
