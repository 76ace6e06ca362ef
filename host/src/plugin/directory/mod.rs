//! The plugin folder: a file that is dropped in, replaced or removed takes effect while the daemon runs.
//!
//! A name serves the newest version that loaded. A file that does not load is refused with its reason, and the version
//! before it goes on serving. Calls that run keep the version they began with.

mod event;
mod file;
mod watch;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use futures::FutureExt as _;
use tokio_util::task::AbortOnDropHandle;

pub use self::event::{PluginEvent, VersionState};
use self::file::Found;
use self::watch::Watching;
use super::{LoadError, Plugin, Runtime};
use crate::clock::Timestamp;

/// Hears of every version that is seen. Called from the watching task: it must not block.
pub type Observer = Arc<dyn Fn(PluginEvent) + Send + Sync>;

/// The plugins of a folder, by name.
pub struct Directory {
    plugins: Arc<Plugins>,
    _watching: Option<AbortOnDropHandle<()>>,
}

/// One name of the folder.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The name of the file without `.wasm`.
    pub name: String,
    /// The version that serves.
    pub active: Option<Plugin>,
    /// The file that is there now, if it was refused.
    pub refused: Option<Refusal>,
}

/// Why the file of a name does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For a person.
    pub reason: String,
    /// The file's hash, in hexadecimal digits, if it was read.
    pub sha256: Option<String>,
    /// The file's size in bytes.
    pub size: u64,
    /// When it was refused.
    pub at: Timestamp,
}

impl Refusal {
    /// Whether this is another try of the same file with the same outcome.
    fn is_the_same_as(&self, other: &Self) -> bool {
        Self { at: other.at, ..self.clone() } == *other
    }
}

impl Directory {
    /// Loads all plugins of `folder`, then watches it until this is dropped. A folder that is not there is empty.
    pub async fn open(runtime: Runtime, folder: PathBuf, observer: Option<Observer>) -> Self {
        let plugins = Arc::new(Plugins { runtime, folder, observer, entries: RwLock::default() });
        let watching = Watching::start(Arc::clone(&plugins)).await;
        let watching = tokio::spawn(watching.watch());
        Self { plugins, _watching: Some(AbortOnDropHandle::new(watching)) }
    }

    /// Loads all plugins of `folder` once, for a command that ends.
    pub async fn load_once(runtime: Runtime, folder: PathBuf) -> Self {
        let plugins = Arc::new(Plugins { runtime, folder, observer: None, entries: RwLock::default() });
        Watching::start(Arc::clone(&plugins)).await;
        Self { plugins, _watching: None }
    }

    /// The version of `name` that serves now.
    pub fn get(&self, name: &str) -> Option<Plugin> {
        let entries = self.plugins.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(name)?.active.clone()
    }

    /// All names, sorted.
    pub fn list(&self) -> Vec<Listing> {
        let entries = self.plugins.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.values().cloned().collect()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.plugins.folder
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("folder", &self.plugins.folder).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Loads one file, for a command that looks at it wherever it is.
    pub async fn load_file(&self, path: &Path) -> Result<Plugin, LoadError> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let wasm = file::read(Found::at(path)?).await?;
        self.load(&name, &wasm).await
    }
}

struct Plugins {
    runtime: Runtime,
    folder: PathBuf,
    observer: Option<Observer>,
    entries: RwLock<BTreeMap<String, Listing>>,
}

/// What came of trying a file.
type Tried = Result<Plugin, Refused>;

/// A file that did not become a plugin.
struct Refused {
    error: LoadError,
    sha256: Option<String>,
}

impl Plugins {
    async fn try_file(&self, name: &str, found: &Found) -> Tried {
        let unread = |error| Refused { error, sha256: None };
        file::check_name(name).map_err(unread)?;
        let wasm = file::read(found.clone()).await.map_err(unread)?;
        let loaded = AssertUnwindSafe(self.runtime.load(name, &wasm)).catch_unwind().await;
        let loaded =
            loaded.unwrap_or_else(|_| Err(LoadError::Host("loading it panicked; see the log".to_owned())));
        loaded.map_err(|error| Refused { error, sha256: Some(file::sha256(&wasm)) })
    }

    /// Makes the outcome the state of the name, and tells it.
    fn apply(&self, name: &str, found: &Found, tried: Tried) {
        let at = self.runtime.inner().clock.now();
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(name.to_owned()).or_insert_with(|| Listing::new(name));
        let events = match tried {
            Ok(plugin) => entry.accept(plugin, at),
            Err(refused) => entry.refuse(found.size(), refused, at),
        };
        drop(entries);
        self.tell(events);
    }

    fn remove(&self, name: &str) {
        let removed = self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        let at = self.runtime.inner().clock.now();
        let active = removed.and_then(|listing| listing.active);
        self.tell(active.iter().map(|plugin| PluginEvent::of(plugin, VersionState::Removed, at)));
    }

    fn tell(&self, events: impl IntoIterator<Item = PluginEvent>) {
        for event in events {
            event.log();
            if let Some(observer) = &self.observer {
                observer(event);
            }
        }
    }
}

impl Listing {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), active: None, refused: None }
    }

    fn accept(&mut self, plugin: Plugin, at: Timestamp) -> Vec<PluginEvent> {
        self.refused = None;
        if self.active.as_ref().is_some_and(|active| active.sha256() == plugin.sha256()) {
            return Vec::new();
        }
        let active = PluginEvent::of(&plugin, VersionState::Active, at);
        let superseded = self.active.replace(plugin);
        let superseded = superseded.map(|before| PluginEvent::of(&before, VersionState::Superseded, at));
        superseded.into_iter().chain([active]).collect()
    }

    fn refuse(&mut self, size: u64, refused: Refused, at: Timestamp) -> Vec<PluginEvent> {
        let refusal = Refusal { reason: refused.error.to_string(), sha256: refused.sha256, size, at };
        let told = self.refused.as_ref().is_some_and(|before| before.is_the_same_as(&refusal));
        let event = PluginEvent::refused(&self.name, &refusal);
        self.refused = Some(refusal);
        if told { Vec::new() } else { vec![event] }
    }
}
