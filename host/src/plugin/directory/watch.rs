//! Watching the folder: notices a change, waits until the file has settled, tries it, applies what came of it.
//!
//! Notifications of the operating system only wake the watcher; what is there is always read from the folder itself, at
//! least every [`RESCAN`], so that a lost notification or a network file system costs a moment and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::file::Found;
use super::{LoadError, Plugins, Tried};

/// How often the folder is read without a notification.
const RESCAN: Duration = Duration::from_millis(500);

/// How long a file must stay as it is before it is tried: a copy in progress changes more often.
const SETTLE: Duration = Duration::from_millis(200);

/// How long a file that does not load must stay as it is before it is refused: a slow copy may pause.
const GRACE: Duration = Duration::from_secs(1);

/// How long until a file is tried again that failed for a reason of the host's.
const RETRY: Duration = Duration::from_secs(10);

/// A file that is followed.
struct Followed {
    found: Found,
    /// Since when it has been as it is.
    since: Instant,
    /// When to try it; `None` if it was tried and nothing is to be done until it changes.
    due: Option<Instant>,
    loading: bool,
}

/// What a try brings back: which file, as it was then.
type Outcome = (String, Found, Tried);

struct Watching {
    plugins: Arc<Plugins>,
    followed: BTreeMap<String, Followed>,
    loading: JoinSet<Outcome>,
}

/// Watches until it is dropped. `seen` is what was loaded already.
pub(super) async fn watch(plugins: Arc<Plugins>, seen: BTreeMap<String, Found>) {
    let changed = Arc::new(Notify::new());
    let _notifications = notifications(&plugins, Arc::clone(&changed));
    let followed = seen.into_iter().map(|(name, found)| (name, Followed::tried(found))).collect();
    let mut watching = Watching { plugins, followed, loading: JoinSet::new() };
    loop {
        watching.look();
        watching.start_loading();
        tokio::select! {
            () = changed.notified() => {}
            () = tokio::time::sleep(watching.pause()) => {}
            Some(done) = watching.loading.join_next() => {
                if let Ok((name, found, tried)) = done {
                    watching.finish(&name, &found, tried);
                }
            }
        }
    }
}

impl Followed {
    fn tried(found: Found) -> Self {
        Self { found, since: Instant::now(), due: None, loading: false }
    }

    fn changed(found: Found) -> Self {
        let now = Instant::now();
        Self { found, since: now, due: Some(now + SETTLE), loading: false }
    }
}

impl Watching {
    /// Reads the folder and notes what is new, changed or gone.
    fn look(&mut self) {
        let Some(files) = self.plugins.scan() else { return };
        self.followed.retain(|name, _| {
            let stays = files.contains_key(name);
            if !stays {
                self.plugins.remove(name);
            }
            stays
        });
        for (name, found) in files {
            match self.followed.get_mut(&name) {
                Some(followed) if followed.found == found => {}
                Some(followed) => {
                    *followed = Followed { loading: followed.loading, ..Followed::changed(found) }
                }
                None => drop(self.followed.insert(name, Followed::changed(found))),
            }
        }
    }

    fn start_loading(&mut self) {
        let now = Instant::now();
        for (name, followed) in &mut self.followed {
            if followed.loading || followed.due.is_none_or(|due| due > now) {
                continue;
            }
            (followed.loading, followed.due) = (true, None);
            let (plugins, name, found) = (Arc::clone(&self.plugins), name.clone(), followed.found.clone());
            self.loading.spawn(async move {
                let tried = plugins.try_file(&name, &found).await;
                (name, found, tried)
            });
        }
    }

    /// Applies an outcome, unless the file has changed or gone meanwhile, or deserves another try.
    fn finish(&mut self, name: &str, found: &Found, tried: Tried) {
        let Some(followed) = self.followed.get_mut(name) else { return };
        followed.loading = false;
        if followed.found != *found {
            return;
        }
        if let Err(refused) = &tried {
            if followed.since.elapsed() < GRACE {
                followed.due = Some(followed.since + GRACE);
                return;
            }
            if matches!(refused.error, LoadError::Host(_)) {
                followed.due = Some(Instant::now() + RETRY);
            }
        }
        self.plugins.apply(name, found, tried);
    }

    /// How long until the next file is due, or the folder is to be read again.
    fn pause(&self) -> Duration {
        let due =
            self.followed.values().filter(|followed| !followed.loading).filter_map(|followed| followed.due);
        due.min().map_or(RESCAN, |due| due.saturating_duration_since(Instant::now()).min(RESCAN))
    }
}

/// Has the operating system wake us. Without that, rescanning is enough.
fn notifications(plugins: &Plugins, changed: Arc<Notify>) -> Option<RecommendedWatcher> {
    // Reading the folder is an event too: whoever wakes for it never sleeps.
    let wake = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            changed.notify_one();
        }
    };
    let watcher = notify::recommended_watcher(wake).and_then(|mut watcher| {
        watcher.watch(&plugins.folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watcher
        .inspect_err(|error| {
            tracing::debug!(%error, "no notifications for the plugin folder: it is read every {RESCAN:?}");
        })
        .ok()
}
