//! A simpler model: every program evaluated directly, with its finished journal as the oracle for
//! what was random: results of closures, and who was first.

use super::guest::{Value, caught, joined, selected, settled};
use super::outside::Outside;
use super::program::{ABSENT, KILLS, Node, Program, RunKind, Site, Step, own_policy, site_name};
use super::session::is_kill;
use super::table::{self, Table, answer, completed, entries, outcomes};
use abide_core::entry::{Answer, Entry, Outcome};
use abide_core::ids::{InvocationId, OpId};
use abide_core::invocation::{InvocationRow, Origin};
use abide_core::rows::{Row, RowKey};
use std::collections::BTreeMap;

/// Compares all invocations with the model and returns how many there are.
pub fn check(tables: &[&Table], outside: &Outside) -> u64 {
    let mut invocations = 0;
    for table in tables {
        assert_eq!(table::all_live(table).count(), 0, "everything has come to its end");
        for (key, row) in *table {
            if let (RowKey::Completed(id), Some(row)) = (key, table::invocation(row)) {
                invocations += 1;
                check_one(tables, outside, *id, row);
            }
        }
    }
    invocations
}

fn check_one(tables: &[&Table], outside: &Outside, id: InvocationId, row: &InvocationRow) {
    let table = table_of(tables, id);
    let said = answer(table, id).unwrap_or_else(|| panic!("{id} has no answer"));
    assert_eq!(outside.replies.get(&id), Some(said), "{id} was not replied");
    check_origin(tables, outside, id, row);
    let Some(Row::Input(input)) = table.get(&RowKey::Input(id)) else { panic!("{id} has no input") };
    let program = Program::of(&input.body);
    let journal = Journal::of(tables, outside, id, &program);
    if row.target.handler == ABSENT {
        assert!(matches!(said, Answer::Failure(failure) if failure.code == 404) && row.attempts == 0);
        return;
    }
    let is_killed = matches!(said, Answer::Failure(failure) if is_kill(failure));
    if is_killed && row.target.handler == KILLS {
        return;
    }
    let (value, _) = journal.value(&program.root, Some(Moment::START)).expect("the program came to its end");
    let expected = match value {
        Ok(value) => Answer::Value(value.to_le_bytes().to_vec().into()),
        Err(failure) => Answer::Failure(failure),
    };
    assert_eq!(*said, expected, "{id} answers otherwise than its model");
}

/// Whoever is said to have asked for it has.
fn check_origin(tables: &[&Table], outside: &Outside, id: InvocationId, row: &InvocationRow) {
    let (caller, op) = match row.origin {
        Origin::Ingress => {
            assert!(outside.submitted.iter().any(|submission| submission.invocation == id));
            return;
        }
        Origin::Call { caller, op } | Origin::Send { caller, op } => (caller, op),
    };
    match table_of(tables, caller).get(&RowKey::Entry(caller, op)) {
        Some(Row::Entry(row)) => match &row.entry {
            Entry::Call { child, .. } | Entry::Send { child, .. } if *child == id => {}
            other => panic!("{id} was not asked for by {other}"),
        },
        other => panic!("{id} was asked for by nobody: {other:?}"),
    }
}

fn table_of<'a>(tables: &[&'a Table], id: InvocationId) -> &'a Table {
    tables[usize::from(id.partition(tables.len() as u16).0)]
}

/// After which outcome of the journal something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(i64);

impl Moment {
    const START: Self = Self(-1);
}

/// A journal by the sites of its program.
struct Journal<'a> {
    program: &'a Program,
    settled: BTreeMap<Site, (Moment, Outcome)>,
    sent: BTreeMap<Site, OpId>,
}

impl<'a> Journal<'a> {
    fn of(tables: &[&Table], outside: &Outside, id: InvocationId, program: &'a Program) -> Self {
        let table = table_of(tables, id);
        let mut sites = BTreeMap::new();
        list_sites(&program.root, &mut sites);
        let outcomes = outcomes(table, id);
        let mut journal = Self { program, settled: BTreeMap::new(), sent: BTreeMap::new() };
        for (op, row) in entries(table, id).into_iter().enumerate() {
            let op = op as OpId;
            let is_it = |(site, step): &(&Site, &&Step)| {
                program.entry(id, op, **site, step).is_some_and(|entry| entry == row.entry)
            };
            let (site, step) = sites.iter().find(is_it).expect("the entry belongs to the program");
            let settled = outcomes.iter().find(|settled| settled.op == op);
            if let Some(settled) = settled {
                check_outcome(tables, outside, &row.entry, step, &settled.outcome);
                let moment = Moment(i64::from(settled.order));
                journal.settled.insert(*site, (moment, settled.outcome.clone()));
            }
            if let Entry::Call { child, .. } | Entry::Send { child, .. } = &row.entry {
                assert!(completed(table_of(tables, *child), *child).is_some(), "{child} never ran");
            }
            assert!(journal.sent.insert(*site, op).is_none(), "{id} passes site {site} twice");
        }
        journal
    }

    /// Evaluates a node that begins at a moment. None: it does not come to its end.
    fn value(&self, node: &Node, begins: Option<Moment>) -> Option<(Value, Moment)> {
        let begins = begins?;
        match node {
            Node::Step(site, step) => self.step(*site, step, begins),
            Node::Sequence(nodes) => {
                let (mut sum, mut moment) = (0, begins);
                for node in nodes {
                    let (value, then) = self.value(node, Some(moment))?;
                    moment = then;
                    match value {
                        Ok(value) => sum = super::rng::mix(sum, value),
                        Err(failure) => return Some((Err(failure), moment)),
                    }
                }
                Some((Ok(sum), moment))
            }
            Node::Join(nodes) => {
                let all: Option<Vec<_>> = nodes.iter().map(|node| self.value(node, Some(begins))).collect();
                let (values, moments): (Vec<_>, Vec<_>) = all?.into_iter().unzip();
                Some((joined(values), moments.into_iter().max().unwrap_or(begins)))
            }
            Node::Select(nodes) => {
                let ends = nodes.iter().enumerate().filter_map(|(place, node)| {
                    let (value, moment) = self.value(node, Some(begins))?;
                    Some((moment, place, value))
                });
                let (moment, place, value) = ends.min_by_key(|(moment, place, _)| (*moment, *place))?;
                Some((selected(place, value), moment))
            }
            Node::Catch(node) => {
                let (value, moment) = self.value(node, Some(begins))?;
                Some((Ok(caught(value)), moment))
            }
        }
    }

    fn step(&self, site: Site, step: &Step, begins: Moment) -> Option<(Value, Moment)> {
        let value = self.program.value(site);
        match step {
            Step::Fail => Some((Err(self.program.failure(site)), begins)),
            Step::Trap => Some((Ok(value), begins)),
            Step::Send { .. } => self.sent.contains_key(&site).then_some((Ok(value), begins)),
            Step::Run(_) | Step::Sleep { .. } | Step::Call { .. } => {
                let (moment, outcome) = self.settled.get(&site)?;
                assert!(*moment > begins, "an outcome before its entry");
                Some((settled(value, outcome), *moment))
            }
        }
    }
}

/// An outcome came from where it says.
fn check_outcome(tables: &[&Table], outside: &Outside, entry: &Entry, step: &Step, outcome: &Outcome) {
    let is_right = match (entry, step) {
        (Entry::Call { child, .. }, _) => {
            let said = answer(table_of(tables, *child), *child).expect("the child has an answer");
            Outcome::from(said.clone()) == *outcome
        }
        (_, Step::Sleep { .. }) => *outcome == Outcome::Empty,
        (_, Step::Run(kind)) => match outcome {
            Outcome::Value(value) => outside.results.contains(value),
            Outcome::Failure(failure) => {
                *kind == RunKind::Refuses || { own_policy(*kind).is_some() && failure.message == "flaky" }
            }
            Outcome::Empty => false,
        },
        _ => false,
    };
    assert!(is_right, "{entry} came to {outcome:?}");
}

fn list_sites<'a>(node: &'a Node, sites: &mut BTreeMap<Site, &'a Step>) {
    match node {
        Node::Step(site, step) => {
            let earlier = sites.insert(*site, step);
            assert!(earlier.is_none(), "{} is there twice", site_name(*site));
        }
        Node::Sequence(nodes) | Node::Join(nodes) | Node::Select(nodes) => {
            nodes.iter().for_each(|node| list_sites(node, sites));
        }
        Node::Catch(node) => list_sites(node, sites),
    }
}
