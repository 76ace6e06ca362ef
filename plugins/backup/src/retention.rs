//! Which backups are old enough to go.

use crate::zelador::plugin::archive::{Artifact, Proof, Scope};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Whether it can be restored from, as far as is known.
pub fn is_good(artifact: &Artifact) -> bool {
    !matches!(artifact.proof, None | Some(Proof::Present | Proof::Hash | Proof::Decompressed))
}

/// The cluster backups among `artifacts` (of one server, newest first) that may go, oldest first.
///
/// Age counts from the newest good one, not from the clock: where backups have failed for a month, the last good ones
/// stay, and a clock that jumps takes nothing away.
pub fn expired(artifacts: &[Artifact], days: u32, minimum_kept: usize) -> Vec<&Artifact> {
    let clusters = || artifacts.iter().filter(|artifact| matches!(artifact.scope, Scope::Cluster));
    let Some(newest) = clusters().find(|artifact| is_good(artifact)).filter(|_| days > 0) else {
        return Vec::new();
    };
    let limit = newest.created_at - i64::from(days) * DAY_MS;
    let kept: Vec<&str> = clusters()
        .filter(|artifact| is_good(artifact))
        .take(minimum_kept.max(1))
        .map(|kept| &*kept.id)
        .collect();
    let mut expired: Vec<_> =
        clusters().filter(|artifact| artifact.created_at < limit && !kept.contains(&&*artifact.id)).collect();
    expired.reverse();
    expired
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Backups of so many days ago; a negative number is a damaged one.
    fn artifacts(days: &[i64]) -> Vec<Artifact> {
        let artifact = |days: &i64| Artifact {
            id: days.to_string(),
            name: String::new(),
            server: "main".into(),
            scope: Scope::Cluster,
            created_at: 1_000 * DAY_MS - days.abs() * DAY_MS,
            size_bytes: 1,
            proof: (*days >= 0).then_some(Proof::Structure),
            extensions: vec![],
        };
        days.iter().map(artifact).collect()
    }

    fn expired_of(ages: &[i64], days: u32, minimum: usize) -> Vec<i64> {
        expired(&artifacts(ages), days, minimum).iter().map(|artifact| artifact.id.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_older_than_the_days_goes_oldest_first() {
        assert_eq!(expired_of(&[0, 1, 30, 31, 60], 30, 1), [60, 31]);
    }

    #[test]
    fn no_days_keep_everything() {
        assert_eq!(expired_of(&[0, 1000], 0, 1), [0; 0]);
    }

    #[test]
    fn the_newest_good_ones_stay_however_old_they_are() {
        assert_eq!(expired_of(&[100, 200, 300], 30, 1), [300, 200]);
        assert_eq!(expired_of(&[100, 200, 300], 30, 2), [300]);
        assert_eq!(expired_of(&[-1, 100, -200, 300], 30, 2), [-200]);
    }

    #[test]
    fn without_a_good_one_nothing_goes() {
        assert_eq!(expired_of(&[-1, -100], 30, 1), [0; 0]);
        assert_eq!(expired_of(&[], 30, 1), [0; 0]);
    }
}
