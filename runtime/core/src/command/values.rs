//! What a guest or a client gave, wherever it is in a command.

use super::{Append, Command, End, Ended};
use crate::entry::{Entry, Outcome};
use bytes::Bytes;

impl Command {
    /// Shows all values of a command of the outside or of a guest. What stands in the place of one afterwards has to be equal
    /// to it.
    pub fn visit_values(&mut self, visit: &mut impl FnMut(&mut Bytes)) {
        match self {
            Self::Submit(submission) => visit(&mut submission.input.body),
            Self::Append(append) => of_append(append, visit),
            Self::Ended(Ended { end, .. }) => of_end(end, visit),
            Self::CompleteAwakeable { outcome, .. } => of_outcome(outcome, visit),
            Self::Signal(signal) => of_outcome(&mut signal.outcome, visit),
            Self::EditState(edit) => edit.values.values_mut().for_each(visit),
            Self::TimerDue(_)
            | Self::Pause { .. }
            | Self::Resume(_)
            | Self::Repin(_)
            | Self::Restart(_)
            | Self::Look { .. }
            | Self::PurgeJournal { .. }
            | Self::Cancel(_)
            | Self::Kill(_)
            | Self::Purge { .. }
            | Self::Acknowledged { .. } => {}
            // What other partitions send was a guest's, or a client's, before; and so was what follows from a command.
            Self::Receive { .. }
            | Self::ReplaceState { .. }
            | Self::Settle(_)
            | Self::Admit { .. }
            | Self::Begin { .. }
            | Self::Release(_)
            | Self::Grant { .. }
            | Self::Attach { .. }
            | Self::Detach { .. }
            | Self::Notify { .. }
            | Self::Tell(_)
            | Self::StopListening { .. }
            | Self::Spread(_)
            | Self::TakeSignal { .. }
            | Self::PurgeObject { .. }
            | Self::PurgePromise { .. }
            | Self::KeepPromises { .. }
            | Self::PurgeUnclaimed { .. }
            | Self::ForgetPromise { .. }
            | Self::PurgeRest { .. }
            | Self::Post { .. } => {}
        }
    }
}

fn of_append(append: &mut Append, visit: &mut impl FnMut(&mut Bytes)) {
    for ask in &mut append.entries {
        of_entry(&mut ask.entry, visit);
        if let Some(read) = &mut ask.read {
            of_outcome(&mut read.outcome, visit);
        }
    }
    append.finished.iter_mut().for_each(|run| of_outcome(&mut run.outcome, visit));
}

fn of_end(end: &mut End, visit: &mut impl FnMut(&mut Bytes)) {
    match end {
        End::Returned(value) => visit(value),
        End::Failed(_)
        | End::Suspended { .. }
        | End::Crashed { .. }
        | End::AwaitsRetry { .. }
        | End::Mismatched(_)
        | End::Lost
        | End::Stopped
        | End::PutOff { .. } => {}
    }
}

fn of_entry(entry: &mut Entry, visit: &mut impl FnMut(&mut Bytes)) {
    match entry {
        Entry::Call(request) | Entry::Send { request, .. } => visit(&mut request.input),
        Entry::SetState { value, .. } => visit(value),
        Entry::CompleteAwakeable { outcome, .. }
        | Entry::SendSignal { outcome, .. }
        | Entry::CompletePromise { outcome, .. } => of_outcome(outcome, visit),
        Entry::Run { .. }
        | Entry::Sleep { .. }
        | Entry::Attach { .. }
        | Entry::Cancel { .. }
        | Entry::Kill { .. }
        | Entry::GetState { .. }
        | Entry::ClearState { .. }
        | Entry::ClearAllState
        | Entry::StateKeys
        | Entry::Awakeable { .. }
        | Entry::ReceiveSignal { .. }
        | Entry::GetPromise { .. }
        | Entry::PeekPromise { .. } => {}
    }
}

fn of_outcome(outcome: &mut Outcome, visit: &mut impl FnMut(&mut Bytes)) {
    match outcome {
        Outcome::Value(value) => visit(value),
        Outcome::Empty | Outcome::Failure(_) | Outcome::Names(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Ask, FinishedRun, Heard, ReadAhead};
    use crate::ids::InvocationId;
    use crate::time::Timestamp;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 0 };

    fn bytes(count: usize) -> Bytes {
        vec![7; count].into()
    }

    #[test]
    fn all_values_of_a_message_of_a_guest_are_shown() {
        let set = |count| Entry::SetState { name: "s".into(), value: bytes(count) };
        let ask = |entry| Ask { entry, outcomes_before: 0, read: None };
        let heard = Heard { order: 0, at: Timestamp(0) };
        let read = Some(ReadAhead { outcome: Outcome::Value(bytes(12)), heard });
        let get = Ask { read, ..ask(Entry::GetState { name: "s".into() }) };
        let mut command = Command::Append(Append {
            invocation: ID,
            attempt: 1,
            object: None,
            run: None,
            first_op: 0,
            entries: vec![ask(set(10)), ask(set(11)), get],
            finished: vec![
                FinishedRun::new(3, Outcome::Value(bytes(13))),
                FinishedRun::new(4, Outcome::Value(bytes(1))),
            ],
            failed: Vec::new(),
            jitter: 0,
        });
        assert_eq!(lengths(&mut command), [10, 11, 12, 13, 1]);
    }

    #[test]
    fn an_answer_is_shown_and_what_has_no_value_has_none() {
        let ended = |end| Command::Ended(Ended { invocation: ID, attempt: 1, end, jitter: 0 });
        assert_eq!(lengths(&mut ended(End::Returned(bytes(2)))), [2]);
        assert_eq!(lengths(&mut ended(End::Lost)), []);
    }

    fn lengths(command: &mut Command) -> Vec<usize> {
        let mut found = Vec::new();
        command.visit_values(&mut |value| found.push(value.len()));
        found
    }
}
