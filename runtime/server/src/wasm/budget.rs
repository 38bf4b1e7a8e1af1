//! Budgets of one guest: memory and computing time.

use super::background::Heavy;
use super::engine::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX, TICK};
use prometheus_client::metrics::gauge::Gauge;
use std::time::Duration;
use wasmtime::{ResourceLimiter, Result, UpdateDeadline};

/// Elements of one table at most: functions that are called by their number.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Computing this long without a wait, a guest goes on in the background. Few handlers do, and others wait
/// no longer than this for the thread it leaves.
const HEAVY_AFTER: Duration = Duration::from_millis(10);

/// Counts the bytes of all memories together.
#[derive(Debug)]
pub struct MemoryBudget {
    max: usize,
    used: usize,
    /// The memory of all guests, this one included while it lives.
    total: Gauge,
}

impl MemoryBudget {
    pub fn new(max: usize, total: Gauge) -> Self {
        Self { max, used: 0, total }
    }
}

impl Drop for MemoryBudget {
    fn drop(&mut self) {
        self.total.dec_by(bytes(self.used));
    }
}

fn bytes(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl ResourceLimiter for MemoryBudget {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.max {
            wasmtime::bail!(
                "the guest wants {used} bytes of memory, its limit is {} (guest memory_bytes_max)",
                self.max
            );
        }
        self.total.inc_by(bytes(used - self.used));
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        if desired > TABLE_ELEMENTS_MAX {
            wasmtime::bail!(
                "the guest wants a table of {desired} elements, the limit is {TABLE_ELEMENTS_MAX} (TABLE_ELEMENTS_MAX)"
            );
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}

/// Counts the time a guest computes without waiting for anything.
#[derive(Debug)]
pub struct CpuBudget {
    max: Duration,
    used: Duration,
    heavy: Heavy,
}

impl CpuBudget {
    pub fn new(max_ms: u64, heavy: Heavy) -> Self {
        Self { max: Duration::from_millis(max_ms), used: Duration::ZERO, heavy }
    }

    /// The guest came to a wait: it is not a run-away loop.
    pub fn reset(&mut self) {
        self.used = Duration::ZERO;
        self.heavy.set(false);
    }

    /// The guest is held up in the middle of its computation: what it worked since the last tick counts.
    pub fn is_held_up(&mut self) {
        self.used += self.heavy.worked().unwrap_or_default();
    }

    /// The guest goes on after it was held up. That was no wait of its own, and no computation either.
    pub fn goes_on(&self) {
        self.heavy.goes_on();
    }

    /// Another tick passed while the guest computed: it lets others go on, or ends.
    pub fn tick(&mut self) -> Result<UpdateDeadline> {
        self.heavy.tick();
        // A single instruction, or what it asks of the host, may take much longer than from tick to tick.
        self.used += self.heavy.worked().unwrap_or(TICK);
        if self.used > self.max {
            wasmtime::bail!(
                "the guest computed for {} ms without waiting for anything (guest cpu_ms_max): \
                 an endless loop, or work to be split up",
                self.max.as_millis()
            );
        }
        if self.used >= HEAVY_AFTER {
            self.heavy.set(true);
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::worked;
    use crate::wasm::GuestLimits;
    use crate::wasm::engine::WasmEngine;
    use wasmtime::{Instance, Module, Store};

    /// `(module (table 1 funcref) (func (export "grow") (param i32) (result i32)
    /// (table.grow 0 (ref.null func) (local.get 0))))`
    const GROWS_ITS_TABLE: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x06\x01\x60\x01\x7f\x01\x7f\
        \x03\x02\x01\0\
        \x04\x04\x01\x70\0\x01\
        \x07\x08\x01\x04grow\0\0\
        \x0a\x0b\x01\x09\0\xd0\x70\x20\0\xfc\x0f\0\x0b";

    const MAX: Duration = Duration::from_millis(20);

    fn budget(heavy: &Heavy) -> CpuBudget {
        CpuBudget::new(20, heavy.clone())
    }

    #[test]
    fn what_was_worked_before_a_hold_up_counts() {
        let heavy = Heavy::default();
        let mut budget = budget(&heavy);
        heavy.goes_on();
        let Some(begun) = worked() else { return };
        while worked().is_some_and(|now| now - begun <= MAX) {
            std::hint::spin_loop();
        }
        budget.is_held_up();
        budget.goes_on();
        assert!(budget.tick().is_err(), "it worked for too long");
    }

    #[test]
    fn a_tick_counts_what_the_guest_worked_and_not_what_it_waited_for_the_thread() {
        let heavy = Heavy::default();
        heavy.goes_on();
        std::thread::sleep(2 * MAX);
        budget(&heavy).tick().expect("it did nothing");
        heavy.goes_on();
        if let Some(begun) = worked() {
            while worked().is_some_and(|now| now - begun <= MAX) {
                std::hint::spin_loop();
            }
            let Err(ended) = budget(&heavy).tick() else { panic!("it worked for too long") };
            assert!(ended.to_string().contains("cpu_ms_max"), "{ended}");
        }
    }

    #[test]
    fn a_tick_counts_for_itself_where_nobody_says_when_the_guest_goes_on() {
        let mut budget = budget(&Heavy::default());
        let ticks = MAX.as_millis() / TICK.as_millis();
        (0..ticks).for_each(|_| _ = budget.tick().expect("no more than it may"));
        assert!(budget.tick().is_err());
    }

    #[test]
    fn a_table_grows_to_its_limit_and_the_guest_is_told_which_it_was() {
        let limits = GuestLimits { attempts_max: 1, ..GuestLimits::default() };
        let engine = WasmEngine::new(&limits).unwrap();
        let mut store =
            Store::new(engine.engine(), MemoryBudget::new(limits.memory_bytes_max, Gauge::default()));
        store.limiter(|budget| budget);
        store.set_epoch_deadline(u64::MAX / 2);
        let module = Module::new(engine.engine(), GROWS_ITS_TABLE).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
        assert_eq!(grow.call(&mut store, TABLE_ELEMENTS_MAX as i32 - 1).unwrap(), 1);
        let told = format!("{:#}", grow.call(&mut store, 1).unwrap_err());
        assert!(told.contains("TABLE_ELEMENTS_MAX") && told.contains("20001"), "{told}");
    }
}
