//! A running guest program: what is left of it, polled as an executor of futures would.

use super::program::{Asking, Node, Program, Site, Step};
use super::rng::{mix, mix_bytes};
use abide_core::entry::{Entry, Failure, Outcome};
use abide_core::ids::OpId;
use abide_core::invocation::MismatchReport;
use std::collections::VecDeque;
use std::rc::Rc;

/// What a part of a program comes to.
pub type Value = Result<u64, Failure>;

/// Why the guest is not polled any further.
pub enum Halt {
    Trap,
    Mismatch(MismatchReport),
}

/// What a program needs of the session it runs in.
pub trait Host: Asking {
    fn program(&self) -> Rc<Program>;
    fn ask(&mut self, site: Site, step: &Step, entry: Entry) -> Result<OpId, Halt>;
    fn outcome(&self, op: OpId) -> Option<&Outcome>;
    fn forget(&mut self, op: OpId);
    fn traps_now(&mut self) -> bool;
}

/// The state of one node.
pub enum Task {
    Step { site: Site, step: Step, op: Option<OpId> },
    Sequence { rest: VecDeque<Task>, sum: u64 },
    Join(Vec<(Task, Option<Value>)>),
    Select(Vec<Task>),
    Catch(Box<Task>),
}

impl Task {
    pub fn new(node: &Node) -> Self {
        let tasks = |nodes: &[Node]| nodes.iter().map(Task::new).collect::<Vec<_>>();
        match node {
            Node::Step(site, step) => Self::Step { site: *site, step: step.clone(), op: None },
            Node::Sequence(nodes) => Self::Sequence { rest: tasks(nodes).into(), sum: 0 },
            Node::Join(nodes) => Self::Join(tasks(nodes).into_iter().map(|task| (task, None)).collect()),
            Node::Select(nodes) => Self::Select(tasks(nodes)),
            Node::Catch(node) => Self::Catch(Box::new(Task::new(node))),
        }
    }

    /// Goes as far as possible; None: it waits.
    pub fn poll(&mut self, host: &mut impl Host) -> Result<Option<Value>, Halt> {
        match self {
            Self::Step { site, step, op } => poll_step(*site, step, op, host),
            Self::Sequence { rest, sum } => {
                while let Some(task) = rest.front_mut() {
                    match task.poll(host)? {
                        None => return Ok(None),
                        Some(Ok(value)) => *sum = mix(*sum, value),
                        Some(Err(failure)) => return Ok(Some(Err(failure))),
                    }
                    rest.pop_front();
                }
                Ok(Some(Ok(*sum)))
            }
            Self::Join(tasks) => {
                for (task, value) in tasks.iter_mut().filter(|(_, value)| value.is_none()) {
                    *value = task.poll(host)?;
                }
                let values: Option<Vec<Value>> = tasks.iter().map(|(_, value)| value.clone()).collect();
                Ok(values.map(joined))
            }
            Self::Select(tasks) => {
                for winner in 0..tasks.len() {
                    if let Some(value) = tasks[winner].poll(host)? {
                        tasks.remove(winner);
                        tasks.iter().for_each(|loser| loser.forget(host));
                        return Ok(Some(selected(winner, value)));
                    }
                }
                Ok(None)
            }
            Self::Catch(task) => Ok(task.poll(host)?.map(|value| Ok(caught(value)))),
        }
    }

    /// Drops the futures of this task: nobody waits for their operations any more.
    fn forget(&self, host: &mut impl Host) {
        match self {
            Self::Step { op, .. } => op.iter().for_each(|op| host.forget(*op)),
            Self::Sequence { rest, .. } => rest.iter().for_each(|task| task.forget(host)),
            Self::Join(tasks) => tasks.iter().for_each(|(task, _)| task.forget(host)),
            Self::Select(tasks) => tasks.iter().for_each(|task| task.forget(host)),
            Self::Catch(task) => task.forget(host),
        }
    }
}

fn poll_step(
    site: Site,
    step: &Step,
    op: &mut Option<OpId>,
    host: &mut impl Host,
) -> Result<Option<Value>, Halt> {
    let program = host.program();
    let value = program.value(site);
    match step {
        Step::Fail => return Ok(Some(Err(program.failure(site)))),
        Step::Trap if host.traps_now() => return Err(Halt::Trap),
        Step::Trap => return Ok(Some(Ok(value))),
        _ => {}
    }
    let op = match op {
        Some(op) => *op,
        None => {
            let entry = program.entry(host, site, step).expect("this step asks for something");
            *op.insert(host.ask(site, step, entry)?)
        }
    };
    if !step.is_awaited() {
        return Ok(Some(Ok(value)));
    }
    Ok(host.outcome(op).map(|outcome| settled(value, outcome)))
}

/// Returns what an outcome means to the program; `empty` stands for success without a payload.
fn settled(empty: u64, outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Empty => Ok(empty),
        Outcome::Value(bytes) => Ok(mix_bytes(bytes)),
        Outcome::Failure(failure) => Err(failure.clone()),
        Outcome::Names(names) => Ok(names.iter().fold(3, |sum, name| mix(sum, mix_bytes(name.as_bytes())))),
    }
}

/// The first failure of a join counts; without one all values do.
fn joined(values: Vec<Value>) -> Value {
    values.into_iter().try_fold(1, |sum, value| Ok(mix(sum, value?)))
}

fn selected(winner: usize, value: Value) -> Value {
    value.map(|value| mix(winner as u64 + 2, value))
}

fn caught(value: Value) -> u64 {
    match value {
        Ok(value) => mix(5, value),
        Err(failure) => mix(6, mix_bytes(failure.to_string().as_bytes())),
    }
}
