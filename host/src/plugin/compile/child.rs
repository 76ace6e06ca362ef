//! The child's side: limits itself, reads a component, writes machine code.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use super::super::engine;

/// Address space, in bytes. The largest guest known (StarlingMonkey, 12 MB) took 0.5 GiB.
const MOST_MEMORY: u64 = 4 << 30;
/// Processor time over all threads, in seconds.
const MOST_CPU_SECONDS: u64 = 300;

/// The longest reason, in characters, well within what a pipe holds.
const LONGEST_REASON: usize = 2000;

/// Compiles the component on standard input to standard output. Standard error has the reason of a failure.
pub fn child_main() -> ExitCode {
    match limit_ourselves().and_then(|()| compile()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reason = format!("{error:#}");
            // There is nobody left to tell if standard error is gone too.
            let _ = writeln!(io::stderr(), "{reason:.LONGEST_REASON$}");
            ExitCode::FAILURE
        }
    }
}

fn limit_ourselves() -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot tie the compiler to its parent")?;
    let limits = [
        (Resource::As, MOST_MEMORY),
        (Resource::Cpu, MOST_CPU_SECONDS),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .with_context(|| format!("cannot limit the compiler ({resource:?})"))?;
    }
    Ok(())
}

fn compile() -> anyhow::Result<()> {
    let mut wasm = Vec::new();
    io::stdin().lock().read_to_end(&mut wasm).context("cannot read the component")?;
    let code = engine::compiler()?.precompile_component(&wasm)?;
    let mut output = io::stdout().lock();
    output.write_all(&code).and_then(|()| output.flush()).context("cannot write the code")
}
