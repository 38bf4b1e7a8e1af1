//! Durable promises of a workflow.

use super::check_name;
use crate::wasm::bindings::abide::runtime::promise::Host;
use crate::wasm::bindings::abide::runtime::types::{Failure, OpId};
use crate::wasm::guest::Guest;
use abide_core::entry::Entry;

impl Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<OpId> {
        check_name(&name)?;
        self.ask(Entry::GetPromise { name }).await
    }

    async fn peek(&mut self, name: String) -> wasmtime::Result<OpId> {
        check_name(&name)?;
        self.ask(Entry::PeekPromise { name }).await
    }

    async fn complete(&mut self, name: String, res: Result<Vec<u8>, Failure>) -> wasmtime::Result<OpId> {
        check_name(&name)?;
        let outcome = self.read_result("the result of a promise", res)?;
        self.ask(Entry::CompletePromise { name, outcome }).await
    }
}
