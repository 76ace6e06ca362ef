//! What a domain does with the deliveries of its lane.

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::store::{Delivery, Lane, NewAttempt, Next, StoreError};

/// The domain's side of the queue.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// What a delivery needs beside its row.
    type Job: Send + 'static;

    /// The lane that it works on.
    fn lane(&self) -> Lane;

    /// Makes deliveries of what waits elsewhere; asked whenever nothing else is to be claimed. Whether there was any.
    async fn gather(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Decides whether deliveries that were just claimed may go, and loads what they need; in their order.
    async fn admit(&self, deliveries: &[Delivery]) -> Result<Vec<Admission<Self::Job>>, StoreError>;

    /// Makes one try. It ends by itself, within a bound.
    async fn deliver(&self, delivery: &Delivery, job: Self::Job) -> Done;
}

/// Whether a delivery may go.
pub enum Admission<J> {
    /// It may.
    Go {
        /// What it needs.
        job: J,
        /// How many may be under way to its target at one time.
        at_once: usize,
        /// How many may begin in a minute.
        per_minute: Option<u32>,
        /// Whether the target is known to have failed last.
        failing: bool,
    },
    /// Not before then.
    Hold(Timestamp),
    /// Not until a person says so.
    Park,
    /// It never will.
    Settle(Next),
}

/// What came of a try.
#[derive(Debug)]
pub struct Done {
    /// What becomes of the delivery.
    pub next: Next,
    /// The try, if one was made.
    pub attempt: Option<NewAttempt>,
}
