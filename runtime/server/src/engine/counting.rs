//! How many invocations there are, as the drivers count them: nobody has to look at all of them to know.
//!
//! Live ones are counted when a driver takes its partition, which looks at them anyway. Of completed ones
//! there may be millions: they are counted by and by, a small part after each turn. From then on each change
//! counts. Sums are of the moment, and may be a commit ahead of what is durable.

use super::listing::{Completion, StatusFilter, created_at};
use super::summary::{Counts, Summary, counts_of};
use super::txn::TxnError;
use abide_core::entry::Answer;
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::rows::{Row, RowKey, Rows};
use abide_core::time::Timestamp;
use abide_store::keys::{self, Span, Tag};
use abide_store::{Store, View, codec};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Completed invocations that are counted after one turn.
const COUNTED_PER_TURN: usize = 256;
/// For how long it is known what was created and what failed when, and how exactly.
const MOMENTS_KEPT_MS: u64 = 25 * 3_600_000;
const MOMENT_MS: u64 = 10_000;

/// The sums of all partitions.
#[derive(Clone)]
pub struct Sums {
    partitions: Arc<[Arc<Mutex<Sum>>]>,
}

/// The sum of one partition. Its driver writes it; the lock is for those who read it now and then.
#[derive(Default)]
struct Sum {
    all: Counts,
    services: BTreeMap<String, Counts>,
    created: Moments,
    failed: Moments,
    /// Everything has been counted.
    is_whole: bool,
}

impl Sums {
    pub fn new(partitions: u16) -> Self {
        Self { partitions: (0..partitions).map(|_| Arc::default()).collect() }
    }

    /// Returns the sum of everything; None as long as it is not known, or was not kept for so long.
    pub fn summary(&self, now: Timestamp, window_ms: u64) -> Option<Summary> {
        if window_ms > MOMENTS_KEPT_MS {
            return None;
        }
        let since = Timestamp(now.0.saturating_sub(window_ms));
        let mut summary = Summary::empty(now);
        for partition in &*self.partitions {
            let sum = partition.lock();
            if !sum.is_whole {
                return None;
            }
            summary.all.add_all(&sum.all);
            for (name, counts) in &sum.services {
                if let Some(of_service) = counts_of(&mut summary.services, name) {
                    of_service.add_all(counts);
                }
            }
            summary.created_in_window += sum.created.since(since);
            summary.failed_in_window += sum.failed.since(since);
        }
        Some(summary)
    }
}

impl Sum {
    fn comes(&mut self, service: &str, standing: Standing) {
        self.all.add(standing.status, standing.completion);
        if let Some(counts) = counts_of(&mut self.services, service) {
            counts.add(standing.status, standing.completion);
        }
    }

    fn goes(&mut self, service: &str, standing: Standing) {
        self.all.remove(standing.status, standing.completion);
        // Of very many services some are not counted.
        let Some(counts) = self.services.get_mut(service) else { return };
        counts.remove(standing.status, standing.completion);
        if counts.total == 0 {
            self.services.remove(service);
        }
    }
}

/// Where an invocation stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    status: StatusFilter,
    /// Of a completed one.
    completion: Option<Completion>,
}

impl Standing {
    fn live(row: &InvocationRow) -> Self {
        Self { status: StatusFilter::of(&row.phase), completion: None }
    }

    fn completed(completion: Completion) -> Self {
        Self { status: StatusFilter::Completed, completion: Some(completion) }
    }
}

/// How often something happened, by the time of it.
#[derive(Default)]
struct Moments {
    counts: BTreeMap<u64, u64>,
}

impl Moments {
    fn note(&mut self, at: Timestamp, now: Timestamp) {
        let kept_from = now.0.saturating_sub(MOMENTS_KEPT_MS) / MOMENT_MS;
        let moment = at.0 / MOMENT_MS;
        if moment < kept_from {
            return;
        }
        *self.counts.entry(moment).or_default() += 1;
        while self.counts.first_key_value().is_some_and(|(first, _)| *first < kept_from) {
            self.counts.pop_first();
        }
    }

    fn since(&self, since: Timestamp) -> u64 {
        self.counts.range(since.0 / MOMENT_MS..).map(|(_, count)| count).sum()
    }
}

/// An invocation as it was before a step, as far as it was loaded.
pub enum Was {
    Live(InvocationId, Standing),
    Ended { id: InvocationId, service: String, is_failure: bool },
}

/// What the driver of a partition counts.
pub struct Counting {
    partition: PartitionId,
    sum: Arc<Mutex<Sum>>,
    /// What happened from then on is counted as it happens.
    began_at: Timestamp,
    /// Where completed ones are that have not been counted.
    rest: Option<Span>,
}

impl Counting {
    pub fn begin(sums: &Sums, partition: PartitionId, now: Timestamp) -> Self {
        let sum = sums.partitions[usize::from(partition.0)].clone();
        Self { partition, sum, began_at: now, rest: Some(keys::all(partition.0, Tag::Completed)) }
    }

    /// Counts one that is live at the start.
    pub fn lives(&mut self, id: InvocationId, row: &InvocationRow) {
        let mut sum = self.sum.lock();
        sum.comes(&row.target.service, Standing::live(row));
        sum.created.note(created_at(id, row), self.began_at);
    }

    /// Says whether there are completed ones that have not been counted.
    pub fn is_behind(&self) -> bool {
        self.rest.is_some()
    }

    /// Counts some more of those that have ended before.
    pub fn go_on(&mut self, store: &dyn Store) -> Result<(), TxnError> {
        let Some((start, end)) = &mut self.rest else { return Ok(()) };
        let page = store.scan(View::Latest, start, end, COUNTED_PER_TURN)?;
        let mut sum = self.sum.lock();
        for (key, value) in &page {
            let Some(id) = keys::decode_invocation(key) else { continue };
            // One that cannot be read is in no list either.
            let Ok(row) = codec::decode::<InvocationRow>(key, value) else { continue };
            let Phase::Completed { at, is_failure } = row.phase else { continue };
            let completion = Completion::of_ended(is_failure, || stored_answer(store, self.partition, id))?;
            sum.comes(&row.target.service, Standing::completed(completion));
            if at < self.began_at {
                sum.created.note(created_at(id, &row), self.began_at);
                if completion == Completion::Failure {
                    sum.failed.note(at, self.began_at);
                }
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == COUNTED_PER_TURN => {
                start.clone_from(last);
                start.push(0);
            }
            Some(_) | None => {
                self.rest = None;
                sum.is_whole = true;
            }
        }
        Ok(())
    }

    /// Looks at the invocations that a step has before it.
    pub fn before(rows: &Rows) -> Vec<Was> {
        let was = |(key, row): (&RowKey, &InvocationRow)| match key {
            RowKey::Invocation(id) => Some(Was::Live(*id, Standing::live(row))),
            RowKey::Completed(id) => {
                let is_failure = matches!(row.phase, Phase::Completed { is_failure: true, .. });
                Some(Was::Ended { id: *id, service: row.target.service.clone(), is_failure })
            }
            _ => None,
        };
        rows.invocations().filter_map(was).collect()
    }

    /// Counts what a step has changed. `writes` are in the order of their keys; `answer` returns what an
    /// invocation came to that is forgotten by the step.
    pub fn after(
        &mut self,
        before: &[Was],
        writes: &[(RowKey, Option<Row>)],
        now: Timestamp,
        mut answer: impl FnMut(InvocationId) -> Result<Option<Answer>, TxnError>,
    ) -> Result<(), TxnError> {
        for (key, row) in writes {
            let row = row.as_ref().and_then(Row::as_invocation);
            match key {
                RowKey::Invocation(id) => match (standing_before(before, *id), row) {
                    (None, Some(row)) => self.is_created(*id, row, now),
                    (Some(was), Some(row)) => self.changes(was, row),
                    (was, None) => self.ends(*id, was, writes, now),
                },
                RowKey::Completed(id) if row.is_none() => self.is_forgotten(*id, before, &mut answer)?,
                RowKey::Completed(_) => {}
                // The keys of invocations come first.
                _ => break,
            }
        }
        Ok(())
    }

    fn is_created(&self, id: InvocationId, row: &InvocationRow, now: Timestamp) {
        let mut sum = self.sum.lock();
        sum.comes(&row.target.service, Standing::live(row));
        sum.created.note(created_at(id, row), now);
    }

    fn changes(&self, was: Standing, row: &InvocationRow) {
        let is = Standing::live(row);
        if was != is {
            let mut sum = self.sum.lock();
            sum.goes(&row.target.service, was);
            sum.comes(&row.target.service, is);
        }
    }

    /// The record of a live one becomes that of a completed one in the same step; it may have come in it.
    fn ends(
        &self,
        id: InvocationId,
        was: Option<Standing>,
        writes: &[(RowKey, Option<Row>)],
        now: Timestamp,
    ) {
        let written = |wanted: RowKey| {
            let found = writes.iter().find(|(key, _)| *key == wanted);
            found.and_then(|(_, row)| row.as_ref())
        };
        let Some(row) = written(RowKey::Completed(id)).and_then(Row::as_invocation) else { return };
        let answer = match written(RowKey::Answer(id)) {
            Some(Row::Answer(answer)) => Some(answer),
            Some(_) | None => None,
        };
        let completion = Completion::of(answer);
        let mut sum = self.sum.lock();
        match was {
            Some(was) => sum.goes(&row.target.service, was),
            None => sum.created.note(created_at(id, row), now),
        }
        if self.has_counted(id) {
            sum.comes(&row.target.service, Standing::completed(completion));
        }
        if completion == Completion::Failure {
            sum.failed.note(now, now);
        }
    }

    /// The record of a completed one goes.
    fn is_forgotten(
        &self,
        id: InvocationId,
        before: &[Was],
        answer: impl FnOnce(InvocationId) -> Result<Option<Answer>, TxnError>,
    ) -> Result<(), TxnError> {
        let was = before.iter().find_map(|was| match was {
            Was::Ended { id: of, service, is_failure } if *of == id => Some((service, *is_failure)),
            Was::Live(..) | Was::Ended { .. } => None,
        });
        if let Some((service, is_failure)) = was.filter(|_| self.has_counted(id)) {
            let completion = Completion::of_ended(is_failure, || answer(id))?;
            self.sum.lock().goes(service, Standing::completed(completion));
        }
        Ok(())
    }

    /// Says whether a completed one with this id has been counted: those behind will be.
    fn has_counted(&self, id: InvocationId) -> bool {
        let is_ahead = |(start, _): &Span| keys::encode(self.partition, &RowKey::Completed(id)) < *start;
        self.rest.as_ref().is_none_or(is_ahead)
    }
}

/// Returns how a live one stood before the step, if it was there.
fn standing_before(before: &[Was], id: InvocationId) -> Option<Standing> {
    before.iter().find_map(|was| match was {
        Was::Live(of, standing) if *of == id => Some(*standing),
        Was::Live(..) | Was::Ended { .. } => None,
    })
}

fn stored_answer(
    store: &dyn Store,
    partition: PartitionId,
    id: InvocationId,
) -> Result<Option<Answer>, TxnError> {
    let key = keys::encode(partition, &RowKey::Answer(id));
    let Some(value) = store.get(View::Latest, &key)? else { return Ok(None) };
    Ok(Some(codec::decode(&key, &value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_kept_for_a_while() {
        let mut moments = Moments::default();
        let now = Timestamp(100 * MOMENTS_KEPT_MS);
        let before = |ms| Timestamp(now.0 - ms);
        for ms in [0, 9_000, 60_000, MOMENTS_KEPT_MS - 1, 2 * MOMENTS_KEPT_MS] {
            moments.note(before(ms), now);
        }
        let counted = [1_000, 30_000, 60_000, MOMENTS_KEPT_MS].map(|ms| moments.since(before(ms)));
        assert_eq!(counted, [2, 2, 3, 4]);
        moments.note(now.plus_millis(MOMENTS_KEPT_MS), now.plus_millis(MOMENTS_KEPT_MS));
        assert_eq!(moments.since(Timestamp(0)), 2, "what is older is gone");
    }
}
