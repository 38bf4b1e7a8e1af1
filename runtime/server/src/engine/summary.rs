//! How many invocations there are, by status, by what they came to, and by service.

use super::EngineError;
use super::listing::{self, Budget, Completion, InvocationFilter, Reader, StatusFilter, created_at};
use abide_core::invocation::Phase;
use abide_core::time::Timestamp;
use std::collections::BTreeMap;

/// Services that are counted one by one; invocations of others are in the sums only.
const SERVICES_COUNTED_MAX: usize = 1_000;

/// Numbers of invocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: u64,
    by_status: [u64; StatusFilter::ALL.len()],
    by_completion: [u64; Completion::ALL.len()],
}

impl Counts {
    #[must_use]
    pub fn of_status(&self, status: StatusFilter) -> u64 {
        self.by_status[status as usize]
    }

    #[must_use]
    pub fn of_completion(&self, completion: Completion) -> u64 {
        self.by_completion[completion as usize]
    }

    pub(super) fn add(&mut self, status: StatusFilter, completion: Option<Completion>) {
        self.total += 1;
        self.by_status[status as usize] += 1;
        if let Some(completion) = completion {
            self.by_completion[completion as usize] += 1;
        }
    }

    /// Takes back what was added.
    pub(super) fn remove(&mut self, status: StatusFilter, completion: Option<Completion>) {
        let less = |count: &mut u64| *count = count.saturating_sub(1);
        less(&mut self.total);
        less(&mut self.by_status[status as usize]);
        if let Some(completion) = completion {
            less(&mut self.by_completion[completion as usize]);
        }
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.total += other.total;
        let statuses = self.by_status.iter_mut().zip(&other.by_status);
        let completions = self.by_completion.iter_mut().zip(&other.by_completion);
        statuses.chain(completions).for_each(|(count, more)| *count += more);
    }
}

/// What there is to know at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub all: Counts,
    pub services: BTreeMap<String, Counts>,
    pub created_in_window: u64,
    /// Those that failed by themselves: nobody cancelled or killed them.
    pub failed_in_window: u64,
    pub as_of: Timestamp,
    /// There are more than were counted.
    pub is_truncated: bool,
}

impl Summary {
    /// Nothing has been counted.
    pub(super) fn empty(as_of: Timestamp) -> Self {
        Self {
            all: Counts::default(),
            services: BTreeMap::new(),
            created_in_window: 0,
            failed_in_window: 0,
            as_of,
            is_truncated: false,
        }
    }
}

/// Counts what a filter means, by looking at all of it.
pub fn summarize(
    reader: &Reader<'_>,
    filter: &InvocationFilter,
    window_ms: u64,
    budget: &Budget<'_>,
) -> Result<Summary, EngineError> {
    let as_of = budget.now();
    let since = Timestamp(as_of.0.saturating_sub(window_ms));
    let mut summary = Summary::empty(as_of);
    let is_whole = listing::each(reader, filter, budget, |id, row| {
        let (status, completion) = (StatusFilter::of(&row.phase), reader.completion(id, &row)?);
        summary.all.add(status, completion);
        summary.created_in_window += u64::from(created_at(id, &row) >= since);
        if let (Phase::Completed { at, .. }, Some(Completion::Failure)) = (&row.phase, completion) {
            summary.failed_in_window += u64::from(*at >= since);
        }
        if let Some(counts) = counts_of(&mut summary.services, &row.target.service) {
            counts.add(status, completion);
        }
        Ok(())
    })?;
    summary.is_truncated = !is_whole;
    Ok(summary)
}

/// Returns the counts of a service; None when there are too many services.
pub(super) fn counts_of<'a>(
    services: &'a mut BTreeMap<String, Counts>,
    name: &str,
) -> Option<&'a mut Counts> {
    if !services.contains_key(name) {
        if services.len() == SERVICES_COUNTED_MAX {
            return None;
        }
        services.insert(name.to_owned(), Counts::default());
    }
    services.get_mut(name)
}
