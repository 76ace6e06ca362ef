//! The life of a run: record, claim, heartbeat, progress, finish, rescue.
//!
//! The host that claims a run holds its lease. Everything that it writes afterwards names the fence that it was
//! given, and does nothing once somebody else has ended the run.

use std::time::Duration;

use serde_json::Value as Json;

use super::database::{Dialect, Transaction};
use super::lock::Fence;
use super::run::{Failure, NewRun, PluginUsed, Progress, Run, RunState, run_columns};
use super::statement::Statement;
use super::word::words;
use super::{PAGE_LIMIT, Store, StoreError};
use crate::clock::Timestamp;

words! {
    /// How a run ends.
    FinalState {
        /// The plugin reported that it did the work.
        Succeeded = "succeeded",
        /// The plugin or its sandbox failed.
        Failed = "failed",
        /// The host stopped before the plugin was done.
        Interrupted = "interrupted",
        /// It was not executed.
        Skipped = "skipped",
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// Its final state.
    pub state: FinalState,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
    /// What the plugin reported.
    pub report: Option<Json>,
    /// When to try again; the next run is recorded in the same transaction, so that none is lost in between.
    pub retry_at: Option<Timestamp>,
}

/// Picks the oldest run of each idle job. Only the oldest: two hosts that pick at the same moment then want the same
/// run of a job, and the second passes it over. The rare rest is caught by the unique index `runs_running`.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "with picked as materialized ( \
                select head.id as picked_id from runs as head \
                where head.state = 'queued' and head.not_before <= $1 \
                  and not exists (select 1 from runs as other \
                    where other.job = head.job and other.state in ('queued', 'running') \
                      and (other.state = 'running' or other.not_before <= $1 \
                        and (other.not_before, other.id) < (head.not_before, head.id))) \
                order by head.not_before, head.id limit $4 ",
            $lock,
            ") update runs set state = 'running', started_at = $1, owner = $2, lease_expires_at = $3, \
                fence = fence + 1 \
             from picked where id = picked_id returning ",
            run_columns!()
        )
    };
}

/// How often a claim starts again because another host was faster, before it leaves the rest to that host.
const CLAIM_ATTEMPTS: usize = 8;

impl Store {
    /// Records a run that no schedule asked for, or another try.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn insert_run(&self, new: &NewRun) -> Result<Run, StoreError> {
        let mut transaction = self.database.begin().await?;
        let run = self.insert(&mut transaction, new).await?;
        transaction.commit().await?;
        Ok(run)
    }

    pub(super) async fn insert(
        &self,
        transaction: &mut Transaction,
        new: &NewRun,
    ) -> Result<Run, StoreError> {
        const INSERT: &str = concat!(
            "insert into runs (id, job, plugin, trigger, scheduled_for, attempt, retry_of, state, not_before, \
             created_at, finished_at, failure_class, failure_message) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning ",
            run_columns!()
        );
        let now = self.now();
        let skipped = new.skipped.as_ref();
        let state = if skipped.is_some() { RunState::Skipped } else { RunState::Queued };
        let insert = Statement::new(INSERT)
            .bind(&self.new_id())
            .bind(&new.job)
            .bind(&new.plugin)
            .bind(new.trigger)
            .bind(new.scheduled_for)
            .bind(new.attempt)
            .bind(&new.retry_of)
            .bind(state)
            .bind(new.not_before)
            .bind(now)
            .bind(skipped.map(|_| now))
            .bind(skipped.map(|failure| failure.class.as_str()))
            .bind(skipped.map(|failure| failure.message.as_str()));
        transaction.one(insert, Run::from_row).await
    }

    /// Claims up to `limit` runs whose time has come, at most one a job and none of a job that has a running one,
    /// oldest first. Nobody else gets them.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing was claimed.
    pub async fn claim_runs(&self, owner: &str, lease: Duration, limit: u32) -> Result<Vec<Run>, StoreError> {
        let sql = match self.database.dialect() {
            Dialect::Sqlite => claim!(""),
            Dialect::Postgres => claim!("for update of head skip locked"),
        };
        for _ in 0..CLAIM_ATTEMPTS {
            let now = self.now();
            let claim = Statement::new(sql).bind(now).bind(owner).bind(now + lease).bind(limit);
            match self.database.write(claim, Run::from_row).await {
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
                Ok(mut runs) => {
                    runs.sort_by(|a, b| (a.not_before, &a.id).cmp(&(b.not_before, &b.id)));
                    return Ok(runs);
                }
            }
        }
        Ok(Vec::new())
    }

    /// Claims one run now, even before its time. `None` if it is not queued any more, or another run of its job is
    /// running.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn claim_run(&self, id: &str, owner: &str, lease: Duration) -> Result<Option<Run>, StoreError> {
        match self.database.write(self.claim_one(id, owner, lease), Run::from_row).await {
            Err(StoreError::Conflict { .. }) => Ok(None),
            outcome => Ok(outcome?.pop()),
        }
    }

    fn claim_one(&self, id: &str, owner: &str, lease: Duration) -> Statement {
        const CLAIM: &str = concat!(
            "update runs set state = 'running', started_at = $2, owner = $3, lease_expires_at = $4, fence = fence + 1 \
             where id = $1 and state = 'queued' \
               and not exists (select 1 from runs as other where other.job = runs.job and other.state = 'running') \
             returning ",
            run_columns!()
        );
        let now = self.now();
        Statement::new(CLAIM).bind(id).bind(now).bind(owner).bind(now + lease)
    }

    /// Records a run and claims it in one step, so that nobody else gets it. `None` if another run of its job is
    /// running; then nothing was recorded.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn start_run(
        &self,
        new: &NewRun,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Run>, StoreError> {
        let mut transaction = self.database.begin().await?;
        let run = self.insert(&mut transaction, new).await?;
        let claimed = match transaction.rows(self.claim_one(&run.id, owner, lease), Run::from_row).await {
            Err(StoreError::Conflict { .. }) => return Ok(None),
            claimed => claimed?.pop(),
        };
        if claimed.is_some() {
            transaction.commit().await?;
        }
        Ok(claimed)
    }

    /// Holds a running run for `lease` from now. `false`: the lease was lost, and whoever asks must stop.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn heartbeat(&self, id: &str, fence: Fence, lease: Duration) -> Result<bool, StoreError> {
        let renew = Statement::new(
            "update runs set lease_expires_at = $3 where id = $1 and fence = $2 and state = 'running'",
        );
        Ok(self.database.change(renew.bind(id).bind(fence).bind(self.now() + lease)).await? == 1)
    }

    /// Records which plugin version a running run uses. `false`: the lease was lost.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn set_run_plugin(
        &self,
        id: &str,
        fence: Fence,
        plugin: &PluginUsed,
    ) -> Result<bool, StoreError> {
        let update = Statement::new(
            "update runs set plugin_version = $3, plugin_hash = $4 where id = $1 and fence = $2 and state = 'running'",
        );
        let update = update.bind(id).bind(fence).bind(&plugin.version).bind(&plugin.hash);
        Ok(self.database.change(update).await? == 1)
    }

    /// Replaces a running run's progress. `false`: the lease was lost.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn set_progress(
        &self,
        id: &str,
        fence: Fence,
        progress: &Progress,
    ) -> Result<bool, StoreError> {
        let update = Statement::new(
            "update runs set progress_done = $3, progress_total = $4, progress_message = $5 \
             where id = $1 and fence = $2 and state = 'running'",
        );
        let update =
            update.bind(id).bind(fence).bind(progress.done).bind(progress.total).bind(&progress.message);
        Ok(self.database.change(update).await? == 1)
    }

    /// Ends a running run, and records the next try if there is to be one. `false`: the lease was lost, somebody else
    /// has ended the run, and nothing was written.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing was written, unless the connection broke during the commit.
    pub async fn finish_run(&self, id: &str, fence: Fence, finish: &Finish) -> Result<bool, StoreError> {
        const FINISH: &str = concat!(
            "update runs set state = $3, finished_at = $4, failure_class = $5, failure_message = $6, report = $7, \
               lease_expires_at = null \
             where id = $1 and fence = $2 and state = 'running' returning ",
            run_columns!()
        );
        let failure = finish.failure.as_ref();
        let update = Statement::new(FINISH)
            .bind(id)
            .bind(fence)
            .bind(finish.state)
            .bind(self.now())
            .bind(failure.map(|failure| failure.class.as_str()))
            .bind(failure.map(|failure| failure.message.as_str()))
            .bind(&finish.report);
        let mut transaction = self.database.begin().await?;
        let Some(run) = transaction.rows(update, Run::from_row).await?.pop() else { return Ok(false) };
        if let Some(retry_at) = finish.retry_at {
            self.insert(&mut transaction, &NewRun::retry(&run, retry_at)).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends running runs whose lease has expired as `interrupted` and returns them. `retry_at` says when to try one
    /// again, if at all; the next run is recorded in the same transaction. One host gets each run.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing was written.
    pub async fn rescue_expired_runs(
        &self,
        retry_at: impl Fn(&Run) -> Option<Timestamp>,
    ) -> Result<Vec<Run>, StoreError> {
        const RESCUE: &str = concat!(
            "update runs set state = 'interrupted', finished_at = $1, lease_expires_at = null, \
               failure_class = 'interrupted', \
               failure_message = 'its host, ' || owner || ', stopped before it was done' \
             where id in (select id from runs where state = 'running' and lease_expires_at <= $1 \
               order by id limit $2) \
               and state = 'running' and lease_expires_at <= $1 returning ",
            run_columns!()
        );
        let mut transaction = self.database.begin().await?;
        let rescue = Statement::new(RESCUE).bind(self.now()).bind(PAGE_LIMIT);
        let runs = transaction.rows(rescue, Run::from_row).await?;
        for run in &runs {
            if let Some(retry_at) = retry_at(run) {
                self.insert(&mut transaction, &NewRun::retry(run, retry_at)).await?;
            }
        }
        transaction.commit().await?;
        Ok(runs)
    }
}
