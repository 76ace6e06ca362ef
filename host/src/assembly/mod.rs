//! Makes the parts from the configuration and hands each what it needs, for the daemon and for the commands. The only
//! room that knows all the others; it decides nothing.

mod backup_index;
mod backup_locks;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;

use crate::backup::{
    Archive, ArchiveCapability, ArchiveOptions, DatabasesCapability, Naming, ProgramFolders, Server, Servers,
};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, Database, STORE_SERVER, Text};
use crate::job::Owner;
use crate::mail::AssetsCapability;
use crate::plugin::{Capability, Directory, Runtime, RuntimeConfig};
use crate::secret;
use crate::store::{Location, Store};
use crate::webhook::{SignerCapability, Webhooks};

/// How long a call waits for a slot: longer than any pure call takes, far shorter than a job.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the password files of running dumps are, for as long as they run.
const SCRATCH: &str = "data/scratch";

/// The parts that do the work.
pub struct Assembly {
    /// The configuration that they were made from.
    pub config: Config,
    /// The time.
    pub clock: SharedClock,
    /// The state.
    pub store: Store,
    /// The backups.
    pub archive: Archive,
    /// Webhooks: accepting, endpoints, dead letters.
    pub webhooks: Webhooks,
    /// Notified when webhooks wait.
    pub webhooks_queued: Arc<Notify>,
    signer: SignerCapability,
}

impl Assembly {
    /// Opens the store and makes the rest; nothing runs yet.
    pub async fn new(config: Config) -> anyhow::Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock);
        let store = open_store(&config, Arc::clone(&clock)).await?;
        let archive = archive(&config, &clock, &store);
        let webhooks_queued = Arc::new(Notify::new());
        let webhooks = Webhooks::new(store.clone(), webhooks::options(&config), Arc::clone(&webhooks_queued));
        let signer = SignerCapability::default();
        Ok(Self { config, clock, store, archive, webhooks, webhooks_queued, signer })
    }

    /// The servers to look after, Zelador's own store among them. Their secrets are resolved now, so a command that
    /// only looks at the state needs none of them.
    pub fn servers(&self) -> anyhow::Result<Servers> {
        let config = &self.config;
        let own = Database { url: config.store.url.clone(), password: config.store.password.clone() };
        let all = config.database.iter().map(|(name, database)| (name.as_str(), database));
        all.chain([(STORE_SERVER, &own)])
            .map(|(name, database)| Ok((name.to_owned(), server(config, name, database)?)))
            .collect()
    }

    /// The sandbox, with every capability that this version offers.
    pub fn runtime(&self) -> anyhow::Result<Runtime> {
        self.runtime_over(self.servers()?)
    }

    /// The same for looking at plugins without calling them: it needs no secret of any server.
    pub fn showcase(&self) -> anyhow::Result<Runtime> {
        self.runtime_over(Servers::default())
    }

    fn runtime_over(&self, servers: Servers) -> anyhow::Result<Runtime> {
        let servers = Arc::new(servers);
        let capabilities: Vec<Arc<dyn Capability>> = vec![
            Arc::new(DatabasesCapability::new(Arc::clone(&servers))),
            Arc::new(ArchiveCapability::new(self.archive.clone(), servers)),
            Arc::new(AssetsCapability::new(self.config.resolve(&self.config.mail.templates))),
            Arc::new(self.signer.clone()),
        ];
        let config = RuntimeConfig {
            slots: self.config.plugins.slots,
            patience: PATIENCE,
            cache: Some(self.config.resolve(&self.config.plugins.cache)),
            program: std::env::current_exe().context("cannot tell where zelador itself is")?,
            clock: Arc::clone(&self.clock),
        };
        Ok(Runtime::new(config, capabilities)?)
    }

    /// The plugins of the folder as they are now, not watched.
    pub async fn plugins(&self, runtime: Runtime) -> Directory {
        Directory::load_once(runtime, self.config.resolve(&self.config.plugins.dir)).await
    }
}

async fn open_store(config: &Config, clock: SharedClock) -> anyhow::Result<Store> {
    let location = store_location(config).context("[store] url")?;
    Ok(Store::open_at(&location, clock).await?)
}

fn store_location(config: &Config) -> anyhow::Result<Location> {
    let location = Location::parse(store_url(config)?.expose_secret())?;
    Ok(match &config.store.password {
        Some(password) => location.with_password(&secret::resolve(password)?),
        None => location,
    })
}

fn store_url(config: &Config) -> anyhow::Result<SecretString> {
    let url = secret::resolve(&config.store.url)?;
    Ok(absolute(config, url))
}

/// The path of an embedded database is one from the configuration's folder, wherever zelador is started.
fn absolute(config: &Config, url: SecretString) -> SecretString {
    match url.expose_secret().strip_prefix("sqlite:") {
        Some(path) => {
            let path = config.resolve(path.strip_prefix("//").unwrap_or(path));
            format!("sqlite:{}", path.display()).into()
        }
        None => url,
    }
}

fn server(config: &Config, name: &str, database: &Database) -> anyhow::Result<Server> {
    let value =
        |text: &Text, key: &str| secret::resolve(text).with_context(|| format!("[database.{name}] {key}"));
    let url = absolute(config, value(&database.url, "url")?);
    let password = database.password.as_ref().map(|password| value(password, "password")).transpose()?;
    Server::new(name, url.expose_secret(), password).map_err(|error| anyhow!(error))
}

fn archive(config: &Config, clock: &SharedClock, store: &Store) -> Archive {
    let options = ArchiveOptions {
        folder: config.resolve(&config.backup.dir),
        naming: Naming { prefix: config.backup.prefix.clone(), zone: config.backup.timezone.0 },
        scratch: config.resolve(SCRATCH),
        programs: ProgramFolders::of_this_machine(),
        owner: Owner::this_process().to_string(),
    };
    let locks = Arc::new(backup_locks::StoreLocks(store.clone()));
    let location = format!("{}:{}", Owner::host_name(), options.folder.display());
    let index = Arc::new(backup_index::StoreIndex { store: store.clone(), location });
    Archive::new(options, Arc::clone(clock), locks, index)
}
