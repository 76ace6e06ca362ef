//! What artifacts are called: `PREFIX_YYYYMMDD_HHMMSS.sql.gz`, the time as clocks on the wall show it.

use chrono::Duration;
use chrono_tz::Tz;

use super::manifest::Content;
use crate::clock::Timestamp;

/// The end of a manifest's file name, after the artifact's.
pub(super) const MANIFEST: &str = ".manifest.json";

/// How names are formed.
#[derive(Debug, Clone)]
pub struct Naming {
    /// What every name begins with.
    pub prefix: String,
    /// The zone of the time in the names.
    pub zone: Tz,
}

impl Naming {
    /// The name for content of `server` that began at `instant`, then those for the seconds after it: for when a
    /// name is taken.
    pub(super) fn candidates(
        &self,
        server: &str,
        content: Content,
        instant: Timestamp,
    ) -> impl Iterator<Item = String> {
        let stem = match content {
            Content::PostgresCluster => self.prefix.clone(),
            Content::SqliteDatabase => format!("{}_{server}", self.prefix),
        };
        let zone = self.zone;
        (0..CANDIDATES).map(move |later| {
            let local = (instant + Duration::seconds(later)).with_timezone(&zone);
            format!("{stem}_{}.{}", local.format("%Y%m%d_%H%M%S"), content.extension())
        })
    }
}

/// How many seconds are tried: an hour of names taken in a row is a sign of something else.
const CANDIDATES: i64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_the_local_time_and_the_next_second_comes_next() {
        let naming = Naming { prefix: "medmanager_backup".into(), zone: chrono_tz::America::Sao_Paulo };
        let instant = "2025-11-20T05:00:59.900Z".parse().unwrap();
        let names: Vec<_> = naming.candidates("main", Content::PostgresCluster, instant).take(2).collect();
        assert_eq!(
            names,
            ["medmanager_backup_20251120_020059.sql.gz", "medmanager_backup_20251120_020100.sql.gz"]
        );
        let embedded = naming.candidates("store", Content::SqliteDatabase, instant).next().unwrap();
        assert_eq!(embedded, "medmanager_backup_store_20251120_020059.db.gz");
    }
}
