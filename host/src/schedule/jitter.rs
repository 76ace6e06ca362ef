//! How much later than its instant a firing starts, so that not every job of the hour starts in the same
//! second.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::Timestamp;

/// A delay from zero to `longest`, in whole milliseconds. It depends on nothing but the arguments, so that
/// all hosts that share a database agree on it, and a restart does not change it.
pub fn jitter(job: &str, instant: Timestamp, longest: Duration) -> Duration {
    let digest =
        Sha256::new().chain_update(instant.timestamp_millis().to_be_bytes()).chain_update(job).finalize();
    let (chance, _) = digest.split_first_chunk().expect("a SHA-256 digest has more than 8 bytes");
    let choices = longest.as_millis().min(u64::MAX.into()) + 1;
    let millis = (u128::from(u64::from_be_bytes(*chance)) * choices) >> u64::BITS;
    Duration::from_millis(millis.try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jitters(job: &str, longest: Duration) -> Vec<Duration> {
        let start: Timestamp = "2026-01-01T02:00:00Z".parse().unwrap();
        (0..1000).map(|day| jitter(job, start + chrono::TimeDelta::days(day), longest)).collect()
    }

    #[test]
    fn stays_within_its_bounds_and_fills_them() {
        let longest = Duration::from_secs(600);
        let delays = jitters("nightly-backup", longest);
        assert!(delays.iter().all(|delay| *delay <= longest));
        assert!(delays.iter().any(|delay| *delay < longest / 10));
        assert!(delays.iter().any(|delay| *delay > longest * 9 / 10));
    }

    #[test]
    fn is_the_same_on_every_host_and_in_every_version() {
        // Computed once with Python's hashlib.
        let instant = "2026-01-01T02:00:00Z".parse().unwrap();
        assert_eq!(
            jitter("nightly-backup", instant, Duration::from_secs(600)),
            Duration::from_millis(436_305)
        );
    }

    #[test]
    fn differs_from_job_to_job_and_from_night_to_night() {
        let longest = Duration::from_secs(600);
        let delays = jitters("nightly-backup", longest);
        assert_ne!(delays, jitters("weekly-report", longest));
        assert_ne!(delays[0], delays[1]);
    }

    #[test]
    fn a_job_without_jitter_starts_on_time_and_the_longest_jitter_does_not_overflow() {
        let instant = "2026-01-01T02:00:00Z".parse().unwrap();
        assert_eq!(jitter("a", instant, Duration::ZERO), Duration::ZERO);
        assert!(jitter("a", instant, Duration::MAX) > Duration::ZERO);
    }
}
