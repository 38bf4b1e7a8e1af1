//! Waiting: the guest gets its next event, or halts until there can be one.

use super::outcome;
use crate::metrics::Held;
use crate::wasm::bindings::abide::runtime::events::{Completion, Event, Host};
use crate::wasm::bindings::abide::runtime::types::OpId;
use crate::wasm::guest::{Guest, Link};
use crate::wasm::session::{Next, Rest};
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::task::coop::unconstrained;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll::Host as _;

impl Host for Guest {
    async fn next_event(&mut self) -> wasmtime::Result<Event> {
        match self.wait(&[]).await? {
            Wakeup::Event(event) => Ok(event),
            Wakeup::Io(_) => unreachable!("no I/O was waited for"),
        }
    }

    fn forget(&mut self, op: OpId) -> wasmtime::Result<()> {
        self.session()?.forget(op);
        Ok(())
    }
}

pub enum Wakeup {
    Event(Event),
    Io(Vec<u32>),
}

impl Guest {
    /// Waits for the next event, or for I/O of run blocks.
    ///
    /// I/O that is ready at once, as often as the guest likes, is no wait: then it computes on.
    pub async fn wait(&mut self, io: &[Resource<DynPollable>]) -> wasmtime::Result<Wakeup> {
        let mut has_waited = false;
        let wakeup = {
            // Nothing is pending only because much was ready before.
            let mut waiting = pin!(unconstrained(self.come_to_wakeup(io)));
            poll_fn(|context| {
                let poll = waiting.as_mut().poll(context);
                has_waited |= poll.is_pending();
                poll
            })
            .await?
        };
        if has_waited || matches!(wakeup, Wakeup::Event(_)) {
            self.cpu.reset();
        }
        // That it waited for I/O says nothing of the core.
        if has_waited && matches!(wakeup, Wakeup::Event(_)) {
            self.session()?.has_waited();
        }
        self.catch_up().await?;
        Ok(wakeup)
    }

    async fn come_to_wakeup(&mut self, io: &[Resource<DynPollable>]) -> wasmtime::Result<Wakeup> {
        let suspend_after = Duration::from_millis(self.limits.suspend_after_ms);
        let (link, table) = self.linked()?;
        hear_all(link);
        if let Some(next) = link.session.next_known()? {
            return Ok(Wakeup::Event(event(next)));
        }
        link.session.tells_in_passing();
        loop {
            hear_all(link);
            if let Some(next) = link.session.next_outcome()? {
                return Ok(Wakeup::Event(event(next)));
            }
            // A replay, which is told one outcome after the other, does not come here.
            let clock = link.session.clock();
            let now = clock.now();
            if let Some(next) = link.session.next_run(now)? {
                return Ok(Wakeup::Event(event(next)));
            }
            let rest = link.session.rest(!io.is_empty(), now)?;
            if !io.is_empty() || matches!(rest, Rest::Idle) {
                link.start.ends();
            }
            match rest {
                Rest::Busy { until: None } => {
                    if let Some(ready) = busy(link, table, io).await? {
                        return Ok(Wakeup::Io(ready));
                    }
                }
                Rest::Busy { until: Some(retry_at) } => {
                    let woken = tokio::select! {
                        biased;
                        ready = busy(link, table, io) => ready?,
                        () = clock.sleep_until(retry_at) => None,
                    };
                    if let Some(ready) = woken {
                        return Ok(Wakeup::Io(ready));
                    }
                }
                Rest::Idle => idle(link, suspend_after).await?,
            }
        }
    }
}

fn event(next: Next) -> Event {
    match next {
        Next::Execute(op) => Event::Execute(op),
        Next::Cancelled => Event::Cancelled,
        Next::Completed(settled) => {
            Event::Completed(Completion { op: settled.op, outcome: outcome(settled.outcome) })
        }
    }
}

/// Waits for the engine or for live I/O; the instance has to stay.
async fn busy(
    link: &mut Link,
    table: &mut ResourceTable,
    io: &[Resource<DynPollable>],
) -> wasmtime::Result<Option<Vec<u32>>> {
    if io.is_empty() {
        hear_next(link).await?;
        return Ok(None);
    }
    let borrowed = io.iter().map(|pollable| Resource::new_borrow(pollable.rep())).collect();
    tokio::select! {
        biased;
        heard = hear_next(link) => heard.map(|()| None),
        ready = table.poll(borrowed) => ready.map(Some),
    }
}

/// Waits for the engine for a while; then, or when its room is needed, the attempt is suspended.
async fn idle(link: &mut Link, suspend_after: Duration) -> wasmtime::Result<()> {
    let share = link.share.clone();
    let _counted = [&link.idle, &share.idle].map(Held::of);
    tokio::select! {
        biased;
        heard = hear_next(link) => heard,
        () = share.pressed() => Err(link.session.suspension().into()),
        () = tokio::time::sleep(suspend_after) => Err(link.session.suspension().into()),
    }
}

fn hear_all(link: &mut Link) {
    while let Ok(tell) = link.told.try_recv() {
        link.session.hear(tell);
    }
}

async fn hear_next(link: &mut Link) -> wasmtime::Result<()> {
    match link.told.recv().await {
        Some(tell) => {
            link.session.hear(tell);
            Ok(())
        }
        // A newer attempt took over, or the server stops.
        None => Err(crate::wasm::session::Halt::Stopped.into()),
    }
}
