//! The daemon: wires the parts together and runs them until a signal.
//!
//! SIGTERM and SIGINT drain: nothing new is started, what runs may finish for a while; a second one ends it at once.
//! SIGHUP reads the configuration again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::assembly::Assembly;
use crate::config::{Config, Environment};
use crate::job::{Catalogue, Executor, Scheduler, Worker};
use crate::plugin::{self, Directory, PluginEvent, VersionState};
use crate::store::{NewPluginVersion, PluginState, Store};
use crate::web;

/// Versions that wait to be recorded at most: all files of a full plugin folder, several times over.
const VERSIONS_WAITING: usize = 1024;

/// A daemon whose parts run.
pub struct Daemon {
    config_path: PathBuf,
    signals: Signals,
    address: SocketAddr,
    drain_at_most: Duration,
    catalogue: watch::Sender<Arc<Catalogue>>,
    drain: CancellationToken,
    abort: CancellationToken,
    /// What must end before the process does.
    work: TaskTracker,
    /// What serves the work and ends after it.
    service: CancellationToken,
    served: TaskTracker,
}

impl Daemon {
    /// Starts every part. `config_path` is read again on SIGHUP.
    pub async fn start(assembly: Assembly, config_path: PathBuf) -> anyhow::Result<Self> {
        // Before anybody is told that the daemon is there: a signal without a listener would end it.
        let signals = Signals::new()?;
        let jobs = catalogue(&assembly.config)?;
        let listener = web::bind(assembly.config.web.listen).await?;
        let address = listener.local_addr()?;
        clean_up(&assembly).await?;
        let (versions, seen) = mpsc::channel(VERSIONS_WAITING);
        let plugins = assembly.config.resolve(&assembly.config.plugins.dir);
        let plugins = Directory::open(assembly.runtime()?, plugins, Some(version_observer(versions))).await;

        let (catalogue, jobs) = watch::channel(Arc::new(jobs));
        let daemon = Self {
            config_path,
            signals,
            address,
            drain_at_most: assembly.config.daemon.drain,
            catalogue,
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            work: TaskTracker::new(),
            service: CancellationToken::new(),
            served: TaskTracker::new(),
        };
        daemon.served.spawn(record_versions(seen, assembly.store.clone()));
        let api = web::Api::new(assembly.webhooks.clone(), Arc::clone(&assembly.clock));
        daemon.served.spawn(web::serve(listener, api, daemon.service.clone()));
        let plugins = Arc::new(plugins);
        let webhooks = assembly.webhook_worker(Arc::clone(&plugins))?;
        daemon.work.spawn(webhooks.run(daemon.drain.clone(), daemon.abort.clone()));
        daemon.start_jobs(&assembly, plugins, jobs);
        Ok(daemon)
    }

    fn start_jobs(
        &self,
        assembly: &Assembly,
        plugins: Arc<Directory>,
        jobs: watch::Receiver<Arc<Catalogue>>,
    ) {
        let queued = Arc::new(Notify::new());
        let (store, clock) = (assembly.store.clone(), Arc::clone(&assembly.clock));
        let executor = Executor { store: store.clone(), plugins, clock: Arc::clone(&clock) };
        let worker = Worker::new(executor, jobs.clone(), Arc::clone(&queued));
        self.work.spawn(worker.run(self.drain.clone(), self.abort.clone()));
        self.work.spawn(Scheduler::new(store, clock, jobs, queued).run(self.drain.clone()));
    }

    /// Where the HTTP server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until a signal ends it, and until the work under way is done or given up.
    pub async fn run(mut self) -> anyhow::Result<()> {
        self.until_told_to_end().await;
        tracing::info!(at_most = ?self.drain_at_most, "draining: finishing what runs; signal again to end at once");
        self.drain.cancel();
        self.work.close();
        tokio::select! {
            () = self.work.wait() => {}
            () = tokio::time::sleep(self.drain_at_most) => {
                tracing::warn!("the time to drain is over; what still runs is interrupted");
            }
            () = self.signals.end() => tracing::warn!("told again to end; what still runs is interrupted"),
        }
        self.abort.cancel();
        self.work.wait().await;
        self.service.cancel();
        self.served.close();
        self.served.wait().await;
        tracing::info!("ended");
        Ok(())
    }

    async fn until_told_to_end(&mut self) {
        while self.signals.next().await == Told::Reload {
            self.reload();
        }
    }

    /// A configuration that is wrong changes nothing: the last good one goes on.
    fn reload(&self) {
        let reloaded = Config::load(&self.config_path, &Environment::of_process())
            .map_err(anyhow::Error::from)
            .and_then(|config| catalogue(&config));
        match reloaded {
            Ok(jobs) => {
                self.catalogue.send_replace(Arc::new(jobs));
                tracing::info!(
                    "the jobs of the configuration were read again; the rest of it counts after a restart"
                );
            }
            Err(error) => tracing::error!("the configuration was not taken over: {error:#}"),
        }
    }
}

fn catalogue(config: &Config) -> anyhow::Result<Catalogue> {
    Catalogue::new(config)
        .map_err(|problems| anyhow!("the configuration is wrong:\n  {}", problems.join("\n  ")))
}

/// What a process that was killed left behind.
async fn clean_up(assembly: &Assembly) -> anyhow::Result<()> {
    for path in assembly.archive.sweep().await? {
        tracing::warn!(path = %path.display(), "removed what an interrupted backup left behind");
    }
    assembly.archive.reconcile().await.context("the index of the backups could not be brought in step")
}

/// Passes the versions on without ever making the folder's watcher wait.
fn version_observer(versions: mpsc::Sender<PluginEvent>) -> plugin::Observer {
    Arc::new(move |event| {
        if versions.try_send(event).is_err() {
            tracing::warn!("a plugin's version was not recorded: the store is too slow");
        }
    })
}

/// Records every version that is seen, until the watcher is gone. A store that does not answer must not keep a plugin
/// from serving.
async fn record_versions(mut seen: mpsc::Receiver<PluginEvent>, store: Store) {
    while let Some(event) = seen.recv().await {
        // A file that was never read has no hash to be known by; the log has it.
        let Some(version) = version(event) else { continue };
        if let Err(error) = store.record_plugin_version(&version).await {
            tracing::warn!(%error, plugin = version.name, "a plugin's version could not be recorded");
        }
    }
}

fn version(event: PluginEvent) -> Option<NewPluginVersion> {
    Some(NewPluginVersion {
        name: event.name,
        hash: event.sha256?,
        kind: event.kind.map(|kind| kind.name().to_owned()),
        version: event.version,
        state: match event.state {
            VersionState::Active => PluginState::Active,
            VersionState::Refused => PluginState::Refused,
            VersionState::Superseded => PluginState::Superseded,
            VersionState::Removed => PluginState::Removed,
        },
        reason: event.reason,
    })
}

/// What a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    End,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::End,
            _ = self.interrupt.recv() => Told::End,
            _ = self.hangup.recv() => Told::Reload,
        }
    }

    async fn end(&mut self) {
        while self.next().await != Told::End {}
    }
}
