//! `zelador.toml` as types. An error names the file, the line, the key and the nearest right key.
//!
//! What is parsed here is checked in itself only: whether a plugin exists or a server answers is for `zelador check`.

mod error;
mod job;
mod legacy_env;
mod sections;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use error::ConfigError;
pub use job::{Job, Missed, Overlap, Retry};
pub use legacy_env::Environment;
pub use sections::{Backup, Daemon, Database, Limits, Mail, Plugin, Plugins, Store, Web, Webhook};
pub use value::{Bytes, Text, Zone};

/// The name under which Zelador's own store is backed up and granted, beside the configured servers.
pub const STORE_SERVER: &str = "store";

/// The whole configuration. Relative paths are relative to the folder of the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Where the state lives.
    pub store: Store,
    /// Where the plugins live.
    pub plugins: Plugins,
    /// The daemon itself.
    pub daemon: Daemon,
    /// The HTTP server.
    pub web: Web,
    /// The database servers to look after, by name.
    pub database: BTreeMap<String, Database>,
    /// Where backups go and what they are called.
    pub backup: Backup,
    /// Mail out.
    pub mail: Mail,
    /// Webhooks out.
    pub webhook: Webhook,
    /// Defaults of plugins, by name.
    pub plugin: BTreeMap<String, Plugin>,
    /// The jobs, by name.
    pub job: BTreeMap<String, Job>,
    /// The folder that relative paths start from.
    #[serde(skip)]
    pub base: PathBuf,
}

impl Config {
    /// Reads `path`, and takes from `environment` what the file does not say.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_path_buf(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mut config = Self::parse(&text, path)?;
        // Absolute, so that what is printed can be used from any folder.
        let file = std::path::absolute(path).map_err(unreadable)?;
        config.base = file.parent().map(Path::to_path_buf).unwrap_or_default();
        environment.fill_in(&mut config);
        Ok(config)
    }

    /// Parses and checks `text`; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::syntax(path, text, &error))?;
        config.check_names().map_err(|message| ConfigError::Invalid { path: path.to_path_buf(), message })?;
        Ok(config)
    }

    /// A path of the configuration as one that can be opened.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.base.join(path)
    }

    /// Names end up in file names, grants and lock names, so they are kept plain.
    fn check_names(&self) -> Result<(), String> {
        let plain = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        let tables = [
            ("database", self.database.keys().collect::<Vec<_>>()),
            ("plugin", self.plugin.keys().collect()),
            ("job", self.job.keys().collect()),
        ];
        for (table, names) in tables {
            if let Some(name) = names.into_iter().find(|name| !plain(name)) {
                return Err(format!(
                    "[{table}.{name:?}]: a name is made of ASCII letters, digits, dashes and underscores"
                ));
            }
        }
        if self.database.contains_key(STORE_SERVER) {
            return Err(format!(
                "[database.{STORE_SERVER}]: that name means Zelador's own store; choose another"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("zelador.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_a_whole_configuration() {
        let config = parse("").unwrap();
        assert_eq!(config.store.url.as_str(), "sqlite:data/zelador.db");
        assert_eq!(config.web.listen.to_string(), "127.0.0.1:8787");
    }

    #[test]
    fn the_sample_of_the_design_is_understood() {
        let config = parse(include_str!("sample.toml")).unwrap();
        let job = &config.job["nightly-backup"];
        assert_eq!(job.grants, ["databases:main", "archive", "mail"]);
        assert_eq!(job.settings["retention-days"].as_integer(), Some(30));
        assert_eq!(config.plugin["retry-steps"].limits.memory.unwrap().0.as_u64(), 64 << 20);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_right_one() {
        let error = parse("[job.a]\nplugin = \"backup\"\nshedule = \"0 2 * * *\"\n").unwrap_err();
        assert!(error.contains("zelador.toml:3:1"), "{error}");
        assert!(error.contains("shedule") && error.contains("did you mean `schedule`?"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_form_is_named_with_its_line() {
        let error = parse("[job.a]\nplugin = \"backup\"\ntimeout = \"soon\"\n").unwrap_err();
        assert!(error.contains("zelador.toml:3:11"), "{error}");
        assert!(error.contains("soon") && error.contains("30s"), "{error}");
    }

    #[test]
    fn names_are_plain_and_the_store_is_not_a_server_of_the_operators() {
        assert!(parse("[job.\"../a\"]\nplugin = \"b\"").unwrap_err().contains("letters"));
        assert!(parse("[database.store]\nurl = \"postgres://h/d\"").unwrap_err().contains("own store"));
    }
}
