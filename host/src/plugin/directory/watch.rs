//! Watching the folder: notices a change, waits until the file has settled, tries it, applies what came of it.
//!
//! Notifications of the operating system only wake the watcher; what is there is always read from the folder itself, at
//! least every [`RESCAN`], so that a lost notification or a network file system costs a moment and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

use super::file::{self, Found};
use super::{LoadError, Plugins, Tried};

/// How often the folder is read without a notification.
const RESCAN: Duration = Duration::from_millis(500);

/// How long a file must stay as it is before it is tried: a copy in progress changes more often.
const SETTLE: Duration = Duration::from_millis(200);

/// How long a file that does not load must stay as it is before it is refused: a slow copy may pause.
const GRACE: Duration = Duration::from_secs(1);

/// How long until a file is tried again that failed for a reason of the host's.
const RETRY: Duration = Duration::from_secs(10);

/// Files that are read and loaded at once: each is in memory while it waits for the compiler.
const AT_ONCE: usize = 4;

/// The files of the folder, and what is being done about them.
pub(super) struct Watching {
    plugins: Arc<Plugins>,
    followed: BTreeMap<String, Followed>,
    loading: JoinSet<Outcome>,
    /// What is wrong with the folder as a whole, told once.
    trouble: Option<String>,
}

/// A file that is followed.
struct Followed {
    found: Found,
    /// Since when it has been as it is; `None` if it was so at the start.
    since: Option<Instant>,
    /// When to try it; `None` if it was tried and nothing is to be done until it changes.
    due: Option<Instant>,
    loading: bool,
}

/// What a try brings back: which file, as it was then.
type Outcome = (String, Found, Tried);

impl Followed {
    fn changed(found: Found) -> Self {
        let now = Instant::now();
        Self { found, since: Some(now), due: Some(now + SETTLE), loading: false }
    }

    fn may_be_unfinished(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() < GRACE)
    }
}

impl Watching {
    /// Loads everything that is there. At the start no file is taken to be in the middle of a copy.
    pub async fn start(plugins: Arc<Plugins>) -> Self {
        let mut watching =
            Self { plugins, followed: BTreeMap::new(), loading: JoinSet::new(), trouble: None };
        watching.look();
        for followed in watching.followed.values_mut() {
            (followed.since, followed.due) = (None, Some(Instant::now()));
        }
        watching.start_loading();
        while let Some(done) = watching.loading.join_next().await {
            watching.finish(done);
            watching.start_loading();
        }
        watching
    }

    /// Watches until it is dropped.
    pub async fn watch(mut self) {
        let changed = Arc::new(Notify::new());
        let _notifications = notifications(&self.plugins, Arc::clone(&changed));
        loop {
            self.look();
            self.start_loading();
            tokio::select! {
                () = changed.notified() => {}
                () = tokio::time::sleep(self.pause()) => {}
                Some(done) = self.loading.join_next() => self.finish(done),
            }
        }
    }

    /// Reads the folder and notes what is new, changed or gone. A folder that cannot be read changes nothing.
    fn look(&mut self) {
        let (files, trouble) = match file::scan(&self.plugins.folder) {
            Ok(scan) => (Some(scan.files), scan.trouble),
            Err(error) => (None, Some(format!("it cannot be read: {error}"))),
        };
        self.tell_trouble(trouble);
        let Some(files) = files else { return };
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

    fn tell_trouble(&mut self, trouble: Option<String>) {
        if let Some(trouble) = trouble.as_ref().filter(|_| trouble != self.trouble) {
            let folder = self.plugins.folder.display();
            tracing::warn!(%folder, "plugin folder: {trouble}. What was loaded before goes on serving");
        }
        self.trouble = trouble;
    }

    fn start_loading(&mut self) {
        let now = Instant::now();
        for (name, followed) in &mut self.followed {
            if self.loading.len() >= AT_ONCE {
                break;
            }
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
    fn finish(&mut self, done: Result<Outcome, JoinError>) {
        let (name, found, tried) = done.expect("a try catches its panics and is never aborted");
        let Some(followed) = self.followed.get_mut(&name) else { return };
        followed.loading = false;
        if followed.found != found {
            return;
        }
        if let Err(refused) = &tried {
            if followed.may_be_unfinished() {
                followed.due = followed.since.map(|since| since + GRACE);
                return;
            }
            if matches!(refused.error, LoadError::Host(_)) {
                followed.due = Some(Instant::now() + RETRY);
            }
        }
        self.plugins.apply(&name, &found, tried);
    }

    /// How long until the next file is due, or the folder is to be read again.
    fn pause(&self) -> Duration {
        let waiting = self.followed.values().filter(|followed| !followed.loading);
        let due = waiting.filter_map(|followed| followed.due).min();
        match due {
            Some(due) if self.loading.len() < AT_ONCE => {
                due.saturating_duration_since(Instant::now()).min(RESCAN)
            }
            _ => RESCAN,
        }
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
