//! The state of virtual objects and workflows.

use super::{check_name, check_value};
use crate::wasm::bindings::abide::runtime::state::{Host, Lookup};
use crate::wasm::bindings::abide::runtime::types::OpId;
use crate::wasm::guest::Guest;
use abide_core::entry::Entry;

impl Host for Guest {
    fn get(&mut self, name: String) -> wasmtime::Result<Lookup> {
        check_name(&name)?;
        let session = self.session()?;
        match session.known_state(&name)? {
            Some(known) => Ok(Lookup::Known(known.map(Into::into))),
            None => session.ask(Entry::GetState { name }).map(Lookup::Pending),
        }
    }

    fn set(&mut self, name: String, value: Vec<u8>) -> wasmtime::Result<()> {
        check_name(&name)?;
        check_value("a value of the state", value.len(), self.limits.value_bytes_max)?;
        self.session()?.ask(Entry::SetState { name, value: value.into() })?;
        Ok(())
    }

    fn clear(&mut self, name: String) -> wasmtime::Result<()> {
        check_name(&name)?;
        self.session()?.ask(Entry::ClearState { name })?;
        Ok(())
    }

    fn clear_all(&mut self) -> wasmtime::Result<()> {
        self.session()?.ask(Entry::ClearAllState)?;
        Ok(())
    }

    fn keys(&mut self) -> wasmtime::Result<OpId> {
        self.session()?.ask(Entry::StateKeys)
    }
}
