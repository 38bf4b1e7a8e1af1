//! Answers of invocations: waited for, or read if they are there.

use super::handle::{EngineError, EngineHandle};
use super::load::{ANSWERS_BYTES_MAX, LARGE_ANSWER_BYTES, Overload, SMALL_ANSWER_BYTES};
use super::requests::interrupted;
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::invocation::InvocationRow;
use abide_core::rows::RowKey;
use abide_core::time::Timestamp;
use abide_store::View;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// For so long after its creation an invocation may be on its way: a handler that sends one knows the id
/// before its owner knows the invocation.
const ON_ITS_WAY_MS: u64 = 1_000;
/// Between two looks whether it has arrived.
const LOOK_AGAIN_MS: u64 = 3;

/// The answer of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrieved {
    pub answer: Answer,
    /// Until when it is kept, if it was there before it was asked for.
    pub kept_until: Option<Timestamp>,
}

/// What is known of an invocation's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Unknown,
    NotReady,
    Ready(Retrieved),
}

impl Output {
    /// Has an answer keep its room until nobody has its bytes any more.
    fn within(self, room: OwnedSemaphorePermit) -> Self {
        match self {
            Self::Ready(Retrieved { answer: Answer::Value(value), kept_until }) => {
                Self::Ready(Retrieved { answer: Answer::Value(Roomed::over(value, room)), kept_until })
            }
            Self::Ready(Retrieved { answer: Answer::Failure(_), .. }) | Self::NotReady | Self::Unknown => {
                self
            }
        }
    }
}

/// An answer that was waited for.
pub(super) fn fresh(answer: Answer) -> Retrieved {
    Retrieved { answer, kept_until: None }
}

/// Bytes that keep their room as long as anybody has them.
pub(super) struct Roomed {
    value: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Roomed {
    pub fn over(value: Bytes, room: OwnedSemaphorePermit) -> Bytes {
        Bytes::from_owner(Self { value, _room: room })
    }
}

impl AsRef<[u8]> for Roomed {
    fn as_ref(&self) -> &[u8] {
        &self.value
    }
}

impl EngineHandle {
    /// Waits for an invocation that a handler has just sent, and whose owner does not know it yet, so that
    /// whoever heard of it from that handler finds it. Does not wait for any other.
    ///
    /// # Errors
    /// The store cannot be read, or the engine stopped meanwhile.
    pub async fn arrived(&self, id: InvocationId) -> Result<(), EngineError> {
        // A computed id does not say since when it may be on its way.
        if id.is_computed() && self.invocation(id)?.is_none() {
            return self.look(id).await;
        }
        self.arrived_for_command(id).await
    }

    /// The same, for whoever has a command for its owner: that comes behind all that was sent to the owner before, so
    /// a computed id need not be looked for.
    pub(super) async fn arrived_for_command(&self, id: InvocationId) -> Result<(), EngineError> {
        let Some(created_at) = id.created_at() else { return Ok(()) };
        let until = created_at.plus_millis(ON_ITS_WAY_MS);
        loop {
            let now = self.now();
            if !(created_at..until).contains(&now) || self.invocation(id)?.is_some() {
                return Ok(());
            }
            self.inner.clock.sleep_until(now.plus_millis(LOOK_AGAIN_MS)).await;
        }
    }

    /// Waits for the end of an invocation; None when there is no such invocation.
    ///
    /// # Errors
    /// The store cannot be read, there are too many who wait already, or the engine stopped before there was an answer.
    pub async fn attach(&self, id: InvocationId) -> Result<Option<Retrieved>, EngineError> {
        self.arrived(id).await?;
        let (_seat, answer) = self.inner.waiters.for_answer(id);
        self.answer_of(id, answer, None).await
    }

    /// Returns the answer that is there, or waits for it, in a place among the open calls.
    pub(super) async fn answer_of(
        &self,
        id: InvocationId,
        mut answer: oneshot::Receiver<Answer>,
        open: Option<OwnedSemaphorePermit>,
    ) -> Result<Option<Retrieved>, EngineError> {
        // One that was told meanwhile is at hand, and may be forgotten already where it was kept.
        if let Ok(answer) = answer.try_recv() {
            return Ok(Some(fresh(answer)));
        }
        match self.retrieve(id).await? {
            Output::Unknown => Ok(answer.try_recv().ok().map(fresh)),
            Output::Ready(retrieved) => Ok(Some(retrieved)),
            Output::NotReady => {
                let _open = open.map_or_else(|| self.place_for_call(), Ok)?;
                let answer = self.until_stopped(answer).await.map_err(interrupted(true))?;
                Ok(Some(fresh(answer)))
            }
        }
    }

    /// Returns the answer for a client, if there is one. A large one takes room until the client has it, and is read
    /// away from the tasks that serve connections.
    ///
    /// # Errors
    /// The store cannot be read, or there is no room.
    pub async fn retrieve(&self, id: InvocationId) -> Result<Output, EngineError> {
        match self.inner.journals.answer_bytes(id)? {
            Some(bytes) if bytes > SMALL_ANSWER_BYTES => {
                let room = self.room_for_answer(bytes)?;
                // Held by the reading, not by whoever asked, who may go away meanwhile.
                self.away(move |engine| Ok(engine.output(id)?.within(room))).await
            }
            Some(_) | None => self.output(id),
        }
    }

    fn room_for_answer(&self, bytes: usize) -> Result<OwnedSemaphorePermit, EngineError> {
        let taken = ANSWERS_BYTES_MAX - self.inner.answers.available_permits();
        if bytes > LARGE_ANSWER_BYTES && taken > 0 && taken + bytes > ANSWERS_BYTES_MAX / 2 {
            return Err(self.inner.load.refuse(Overload::Answers).into());
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.inner.answers.clone().try_acquire_many_owned(bytes);
        Ok(room.map_err(|_| self.inner.load.refuse(Overload::Answers))?)
    }

    /// Returns the answer if there is one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn output(&self, id: InvocationId) -> Result<Output, EngineError> {
        if let Some(retrieved) = self.stored(id)? {
            return Ok(Output::Ready(retrieved));
        }
        let live: Option<InvocationRow> =
            self.inner.journals.row(View::Durable, &RowKey::Invocation(id), id)?;
        match live {
            Some(_) => Ok(Output::NotReady),
            // It may have ended between the two looks.
            None => Ok(self.stored(id)?.map_or(Output::Unknown, Output::Ready)),
        }
    }

    fn stored(&self, id: InvocationId) -> Result<Option<Retrieved>, EngineError> {
        let Some(answer) = self.inner.journals.answer(id)? else { return Ok(None) };
        let row: Option<InvocationRow> =
            self.inner.journals.row(View::Durable, &RowKey::Completed(id), id)?;
        let kept_until = row.and_then(|row| row.kept_until());
        Ok(Some(Retrieved { answer, kept_until }))
    }

    pub(super) fn place_for_call(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        let place = self.inner.calls.clone().try_acquire_owned();
        Ok(place.map_err(|_| self.inner.load.refuse(Overload::Calls))?)
    }
}
