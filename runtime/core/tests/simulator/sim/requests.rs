//! What people and other systems ask from outside.

use super::address::{self, NOBODY};
use super::catalogue::{IDEMPOTENCY_KEYS, some_deployment, some_object, some_target};
use super::program::Input;
use super::table::{
    Table, all_completed, all_live, completed as completed_row, live, outcome_rows, state_version,
};
use super::world::World;
use abide_core::command::{
    Command, EditState, EndRequest, Repin, Restart, Resume, Signal, Submission, Ticket,
};
use abide_core::entry::{Entry, Failure, Outcome};
use abide_core::ids::{Attempt, AwakeableId, InvocationId, OpId, PartitionId};
use abide_core::invocation::{InputRow, InvocationRow, Origin, Phase};
use abide_core::limits::{CALL_DEPTH_MAX, PURGED_AT_ONCE};
use abide_core::object::StateVersion;
use abide_core::rows::{Row, RowKey};
use abide_core::target::Target;
use bytes::Bytes;

/// Live invocations at which no more are submitted.
const LIVE_MAX: usize = 40;

impl World {
    pub fn submit(&mut self) {
        if self.is_crowded() {
            return;
        }
        let target = some_target(&mut self.rng);
        let key = IDEMPOTENCY_KEYS[self.rng.index(IDEMPOTENCY_KEYS.len())];
        let key = self.rng.chance(25).then_some(key);
        let delay_ms = self.rng.chance(20).then(|| self.rng.below(300));
        self.submit_to(target, key.map(Into::into), delay_ms);
    }

    fn is_crowded(&self) -> bool {
        let live: usize = self.partitions.iter().map(|rows| all_live(&rows.latest).count()).sum();
        live >= LIVE_MAX
    }

    fn submit_to(&mut self, target: Target, idempotency_key: Option<String>, delay_ms: Option<u64>) {
        let idempotency_key = idempotency_key.filter(|_| !address::is_run(&target));
        let invocation = address::id(&target, idempotency_key.as_deref(), self.now, &mut self.rng);
        let knows = self.some_live().unwrap_or(NOBODY);
        let input = Input { seed: self.rng.number(), generation: 0, knows };
        // Some are asked as if they were at the end of a long chain of calls.
        let depth = if self.rng.chance(10) { CALL_DEPTH_MAX - self.rng.below(3) as u32 } else { 0 };
        let submission = Submission {
            invocation,
            target,
            origin: Origin::Ingress,
            input: InputRow { headers: Vec::new(), body: input.to_bytes() },
            idempotency_key,
            begin_at: delay_ms.map(|delay| self.now.plus_millis(delay)),
            ticket: self.ticket_of_submission(invocation),
            depth,
        };
        self.outside.submits(&submission);
        self.inbox(invocation, Command::Submit(submission));
    }

    /// Somebody withdraws what has not begun, and asks for it again, for a later time.
    pub fn put_off_some(&mut self) {
        let id = self.some_id(|table| {
            let is_meant = |id: InvocationId, row: &InvocationRow| {
                id.is_computed() && matches!(row.phase, Phase::Scheduled { .. })
            };
            all_live(table).filter(|(id, row)| is_meant(*id, row)).map(|(id, _)| id).collect()
        });
        let Some(invocation) = id else { return };
        let row = live(self.table_of(invocation), invocation).expect("it is one of them");
        let (target, key) = (row.target.clone(), row.idempotency_key.clone());
        self.coverage.count("move put-off");
        self.cancel(invocation);
        let ticket = Some(self.outside.ticket(None));
        self.inbox(invocation, Command::Purge { invocation, ticket });
        let delay_ms = 300 + self.rng.below(300);
        self.submit_to(target, key, Some(delay_ms));
    }

    /// Who waits for the answer need not hear that the submission is recorded.
    fn ticket_of_submission(&mut self, id: InvocationId) -> Option<Ticket> {
        self.rng.chance(50).then(|| self.outside.ticket(Some(id)))
    }

    /// The same request once more: whoever sent it does not know whether it arrived. Only one with an
    /// id that is computed is the same again.
    pub fn resubmit(&mut self) {
        let recent = &self.outside.recent;
        if recent.is_empty() {
            return;
        }
        let submission = recent[self.rng.index(recent.len())].clone();
        self.coverage.count("move resubmit");
        let ticket = self.ticket_of_submission(submission.invocation);
        self.inbox(submission.invocation, Command::Submit(Submission { ticket, ..submission }));
    }

    /// Returns an invocation that has not ended.
    fn some_live(&mut self) -> Option<InvocationId> {
        self.some_id(|table| all_live(table).map(|(id, _)| id).collect())
    }

    fn some_id(&mut self, list: impl Fn(&Table) -> Vec<InvocationId>) -> Option<InvocationId> {
        let partition = self.rng.index(self.partitions.len());
        let ids = list(&self.partitions[partition].latest);
        (!ids.is_empty()).then(|| ids[self.rng.index(ids.len())])
    }

    /// Returns an invocation, or now and then one that is not there or has ended.
    fn some_invocation(&mut self) -> Option<InvocationId> {
        match self.rng.below(10) {
            0 => Some(NOBODY),
            1 | 2 => self.some_id(|table| all_completed(table).map(|(id, _)| id).collect()),
            _ => self.some_live(),
        }
    }

    /// A person resumes something, whether it needs it or not, now and then on other code.
    pub fn resume_some(&mut self) {
        if let Some(invocation) = self.some_invocation() {
            let deployment = self.rng.chance(20).then(|| some_deployment(&mut self.rng));
            let ticket = self.outside.ticket(None);
            self.inbox(invocation, Command::Resume(Resume { invocation, deployment, ticket }));
        }
    }

    pub fn pause_some(&mut self) {
        if let Some(invocation) = self.some_invocation() {
            let ticket = self.outside.ticket(None);
            self.inbox(invocation, Command::Pause { invocation, ticket });
        }
    }

    pub fn repin_some(&mut self) {
        if let Some(invocation) = self.some_invocation() {
            let deployment = some_deployment(&mut self.rng);
            // A guess, where somebody else would have looked.
            let entries_len =
                self.rng.chance(50).then(|| u32::try_from(self.rng.below(4)).expect("it is small"));
            let ticket = self.outside.ticket(None);
            self.inbox(invocation, Command::Repin(Repin { invocation, deployment, entries_len, ticket }));
        }
    }

    pub fn cancel_some(&mut self) {
        if let Some(invocation) = self.some_invocation() {
            self.coverage.count("move cancel");
            self.cancel(invocation);
        }
    }

    pub fn cancel(&mut self, invocation: InvocationId) {
        let ticket = self.outside.ticket(None);
        self.inbox(invocation, Command::Cancel(EndRequest::by_person(invocation, ticket)));
    }

    pub fn kill_some(&mut self) {
        if let Some(invocation) = self.some_invocation() {
            self.coverage.count("move kill");
            self.kill(invocation);
        }
    }

    pub fn kill(&mut self, invocation: InvocationId) {
        let ticket = self.outside.ticket(None);
        self.inbox(invocation, Command::Kill(EndRequest::by_person(invocation, ticket)));
    }

    /// A person wants once more what one that is over was asked, from anywhere in its journal.
    pub fn restart_some(&mut self) {
        if self.is_crowded() {
            return;
        }
        let completed = self.some_id(|table| all_completed(table).map(|(id, _)| id).collect());
        let Some(of) = completed.or_else(|| self.some_invocation()) else { return };
        let row = completed_row(self.table_of(of), of);
        let (len, has_begun) = row.map_or((0, false), |row| (row.entries_len, row.deployment.is_some()));
        let entries_kept = match self.rng.below(3) {
            0 => 0,
            1 => len,
            _ => self.rng.below(u64::from(len) + 2) as u32,
        };
        let elsewhere = has_begun && self.rng.chance(40);
        let deployment = elsewhere.then(|| some_deployment(&mut self.rng));
        let random = u128::from(self.rng.number());
        let invocation = InvocationId::new(self.now, random, of.partition_key);
        let ticket = self.outside.ticket(None);
        self.coverage.count("move restart");
        self.inbox(of, Command::Restart(Restart { of, invocation, entries_kept, deployment, ticket }));
    }

    pub fn purge_some_journal(&mut self) {
        if let Some(invocation) = self.some_invocation() {
            let ticket = self.outside.ticket(None);
            self.inbox(invocation, Command::PurgeJournal { invocation, ticket });
            let ticket = self.outside.ticket(None);
            self.inbox(invocation, Command::Look { invocation, ticket });
        }
    }

    pub fn purge_some(&mut self) {
        // A long journal takes more than one transaction, so it is worth more tries.
        let is_long = self.rng.chance(50);
        let completed = self.some_id(|table| {
            let meant = all_completed(table).filter(|(_, row)| !is_long || row.entries_len > PURGED_AT_ONCE);
            meant.map(|(id, _)| id).collect()
        });
        if let Some(invocation) = completed.or_else(|| self.some_invocation()) {
            self.coverage.count("move purge");
            let ticket = Some(self.outside.ticket(None));
            self.inbox(invocation, Command::Purge { invocation, ticket });
        }
    }

    /// A person replaces a state, as seen a moment ago or without having looked.
    pub fn edit_some_state(&mut self) {
        let object = some_object(&mut self.rng);
        let (owner, run) = (address::owner(&object), address::workflow_run(&object));
        let partition = usize::from(PartitionId::of(owner, self.partitions.len() as u16).0);
        let seen = state_version(&self.partitions[partition].latest, &object);
        let unseen = StateVersion::of([("other", &Bytes::new())]);
        let expected = match self.rng.below(10) {
            0 => Some(unseen),
            1..=6 => Some(seen),
            _ => None,
        };
        let mut names = vec!["a", "b", "c"];
        names.retain(|_| self.rng.chance(50));
        let mut value = |name: &str| (name.to_owned(), self.rng.number().to_le_bytes().to_vec().into());
        let values = names.into_iter().map(&mut value).collect();
        let ticket = self.outside.ticket(None);
        let edit = EditState { object, run, expected, is_forced: false, values, ticket };
        self.partitions[partition].inbox.push_back(Command::EditState(edit));
    }

    pub fn signal_some(&mut self) {
        if let Some(invocation) = self.some_invocation() {
            let name = ["a", "b", "c"][self.rng.index(3)];
            self.signal(invocation, name.into());
        }
    }

    pub fn signal(&mut self, invocation: InvocationId, name: String) {
        let (outcome, ticket) = (self.words(), Some(self.outside.ticket(None)));
        self.inbox(invocation, Command::Signal(Signal { invocation, name, outcome, ticket }));
    }

    /// What is said from outside; never the same twice.
    fn words(&mut self) -> Outcome {
        let number = self.rng.number();
        match number % 4 {
            0 => Outcome::Failure(Failure::new(419, format!("{number:x} from outside"))),
            _ => Outcome::Value(number.to_le_bytes().to_vec().into()),
        }
    }

    /// Somebody completes an awakeable that is open, or names an operation that is none.
    pub fn complete_an_awakeable(&mut self) {
        let Some(invocation) = self.some_invocation() else { return };
        let open = open_awakeables(self.table_of(invocation), invocation);
        let op = match open.is_empty() || self.rng.chance(10) {
            true => self.rng.below(5) as OpId,
            false => open[self.rng.index(open.len())],
        };
        self.coverage.count("move complete-awakeable");
        if self.rng.chance(20) {
            // By an id of another life.
            let birth = self.rng.below(200) as Attempt;
            return self.complete(AwakeableId { invocation, op, birth });
        }
        self.complete_op(invocation, op);
    }

    pub fn complete_op(&mut self, invocation: InvocationId, op: OpId) {
        let birth = live(self.table_of(invocation), invocation).map_or(0, |row| row.birth);
        self.complete(AwakeableId { invocation, op, birth });
    }

    fn complete(&mut self, awakeable: AwakeableId) {
        let (outcome, ticket) = (self.words(), Some(self.outside.ticket(None)));
        self.inbox(awakeable.invocation, Command::CompleteAwakeable { awakeable, outcome, ticket });
    }
}

fn open_awakeables(table: &Table, id: InvocationId) -> Vec<OpId> {
    let settled: Vec<OpId> = outcome_rows(table, id).map(|(op, _)| op).collect();
    let entries = table.range(RowKey::Entry(id, 0)..=RowKey::Entry(id, OpId::MAX));
    let open = entries.filter_map(|(key, row)| match (key, row) {
        (RowKey::Entry(_, op), Row::Entry(row)) if matches!(row.entry, Entry::Awakeable { .. }) => Some(*op),
        _ => None,
    });
    open.filter(|op| !settled.contains(op)).collect()
}
