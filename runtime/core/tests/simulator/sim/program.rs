//! Random guest programs. A program follows from the input of its invocation, so every attempt of
//! an invocation, and the model, has the same one.

use super::rng::{Rng, mix};
use abide_core::entry::{Entry, Failure};
use abide_core::ids::{InvocationId, OpId};
use abide_core::retry::RetryPolicy;
use abide_core::target::Target;
use bytes::Bytes;

/// A place in a program; each is passed at most once.
pub type Site = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    Steady,
    /// Its result is a terminal failure.
    Refuses,
    /// It fails now and then; the policy of the handler decides.
    Flaky,
    /// It fails now and then, with a policy of its own.
    FlakyWithPolicy,
    /// The code asks for something else on some replays.
    Fickle,
}

#[derive(Clone, Debug)]
pub enum Step {
    Run(RunKind),
    Sleep {
        duration_ms: u64,
    },
    Call {
        to: &'static str,
    },
    Send {
        to: &'static str,
        delay_ms: Option<u64>,
    },
    /// A terminal failure of the handler, unless something around it catches it.
    Fail,
    /// The guest traps here now and then.
    Trap,
}

#[derive(Clone, Debug)]
pub enum Node {
    Step(Site, Step),
    Sequence(Vec<Node>),
    /// All run at once; all are waited for.
    Join(Vec<Node>),
    /// All run at once; the first one counts, the others are dropped.
    Select(Vec<Node>),
    Catch(Box<Node>),
}

/// Handlers of the service of the simulation: what happens when attempts are used up.
pub const PATIENT: &str = "patient";
pub const PAUSES: &str = "pauses";
pub const KILLS: &str = "kills";
/// No such handler: a call of it fails.
pub const ABSENT: &str = "absent";
pub const SERVICE: &str = "simulated";

const GENERATIONS_MAX: u8 = 3;
const DEPTH_MAX: u32 = 3;
const OWN_TRIES_MAX: u32 = 2;

pub struct Program {
    pub seed: u64,
    pub generation: u8,
    pub root: Node,
}

impl Program {
    /// Returns the program that an input stands for.
    pub fn of(input: &[u8]) -> Self {
        let seed = u64::from_le_bytes(input[..8].try_into().expect("an input has nine bytes"));
        let generation = input[8];
        let mut writer = Writer { rng: Rng::new(seed), next_site: 0, generation };
        let root = writer.node(0);
        Self { seed, generation, root }
    }

    pub fn input(seed: u64, generation: u8) -> Bytes {
        let mut bytes = seed.to_le_bytes().to_vec();
        bytes.push(generation);
        bytes.into()
    }

    /// Returns what the invocation `id` asks for at this site as operation `op`; None where nothing
    /// is asked.
    pub fn entry(&self, id: InvocationId, op: OpId, site: Site, step: &Step) -> Option<Entry> {
        let name = site_name(site);
        let input = Self::input(mix(self.seed, u64::from(site)), self.generation + 1);
        let (child, headers) = (child_id(id, op), Vec::new());
        Some(match step {
            Step::Run(kind) => Entry::Run { name, retry: own_policy(*kind) },
            Step::Sleep { duration_ms } => Entry::Sleep { duration_ms: *duration_ms, name: Some(name) },
            Step::Call { to } => Entry::Call { child, target: target(to), input, headers },
            Step::Send { to, delay_ms } => {
                Entry::Send { child, target: target(to), input, headers, delay_ms: *delay_ms }
            }
            Step::Fail | Step::Trap => return None,
        })
    }

    /// Returns the value of a step that succeeds without a payload.
    pub fn value(&self, site: Site) -> u64 {
        mix(self.seed, u64::from(site))
    }

    pub fn failure(&self, site: Site) -> Failure {
        Failure::new(409, format!("{:x} fails at {site}", self.seed))
    }
}

pub fn site_name(site: Site) -> String {
    format!("site {site}")
}

pub fn target(handler: &str) -> Target {
    Target { service: SERVICE.into(), key: None, handler: handler.into() }
}

pub fn own_policy(kind: RunKind) -> Option<RetryPolicy> {
    let own = RetryPolicy { max_attempts: Some(OWN_TRIES_MAX), ..quick_policy() };
    (kind == RunKind::FlakyWithPolicy).then_some(own)
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

/// Derives the id of a child, as the real sessions do: a repeated submit is recognised.
pub fn child_id(parent: InvocationId, op: OpId) -> InvocationId {
    let low = mix(parent.unique as u64, u64::from(op));
    let high = mix((parent.unique >> 64) as u64, low);
    InvocationId { unique: (u128::from(high) << 64) | u128::from(low), partition_key: mix(high, low) }
}

struct Writer {
    rng: Rng,
    next_site: Site,
    generation: u8,
}

impl Writer {
    fn node(&mut self, depth: u32) -> Node {
        let kind = if depth == DEPTH_MAX { 9 } else { self.rng.below(if depth == 0 { 5 } else { 10 }) };
        match kind {
            0 | 1 => Node::Sequence(self.nodes(depth)),
            2 => Node::Join(self.nodes(depth)),
            3 => Node::Select(self.nodes(depth)),
            4 => Node::Catch(Box::new(Node::Sequence(self.nodes(depth)))),
            _ => {
                self.next_site += 1;
                Node::Step(self.next_site, self.step())
            }
        }
    }

    fn nodes(&mut self, depth: u32) -> Vec<Node> {
        let count = 1 + self.rng.below(3);
        (0..count).map(|_| self.node(depth + 1)).collect()
    }

    fn step(&mut self) -> Step {
        let may_have_children = self.generation < GENERATIONS_MAX;
        match self.rng.below(20) {
            0..=2 => Step::Run(RunKind::Steady),
            3 => Step::Run(RunKind::Refuses),
            4 | 5 => Step::Run(RunKind::Flaky),
            6 | 7 => Step::Run(RunKind::FlakyWithPolicy),
            8 => Step::Run(RunKind::Fickle),
            9..=11 => Step::Sleep { duration_ms: self.rng.below(200) },
            12 => Step::Fail,
            13 => Step::Trap,
            14..=16 if may_have_children => Step::Call { to: self.handler() },
            17..=18 if may_have_children => {
                let delay_ms = self.rng.chance(50).then(|| self.rng.below(200));
                Step::Send { to: self.handler(), delay_ms }
            }
            _ => Step::Run(RunKind::Steady),
        }
    }

    fn handler(&mut self) -> &'static str {
        match self.rng.below(10) {
            0..=4 => PATIENT,
            5 | 6 => PAUSES,
            7 | 8 => KILLS,
            _ => ABSENT,
        }
    }
}
