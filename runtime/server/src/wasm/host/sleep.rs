//! Durable timers.

use super::check_name;
use crate::wasm::bindings::abide::runtime::sleep::Host;
use crate::wasm::bindings::abide::runtime::types::OpId;
use crate::wasm::guest::Guest;
use abide_core::entry::Entry;

impl Host for Guest {
    async fn sleep(&mut self, duration_ms: u64, name: Option<String>) -> wasmtime::Result<OpId> {
        name.as_deref().map_or(Ok(()), check_name)?;
        self.ask(Entry::Sleep { duration_ms, name }).await
    }
}
