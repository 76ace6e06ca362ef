//! How long a call has run and is allowed to run: guest time by a meter around each poll, wall time by a deadline.
//!
//! The engine's epochs say when to look at the meter (every tick); the meter says how long it really was. Counting ticks
//! instead would charge a guest for the time that it waited in host functions.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use thiserror::Error;
use wasmtime::{StoreContextMut, UpdateDeadline};

use super::CallState;

thread_local! {
    /// When the call that this thread polls would have begun if it had run without a pause.
    static RUNNING_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A time that a call has a limit of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// Time in the guest's own code, and in what the host computes for it without waiting.
    Guest,
    /// Time on the wall, waiting for the host included.
    Wall,
}

impl TimeLimit {
    /// The key of the limit in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Guest => "guest-time",
            Self::Wall => "time",
        }
    }
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guest => "its own computing time",
            Self::Wall => "running time",
        })
    }
}

/// The trap that ends a guest whose time is over.
#[derive(Debug, Clone, Copy, Error)]
#[error("out of {0}")]
pub(super) struct TimeOver(pub TimeLimit);

/// A panic that was caught.
pub(super) type Panic = Box<dyn Any + Send>;

/// Runs a call with its meter, and catches a panic of a host function before it reaches the executor.
pub(super) async fn metered<T>(call: impl Future<Output = T>) -> Result<T, Panic> {
    let mut call = pin!(call);
    let mut spent = Duration::ZERO;
    std::future::poll_fn(|context| {
        let since = Instant::now().checked_sub(spent);
        let outer = RUNNING_SINCE.replace(since);
        // After a panic the call's store is dropped and nothing of it is looked at again.
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
        RUNNING_SINCE.set(outer);
        match polled {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => {
                spent = since.map_or(spent, |since| since.elapsed());
                Poll::Pending
            }
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// What the engine asks at every tick of a running guest: stop it, or let others run and go on.
pub(super) fn at_tick(store: StoreContextMut<'_, CallState>) -> wasmtime::Result<UpdateDeadline> {
    let limits = &store.data().limits;
    let guest_time = RUNNING_SINCE.get().map_or(Duration::ZERO, |since| since.elapsed());
    if guest_time >= limits.guest_time {
        return Err(TimeOver(TimeLimit::Guest).into());
    }
    // Only a busy executor can bring a guest here after the timer around the call should have ended it.
    if store.data().began.elapsed() >= limits.time {
        return Err(TimeOver(TimeLimit::Wall).into());
    }
    Ok(UpdateDeadline::Yield(1))
}
