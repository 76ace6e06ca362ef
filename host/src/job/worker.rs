//! Claims queued runs and executes them, a few at a time, until it is told to stop; finds the runs of the dead.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::execution::{Executor, LEASE, retry_at};
use super::owner::Owner;
use super::{Catalogue, RunLog};
use crate::store::{Failure, FinalState, Finish, Run, RunFilter, RunState, StoreError};

/// Runs that go on at once. A run mostly waits for a database server, which would not be faster with more.
const RUNS_AT_ONCE: usize = 4;

/// How often the store is asked when nobody says that a run is waiting: retries that become due, other hosts' runs.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// How often runs with an expired lease are looked for.
const RESCUE_EVERY: Duration = Duration::from_secs(10);

/// The part of the daemon that executes runs.
pub struct Worker {
    executor: Executor,
    catalogue: watch::Receiver<Arc<Catalogue>>,
    queued: Arc<Notify>,
    owner: String,
    running: TaskTracker,
}

impl Worker {
    /// `queued` is notified when a run may be waiting.
    pub fn new(executor: Executor, catalogue: watch::Receiver<Arc<Catalogue>>, queued: Arc<Notify>) -> Self {
        let owner = Owner::this_process().to_string();
        Self { executor, catalogue, queued, owner, running: TaskTracker::new() }
    }

    /// Executes runs until `drain`, then waits for those under way. `abort` ends these as interrupted.
    pub async fn run(self, drain: CancellationToken, abort: CancellationToken) {
        let mut poll = tokio::time::interval(POLL_EVERY);
        let mut rescue = tokio::time::interval(RESCUE_EVERY);
        while !drain.is_cancelled() {
            tokio::select! {
                () = drain.cancelled() => break,
                () = self.queued.notified() => self.claim(&abort).await,
                _ = poll.tick() => self.claim(&abort).await,
                _ = rescue.tick() => self.rescue().await,
            }
        }
        self.running.close();
        self.running.wait().await;
    }

    async fn claim(&self, abort: &CancellationToken) {
        let free = RUNS_AT_ONCE.saturating_sub(self.running.len());
        if free == 0 {
            return;
        }
        match self.executor.store.claim_runs(&self.owner, LEASE, free as u32).await {
            Ok(runs) => runs.into_iter().for_each(|run| self.start(run, abort.clone())),
            Err(error) => tracing::error!(%error, "no runs could be claimed; trying again"),
        }
    }

    fn start(&self, run: Run, abort: CancellationToken) {
        let (executor, queued) = (self.executor.clone(), Arc::clone(&self.queued));
        let catalogue = Arc::clone(&self.catalogue.borrow());
        self.running.spawn(async move {
            let (log, writer) = RunLog::start(executor.store.clone(), &run);
            if let Err(error) = executor.execute(&run, &catalogue, log, writer, &abort).await {
                tracing::error!(run = run.id, %error, "the end of the run could not be stored; its lease will expire");
            }
            // The job's next run may have waited for this one.
            queued.notify_one();
        });
    }

    async fn rescue(&self) {
        let catalogue = Arc::clone(&self.catalogue.borrow());
        if let Err(error) = self.rescue_interrupted(&catalogue).await {
            tracing::error!(%error, "interrupted runs could not be looked for; trying again");
        }
    }

    async fn rescue_interrupted(&self, catalogue: &Catalogue) -> Result<(), StoreError> {
        let store = &self.executor.store;
        let now = self.executor.clock.now();
        let retry_at = |run: &Run| {
            let job = catalogue.get(&run.job)?;
            retry_at(job, run, FinalState::Interrupted, None, now)
        };
        for run in store.rescue_expired_runs(retry_at).await? {
            tracing::warn!(run = run.id, job = run.job, owner = run.owner, "interrupted: its lease expired");
        }
        let running = RunFilter { state: Some(RunState::Running), ..RunFilter::default() };
        for run in store.runs(&running).await? {
            if !run.owner.as_deref().is_some_and(Owner::is_known_dead) {
                continue;
            }
            let message = "the process that executed it died".to_owned();
            let finish = Finish {
                state: FinalState::Interrupted,
                failure: Some(Failure { class: "interrupted".to_owned(), message }),
                report: None,
                retry_at: retry_at(&run),
            };
            if store.finish_run(&run.id, run.fence, &finish).await? {
                tracing::warn!(run = run.id, job = run.job, "interrupted: the process that executed it died");
            }
        }
        Ok(())
    }
}
