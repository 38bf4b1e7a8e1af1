//! The one wasmtime engine: artifacts must match its configuration, so there is one constructor.

use super::GuestLimits;
use super::background::Background;
use super::budget::TABLE_ELEMENTS_MAX;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Time between two ticks, at which a computing guest lets others go on. Beside two endless loops on
/// two cores a call took up to 0.4 s with 10 ms, and up to 0.14 s with 2 ms: each of its steps waits.
pub const TICK: Duration = Duration::from_millis(2);

/// Instances beside the attempts: for uploads that are discovered, and for checks.
const DISCOVERED_AT_ONCE: u32 = 16;

/// What a component may have, and what the pool holds of it for each instance: with less there, guests would fail only
/// because others are at work. An SDK makes components of three or four core instances and tables, and one memory.
pub const CORE_INSTANCES_MAX: u32 = 40;
pub const TABLES_MAX: u32 = 6;
pub const MEMORIES_MAX: u32 = 1;

/// The kernel's limit of memory maps: 6 per live instance, some for the rest of the process.
const MAPS_PER_INSTANCE: u32 = 6;
const MAPS_FOR_THE_REST: u32 = 5_000;
const MAX_MAP_COUNT_DEFAULT: u32 = 65_530;

#[derive(Debug, thiserror::Error)]
pub enum EngineBuildError {
    #[error("wasmtime cannot be set up: {0:#}")]
    Engine(wasmtime::Error),
    #[error("the threads for guests cannot be started: {0}")]
    Threads(#[from] std::io::Error),
}

/// A wasmtime engine with its ticking thread, and the threads for long computations.
pub struct WasmEngine {
    engine: Engine,
    background: Background,
    attempts_max: u32,
    stop: Arc<AtomicBool>,
}

impl WasmEngine {
    /// Builds the engine with room for `limits.attempts_max` instances, or for as many as the
    /// kernel's limit of memory maps leaves.
    ///
    /// # Errors
    /// wasmtime refuses the configuration on this machine, or the system has no threads left.
    pub fn new(limits: &GuestLimits) -> Result<Self, EngineBuildError> {
        let room = max_map_count().saturating_sub(MAPS_FOR_THE_REST) / MAPS_PER_INSTANCE;
        let attempts_max = limits.attempts_max.min(room).max(1);
        if attempts_max < limits.attempts_max {
            tracing::info!(
                attempts_max,
                wanted = limits.attempts_max,
                "vm.max_map_count bounds the attempts in memory"
            );
        }
        let engine = Engine::new(&config(attempts_max, limits)).map_err(EngineBuildError::Engine)?;
        let stop = Arc::new(AtomicBool::new(false));
        tick(engine.clone(), stop.clone());
        Ok(Self { engine, background: Background::start()?, attempts_max, stop })
    }

    /// Builds what compiles for engines of these limits, and runs nothing.
    ///
    /// # Errors
    /// wasmtime refuses the configuration on this machine.
    pub fn for_compiling(limits: &GuestLimits) -> Result<Engine, EngineBuildError> {
        Engine::new(&config(1, limits)).map_err(EngineBuildError::Engine)
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn background(&self) -> &Background {
        &self.background
    }

    pub fn attempts_max(&self) -> u32 {
        self.attempts_max
    }
}

impl Drop for WasmEngine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn config(instances: u32, limits: &GuestLimits) -> Config {
    let instances = instances + DISCOVERED_AT_ONCE;
    // The memory of an instance goes back to the system when it ends, as is the default: gathered with that of others
    // (`decommit_batch_size`), each would keep all it has until then, and its place in the pool.
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_memories(instances.saturating_mul(MEMORIES_MAX))
        .total_stacks(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_MAX))
        .total_tables(instances.saturating_mul(TABLES_MAX))
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_component_instance_size(8 << 20)
        .max_memory_size(limits.memory_bytes_max)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(200);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        // The same bits on every machine, or replay on another one could differ.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .concurrency_support(false)
        .max_wasm_stack(512 << 10)
        .async_stack_size(1 << 20);
    config
}

fn tick(engine: Engine, stop: Arc<AtomicBool>) {
    let ticking = move || {
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
            engine.increment_epoch();
        }
    };
    std::thread::Builder::new().name("guest-ticks".into()).spawn(ticking).expect("a thread can be started");
}

fn max_map_count() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(MAX_MAP_COUNT_DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Store;
    use wasmtime::component::{Component, Linker};

    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const ONE_MEMORY: &[u8] = b"\x05\x03\x01\0\x01";
    const ONE_TABLE: &[u8] = b"\x70\0\x01";

    /// Puts an id and a length before the content; all of them are short here.
    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [&[id, u8::try_from(content.len()).unwrap()][..], content].concat()
    }

    /// Returns a component with so many instances of a module with one memory and all tables, and of an empty one.
    fn component(full: u8, empty: u8) -> Vec<u8> {
        let tables = [&[TABLES_MAX as u8][..], &ONE_TABLE.repeat(TABLES_MAX as usize)].concat();
        let module = [EMPTY_MODULE, &section(4, &tables), ONE_MEMORY].concat();
        let instances =
            [&[full + empty][..], &[0_u8, 0, 0].repeat(full.into()), &[0_u8, 1, 0].repeat(empty.into())]
                .concat();
        let modules = [section(1, &module), section(1, EMPTY_MODULE)].concat();
        [&b"\0asm\x0d\0\x01\0"[..], &modules, &section(2, &instances)].concat()
    }

    #[test]
    fn the_pool_has_room_for_instances_with_all_that_they_may_have() {
        let engine = WasmEngine::new(&GuestLimits { attempts_max: 1, ..GuestLimits::default() }).unwrap();
        let engine = engine.engine();
        let largest = Component::new(engine, component(1, CORE_INSTANCES_MAX as u8 - 1)).unwrap();
        let linker = Linker::new(engine);
        let instances = (0..=DISCOVERED_AT_ONCE).map(|_| {
            let mut store = Store::new(engine, ());
            linker.instantiate(&mut store, &largest).unwrap();
            store
        });
        assert_eq!(instances.collect::<Vec<_>>().len(), 17, "all of them live at once");
    }

    #[test]
    fn a_component_that_needs_more_is_refused_before_it_runs() {
        let engine = WasmEngine::for_compiling(&GuestLimits::default()).unwrap();
        for (full, empty, words) in
            [(2, 0, "linear memories"), (1, CORE_INSTANCES_MAX as u8, "core module instances")]
        {
            let Err(refused) = Component::new(&engine, component(full, empty)) else {
                panic!("{words}: it is too much")
            };
            assert!(format!("{refused:#}").contains(words), "{refused:#}");
        }
    }
}
