//! Lists and sums over all invocations, as the handle offers them.

use super::listing::{
    self, Budget, Changes, Cursor, InvocationFilter, InvocationQuery, LIST_MS_MAX, LIST_ROWS_MAX, Page,
    Reader, SCAN_MS_MAX, SCAN_ROWS_MAX, Sort,
};
use super::shared::Shared;
use super::summary::{self, Summary};
use super::{EngineError, EngineHandle, deadlock};
use abide_store::Order;
use std::sync::Arc;

/// What was found by looking at all invocations, for whoever asks next.
#[derive(Default)]
pub struct Overviews {
    /// By filter and the length of the window.
    summaries: Shared<(InvocationFilter, u64), Summary>,
    changes: Shared<(InvocationFilter, Order), Changes>,
}

impl EngineHandle {
    /// Lists invocations. For a list by the last change, all are looked at.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&self, query: InvocationQuery) -> Result<Page, EngineError> {
        match query.sort {
            Sort::Created => self.away(move |engine| engine.invocations(&query)).await,
            Sort::Modified => self.list_changes(query).await,
        }
    }

    /// Lists invocations by their creation. Reads the store, for as long as one page may take.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn invocations(&self, query: &InvocationQuery) -> Result<Page, EngineError> {
        let budget = Budget::new(&*self.inner.clock, LIST_ROWS_MAX, LIST_MS_MAX);
        self.with_reader(|reader| listing::list(reader, query, &budget))
    }

    async fn list_changes(&self, query: InvocationQuery) -> Result<Page, EngineError> {
        let key = (query.filter.clone(), query.order);
        let changes = self.changes(key, InvocationQuery { after: None, ..query.clone() }).await?;
        let is_behind_all = query.after.is_some_and(|cursor| changes.is_behind_all(cursor, query.order));
        let changes = match is_behind_all {
            false => changes,
            // So far down that another look is needed, which nobody else has a use for.
            true => {
                let query = query.clone();
                Arc::new(self.away(move |engine| engine.look_for_changes(&query)).await?)
            }
        };
        let page = move |engine: &Self| {
            let budget = Budget::new(&*engine.inner.clock, LIST_ROWS_MAX, LIST_MS_MAX);
            engine.with_reader(|reader| listing::list_changes(reader, &query, &changes, &budget))
        };
        self.away(page).await
    }

    async fn changes(
        &self,
        key: (InvocationFilter, Order),
        query: InvocationQuery,
    ) -> Result<Arc<Changes>, EngineError> {
        let engine = self.clone();
        let work = move || engine.look_for_changes(&query);
        self.inner.overviews.changes.get(key, &self.inner.clock, work).await
    }

    fn look_for_changes(&self, query: &InvocationQuery) -> Result<Changes, EngineError> {
        let budget = Budget::new(&*self.inner.clock, SCAN_ROWS_MAX, SCAN_MS_MAX);
        self.with_reader(|reader| listing::changes(reader, query, &budget))
    }

    /// Counts invocations; a window says since when those that came and failed are counted. Of all together
    /// the drivers know, with a filter all have to be looked at.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn summary(
        &self,
        filter: InvocationFilter,
        window_ms: u64,
    ) -> Result<Arc<Summary>, EngineError> {
        if filter == InvocationFilter::default()
            && let Some(summary) = self.counted(window_ms)
        {
            return Ok(Arc::new(summary));
        }
        let (engine, wanted) = (self.clone(), filter.clone());
        let work = move || {
            let budget = Budget::new(&*engine.inner.clock, SCAN_ROWS_MAX, SCAN_MS_MAX);
            engine.with_reader(|reader| summary::summarize(reader, &wanted, window_ms, &budget))
        };
        self.inner.overviews.summaries.get((filter, window_ms), &self.inner.clock, work).await
    }

    /// Returns the sums of all invocations, as the drivers count them; None as long as they have not counted
    /// all that had ended before the start, or for a window that is too long.
    #[must_use]
    pub fn counted(&self, window_ms: u64) -> Option<Summary> {
        self.inner.sums.summary(self.now(), window_ms)
    }

    fn with_reader<T>(
        &self,
        read: impl FnOnce(&Reader<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let is_in_circle = |id| Ok(!deadlock::of(self, id)?.is_empty());
        read(&Reader::new(&*self.inner.store, self.inner.inboxes.partitions(), &is_in_circle))
    }

    /// Runs something that reads much of the store, away from the tasks that serve connections.
    pub(super) async fn away<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let engine = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&engine)).await;
        done.map_err(|error| EngineError::Stopped { reason: format!("the store was not read: {error}") })?
    }
}

impl Changes {
    /// Says whether what comes after a cursor is not among these, but may be elsewhere.
    fn is_behind_all(&self, cursor: Cursor, order: Order) -> bool {
        let is_behind = |last| !order.is_before(&cursor.position, last);
        !self.is_all && self.positions.last().is_some_and(is_behind)
    }
}
