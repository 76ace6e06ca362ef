//! Turns schedules into queued runs. Every firing is recorded once, however many daemons share the store, and none
//! is lost: what passed while nothing ran is decided by the job's policy at the next look.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::Catalogue;
use super::definition::Definition;
use crate::clock::{SharedClock, Timestamp};
use crate::config::Overlap;
use crate::schedule::{self, Schedule};
use crate::store::{Failure, NewRun, Store, StoreError, Trigger};

/// A firing that is found this late is still on time: longer than a look takes, or a store that is being restarted.
const GRACE: Duration = Duration::from_secs(60);

/// The schedules are looked at this often even when nothing is due, so that a clock that jumps is noticed.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long to wait before the next look when the store did not answer.
const AFTER_TROUBLE: Duration = Duration::from_secs(2);

/// The part of the daemon that follows the schedules.
pub struct Scheduler {
    store: Store,
    clock: SharedClock,
    catalogue: watch::Receiver<Arc<Catalogue>>,
    queued: Arc<Notify>,
}

impl Scheduler {
    /// `queued` is notified when a run may be waiting.
    pub fn new(
        store: Store,
        clock: SharedClock,
        catalogue: watch::Receiver<Arc<Catalogue>>,
        queued: Arc<Notify>,
    ) -> Self {
        Self { store, clock, catalogue, queued }
    }

    /// Follows the schedules until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let now = self.clock.now();
            let wake = match self.look(now).await {
                Ok(next) => next.unwrap_or(Timestamp::MAX_UTC).min(now + LONGEST_WAIT),
                Err(error) => {
                    tracing::error!(%error, "the schedules could not be followed; trying again");
                    now + AFTER_TROUBLE
                }
            };
            tokio::select! {
                () = self.clock.sleep_until(wake) => {}
                changed = self.catalogue.changed() => if changed.is_err() { return },
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Records what is due at `now` and returns when the next firing is.
    pub async fn look(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let catalogue = Arc::clone(&self.catalogue.borrow());
        let mut next = None;
        for (job, schedule) in catalogue.scheduled() {
            self.record_due(job, schedule, now).await?;
            next = next.into_iter().chain(schedule.next_after(now)).min();
        }
        Ok(next)
    }

    async fn record_due(
        &self,
        job: &Definition,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let fingerprint = schedule.fingerprint();
        let stored = self.store.schedule_cursor(&job.name).await?;
        let known = stored.filter(|cursor| cursor.fingerprint == fingerprint).map(|cursor| cursor.instant);
        let plan = schedule::plan(schedule, known, now, job.config.missed, GRACE);
        tell(job, &plan);
        for instant in &plan.fire {
            self.record_firing(job, *instant, now).await?;
        }
        if plan.cursor_was_ahead.is_some() {
            self.store.forget_schedule_cursor(&job.name).await?;
        }
        if known != Some(plan.cursor) {
            self.store.set_schedule_cursor(&job.name, plan.cursor, &fingerprint).await?;
        }
        Ok(())
    }

    async fn record_firing(
        &self,
        job: &Definition,
        instant: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let late = now - GRACE > instant;
        let skip =
            job.config.overlap == Overlap::Skip && !late && self.store.has_unfinished_run(&job.name).await?;
        let run = NewRun {
            job: job.name.clone(),
            plugin: job.config.plugin.clone(),
            trigger: Trigger::Schedule,
            scheduled_for: Some(instant),
            attempt: 1,
            retry_of: None,
            not_before: instant + schedule::jitter(&job.name, instant, job.config.jitter),
            skipped: skip.then(|| Failure {
                class: "overlap".to_owned(),
                message: "the run before was not finished, and the job's `overlap` is \"skip\"".to_owned(),
            }),
        };
        match self.store.record_firing(&run).await? {
            Some(run) if skip => {
                tracing::warn!(job = job.name, run = run.id, "skipped: the run before goes on")
            }
            Some(run) => {
                tracing::info!(job = job.name, run = run.id, scheduled_for = %instant, "queued");
                self.queued.notify_one();
            }
            None => {}
        }
        Ok(())
    }
}

fn tell(job: &Definition, plan: &schedule::Plan) {
    if plan.left_out > 0 {
        tracing::warn!(
            job = job.name,
            left_out = plan.left_out,
            policy = ?job.config.missed,
            "firings passed while nothing ran and are left out"
        );
    }
    if let Some(ahead) = plan.cursor_was_ahead {
        tracing::error!(
            job = job.name,
            ?ahead,
            "the schedule was last followed in the future: a clock is or was wrong"
        );
    }
}
