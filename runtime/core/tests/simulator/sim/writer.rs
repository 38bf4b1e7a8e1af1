//! Writes random programs.

use super::address;
use super::catalogue::{IDEMPOTENCY_KEYS, offered, some_target};
use super::program::{Callee, Input, Name, Node, RunKind, Site, Step, Who};
use super::rng::Rng;
use abide_core::ids::OpId;
use abide_core::manifest::{HandlerMode, ServiceKind};
use abide_core::target::Target;

pub const GENERATIONS_MAX: u8 = 3;
const DEPTH_MAX: u32 = 3;
const NAMES: &[Name] = &["a", "b", "c"];
/// Steps of a long program: more than the core remembers one by one, or purges at once.
const MANY: u64 = 70;
const VERY_MANY: u64 = 520;

pub fn write(input: Input, target: &Target) -> Node {
    let offered = offered(target);
    let kind = offered.map_or(ServiceKind::Service, |offered| offered.kind);
    let may_write = offered.is_some_and(|offered| offered.mode == HandlerMode::Exclusive);
    let rng = Rng::new(input.seed);
    let mut writer = Writer { rng, next_site: 0, generation: input.generation, kind, may_write };
    if input.generation == 0 && writer.rng.below(250) == 0 {
        return writer.long();
    }
    writer.node(0)
}

struct Writer {
    rng: Rng,
    next_site: Site,
    generation: u8,
    kind: ServiceKind,
    may_write: bool,
}

impl Writer {
    fn node(&mut self, depth: u32) -> Node {
        let kind = if depth == DEPTH_MAX { 9 } else { self.rng.below(if depth == 0 { 5 } else { 10 }) };
        match kind {
            0 | 1 => Node::Sequence(self.nodes(depth)),
            2 => Node::Join(self.nodes(depth)),
            3 => Node::Select(self.nodes(depth)),
            4 => Node::Catch(Box::new(Node::Sequence(self.nodes(depth)))),
            _ => self.step(),
        }
    }

    fn nodes(&mut self, depth: u32) -> Vec<Node> {
        let count = 1 + self.rng.below(3);
        (0..count).map(|_| self.node(depth + 1)).collect()
    }

    fn site(&mut self, step: Step) -> Node {
        self.next_site += 1;
        Node::Step(self.next_site, step)
    }

    fn step(&mut self) -> Node {
        let step = match self.kind {
            ServiceKind::Service => self.plain_step(),
            ServiceKind::Object if self.rng.chance(50) => self.state_step(),
            ServiceKind::Workflow if self.rng.chance(20) => self.state_step(),
            ServiceKind::Workflow if self.rng.chance(40) => self.promise_step(),
            ServiceKind::Object | ServiceKind::Workflow => self.plain_step(),
        };
        self.not_for_ever(step)
    }

    /// Most who wait for somebody else lose patience at some time.
    fn not_for_ever(&mut self, step: Step) -> Node {
        let is_up_to_others = matches!(
            step,
            Step::Awakeable
                | Step::ReceiveSignal(_)
                | Step::GetPromise(_)
                | Step::Attach(Who::Itself | Who::Acquaintance | Who::Computed(_))
        );
        let waits = self.site(step);
        if is_up_to_others && self.rng.chance(70) {
            let gives_up = Step::Sleep { duration_ms: self.rng.below(300) };
            return Node::Select(vec![waits, self.site(gives_up)]);
        }
        waits
    }

    fn plain_step(&mut self) -> Step {
        match self.rng.below(40) {
            0..=3 => Step::Run(RunKind::Steady),
            4 => Step::Run(RunKind::Refuses),
            5 | 6 => Step::Run(RunKind::Flaky),
            7 | 8 => Step::Run(RunKind::FlakyWithPolicy),
            9 => Step::Run(RunKind::Fickle),
            10..=12 => Step::Sleep { duration_ms: self.rng.below(200) },
            13 => Step::Fail,
            14 => Step::Trap,
            15..=20 if self.may_have_children() => Step::Call(self.callee()),
            21..=23 if self.may_have_children() => {
                let delay_ms = self.rng.chance(50).then(|| self.rng.below(200));
                Step::Send { to: self.callee(), delay_ms }
            }
            24..=26 => Step::Attach(self.who()),
            27 => Step::Cancel(self.who()),
            28 if self.rng.chance(50) => Step::Kill(self.who()),
            29..=31 => Step::Awakeable,
            32 | 33 => Step::CompleteAwakeable { of: self.who(), op: self.rng.below(6) as u32 },
            34..=36 => Step::ReceiveSignal(self.name()),
            37..=39 => Step::SendSignal { to: self.who(), name: self.name() },
            _ => Step::Run(RunKind::Steady),
        }
    }

    fn state_step(&mut self) -> Step {
        match self.rng.below(if self.may_write { 12 } else { 5 }) {
            0..=3 => Step::GetState(self.name()),
            4 => Step::StateKeys,
            5..=9 => Step::SetState(self.name()),
            10 => Step::ClearState(self.name()),
            _ => Step::ClearAllState,
        }
    }

    fn promise_step(&mut self) -> Step {
        match self.rng.below(8) {
            0..=3 => Step::GetPromise(self.name()),
            4 | 5 => Step::PeekPromise(self.name()),
            _ => Step::CompletePromise(self.name()),
        }
    }

    fn may_have_children(&self) -> bool {
        self.generation < GENERATIONS_MAX
    }

    fn name(&mut self) -> Name {
        NAMES[self.rng.index(NAMES.len())]
    }

    fn callee(&mut self) -> Callee {
        let target = some_target(&mut self.rng);
        let key = IDEMPOTENCY_KEYS[self.rng.index(IDEMPOTENCY_KEYS.len())];
        Callee { target, idempotency_key: self.rng.chance(20).then_some(key), is_leaf: false }
    }

    fn who(&mut self) -> Who {
        match self.rng.below(12) {
            0 => Who::Itself,
            1..=5 => Who::Acquaintance,
            6..=8 => Who::Child(1 + self.rng.below(u64::from(self.next_site.max(1))) as Site),
            _ => {
                let Callee { target, .. } = self.callee();
                let key = IDEMPOTENCY_KEYS[self.rng.index(IDEMPOTENCY_KEYS.len())];
                address::computed(&target, Some(key)).map_or(Who::Itself, Who::Computed)
            }
        }
    }

    /// A program that reaches what others do not.
    fn long(&mut self) -> Node {
        let has_state = self.may_write && self.kind != ServiceKind::Service;
        let leaf = Callee { target: some_target(&mut self.rng), idempotency_key: None, is_leaf: true };
        let (step, count) = match self.rng.below(3) {
            0 => (Step::Call(leaf), MANY),
            1 => (Step::Sleep { duration_ms: self.rng.below(100) }, MANY),
            _ if has_state => (Step::SetState(self.name()), VERY_MANY),
            // Nobody has so many operations: it does nothing.
            _ => (Step::CompleteAwakeable { of: Who::Itself, op: OpId::MAX - 1 }, VERY_MANY),
        };
        let is_awaited = step.is_awaited();
        let nodes = (0..count).map(|_| self.site(step.clone())).collect();
        let all = if is_awaited { Node::Join(nodes) } else { Node::Sequence(nodes) };
        let rest = self.node(1);
        Node::Sequence(vec![Node::Catch(Box::new(all)), rest])
    }
}
