//! The engine: compiler settings, the pool of instances, and the ticker that lets a running guest be interrupted.
//!
//! The figures behind each knob are in `docs/benchmarks.md`. Compiled code fits any engine made here, with the pool or
//! without.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails,
};

use super::limits::{MOST_CORE_INSTANCES, MOST_MEMORIES, MOST_MEMORY, MOST_TABLES};

/// How often a running guest looks whether it should stop. A limit is overshot by at most this.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The largest stack that a guest's recursion may use, in bytes, and the stack that it and the host functions it calls
/// share.
const GUEST_STACK: usize = 512 << 10;
const CALL_STACK: usize = 2 << 20;

/// Frames of the guest that a trap tells of.
const BACKTRACE_FRAMES: usize = 16;

/// An engine that runs `slots` calls at once, out of a pool where the address space for it is to be had, and with its
/// ticker running.
pub(super) fn pooled(slots: u32) -> wasmtime::Result<Engine> {
    let mut config = tuned();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots)));
    let engine = Engine::new(&config).or_else(|error| {
        tracing::warn!(
            slots,
            error = format!("{error:#}"),
            "no address space for a pool of plugin instances: each call allocates its own, which is slower. \
             Raise `ulimit -v` or lower `[plugins] slots`"
        );
        Engine::new(&tuned())
    })?;
    start_ticker(&engine)?;
    Ok(engine)
}

/// An engine that only compiles: no pool, no ticker.
pub(super) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&tuned())
}

fn tuned() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // The largest knob: calls cost a quarter. The price is that a world cannot have an `async func`.
        .concurrency_support(false)
        // Epochs cost 3 % of a computing guest where fuel costs 20 %.
        .epoch_interruption(true)
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_init_cow(true)
        // Bounds are checked in code: 3 % slower than reserving 4 GiB a memory, which containers refuse.
        .memory_reservation(MOST_MEMORY as u64)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(CALL_STACK)
        .gc_support(false)
        .shared_memory(false)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    // What no guest tool chain needs is attack surface. Multiple memories, tail calls and extended constants stay on:
    // JavaScript and Python guests need them, and fused adapters make wasmtime 48 panic without the first.
    config.wasm_relaxed_simd(false).wasm_memory64(false);
    config
}

/// Every slot can hold the largest component, so that a caller who got a slot never meets an empty pool.
fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_core_instances(slots * MOST_CORE_INSTANCES)
        .total_memories(slots * MOST_MEMORIES)
        .total_tables(slots * MOST_TABLES)
        .max_core_instances_per_component(MOST_CORE_INSTANCES)
        .max_memories_per_component(MOST_MEMORIES)
        .max_tables_per_component(MOST_TABLES)
        .max_memories_per_module(1)
        .max_tables_per_module(2)
        .table_elements(20_000)
        .max_memory_size(MOST_MEMORY)
        .max_component_instance_size(8 << 20)
        .max_core_instance_size(4 << 20)
        // A slot that stays resident is reset by copying what was touched, which is faster than unmapping it.
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto)
        .decommit_batch_size(8)
        .max_unused_warm_slots(slots / 4);
    pool
}

/// A thread of its own, so that a busy executor cannot keep a guest running. It ends with the engine.
fn start_ticker(engine: &Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    thread::Builder::new().name("plugin-ticker".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    Ok(())
}
