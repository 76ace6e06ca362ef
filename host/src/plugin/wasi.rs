//! WASI 0.2 for guests whose tool chain insists on it: linked whole, and locked. No folders, no environment, no
//! arguments, no sockets, no names resolved; standard output goes nowhere; time is the host's clock.

use std::time::{Duration, SystemTime};

use wasmtime::component::Linker;
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxBuilder};

use super::CallState;
use crate::clock::SharedClock;

/// The most random bytes that a guest may ask for at once.
const MOST_RANDOM_BYTES: u64 = 64 << 10;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

pub(super) fn locked_down(clock: SharedClock) -> WasiCtx {
    // The builder grants nothing that it is not asked for; the three denials say so where it would matter most.
    WasiCtxBuilder::new()
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(MOST_RANDOM_BYTES)
        .wall_clock(WallClock(clock))
        .build()
}

struct WallClock(SharedClock);

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        SystemTime::from(self.0.now()).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}
