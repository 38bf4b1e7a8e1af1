//! What a handler may ask for, by the kind of its service and by its mode.

use abide_core::entry::Entry;
use abide_core::manifest::{HandlerMode, ServiceKind};

#[derive(Clone, Copy, Debug)]
pub struct Permit {
    pub kind: ServiceKind,
    pub mode: HandlerMode,
}

impl Permit {
    /// Says whether nobody else changes the state while the handler runs.
    pub fn has_state_to_itself(self) -> bool {
        self.kind != ServiceKind::Service && self.mode == HandlerMode::Exclusive
    }

    /// Refuses what the handler may not ask for, and says what to do instead.
    pub fn check(self, entry: &Entry) -> wasmtime::Result<()> {
        let what = entry.kind();
        match entry {
            Entry::GetState { .. } | Entry::StateKeys => self.check_read(what),
            Entry::SetState { .. } | Entry::ClearState { .. } | Entry::ClearAllState => {
                self.check_write(what)
            }
            Entry::GetPromise { .. } | Entry::PeekPromise { .. } | Entry::CompletePromise { .. } => {
                self.check_promise(what)
            }
            Entry::Run { .. }
            | Entry::Sleep { .. }
            | Entry::Call(_)
            | Entry::Send { .. }
            | Entry::Attach { .. }
            | Entry::Cancel { .. }
            | Entry::Kill { .. }
            | Entry::Awakeable { .. }
            | Entry::CompleteAwakeable { .. }
            | Entry::ReceiveSignal { .. }
            | Entry::SendSignal { .. } => Ok(()),
        }
    }

    fn check_read(self, what: &str) -> wasmtime::Result<()> {
        if self.kind == ServiceKind::Service {
            wasmtime::bail!(
                "{what} in a handler of a plain service: state belongs to virtual objects and workflows; \
                 make the service one of them, or call one that keeps the value"
            );
        }
        Ok(())
    }

    fn check_write(self, what: &str) -> wasmtime::Result<()> {
        self.check_read(what)?;
        if self.mode == HandlerMode::Shared {
            wasmtime::bail!(
                "{what} in a shared handler: shared handlers only read the state, because others run \
                 beside them; make the handler exclusive, or call one that is"
            );
        }
        Ok(())
    }

    fn check_promise(self, what: &str) -> wasmtime::Result<()> {
        if self.kind != ServiceKind::Workflow {
            wasmtime::bail!(
                "{what} outside of a workflow: durable promises belong to workflows; \
                 wait for an awakeable or a signal instead, or make the service a workflow"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_promises_are_refused_where_there_are_none() {
        let get = Entry::GetState { name: "a".into() };
        let set = Entry::ClearAllState;
        let promise = Entry::PeekPromise { name: "a".into() };
        let refusal = |kind, mode, entry: &Entry| {
            Permit { kind, mode }.check(entry).err().map(|error| error.to_string()).unwrap_or_default()
        };
        use {HandlerMode::*, ServiceKind::*};
        assert!(refusal(Service, Exclusive, &get).starts_with("get-state in a handler of a plain service"));
        assert!(refusal(Service, Shared, &set).contains("plain service"));
        assert!(refusal(Object, Shared, &set).starts_with("clear-all-state in a shared handler"));
        assert!(refusal(Object, Exclusive, &promise).starts_with("peek-promise outside of a workflow"));
        for (kind, mode, entry) in [
            (Object, Shared, &get),
            (Object, Exclusive, &set),
            (Workflow, Exclusive, &set),
            (Workflow, Shared, &promise),
        ] {
            assert_eq!(refusal(kind, mode, entry), "");
        }
    }
}
