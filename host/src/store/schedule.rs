//! The schedule's memory: which instants of a job were answered by a run, and how far its schedule was looked at.

use super::run::{NewRun, Run};
use super::statement::Statement;
use super::{Store, StoreError};
use crate::clock::Timestamp;

/// How far a job's schedule was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleCursor {
    /// Firings up to this instant were dealt with.
    pub instant: Timestamp,
    /// What the schedule was then: another text means that the operator changed it.
    pub fingerprint: String,
}

impl Store {
    /// Records that a job fired, together with the run that answers it. The firing is the job and `scheduled_for`
    /// (`not_before` where that is absent). `None` means that it was recorded before, by this host or another.
    ///
    /// # Errors
    /// Any [`StoreError`]; then neither the firing nor the run is there.
    pub async fn record_firing(&self, new: &NewRun) -> Result<Option<Run>, StoreError> {
        let mut transaction = self.database.begin().await?;
        let run = self.insert(&mut transaction, new).await?;
        let firing = Statement::new(
            "insert into firings (job, instant, run_id) values ($1, $2, $3) on conflict (job, instant) do nothing",
        );
        let firing = firing.bind(&new.job).bind(new.scheduled_for.unwrap_or(new.not_before)).bind(&run.id);
        if transaction.change(firing).await? == 0 {
            return Ok(None);
        }
        transaction.commit().await?;
        Ok(Some(run))
    }

    /// How far a job's schedule was looked at; `None` for a job that never had one.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn schedule_cursor(&self, job: &str) -> Result<Option<ScheduleCursor>, StoreError> {
        let select =
            Statement::new("select instant, fingerprint from schedule_cursors where job = $1").bind(job);
        self.database
            .read_optional(select, |row| {
                Ok(ScheduleCursor { instant: row.instant("instant")?, fingerprint: row.get("fingerprint")? })
            })
            .await
    }

    /// Forgets how far a job's schedule was looked at: its past then means nothing. For a cursor that a wrong clock
    /// wrote.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn forget_schedule_cursor(&self, job: &str) -> Result<(), StoreError> {
        let delete = Statement::new("delete from schedule_cursors where job = $1");
        self.database.change(delete.bind(job)).await?;
        Ok(())
    }

    /// Remembers how far a job's schedule was looked at. For one fingerprint it only moves forward, whichever of
    /// several hosts is slower.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn set_schedule_cursor(
        &self,
        job: &str,
        instant: Timestamp,
        fingerprint: &str,
    ) -> Result<(), StoreError> {
        let upsert = Statement::new(
            "insert into schedule_cursors (job, instant, fingerprint) values ($1, $2, $3) \
             on conflict (job) do update set instant = excluded.instant, fingerprint = excluded.fingerprint \
             where schedule_cursors.fingerprint <> excluded.fingerprint \
                or schedule_cursors.instant < excluded.instant",
        );
        self.database.change(upsert.bind(job).bind(instant).bind(fingerprint)).await?;
        Ok(())
    }
}
