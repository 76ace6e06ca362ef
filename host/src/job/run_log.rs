//! The log and the progress of one run, on their way from the plugin's call to the store.
//!
//! The call must not wait for the database: lines are queued and written in batches by a task of their own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::Timestamp;
use crate::plugin;
use crate::store::{Fence, LogLevel, NewLogLine, Progress, Run, Store, StoreError};

/// How long a line waits for others before it is written.
const BATCH_EVERY: Duration = Duration::from_millis(250);

/// Lines that wait at most. The call's log budget bounds them long before; one more than this is dropped.
const LINES_WAITING: usize = 16_384;

/// Hears what a run says. Handed to the plugin's call, and used by the worker for lines of its own.
#[derive(Clone)]
pub struct RunLog {
    lines: mpsc::Sender<NewLogLine>,
    progress: Arc<watch::Sender<Option<Progress>>>,
}

/// The task behind a [`RunLog`].
pub struct Writer(JoinHandle<()>);

impl RunLog {
    /// The log of a running run. [`Writer::finish`] ends it.
    pub fn start(store: Store, run: &Run) -> (Self, Writer) {
        let (lines, queue) = mpsc::channel(LINES_WAITING);
        let (progress, newest) = watch::channel(None);
        let drain = Drain { store, run_id: run.id.clone(), fence: run.fence, queue, newest, written: None };
        (Self { lines, progress: Arc::new(progress) }, Writer(tokio::spawn(drain.run())))
    }

    /// Writes a line of the host's own.
    pub fn write(&self, at: Timestamp, level: LogLevel, message: impl Into<String>) {
        self.queue(NewLogLine { at, level, message: message.into(), fields: Default::default() });
    }

    /// The progress as it changes, for a person who watches.
    pub fn watch_progress(&self) -> watch::Receiver<Option<Progress>> {
        self.progress.subscribe()
    }

    fn queue(&self, line: NewLogLine) {
        // A full queue means that the store has been away for thousands of lines: the daemon's own log has them.
        let _ = self.lines.try_send(line);
    }
}

impl plugin::CallSink for RunLog {
    fn log(&self, line: &plugin::LogLine) {
        self.queue(NewLogLine {
            at: line.at,
            level: level(line.level),
            message: line.message.clone(),
            fields: line.fields.iter().cloned().collect(),
        });
    }

    fn progress(&self, progress: plugin::Progress) {
        let plugin::Progress { done, total, message } = progress;
        self.progress.send_replace(Some(Progress { done, total, message }));
    }
}

impl Writer {
    /// Waits until everything is written. All clones of the log must be gone, or be about to go.
    pub async fn finish(self) {
        // The task never panics of its own; if it was torn down with the runtime there is nobody left to tell.
        let _ = self.0.await;
    }
}

fn level(level: plugin::LogLevel) -> LogLevel {
    match level {
        plugin::LogLevel::Debug => LogLevel::Debug,
        plugin::LogLevel::Info => LogLevel::Info,
        plugin::LogLevel::Warn => LogLevel::Warn,
        plugin::LogLevel::Error => LogLevel::Error,
    }
}

struct Drain {
    store: Store,
    run_id: String,
    fence: Fence,
    queue: mpsc::Receiver<NewLogLine>,
    newest: watch::Receiver<Option<Progress>>,
    written: Option<Progress>,
}

impl Drain {
    /// Ends when the last clone of the log is gone and all of it is written.
    async fn run(mut self) {
        let mut lines = Vec::new();
        let mut closing = self.newest.clone();
        loop {
            tokio::select! {
                count = self.queue.recv_many(&mut lines, LINES_WAITING) => {
                    self.write(&mut lines).await;
                    if count == 0 {
                        return self.write_progress().await;
                    }
                }
                Ok(()) = self.newest.changed() => {}
            }
            self.write_progress().await;
            // A chatty run costs a few statements a second, and the end of a run does not wait.
            tokio::select! {
                () = tokio::time::sleep(BATCH_EVERY) => {}
                () = closed(&mut closing) => {}
            }
        }
    }

    async fn write(&mut self, lines: &mut Vec<NewLogLine>) {
        if let Err(error) = self.store.append_run_logs(&self.run_id, lines).await {
            tell(&self.run_id, &error);
        }
        lines.clear();
    }

    async fn write_progress(&mut self) {
        let progress = self.newest.borrow_and_update().clone();
        if progress == self.written {
            return;
        }
        if let Some(progress) = &progress
            && let Err(error) = self.store.set_progress(&self.run_id, self.fence, progress).await
        {
            tell(&self.run_id, &error);
        }
        self.written = progress;
    }
}

/// Resolves when the sender is gone.
async fn closed(progress: &mut watch::Receiver<Option<Progress>>) {
    while progress.changed().await.is_ok() {}
}

fn tell(run: &str, error: &StoreError) {
    tracing::warn!(run, %error, "a part of the run's log could not be stored");
}
