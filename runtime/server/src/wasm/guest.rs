//! The host's side of one instance: everything wasmtime keeps for a guest.

use super::GuestLimits;
use super::background::Heavy;
use super::budget::{CpuBudget, MemoryBudget};
use super::outbound::Outbound;
use super::output::Output;
use super::sandbox::{self, Scope};
use super::session::Session;
use super::slots::Share;
use super::start::Start;
use crate::engine::executor::Tell;
use crate::traces::Trail;
use abide_core::entry::Entry;
use abide_core::ids::OpId;
use abide_core::manifest::Settings;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use tokio::sync::mpsc;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Things of the host that a guest keeps at once: requests, headers, streams, what it waits for. A request has about six
/// on its way, so this is some hundreds of them.
const HANDLES_MAX: usize = 2_000;
/// Bytes that a guest hands over in one call beside the largest value: names, headers, and what describes them.
const HANDED_OVER_BYTES_MORE: usize = 4 << 20;
/// Bytes of the headers of one request or response. They are memory of the host, as much as a guest keeps of them.
const FIELDS_BYTES_MAX: usize = 32 << 10;

fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES_MAX);
    table
}

/// The link of an attempt to the engine. A discovered guest has none.
pub struct Link {
    pub session: Session,
    pub told: mpsc::UnboundedReceiver<Tell>,
    /// Says when somebody needs the room of an idle attempt.
    pub share: Arc<Share>,
    /// Ends when the guest first waits for something slow.
    pub start: Start,
    /// Counts those that only wait.
    pub idle: Gauge,
}

pub struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    memory: MemoryBudget,
    pub scope: Arc<Scope>,
    pub output: Arc<Output>,
    pub cpu: CpuBudget,
    pub limits: GuestLimits,
    link: Option<Link>,
}

/// What a guest is made of.
pub struct GuestParts<'a> {
    pub settings: &'a Settings,
    pub limits: &'a GuestLimits,
    pub scope: Arc<Scope>,
    pub output: Arc<Output>,
    pub seed: u64,
    /// Told when it computes for long.
    pub heavy: Heavy,
    /// Counts the memory of all guests.
    pub memory_bytes: Gauge,
    /// The trace it belongs to, for its requests.
    pub trail: Option<Trail>,
    pub link: Option<Link>,
}

impl Guest {
    /// Builds a wasmtime store that holds the guest, within its budgets.
    pub fn into_store(engine: &Engine, parts: GuestParts<'_>) -> Store<Self> {
        let GuestParts { settings, limits, scope, output, seed, heavy, memory_bytes, trail, link } = parts;
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS_BYTES_MAX);
        let guest = Self {
            table: table(),
            wasi: sandbox::build(&scope, seed, &settings.env, &output),
            http,
            outbound: Outbound::new(
                scope.clone(),
                output.clone(),
                trail,
                settings.allowed_hosts.clone().into(),
            ),
            memory: MemoryBudget::new(limits.memory_bytes_max, memory_bytes),
            scope,
            output,
            cpu: CpuBudget::new(limits.cpu_ms_max, heavy),
            limits: limits.clone(),
            link,
        };
        let mut store = Store::new(engine, guest);
        store.set_max_component_handles(HANDLES_MAX);
        store.set_hostcall_fuel(limits.value_bytes_max.saturating_add(HANDED_OVER_BYTES_MORE));
        store.limiter(|guest| &mut guest.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| context.data_mut().tick());
        store
    }

    /// Closes what the guest has left open: a line that it has not ended is one now.
    pub fn close_streams(&mut self) {
        self.table = table();
    }

    /// The guest computes since a tick: it lets others go on.
    fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let goes_on = self.cpu.tick()?;
        if let Some(link) = &mut self.link {
            link.session.tells_results();
        }
        Ok(goes_on)
    }

    /// Asks for something that is recorded.
    pub async fn ask(&mut self, entry: Entry) -> wasmtime::Result<OpId> {
        let op = self.session()?.ask(entry)?;
        self.catch_up().await?;
        Ok(op)
    }

    /// Waits, in the middle of the guest's computation, while it tells more than is recorded at the same time.
    pub async fn catch_up(&mut self) -> wasmtime::Result<()> {
        if let Some(caught_up) = self.session()?.catches_up() {
            self.cpu.is_held_up();
            caught_up.await;
            self.cpu.goes_on();
        }
        Ok(())
    }

    /// Returns the session, which only an attempt has.
    pub fn session(&mut self) -> wasmtime::Result<&mut Session> {
        Ok(&mut self.linked()?.0.session)
    }

    /// Returns the link to the engine and the table of WASI resources, to wait on both.
    pub fn linked(&mut self) -> wasmtime::Result<(&mut Link, &mut ResourceTable)> {
        match &mut self.link {
            Some(link) => Ok((link, &mut self.table)),
            None => wasmtime::bail!("durable operations are not there while a component is discovered"),
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}
