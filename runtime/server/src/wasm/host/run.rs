//! Run blocks: opened here, executed by the guest when the journal allows, settled by the core.

use super::{check_name, retry_policy};
use crate::faults::{self, Edge, Site};
use crate::wasm::bindings::abide::runtime::run::Host;
use crate::wasm::bindings::abide::runtime::types::{self as wit, OpId};
use crate::wasm::guest::Guest;
use abide_core::entry::Entry;

impl Host for Guest {
    async fn run_start(&mut self, name: String, retry: Option<wit::RetryPolicy>) -> wasmtime::Result<OpId> {
        check_name(&name)?;
        let retry = retry.as_ref().map(retry_policy);
        self.ask(Entry::Run { name, retry }).await
    }

    fn run_enter(&mut self, op: OpId) -> wasmtime::Result<()> {
        faults::reach(Site::Run, Edge::Before);
        let (link, _) = self.linked()?;
        // A closure may take as long as it likes, and may call this very server.
        link.start.ends();
        link.session.enter_run(op)
    }

    fn run_exit(&mut self) -> wasmtime::Result<()> {
        faults::reach(Site::Run, Edge::After);
        self.session()?.exit_run();
        Ok(())
    }

    async fn run_finish(&mut self, op: OpId, res: Result<Vec<u8>, wit::Failure>) -> wasmtime::Result<()> {
        let outcome = self.read_result("the result of a run block", res)?;
        self.session()?.finish_run(op, outcome)?;
        self.catch_up().await
    }

    async fn run_failed(&mut self, op: OpId, error: wit::Retryable) -> wasmtime::Result<()> {
        self.session()?.fail_run(op, error)?;
        self.catch_up().await
    }
}
