//! Calls and sends: which invocation each becomes.

use super::Session;
use crate::engine::address;
use crate::traces;
use abide_core::entry::{Entry, Header, Request};
use abide_core::ids::{InvocationId, OpId};
use abide_core::target::Target;
use bytes::Bytes;

/// What the guest asks of another handler.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub target: Target,
    pub input: Bytes,
    pub headers: Vec<Header>,
    pub idempotency_key: Option<String>,
}

impl Session {
    /// Calls a handler; returns the operation to wait for, and the invocation.
    pub fn call(&mut self, wanted: Wanted) -> wasmtime::Result<(OpId, InvocationId)> {
        // A plain service runs beside its caller: one commit for both, and no way between partitions.
        let request = self.request(wanted, self.invocation.partition_key);
        let child = request.child;
        Ok((self.ask(Entry::Call(request))?, child))
    }

    /// Sends to a handler; returns the invocation.
    pub fn send(&mut self, wanted: Wanted, delay_ms: Option<u64>) -> wasmtime::Result<InvocationId> {
        // Nobody waits for it, so the work is better spread over all partitions.
        let request = self.request(wanted, rand::random());
        let child = request.child;
        self.ask(Entry::Send { request, delay_ms })?;
        Ok(child)
    }

    fn request(&self, wanted: Wanted, partition_key_of_plain: u64) -> Request {
        let Wanted { target, input, mut headers, mut idempotency_key } = wanted;
        self.pass_trace_on(&mut headers);
        let recorded = self.recorded_request().map(|request| request.child);
        let workflow_run = self.workflow_run(&target, recorded);
        if workflow_run.is_some() {
            // It runs once per key of the workflow: there is nothing that another key could add.
            idempotency_key = None;
        }
        let child = recorded.or(workflow_run).unwrap_or_else(|| match &idempotency_key {
            Some(key) => address::idempotent(&target, key),
            None => address::fresh(&target, self.around.clock.now(), partition_key_of_plain),
        });
        Request { child, target, input, headers, idempotency_key }
    }

    /// Returns what the next operation asked for in an earlier attempt. Where that was no call, the
    /// comparison with the journal will say so.
    fn recorded_request(&self) -> Option<&Request> {
        let recorded = self.cursor.recorded(self.cursor.asked())?;
        let (Entry::Call(request) | Entry::Send { request, .. }) = recorded else { return None };
        Some(request)
    }

    /// Adds the trace to the headers of a call, unless the guest gave one. A replay adds what was added
    /// then, whether spans are told now or not.
    fn pass_trace_on(&self, headers: &mut Vec<Header>) {
        if headers.iter().any(traces::is_of_trace) {
            return;
        }
        match (self.recorded_request(), &self.around.trail) {
            (Some(recorded), _) => {
                headers.extend(recorded.headers.iter().filter(|header| traces::is_of_trace(header)).cloned());
            }
            (None, Some(trail)) => headers.extend(trail.at(self.cursor.asked()).headers()),
            (None, None) => {}
        }
    }

    /// Returns the id of the workflow's run, if that is what is called. Code that was deployed since
    /// does not change what a recorded call is.
    fn workflow_run(&self, target: &Target, recorded: Option<InvocationId>) -> Option<InvocationId> {
        let object = target.object()?;
        let is_run = match recorded {
            Some(child) => child == address::workflow_run(&object),
            None => self.around.catalog.is_workflow_run(&target.service, &target.handler),
        };
        is_run.then(|| address::workflow_run(&object))
    }
}
