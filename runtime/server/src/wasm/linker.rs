//! What is offered to guests: WASI in the sandbox, outbound HTTP, and our own interfaces.

use super::bindings::ServicePre;
use super::bindings::abide::runtime::{
    awakeable, call, events, invocations, io, log, promise, run, signal, sleep, state,
};
use super::guest::Guest;
use wasmtime::component::{Component, HasSelf, Linker, Resource};
use wasmtime::{Engine, StoreContextMut};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as _;

const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock@0.2.12";

/// Builds the linker all components share.
pub fn build(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    events::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    run::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    sleep::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    state::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    call::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    invocations::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    awakeable::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    signal::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    promise::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    log::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    io::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    refuse_blocking_sleeps(&mut linker)?;
    Ok(linker)
}

/// Ready to be instantiated, checked to import nothing that is not offered.
pub fn prepare(linker: &Linker<Guest>, component: &Component) -> wasmtime::Result<ServicePre<Guest>> {
    ServicePre::new(linker.instantiate_pre(component)?)
}

/// A blocking sleep outside a run block would block the instance and is not durable.
fn refuse_blocking_sleeps(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut clock = linker.instance(MONOTONIC_CLOCK)?;
    clock.func_wrap(
        "subscribe-duration",
        |mut store: StoreContextMut<'_, Guest>,
         (nanos,): (u64,)|
         -> wasmtime::Result<(Resource<DynPollable>,)> {
            // Zero is how guests yield.
            if nanos > 0 {
                check_in_run(store.data())?;
            }
            Ok((store.data_mut().clocks().subscribe_duration(nanos)?,))
        },
    )?;
    clock.func_wrap(
        "subscribe-instant",
        |mut store: StoreContextMut<'_, Guest>,
         (at,): (u64,)|
         -> wasmtime::Result<(Resource<DynPollable>,)> {
            check_in_run(store.data())?;
            Ok((store.data_mut().clocks().subscribe_instant(at)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn check_in_run(guest: &Guest) -> wasmtime::Result<()> {
    if guest.scope.is_in_run() {
        return Ok(());
    }
    wasmtime::bail!("a blocking sleep outside a run block: use ctx.sleep, which survives restarts")
}
