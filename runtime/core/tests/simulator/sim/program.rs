//! Guest programs: what they consist of, and what each step asks for. A program follows from the
//! input of its invocation, so every attempt of it, and the model, has the same one.

use super::address::{self, NOBODY};
use super::catalogue::quick_policy;
use super::rng::mix;
use super::writer;
use abide_core::entry::{Entry, Failure, Outcome, Request};
use abide_core::ids::{AwakeableId, InvocationId, OpId};
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

/// A handler to call.
#[derive(Clone, Debug)]
pub struct Callee {
    pub target: Target,
    pub idempotency_key: Option<&'static str>,
    /// It calls nobody else.
    pub is_leaf: bool,
}

/// Another invocation, as far as a guest knows any.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    Itself,
    /// Somebody whose id came with the input: the caller, or one that the caller knows.
    Acquaintance,
    /// What the call or send at this site became.
    Child(Site),
    /// One of a kind: a workflow, or what has an idempotency key.
    Computed(InvocationId),
}

/// Names of values, signals and promises.
pub type Name = &'static str;

#[derive(Clone, Debug)]
pub enum Step {
    Run(RunKind),
    Sleep {
        duration_ms: u64,
    },
    Call(Callee),
    Send {
        to: Callee,
        delay_ms: Option<u64>,
    },
    Attach(Who),
    Cancel(Who),
    Kill(Who),
    GetState(Name),
    SetState(Name),
    ClearState(Name),
    ClearAllState,
    StateKeys,
    Awakeable,
    CompleteAwakeable {
        of: Who,
        op: OpId,
    },
    ReceiveSignal(Name),
    SendSignal {
        to: Who,
        name: Name,
    },
    GetPromise(Name),
    PeekPromise(Name),
    CompletePromise(Name),
    /// A terminal failure of the handler, unless something around it catches it.
    Fail,
    /// The guest traps here now and then.
    Trap,
}

impl Step {
    /// Says whether the guest waits for an outcome of what it asks here.
    pub fn is_awaited(&self) -> bool {
        match self {
            Self::Run(_)
            | Self::Sleep { .. }
            | Self::Call(_)
            | Self::Attach(_)
            | Self::GetState(_)
            | Self::StateKeys
            | Self::Awakeable
            | Self::ReceiveSignal(_)
            | Self::GetPromise(_)
            | Self::PeekPromise(_)
            | Self::CompletePromise(_) => true,
            Self::Send { .. }
            | Self::Cancel(_)
            | Self::Kill(_)
            | Self::SetState(_)
            | Self::ClearState(_)
            | Self::ClearAllState
            | Self::CompleteAwakeable { .. }
            | Self::SendSignal { .. }
            | Self::Fail
            | Self::Trap => false,
        }
    }
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

const OWN_TRIES_MAX: u32 = 2;
/// What an input consists of: a seed, a generation and the id of an acquaintance.
const INPUT_LEN: usize = 9 + InvocationId::LEN;

/// What an invocation is given.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    pub seed: u64,
    pub generation: u8,
    pub knows: InvocationId,
}

impl Input {
    pub fn of(bytes: &[u8]) -> Self {
        assert_eq!(bytes.len(), INPUT_LEN, "not an input of the simulation");
        let seed = u64::from_le_bytes(*bytes.first_chunk().expect("checked above"));
        let knows = InvocationId::from_bytes(&bytes[9..]).expect("checked above");
        Self { seed, generation: bytes[8], knows }
    }

    pub fn to_bytes(self) -> Bytes {
        let mut bytes = self.seed.to_le_bytes().to_vec();
        bytes.push(self.generation);
        bytes.extend(self.knows.to_bytes());
        bytes.into()
    }
}

/// What a program has to know of the attempt it runs in to ask for something.
pub trait Asking {
    fn identity(&self) -> InvocationId;
    /// Returns what the call or send at a site became, if it was made.
    fn child(&self, site: Site) -> Option<InvocationId>;
    /// Returns the id for a new invocation.
    fn new_id(&mut self, to: &Callee) -> InvocationId;
}

pub struct Program {
    pub input: Input,
    pub root: Node,
}

impl Program {
    /// Returns the program that an input stands for.
    pub fn of(input: &[u8], target: &Target) -> Self {
        let input = Input::of(input);
        Self { input, root: writer::write(input, target) }
    }

    /// Returns what is asked for at this site; None where nothing is asked.
    pub fn entry(&self, asking: &mut impl Asking, site: Site, step: &Step) -> Option<Entry> {
        let who = |who: &Who| match who {
            Who::Itself => asking.identity(),
            Who::Acquaintance => self.input.knows,
            Who::Child(site) => asking.child(*site).unwrap_or(NOBODY),
            Who::Computed(id) => *id,
        };
        Some(match step {
            Step::Run(kind) => Entry::Run { name: site_name(site), retry: own_policy(*kind) },
            Step::Sleep { duration_ms } => {
                Entry::Sleep { duration_ms: *duration_ms, name: Some(site_name(site)) }
            }
            Step::Call(to) => Entry::Call(self.request(asking, site, to)),
            Step::Send { to, delay_ms } => {
                Entry::Send { request: self.request(asking, site, to), delay_ms: *delay_ms }
            }
            Step::Attach(to) => Entry::Attach { invocation: who(to) },
            Step::Cancel(whom) => Entry::Cancel { invocation: who(whom) },
            Step::Kill(whom) => Entry::Kill { invocation: who(whom) },
            Step::GetState(name) => Entry::GetState { name: (*name).into() },
            Step::SetState(name) => Entry::SetState { name: (*name).into(), value: self.bytes(site) },
            Step::ClearState(name) => Entry::ClearState { name: (*name).into() },
            Step::ClearAllState => Entry::ClearAllState,
            Step::StateKeys => Entry::StateKeys,
            Step::Awakeable => Entry::Awakeable { name: Some(site_name(site)) },
            Step::CompleteAwakeable { of, op } => {
                let awakeable = AwakeableId { invocation: who(of), op: *op, birth: 0 };
                Entry::CompleteAwakeable { awakeable, outcome: self.outcome(site) }
            }
            Step::ReceiveSignal(name) => Entry::ReceiveSignal { name: (*name).into() },
            Step::SendSignal { to, name } => {
                let (invocation, outcome) = (who(to), self.outcome(site));
                Entry::SendSignal { invocation, name: (*name).into(), outcome }
            }
            Step::GetPromise(name) => Entry::GetPromise { name: (*name).into() },
            Step::PeekPromise(name) => Entry::PeekPromise { name: (*name).into() },
            Step::CompletePromise(name) => {
                Entry::CompletePromise { name: (*name).into(), outcome: self.outcome(site) }
            }
            Step::Fail | Step::Trap => return None,
        })
    }

    fn request(&self, asking: &mut impl Asking, site: Site, to: &Callee) -> Request {
        let knows = if site.is_multiple_of(3) { self.input.knows } else { asking.identity() };
        let generation = if to.is_leaf { writer::GENERATIONS_MAX } else { self.input.generation + 1 };
        let input = Input { seed: self.value(site), generation, knows };
        Request {
            child: asking.new_id(to),
            target: to.target.clone(),
            input: input.to_bytes(),
            headers: Vec::new(),
            idempotency_key: to.idempotency_key.filter(|_| !address::is_run(&to.target)).map(Into::into),
        }
    }

    /// Returns the value of a step that succeeds without a payload.
    pub fn value(&self, site: Site) -> u64 {
        mix(self.input.seed, u64::from(site))
    }

    fn bytes(&self, site: Site) -> Bytes {
        Bytes::copy_from_slice(&self.value(site).to_le_bytes())
    }

    /// Returns what somebody else is told here; no two places say the same.
    fn outcome(&self, site: Site) -> Outcome {
        if site.is_multiple_of(4) {
            Outcome::Failure(self.failure(site))
        } else {
            Outcome::Value(self.bytes(site))
        }
    }

    pub fn failure(&self, site: Site) -> Failure {
        Failure::new(418, format!("{:x} fails at {site}", self.input.seed))
    }
}

pub fn site_name(site: Site) -> String {
    format!("site {site}")
}

pub fn own_policy(kind: RunKind) -> Option<RetryPolicy> {
    let own = RetryPolicy { max_attempts: Some(OWN_TRIES_MAX), ..quick_policy() };
    (kind == RunKind::FlakyWithPolicy).then_some(own)
}
