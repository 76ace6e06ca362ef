//! Taking up dead letters: many, in batches, at a bounded rate. Each batch is one transaction, so that one which is
//! interrupted and started again takes up each letter once.

use std::str::FromStr;
use std::time::Duration;

use super::acceptance::Webhooks;
use crate::store::{LetterFilter, QUEUE_CHANNEL, StoreError};

/// Letters that one transaction takes up at most.
const BATCH: u32 = 500;

/// How dead letters are taken up.
#[derive(Debug, Clone, Default)]
pub struct Reprocess {
    /// Which.
    pub filter: LetterFilter,
    /// At most so many, oldest first.
    pub limit: u32,
    /// How fast; without it at once.
    pub rate: Option<Rate>,
    /// Only count.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reprocessed {
    /// How many wait that match, before.
    pub matching: u64,
    /// How many were made deliveries again, or would have been.
    pub reprocessed: u64,
}

/// So many in a span of time: `10/s`, `600/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    number: u32,
    per: Duration,
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate such as `10/s`, `600/m` or `1000/h`")]
pub struct RateError(String);

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || RateError(text.to_owned());
        let (number, unit) = text.split_once('/').ok_or_else(error)?;
        let per = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(error()),
        };
        let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(error)?;
        Ok(Self { number, per: Duration::from_secs(per) })
    }
}

impl Rate {
    /// How long `count` of them take.
    fn span(self, count: u64) -> Duration {
        self.per.mul_f64(count as f64 / f64::from(self.number))
    }

    /// What may go in a tenth of a second, at least one.
    fn batch(self) -> u32 {
        let in_a_tenth = f64::from(self.number) * 0.1 / self.per.as_secs_f64();
        (in_a_tenth as u32).clamp(1, BATCH)
    }
}

impl Webhooks {
    /// Makes dead letters deliveries again, with their whole retry schedule before them.
    ///
    /// # Errors
    /// Any [`StoreError`]; the batches before stay done.
    pub async fn reprocess(&self, wanted: &Reprocess) -> Result<Reprocessed, StoreError> {
        let waiting =
            LetterFilter { status: Some(crate::store::LetterStatus::Waiting), ..wanted.filter.clone() };
        let matching = self.store.count_dead_letters(&waiting).await?;
        let mut done = Reprocessed { matching, reprocessed: matching.min(u64::from(wanted.limit)) };
        if wanted.dry_run {
            return Ok(done);
        }
        done.reprocessed = 0;
        let began = tokio::time::Instant::now();
        loop {
            let left = u32::try_from(u64::from(wanted.limit) - done.reprocessed).unwrap_or(u32::MAX);
            let batch = left.min(wanted.rate.map_or(BATCH, Rate::batch));
            if batch == 0 {
                return Ok(done);
            }
            let taken = self.store.reprocess_dead_letters(&wanted.filter, batch).await?.len();
            done.reprocessed += taken as u64;
            self.wake().await;
            if taken < batch as usize {
                return Ok(done);
            }
            if let Some(rate) = wanted.rate {
                tokio::time::sleep_until(began + rate.span(done.reprocessed)).await;
            }
        }
    }

    /// Makes one dead letter a delivery again. `false`: it does not wait, or is not there.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn reprocess_one(&self, letter_id: &str) -> Result<bool, StoreError> {
        let done = self.store.reprocess_dead_letter(letter_id).await?;
        self.wake().await;
        Ok(done)
    }

    /// Sends a delivery that has ended once more. `false`: it has not ended, or is not there.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn resend(&self, delivery_id: &str) -> Result<bool, StoreError> {
        let done = self.store.resend_delivery(delivery_id).await?;
        self.wake().await;
        Ok(done)
    }

    /// Tells the workers of this process and of others that deliveries wait. They would find out by themselves.
    pub async fn wake(&self) {
        self.queued.notify_one();
        if let Err(error) = self.store.notify(QUEUE_CHANNEL).await {
            tracing::debug!(%error, "other processes were not woken; they ask by themselves");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_in_a_unit_of_time() {
        assert_eq!("10/s".parse::<Rate>().unwrap().span(25), Duration::from_millis(2500));
        assert_eq!("600/m".parse::<Rate>().unwrap().batch(), 1);
        assert_eq!("100000/s".parse::<Rate>().unwrap().batch(), BATCH);
        for text in ["", "10", "0/s", "-1/s", "10/d", "ten/s", "99999999999/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
