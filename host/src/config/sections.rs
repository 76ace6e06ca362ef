//! The sections of the configuration, all but the jobs.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::value::{self, Bytes, Text, Zone};

/// `[store]`: where the state lives.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Store {
    /// `sqlite:PATH`, or `postgres://` for several hosts that share the work.
    pub url: Text,
    /// The password of a `postgres://` URL that has none.
    pub password: Option<Text>,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: "sqlite:data/zelador.db".into(), password: None }
    }
}

/// `[plugins]`: where the components live.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Plugins {
    /// The folder that is watched for `*.wasm`.
    pub dir: PathBuf,
    /// A private folder for compiled code.
    pub cache: PathBuf,
    /// How many calls run at once; further ones wait.
    pub slots: u32,
}

impl Default for Plugins {
    fn default() -> Self {
        Self { dir: "plugins".into(), cache: "data/compiled".into(), slots: 64 }
    }
}

/// `[daemon]`: the daemon itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Daemon {
    /// How long a daemon that is told to end waits for the runs under way before it interrupts them.
    #[serde(deserialize_with = "value::duration::deserialize")]
    pub drain: Duration,
}

impl Default for Daemon {
    /// Below the 90 s after which systemd kills.
    fn default() -> Self {
        Self { drain: Duration::from_secs(60) }
    }
}

/// `[web]`: the HTTP server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Web {
    /// The address to listen on.
    pub listen: SocketAddr,
}

impl Default for Web {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)) }
    }
}

/// `[database.NAME]`: a server to look after.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Database {
    /// `postgres://USER@HOST:PORT/DATABASE`, or `sqlite:PATH`.
    pub url: Text,
    /// The password, if the URL has none.
    #[serde(default)]
    pub password: Option<Text>,
}

/// `[backup]`: where backups go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Backup {
    /// The folder of the artifacts.
    pub dir: PathBuf,
    /// What their names begin with.
    pub prefix: String,
    /// The zone of the date and time in their names.
    pub timezone: Zone,
}

impl Default for Backup {
    fn default() -> Self {
        Self { dir: "backups".into(), prefix: "zelador_backup".into(), timezone: Zone::default() }
    }
}

/// `[mail]`: mail out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Mail {
    /// The sender.
    pub from: String,
    /// `folder:DIR`, `smtp://` or `smtps://`.
    pub transport: Text,
    /// Addresses by role.
    pub team: BTreeMap<String, Vec<String>>,
    /// The plugin that writes the mails.
    pub engine: String,
    /// The folder of the operator's own templates.
    pub templates: PathBuf,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            from: "Zelador <zelador@localhost>".into(),
            transport: "folder:outbox".into(),
            team: BTreeMap::new(),
            engine: "email-template".into(),
            templates: "templates".into(),
        }
    }
}

/// `[webhook]`: webhooks out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Webhook {
    /// The default retry policy: a plugin.
    pub policy: String,
    /// Signs messages that are sent to a bare URL.
    pub secret: Option<Text>,
    /// Private networks that deliveries may reach, in CIDR notation.
    pub allow_networks: Vec<String>,
    /// The plugin that prepares requests and judges answers.
    pub delivery: String,
    /// How long an exchange may take where neither message nor endpoint says.
    #[serde(deserialize_with = "value::duration::deserialize")]
    pub timeout: Duration,
    /// The largest body that is accepted.
    pub body_limit: Bytes,
    /// Requests under way at one time.
    pub in_flight: usize,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            policy: "retry-steps".into(),
            secret: None,
            allow_networks: Vec::new(),
            delivery: "webhook-delivery".into(),
            timeout: Duration::from_secs(30),
            body_limit: Bytes(bytesize::ByteSize::mib(1)),
            in_flight: 1024,
        }
    }
}

/// `[plugin.NAME]`: defaults of a plugin.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Plugin {
    /// Settings that a job or an endpoint may override.
    pub settings: toml::Table,
    /// The budget of one call.
    pub limits: Limits,
}

/// `[plugin.NAME.limits]`: the budget of one call; what is absent has the default of the plugin's kind.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// All memories and tables of the call together.
    pub memory: Option<Bytes>,
    /// What the host holds for the guest.
    pub host_memory: Option<Bytes>,
    /// Resources that the guest holds at once.
    pub handles: Option<u32>,
    /// What the call may write to the log.
    pub log: Option<Bytes>,
    /// Time in the guest's own code.
    #[serde(deserialize_with = "value::optional_duration::deserialize")]
    pub guest_time: Option<Duration>,
    /// Time on the wall, waiting for the host included.
    #[serde(deserialize_with = "value::optional_duration::deserialize")]
    pub time: Option<Duration>,
}
