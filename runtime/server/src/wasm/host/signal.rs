//! Named signals between invocations.

use super::check_name;
use crate::wasm::bindings::abide::runtime::signal::Host;
use crate::wasm::bindings::abide::runtime::types::{Failure, OpId};
use crate::wasm::guest::Guest;
use abide_core::entry::Entry;

impl Host for Guest {
    async fn receive(&mut self, name: String) -> wasmtime::Result<OpId> {
        check_name(&name)?;
        self.ask(Entry::ReceiveSignal { name }).await
    }

    async fn send(
        &mut self,
        invocation: String,
        name: String,
        res: Result<Vec<u8>, Failure>,
    ) -> wasmtime::Result<Result<(), Failure>> {
        check_name(&name)?;
        let outcome = self.read_result("what a signal says", res)?;
        let entry = |invocation| Entry::SendSignal { invocation, name, outcome };
        Ok(self.ask_by_id("invocation", invocation, entry).await?.map(|_| ()))
    }
}
