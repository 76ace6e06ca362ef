//! WASI 0.2 for guests whose tool chain insists on it: linked whole, and locked. No folders, no environment, no
//! arguments, no sockets, no names resolved; standard output goes to the call's log; time is the host's clock.

use std::time::{Duration, SystemTime};

use wasmtime::component::Linker;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxBuilder};

use super::CallState;
use crate::clock::SharedClock;

/// The most random bytes that a guest may ask for at once.
const MOST_RANDOM_BYTES: u64 = 64 << 10;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// The most that a guest may print, in bytes: the end of a stack trace is what its author needs.
const MOST_OUTPUT: usize = 16 << 10;

/// What a call has of WASI.
pub(super) struct Wasi {
    pub ctx: WasiCtx,
    output: MemoryOutputPipe,
}

impl Wasi {
    pub fn locked_down(clock: SharedClock) -> Self {
        let output = MemoryOutputPipe::new(MOST_OUTPUT);
        let ctx = locked_down(clock, &output);
        Self { ctx, output }
    }

    /// What the guest printed, standard output and standard error as they came.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.output.contents()).into_owned()
    }
}

fn locked_down(clock: SharedClock, output: &MemoryOutputPipe) -> WasiCtx {
    // The builder grants nothing that it is not asked for; the three denials say so where it would matter most.
    WasiCtxBuilder::new()
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(MOST_RANDOM_BYTES)
        .wall_clock(WallClock(clock))
        .stdout(output.clone())
        .stderr(output.clone())
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
