//! Other invocations: waiting for one, and ending one.

use crate::wasm::bindings::abide::runtime::invocations::Host;
use crate::wasm::bindings::abide::runtime::types::{Failure, OpId};
use crate::wasm::guest::Guest;
use abide_core::entry::Entry;

const INVOCATION: &str = "invocation";

impl Host for Guest {
    async fn attach(&mut self, invocation: String) -> wasmtime::Result<Result<OpId, Failure>> {
        self.ask_by_id(INVOCATION, invocation, |invocation| Entry::Attach { invocation }).await
    }

    async fn cancel(&mut self, invocation: String) -> wasmtime::Result<Result<(), Failure>> {
        let asked = self.ask_by_id(INVOCATION, invocation, |invocation| Entry::Cancel { invocation }).await?;
        Ok(asked.map(|_| ()))
    }

    async fn kill(&mut self, invocation: String) -> wasmtime::Result<Result<(), Failure>> {
        let asked = self.ask_by_id(INVOCATION, invocation, |invocation| Entry::Kill { invocation }).await?;
        Ok(asked.map(|_| ()))
    }
}
