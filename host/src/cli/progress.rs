//! Progress lines for long work, drawn on standard error and only where a person watches.

use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::Output;
use crate::backup::{self, Observer};
use crate::job::RunLog;

/// The line of a run.
pub struct RunProgress(Option<(ProgressBar, JoinHandle<()>)>);

impl RunProgress {
    /// Follows the run's progress.
    pub fn start(output: Output, log: &RunLog) -> Self {
        if !output.is_watched() {
            return Self(None);
        }
        let line = spinner();
        let mut progress = log.watch_progress();
        let shown = line.clone();
        let follow = tokio::spawn(async move {
            while progress.changed().await.is_ok() {
                if let Some(progress) = &*progress.borrow_and_update() {
                    shown.set_message(progress.message.clone());
                }
            }
        });
        Self(Some((line, follow)))
    }

    /// Takes the line away.
    pub async fn finish(self) {
        if let Some((line, follow)) = self.0 {
            follow.abort();
            line.finish_and_clear();
        }
    }
}

/// The line of a backup or a verification.
pub struct BackupProgress(ProgressBar);

impl BackupProgress {
    /// Begins; `what` stands at the front of the line.
    pub fn start(output: Output, what: &str) -> Self {
        let line = if output.is_watched() { spinner() } else { ProgressBar::hidden() };
        line.set_prefix(what.to_owned());
        Self(line)
    }

    /// What to hand to the archive.
    pub fn observer(&self) -> Observer {
        let line = self.0.clone();
        std::sync::Arc::new(move |progress: backup::Progress| {
            line.set_message(describe(&progress, line.elapsed()))
        })
    }

    /// Takes the line away.
    pub fn finish(self) {
        self.0.finish_and_clear();
    }
}

fn spinner() -> ProgressBar {
    // Redrawn ten times a second however often it is told of progress.
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg} {elapsed}");
    line.set_style(style.expect("the template is a constant"));
    line.enable_steady_tick(Duration::from_millis(100));
    line
}

fn describe(progress: &backup::Progress, elapsed: Duration) -> String {
    let backup::Progress { phase, bytes_read, bytes_written, bytes_total } = *progress;
    let rate = HumanBytes((bytes_read as f64 / elapsed.as_secs_f64().max(0.1)) as u64);
    let total = bytes_total.map(|total| format!(" of {}", HumanBytes(total))).unwrap_or_default();
    format!(
        "{phase}: {}{total} read, {} written, {rate}/s",
        HumanBytes(bytes_read),
        HumanBytes(bytes_written)
    )
}
