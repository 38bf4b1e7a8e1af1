//! Waiting for durable operations and live I/O at once.

use super::events::Wakeup as Woken;
use crate::wasm::bindings::abide::runtime::io::{Host, Wakeup};
use crate::wasm::guest::Guest;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;

impl Host for Guest {
    async fn next_event_or_io(&mut self, io: Vec<Resource<DynPollable>>) -> wasmtime::Result<Wakeup> {
        Ok(match self.wait(&io).await? {
            Woken::Event(event) => Wakeup::Event(event),
            Woken::Io(ready) => Wakeup::Io(ready),
        })
    }
}
