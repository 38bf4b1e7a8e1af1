//! Walking over journals: inputs, entries, outcomes and answers side by side, all in the order of the
//! invocations' ids, so that a scan of all journals reads everything once.

use super::super::Rows;
use crate::sql::plan::Wanted;
use crate::sql::source::{Fault, Pair, Pairs, Source, decode};
use abide_core::entry::{Answer, Entry, EntryRow, Failure, Outcome, OutcomeRow};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId, PartitionId};
use abide_core::invocation::InputRow;
use abide_core::rows::RowKey;
use abide_core::time::Timestamp;
use abide_store::keys::{self, Tag};
use std::cell::OnceCell;
use std::collections::VecDeque;
use std::iter::Peekable;

/// Bytes of the outcomes of one journal that are kept while its entries are walked over; others are
/// read a second time when it is their turn.
const OUTCOME_BYTES_MAX: usize = 4 << 20;

/// One item of one journal.
pub struct Item {
    pub id: InvocationId,
    pub index: usize,
    pub content: Content,
}

pub enum Content {
    Input(InputRow),
    Entry {
        op: OpId,
        row: EntryRow,
        is_settled: bool,
    },
    Outcome {
        op: OpId,
        at: Timestamp,
        outcome: Outcome,
        /// What it is the outcome of; read when a column asks for it.
        entry: OnceCell<Option<EntryRow>>,
    },
    Answer(Answer),
}

impl Item {
    /// Returns the entry it is, or belongs to.
    pub fn entry(&self, source: &Source) -> Result<Option<&Entry>, Fault> {
        match &self.content {
            Content::Entry { row, .. } => Ok(Some(&row.entry)),
            Content::Outcome { op, entry, .. } => {
                if entry.get().is_none() && *op != CANCEL_OP {
                    let read = source.get(source.reader.owner(self.id), &RowKey::Entry(self.id, *op))?;
                    return Ok(entry.get_or_init(|| read).as_ref().map(|row| &row.entry));
                }
                Ok(entry.get().and_then(Option::as_ref).map(|row| &row.entry))
            }
            Content::Input(_) | Content::Answer(_) => Ok(None),
        }
    }

    /// Returns its operation; a cancellation has none.
    pub fn op(&self) -> Option<OpId> {
        match &self.content {
            Content::Entry { op, .. } | Content::Outcome { op, .. } => {
                Some(*op).filter(|op| *op != CANCEL_OP)
            }
            Content::Input(_) | Content::Answer(_) => None,
        }
    }

    /// Says whether an entry has its outcome; None where there never is one.
    pub fn is_settled(&self) -> Option<bool> {
        match &self.content {
            Content::Entry { row, is_settled, .. } => row.entry.is_awaitable().then_some(*is_settled),
            Content::Input(_) | Content::Outcome { .. } | Content::Answer(_) => None,
        }
    }

    /// Returns the failure, if it is one, of what has come to an end.
    pub fn result(&self) -> Option<Option<&Failure>> {
        match &self.content {
            Content::Outcome { outcome: Outcome::Failure(failure), .. }
            | Content::Answer(Answer::Failure(failure)) => Some(Some(failure)),
            Content::Outcome { .. } | Content::Answer(Answer::Value(_)) => Some(None),
            Content::Input(_) | Content::Entry { .. } => None,
        }
    }
}

pub fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Item>, Fault> {
    let source = source.clone();
    if let Some(id) = wanted.equal("id") {
        let Ok(id) = id.parse() else { return Ok(Box::new(std::iter::empty())) };
        return Ok(Box::new(Journals::of_one(source, id)));
    }
    let partitions = source.reader.partitions();
    Ok(Box::new(partitions.flat_map(move |partition| Journals::of_all(source.clone(), partition))))
}

/// Pairs of which the next one can be looked at.
type Ahead = Peekable<Pairs>;

struct Journals {
    source: Source,
    partition: PartitionId,
    inputs: Ahead,
    entries: Ahead,
    outcomes: Ahead,
    answers: Ahead,
    current: Option<Current>,
}

/// The journal that is walked over now.
struct Current {
    id: InvocationId,
    index: usize,
    /// The outcomes that were not shown yet, in the order of the journal.
    outcomes: VecDeque<Pending>,
    /// The operations that have one, ascending.
    settled: Vec<OpId>,
    /// The entry that comes next, after the outcomes before it.
    entry: Option<(OpId, EntryRow)>,
}

struct Pending {
    op: OpId,
    order: u32,
    at: Timestamp,
    /// None: it was too much to keep.
    outcome: Option<Outcome>,
}

impl Journals {
    fn of_all(source: Source, partition: PartitionId) -> Self {
        let spans =
            [Tag::Input, Tag::Entry, Tag::Outcome, Tag::Answer].map(|tag| keys::all(partition.0, tag));
        Self::new(source, partition, spans)
    }

    fn of_one(source: Source, id: InvocationId) -> Self {
        let partition = source.reader.owner(id);
        let one = |row_key: RowKey| {
            let start = keys::encode(partition, &row_key);
            let end = keys::after(&start);
            (start, end)
        };
        let many = |tag| keys::journal(partition, tag, id);
        let spans = [one(RowKey::Input(id)), many(Tag::Entry), many(Tag::Outcome), one(RowKey::Answer(id))];
        Self::new(source, partition, spans)
    }

    fn new(source: Source, partition: PartitionId, spans: [keys::Span; 4]) -> Self {
        let walk = |span| -> Ahead {
            let pairs: Pairs = Box::new(source.walk(span));
            pairs.peekable()
        };
        let [inputs, entries, outcomes, answers] = spans.map(walk);
        Self { source, partition, inputs, entries, outcomes, answers, current: None }
    }

    /// Returns the next item; None at the end.
    fn read(&mut self) -> Result<Option<Item>, Fault> {
        loop {
            let Some(mut current) = self.current.take() else { return self.begin() };
            if current.entry.is_none()
                && let Some((key, value)) = next_of(&mut self.entries, current.id)?
            {
                let op = keys::decode_op(&key).ok_or_else(another_key)?;
                current.entry = Some((op, decode(&key, &value)?));
            }
            let before = current.entry.as_ref().map(|(_, row)| row.outcomes_before);
            let is_outcome_next = |next: &Pending| before.is_none_or(|before| next.order < before);
            let content = if let Some(next) = current.outcomes.pop_front_if(|next| is_outcome_next(next)) {
                self.outcome(current.id, next)?
            } else if let Some((op, row)) = current.entry.take() {
                let is_settled = current.settled.binary_search(&op).is_ok();
                Some(Content::Entry { op, row, is_settled })
            } else {
                let answer = next_of(&mut self.answers, current.id)?;
                let Some((key, value)) = answer else { continue };
                let content = Content::Answer(decode(&key, &value)?);
                return Ok(Some(Item { id: current.id, index: current.index, content }));
            };
            let (id, index) = (current.id, current.index);
            current.index += usize::from(content.is_some());
            self.current = Some(current);
            if let Some(content) = content {
                return Ok(Some(Item { id, index, content }));
            }
        }
    }

    /// Begins the next journal with its input.
    fn begin(&mut self) -> Result<Option<Item>, Fault> {
        let Some((key, value)) = self.inputs.next().transpose()? else { return Ok(None) };
        let id = keys::decode_id(&key).ok_or_else(another_key)?;
        let (outcomes, settled) = self.gather(id)?;
        self.current = Some(Current { id, index: 1, outcomes, settled, entry: None });
        Ok(Some(Item { id, index: 0, content: Content::Input(decode(&key, &value)?) }))
    }

    /// Puts the outcomes of a journal, which are stored by operation, in their order.
    fn gather(&mut self, id: InvocationId) -> Result<(VecDeque<Pending>, Vec<OpId>), Fault> {
        let (mut outcomes, mut settled) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while let Some((key, value)) = next_of(&mut self.outcomes, id)? {
            let op = keys::decode_op(&key).ok_or_else(another_key)?;
            let OutcomeRow { order, at, outcome } = decode(&key, &value)?;
            bytes += value.len();
            settled.push(op);
            outcomes.push(Pending {
                op,
                order,
                at,
                outcome: (bytes <= OUTCOME_BYTES_MAX).then_some(outcome),
            });
        }
        outcomes.sort_by_key(|pending| pending.order);
        Ok((outcomes.into(), settled))
    }

    /// Shows an outcome; None when it was purged meanwhile.
    fn outcome(&self, id: InvocationId, pending: Pending) -> Result<Option<Content>, Fault> {
        let Pending { op, at, outcome, .. } = pending;
        let outcome = match outcome {
            Some(outcome) => Some(outcome),
            None => {
                let row: Option<OutcomeRow> = self.source.get(self.partition, &RowKey::Outcome(id, op))?;
                row.map(|row| row.outcome)
            }
        };
        Ok(outcome.map(|outcome| Content::Outcome { op, at, outcome, entry: OnceCell::new() }))
    }
}

impl Iterator for Journals {
    type Item = Result<Item, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Takes the next pair if it belongs to this invocation. What belongs to earlier ones, whose input was
/// purged meanwhile, is passed over.
fn next_of(pairs: &mut Ahead, id: InvocationId) -> Result<Option<Pair>, Fault> {
    loop {
        let found = match pairs.peek() {
            Some(Ok((key, _))) => keys::decode_id(key).ok_or_else(another_key)?,
            Some(Err(_)) => return pairs.next().transpose(),
            None => return Ok(None),
        };
        if found > id {
            return Ok(None);
        }
        let pair = pairs.next().transpose()?;
        if found == id {
            return Ok(pair);
        }
    }
}

fn another_key() -> Fault {
    Fault::Read("a span of journals holds another key".to_owned())
}
