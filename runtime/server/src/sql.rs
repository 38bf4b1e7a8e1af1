//! SQL over what is stored: SQLite reads the store through virtual tables, nothing is copied.
//!
//! | question                                          | file            |
//! |---------------------------------------------------|-----------------|
//! | how much may a query take                         | `limits`        |
//! | which statements and functions are answered       | `guard`         |
//! | when does a query stop                            | `watch`         |
//! | how is a query run, and what comes back           | `connection`, `answer` |
//! | which tables and columns are there                | `tables/`       |
//! | how does SQLite reach a table                     | `virtual_table` |
//! | which part of a table is read for a condition     | `plan`          |
//! | how do points in time compare                     | `times`         |
//!
//! Every query has a connection of its own to an empty database in memory, on a thread of its own that
//! gives way to everything else the process does. Its tables are as of what is durable, each page of
//! one moment. Points in time are text, RFC 3339 in UTC with milliseconds, and compare with other
//! forms of a time as what they stand for; lengths of time are text as everywhere (`1d`); bytes are base64 in the answer.

mod answer;
mod cell;
mod connection;
mod error;
mod functions;
mod guard;
pub mod limits;
mod plan;
mod schema_hint;
mod source;
mod tables;
#[cfg(test)]
mod tests;
mod times;
mod virtual_table;
mod watch;

pub use answer::Answer;
pub use error::{Position, SqlError};
pub use limits::SqlLimits;

use crate::deploy::Deployments;
use crate::engine::EngineHandle;
use crate::metrics::{QueryOutcome, SqlMetrics};
use source::Source;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use watch::Watch;

/// Answers queries. Cheap to clone.
#[derive(Clone)]
pub struct Sql {
    engine: EngineHandle,
    deployments: Deployments,
    limits: SqlLimits,
    slots: Arc<Semaphore>,
    metrics: SqlMetrics,
}

impl Sql {
    #[must_use]
    pub fn new(
        engine: EngineHandle,
        deployments: Deployments,
        limits: SqlLimits,
        metrics: SqlMetrics,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(limits.queries_max));
        Self { engine, deployments, limits, slots, metrics }
    }

    /// Answers one query. It is given up when whoever asked goes away.
    ///
    /// # Errors
    /// Says what is wrong with the query, or which limit it reached.
    pub async fn query(&self, text: String) -> Result<Answer, SqlError> {
        let counted = self.metrics.begin();
        let answer = self.answer(text).await;
        counted.ends(answer.as_ref().map_or_else(SqlError::outcome, |_| QueryOutcome::Answered));
        answer
    }

    async fn answer(&self, text: String) -> Result<Answer, SqlError> {
        if text.len() > limits::SQL_BYTES_MAX {
            return Err(SqlError::TooLong { bytes: text.len() });
        }
        let slot = tokio::time::timeout(self.limits.patience, self.slots.clone().acquire_owned());
        let Ok(Ok(slot)) = slot.await else {
            return Err(SqlError::Busy { queries_max: self.limits.queries_max });
        };
        let watch = Arc::new(Watch::new(self.limits.time_max));
        let _given_up = GivenUp(watch.clone());
        let (tell, told) = oneshot::channel();
        self.spawn(text, watch, slot, tell)?;
        told.await.unwrap_or_else(|_| Err(SqlError::broken("the thread of the query ended without a word")))
    }

    fn spawn(
        &self,
        text: String,
        watch: Arc<Watch>,
        slot: OwnedSemaphorePermit,
        tell: oneshot::Sender<Result<Answer, SqlError>>,
    ) -> Result<(), SqlError> {
        let limits = self.limits.clone();
        let source = Source::new(&self.engine, self.deployments.clone(), watch);
        let work = move || {
            let _slot = slot;
            give_way();
            let answer = AssertUnwindSafe(|| connection::run(source, &limits, &text));
            let answer = std::panic::catch_unwind(answer)
                .unwrap_or_else(|_| Err(SqlError::broken("the query met a mistake of ours")));
            // Whoever asked may be gone.
            let _ = tell.send(answer);
        };
        let thread = std::thread::Builder::new().name("sql".into()).stack_size(limits::STACK_BYTES);
        let spawned = thread.spawn(work);
        spawned.map(|_| ()).map_err(|error| SqlError::broken(&format!("no thread for the query: {error}")))
    }
}

/// Lowers the priority of this thread: queries only get the time that nothing else needs.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(limits::NICENESS);
}

/// Stops the query when its answer is not waited for any more.
struct GivenUp(Arc<Watch>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.give_up();
    }
}
