//! The life of a delivery while workers work on it: claim and settle, hundreds at a time.
//!
//! A claim goes on behind the last one that it found, so that it never walks again over the remains of what was claimed
//! before: while somebody holds an old snapshot open, PostgreSQL cannot clear those away, and a claim that begins at the
//! beginning each time comes to a tenth of its speed. What was committed late and lies before that place is found by a
//! claim that begins earlier; the queue makes one from time to time.

use std::borrow::Borrow;
use std::collections::HashSet;

use serde::Serialize;

use super::attempt::NewAttempt;
use super::batch::{Batch, Column, Columns};
use super::cursor::Cursor;
use super::database::Dialect;
use super::dead_letter::NewDeadLetter;
use super::delivery::{Delivery, DeliveryState, Lane, delivery_columns};
use super::lock::Fence;
use super::row::Row;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::clock::Timestamp;

/// Which of a queue's deliveries a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Those that were never tried.
    First,
    /// Those whose next try is due.
    Retry,
}

/// A claim of deliveries whose time has come.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The queue.
    pub lane: Lane,
    /// Who claims: a worker that is registered.
    pub worker: &'a str,
    /// First tries, or others.
    pub stage: Stage,
    /// Behind this place in the order of `due_at`.
    pub after: Option<&'a Cursor>,
    /// At most so many.
    pub limit: u32,
}

/// What becomes of a claimed delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The delivery.
    pub id: String,
    /// The claim's.
    pub fence: Fence,
    /// Where it stands now.
    pub next: Next,
    /// The try that was made of it, if one was.
    pub attempt: Option<NewAttempt>,
}

/// Where a settled delivery stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// It arrived.
    Delivered,
    /// It is tried again then.
    Retry(Timestamp),
    /// It is given up.
    DeadLetter(Box<NewDeadLetter>),
    /// It waits for its target's turn, behind those that are due before.
    Held(Timestamp),
    /// It waits for a person to enable its endpoint.
    Parked,
    /// Nothing was done with it: anybody may claim it at once.
    Released,
}

/// A worker that is not registered any more gets nothing: what it got would have no lease. Its row is locked until the
/// claim is committed, so that a rescue comes before or after.
macro_rules! claim {
    ($alive_lock:literal, $state:literal, $target:literal, $lock:literal) => {
        concat!(
            "with alive as (select 1 from workers where id = $2",
            $alive_lock,
            "), picked as materialized (select id as picked_id from deliveries where lane = $1 and state = '",
            $state,
            "'",
            $target,
            " and due_at <= $3 and (due_at, id) > ($4, $5) and exists (select 1 from alive) \
             order by due_at, id limit $6",
            $lock,
            ") update deliveries set state = 'delivering', worker_id = $2, fence = fence + 1 \
             from picked where id = picked_id returning ",
            delivery_columns!()
        )
    };
}

macro_rules! claim_of {
    ($dialect:expr, $state:literal, $target:literal) => {
        match $dialect {
            Dialect::Sqlite => claim!("", $state, $target, ""),
            Dialect::Postgres => claim!(" for key share", $state, $target, " for update skip locked"),
        }
    };
}

const SETTLED: Columns = &[
    ("row_id", Column::Text),
    ("fence", Column::Integer),
    ("state", Column::Text),
    ("due_at", Column::Instant),
    ("counted", Column::Integer),
    ("attempted_at", Column::Instant),
    ("finished_at", Column::Instant),
];

#[derive(Serialize)]
struct SettledRow<'a> {
    row_id: &'a str,
    fence: i64,
    state: &'static str,
    due_at: Option<i64>,
    counted: i64,
    attempted_at: Option<i64>,
    finished_at: Option<i64>,
}

impl Store {
    /// Claims deliveries, in the order in which they are due. Nobody else gets them until they are settled, or until the
    /// worker's lease is over.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing was claimed.
    pub async fn claim_deliveries(&self, claim: &Claim<'_>) -> Result<Vec<Delivery>, StoreError> {
        let dialect = self.database.dialect();
        let sql = match claim.stage {
            Stage::First => claim_of!(dialect, "pending", ""),
            Stage::Retry => claim_of!(dialect, "failed", ""),
        };
        let statement = self.bind_claim(sql, claim);
        self.claimed(statement).await
    }

    /// Claims deliveries that are held for one target.
    ///
    /// # Errors
    /// As [`Store::claim_deliveries`].
    pub async fn claim_held(&self, claim: &Claim<'_>, target: &str) -> Result<Vec<Delivery>, StoreError> {
        let sql = claim_of!(self.database.dialect(), "held", " and target = $7");
        let statement = self.bind_claim(sql, claim).bind(target);
        self.claimed(statement).await
    }

    fn bind_claim(&self, sql: &'static str, claim: &Claim<'_>) -> Statement {
        let (due_at, id) = match claim.after {
            Some(cursor) => (cursor.instant, cursor.id.as_str()),
            None => (Timestamp::UNIX_EPOCH, ""),
        };
        Statement::new(sql)
            .bind(claim.lane)
            .bind(claim.worker)
            .bind(self.now())
            .bind(due_at)
            .bind(id)
            .bind(claim.limit)
    }

    async fn claimed(&self, statement: Statement) -> Result<Vec<Delivery>, StoreError> {
        let mut deliveries = self.database.write(statement, Delivery::from_row).await?;
        deliveries.sort_by(|a, b| (a.due_at, &a.id).cmp(&(b.due_at, &b.id)));
        Ok(deliveries)
    }

    /// The targets for which deliveries are held, up to `limit` of them behind `after`, in order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn held_targets(&self, lane: Lane, after: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        // Steps from target to target by the index, however many deliveries each has.
        let select = Statement::new(
            "with recursive found (target) as ( \
               select min(target) from deliveries where lane = $1 and state = 'held' and target > $2 \
               union all \
               select (select min(d.target) from deliveries d \
                       where d.lane = $1 and d.state = 'held' and d.target > found.target) \
               from found where found.target is not null) \
             select target from found where target is not null limit $3",
        );
        self.database.read(select.bind(lane).bind(after).bind(limit), |row| row.get("target")).await
    }

    /// When the next retry is due that is not due yet.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn next_retry_at(&self, lane: Lane) -> Result<Option<Timestamp>, StoreError> {
        let select = Statement::new(
            "select due_at from deliveries where lane = $1 and state = 'failed' and due_at > $2 \
             order by due_at, id limit 1",
        );
        self.database.read_optional(select.bind(lane).bind(self.now()), |row| row.instant("due_at")).await
    }

    /// Records what became of claimed deliveries, all or none. Returns the ids of those that the claims still held;
    /// of the others nothing is recorded, somebody else has them.
    ///
    /// # Errors
    /// Any [`StoreError`]; then nothing was written, unless the connection broke during the commit.
    pub async fn settle_deliveries(
        &self,
        settlements: &[impl Borrow<Settlement>],
    ) -> Result<Vec<String>, StoreError> {
        let now = self.now();
        let settlements: Vec<&Settlement> = settlements.iter().map(Borrow::borrow).collect();
        let rows: Vec<_> = settlements.iter().map(|settlement| settlement.row(now)).collect();
        let dialect = self.database.dialect();
        let update = Batch::new(SETTLED, &rows).statement(
            dialect,
            "update deliveries set worker_id = null, \
             state = case when input.state <> 'released' then input.state \
               when deliveries.attempts > 0 then 'failed' else 'pending' end, \
             due_at = coalesce(input.due_at, deliveries.due_at), \
             attempts = deliveries.attempts + input.counted, \
             attempts_in_all = deliveries.attempts_in_all + input.counted, \
             first_attempt_at = coalesce(deliveries.first_attempt_at, input.attempted_at), \
             finished_at = input.finished_at from",
            "where deliveries.id = input.row_id and deliveries.fence = input.fence \
             and deliveries.state = 'delivering' returning deliveries.id as id",
        );
        let mut transaction = self.database.begin().await?;
        let settled: Vec<String> = transaction.rows(update, |row: &Row| row.get("id")).await?;
        let held = held_claims(settlements, &settled);
        if let Some(insert) = super::attempt::insert(dialect, &held) {
            transaction.change(insert).await?;
        }
        if let Some(insert) = self.insert_dead_letters(&held) {
            transaction.change(insert).await?;
        }
        transaction.commit().await?;
        Ok(settled)
    }
}

/// The settlements that took effect.
fn held_claims<'a>(mut settlements: Vec<&'a Settlement>, settled: &[String]) -> Vec<&'a Settlement> {
    if settled.len() < settlements.len() {
        let settled: HashSet<_> = settled.iter().map(String::as_str).collect();
        settlements.retain(|settlement| settled.contains(settlement.id.as_str()));
    }
    settlements
}

impl Settlement {
    fn row(&self, now: Timestamp) -> SettledRow<'_> {
        let (state, due_at) = match &self.next {
            Next::Delivered => (DeliveryState::Delivered.as_str(), None),
            Next::Retry(at) => (DeliveryState::Failed.as_str(), Some(*at)),
            Next::DeadLetter(_) => (DeliveryState::DeadLetter.as_str(), None),
            Next::Held(at) => (DeliveryState::Held.as_str(), Some(*at)),
            Next::Parked => (DeliveryState::Parked.as_str(), None),
            // Behind the places where other claims stand, which would not look for it before.
            Next::Released => ("released", Some(now)),
        };
        let ended = matches!(self.next, Next::Delivered | Next::DeadLetter(_));
        SettledRow {
            row_id: &self.id,
            fence: self.fence.0,
            state,
            due_at: due_at.map(|at| at.timestamp_millis()),
            counted: i64::from(self.attempt.is_some()),
            attempted_at: self.attempt.as_ref().map(|attempt| attempt.at.timestamp_millis()),
            finished_at: ended.then(|| now.timestamp_millis()),
        }
    }
}
