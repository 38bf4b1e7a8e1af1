//! The state of virtual objects and workflows.

use super::{check_name, check_value};
use crate::wasm::bindings::abide::runtime::state::{Host, Lookup};
use crate::wasm::bindings::abide::runtime::types::OpId;
use crate::wasm::guest::Guest;
use abide_core::entry::Entry;

impl Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<Lookup> {
        check_name(&name)?;
        match self.session()?.known_state(&name)? {
            Some(known) => Ok(Lookup::Known(known.map(Into::into))),
            None => self.ask(Entry::GetState { name }).await.map(Lookup::Pending),
        }
    }

    async fn set(&mut self, name: String, value: Vec<u8>) -> wasmtime::Result<()> {
        check_name(&name)?;
        check_value("a value of the state", value.len(), self.limits.value_bytes_max)?;
        self.ask(Entry::SetState { name, value: value.into() }).await?;
        Ok(())
    }

    async fn clear(&mut self, name: String) -> wasmtime::Result<()> {
        check_name(&name)?;
        self.ask(Entry::ClearState { name }).await?;
        Ok(())
    }

    async fn clear_all(&mut self) -> wasmtime::Result<()> {
        self.ask(Entry::ClearAllState).await?;
        Ok(())
    }

    async fn keys(&mut self) -> wasmtime::Result<OpId> {
        self.ask(Entry::StateKeys).await
    }
}
