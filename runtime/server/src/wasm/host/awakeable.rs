//! Awakeables: waiting for somebody outside.

use super::check_name;
use crate::wasm::bindings::abide::runtime::awakeable::{AwakeableHandle, Host};
use crate::wasm::bindings::abide::runtime::types::Failure;
use crate::wasm::guest::Guest;
use abide_core::entry::Entry;

impl Host for Guest {
    async fn create(&mut self, name: Option<String>) -> wasmtime::Result<AwakeableHandle> {
        name.as_deref().map_or(Ok(()), check_name)?;
        let op = self.ask(Entry::Awakeable { name }).await?;
        Ok(AwakeableHandle { op, id: self.session()?.awakeable(op).to_string() })
    }

    async fn complete(
        &mut self,
        id: String,
        res: Result<Vec<u8>, Failure>,
    ) -> wasmtime::Result<Result<(), Failure>> {
        let outcome = self.read_result("the result of an awakeable", res)?;
        let entry = |awakeable| Entry::CompleteAwakeable { awakeable, outcome };
        Ok(self.ask_by_id("awakeable", id, entry).await?.map(|_| ()))
    }
}
