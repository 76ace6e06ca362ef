//! From WebAssembly to machine code: a child process compiles, a private cache keeps what came out.
//!
//! Compiling a hostile file can take minutes, all memory, or panic the compiler; so it never happens in the daemon.

mod cache;
mod child;
mod key;

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wasmtime::Engine;
use wasmtime::component::Component;

use self::cache::Cache;
pub use self::child::child_main;
use super::error::LoadError;
use super::text::one_line;

/// The hidden verb of our binary that runs [`child_main`].
pub const COMPILE_VERB: &str = "compile-plugin";

/// How long one compilation may take. A StarlingMonkey guest of 12 MB took 9 s on a quiet machine with 2 cores, 40 s on
/// a busy one.
const COMPILE_TIME: Duration = Duration::from_secs(180);

/// Threads of the child: each has a stack and an arena in the address space that it is limited to.
const THREADS: &str = "2";

/// The most machine code, in bytes, that is taken from the child. A Python guest of 19 MB became 36 MB.
const MOST_CODE: u64 = 512 << 20;

/// What the child may say about a failure, in bytes.
const LONGEST_REASON: u64 = 4 << 10;

/// The SHA-256 of a component's file.
pub(super) type Digest = [u8; 32];

/// Compiles for one engine.
#[derive(Debug)]
pub(super) struct Compiler {
    engine: Engine,
    program: PathBuf,
    cache: Option<Arc<Cache>>,
}

impl Compiler {
    /// `program` is our own binary; `cache` a folder of our own, or nothing to compile every time.
    pub fn new(engine: Engine, program: PathBuf, cache: Option<PathBuf>) -> Self {
        let cache = cache.and_then(|folder| match Cache::open(&folder, &engine) {
            Ok(cache) => Some(Arc::new(cache)),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "no cache of compiled plugins: each start compiles them");
                None
            }
        });
        Self { engine, program, cache }
    }

    /// The component in `wasm`, from the cache if it is there beyond doubt.
    pub async fn component(&self, wasm: &[u8], digest: &Digest) -> Result<Component, LoadError> {
        if let Some(component) = self.cached(digest).await {
            return Ok(component);
        }
        let code = self.compile(wasm).await?;
        let (engine, cache, digest) = (self.engine.clone(), self.cache.clone(), *digest);
        blocking(move || {
            if let Some(cache) = cache
                && let Err(error) = cache.store(&digest, &code)
            {
                tracing::warn!(%error, "a compiled plugin could not be cached: the next start compiles it again");
            }
            deserialize(&engine, &code)
        })
        .await?
        .map_err(|error| LoadError::Host(format!("the compiler's output is not code of this host: {error:#}")))
    }

    async fn cached(&self, digest: &Digest) -> Option<Component> {
        let (engine, cache, digest) = (self.engine.clone(), self.cache.clone()?, *digest);
        let read = move || {
            let code = cache.read(&digest)?;
            deserialize(&engine, &code)
                .inspect_err(|error| {
                    tracing::warn!(error = format!("{error:#}"), "cached code does not fit: compiling again")
                })
                .ok()
        };
        blocking(read).await.ok().flatten()
    }

    async fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        match tokio::time::timeout(COMPILE_TIME, self.run_child(wasm)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(LoadError::Compile(format!(
                "the compiler was stopped after {}",
                humantime::format_duration(COMPILE_TIME)
            ))),
        }
    }

    async fn run_child(&self, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        let mut child = Command::new(&self.program)
            .arg(COMPILE_VERB)
            .env_clear()
            .env("RAYON_NUM_THREADS", THREADS)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                LoadError::Host(format!("{} does not start: {error}", self.program.display()))
            })?;
        let mut input = child.stdin.take().expect("stdin is piped");
        let mut output = child.stdout.take().expect("stdout is piped").take(MOST_CODE + 1);
        let mut errors = child.stderr.take().expect("stderr is piped").take(LONGEST_REASON);
        let (mut code, mut reason) = (Vec::new(), Vec::new());
        let write = async move {
            // The child may end before it has read everything; its exit status tells more than a broken pipe.
            let _ = input.write_all(wasm).await;
        };
        let (_, read, _) =
            tokio::join!(write, output.read_to_end(&mut code), errors.read_to_end(&mut reason),);
        read.map_err(|error| LoadError::Host(format!("the compiler's output cannot be read: {error}")))?;
        if code.len() as u64 > MOST_CODE {
            return Err(LoadError::Compile(format!("it compiles to more than {} MiB", MOST_CODE >> 20)));
        }
        let status = child
            .wait()
            .await
            .map_err(|error| LoadError::Host(format!("the compiler cannot be waited for: {error}")))?;
        if status.success() { Ok(code) } else { Err(LoadError::Compile(said(status, &reason))) }
    }
}

/// What the child said, or what ended it.
fn said(status: ExitStatus, reason: &[u8]) -> String {
    use std::os::unix::process::ExitStatusExt;
    let reason = one_line(String::from_utf8_lossy(reason).trim(), LONGEST_REASON as usize);
    match status.signal() {
        Some(signal) => format!("the compiler ran into its limits (signal {signal}) {reason}"),
        None if reason.is_empty() => format!("the compiler gave up without a word ({status})"),
        None => reason,
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| LoadError::Host(format!("loading was interrupted: {error}")))
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what wasmtime produced and nothing else. They come either from the standard output of a child
    // process that runs this very program, or from the cache, which hands out only what bears this host's own
    // authentication tag. They are in memory, so nobody can change them now.
    unsafe { Component::deserialize(engine, code) }
}
