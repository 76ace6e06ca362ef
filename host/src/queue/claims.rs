//! Where the claims of a lane stand: behind the last one found, and back a little from time to time.

use std::time::{Duration, Instant};

use crate::clock::Timestamp;
use crate::store::Cursor;

/// How often a claim goes back over the newest past: for what was committed a little late.
const REWIND_EVERY: Duration = Duration::from_secs(1);

/// How far: a transaction that accepts takes less, or the store is in trouble.
const REWIND: Duration = Duration::from_secs(10);

/// How often a claim begins at the beginning: for what was committed later still, and after the clock was set back.
const RESTART_EVERY: Duration = Duration::from_secs(15);

/// Such a claim may be slow while an old snapshot is held open: it then takes at most this part of the time.
const RESTART_SHARE: u32 = 20;

/// The place of one stage's claims.
pub struct Place {
    after: Option<Cursor>,
    rewind_at: Instant,
    restart_at: Instant,
    restarted: Option<Instant>,
}

impl Default for Place {
    fn default() -> Self {
        let now = Instant::now();
        Self { after: None, rewind_at: now, restart_at: now, restarted: None }
    }
}

impl Place {
    /// Where the next claim begins.
    pub fn next(&mut self, now: Timestamp) -> Option<Cursor> {
        let instant = Instant::now();
        if instant >= self.restart_at {
            self.after = None;
            self.restarted = Some(instant);
            self.restart_at = instant + RESTART_EVERY;
            self.rewind_at = instant + REWIND_EVERY;
        } else if instant >= self.rewind_at {
            let back = Cursor::at(now - REWIND);
            self.after = self.after.take().map(|after| if after.is_before(&back) { after } else { back });
            self.rewind_at = instant + REWIND_EVERY;
        }
        self.after.clone()
    }

    /// What the claim found last.
    pub fn found(&mut self, last: Option<Cursor>) {
        if let Some(restarted) = self.restarted.take() {
            let took = restarted.elapsed();
            self.restart_at = restarted + RESTART_EVERY.max(took * RESTART_SHARE);
        }
        if last.is_some() {
            self.after = last;
        }
    }
}
