//! Looking back at runs, and forgetting old ones.

use super::run::{Run, RunState, run_columns};
use super::statement::Statement;
use super::{RETENTION_BATCH, Store, StoreError, page_size};
use crate::clock::Timestamp;

const SELECT: &str = concat!("select ", run_columns!(), " from runs");

/// Which runs to list. An absent field does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this job.
    pub job: Option<String>,
    /// In this state.
    pub state: Option<RunState>,
    /// Older than this run: the last `id` of the page before.
    pub before: Option<String>,
    /// At most so many; absent means [`PAGE_LIMIT`](super::PAGE_LIMIT), which bounds it in any case.
    pub limit: Option<u32>,
}

impl Store {
    /// One run.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn run(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let mut select = Statement::new(SELECT);
        select.push(" where id = ").push_bind(id);
        self.database.read_optional(select, Run::from_row).await
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, StoreError> {
        let mut select = Statement::new(SELECT);
        select.push(" where true");
        if let Some(job) = &filter.job {
            select.push(" and job = ").push_bind(job);
        }
        if let Some(state) = filter.state {
            select.push(" and state = ").push_bind(state);
        }
        if let Some(before) = &filter.before {
            select.push(" and id < ").push_bind(before);
        }
        select.push(" order by id desc limit ").push_bind(page_size(filter.limit));
        self.database.read(select, Run::from_row).await
    }

    /// The newest run of a job.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn last_run(&self, job: &str) -> Result<Option<Run>, StoreError> {
        let filter = RunFilter { job: Some(job.to_owned()), limit: Some(1), ..RunFilter::default() };
        Ok(self.runs(&filter).await?.pop())
    }

    /// Whether a run of the job is queued or running.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn has_unfinished_run(&self, job: &str) -> Result<bool, StoreError> {
        let select =
            Statement::new("select id from runs where job = $1 and state in ('queued', 'running') limit 1");
        Ok(!self.database.read(select.bind(job), |_| Ok(())).await?.is_empty())
    }

    /// Forgets runs that finished before `instant`, with their logs and firings, but keeps the newest
    /// `keep_per_job` runs of each job. Returns how many are gone. Done in small transactions: an error leaves the
    /// rest for the next time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn delete_runs_before(&self, instant: Timestamp, keep_per_job: u32) -> Result<u64, StoreError> {
        // A run may go if a run of its job that is newer by `keep_per_job` places exists.
        let delete = Statement::new(
            "delete from runs where id in ( \
               select id from runs as old where finished_at < $1 \
                 and ($2 = 0 or exists (select 1 from runs as newer where newer.job = old.job and newer.id > old.id \
                   order by newer.id limit 1 offset $3)) \
               limit $4)",
        );
        let delete = delete
            .bind(instant)
            .bind(keep_per_job)
            .bind(keep_per_job.saturating_sub(1))
            .bind(RETENTION_BATCH);
        self.database.delete_in_batches(&delete).await
    }
}
