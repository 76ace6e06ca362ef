//! The environment variables of the shell scripts that Zelador replaces, so that their users can move over unchanged.
//!
//! They speak only where the file is silent.

use std::collections::HashMap;

use super::{Config, Database};

/// The variables that are honoured, in the order in which `check` shows them.
const NAMES: [&str; 7] = [
    "BACKUP_DIR",
    "RETENTION_DAYS",
    "POSTGRES_HOST",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "ENABLE_EMAIL",
    "EMAIL_TO",
];

/// The values of those variables; an empty one counts as absent.
#[derive(Clone, Default)]
pub struct Environment(HashMap<&'static str, String>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// The variables that `lookup` knows.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let present = |name| lookup(name).filter(|value| !value.is_empty()).map(|value| (name, value));
        Self(NAMES.into_iter().filter_map(present).collect())
    }

    /// The names that are set.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(|name| self.0.contains_key(name))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn fill_in(&self, config: &mut Config) {
        self.fill_in_database(config);
        let defaults = super::Backup::default();
        if let Some(dir) = self.get("BACKUP_DIR").filter(|_| config.backup.dir == defaults.dir) {
            config.backup.dir = dir.into();
        }
        if let Some(days) = self.get("RETENTION_DAYS") {
            let value = days.parse().map_or_else(|_| toml::Value::from(days), toml::Value::Integer);
            let settings = &mut config.plugin.entry("backup".to_owned()).or_default().settings;
            settings.entry("retention-days").or_insert(value);
        }
        let mail_wanted = self.get("ENABLE_EMAIL").is_none_or(|value| value.eq_ignore_ascii_case("true"));
        if let Some(to) = self.get("EMAIL_TO").filter(|_| mail_wanted) {
            config.mail.team.entry("ops".to_owned()).or_insert_with(|| vec![to.to_owned()]);
        }
    }

    /// The scripts knew one server; it becomes `[database.main]`.
    fn fill_in_database(&self, config: &mut Config) {
        let password = self.get("POSTGRES_PASSWORD").map(|_| "env:POSTGRES_PASSWORD".into());
        if let Some(main) = config.database.get_mut("main") {
            if main.password.is_none() && !has_password(main.url.as_str()) {
                main.password = password;
            }
            return;
        }
        if let Some(host) = self.get("POSTGRES_HOST") {
            let user = self.get("POSTGRES_USER").unwrap_or("postgres");
            let url = format!("postgres://{user}@{host}/postgres").into();
            config.database.insert("main".to_owned(), Database { url, password });
        }
    }
}

fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    authority.rsplit_once('@').is_some_and(|(user_info, _)| user_info.contains(':'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn seed() -> Environment {
        Environment::from_lookup(|name| {
            let value = match name {
                "BACKUP_DIR" => "/backups",
                "RETENTION_DAYS" => "14",
                "POSTGRES_HOST" => "db",
                "POSTGRES_PASSWORD" => "secret",
                "ENABLE_EMAIL" => "true",
                "EMAIL_TO" => "admin@example.com",
                _ => return None,
            };
            Some(value.to_owned())
        })
    }

    #[test]
    fn the_scripts_variables_configure_an_empty_file() {
        let mut config = Config::default();
        seed().fill_in(&mut config);
        assert_eq!(config.backup.dir, Path::new("/backups"));
        assert_eq!(config.database["main"].url.as_str(), "postgres://postgres@db/postgres");
        assert_eq!(config.database["main"].password.as_ref().unwrap().as_str(), "env:POSTGRES_PASSWORD");
        assert_eq!(config.plugin["backup"].settings["retention-days"].as_integer(), Some(14));
        assert_eq!(config.mail.team["ops"], ["admin@example.com"]);
    }

    #[test]
    fn what_the_file_says_wins() {
        let text = "[backup]\ndir = \"here\"\n[database.main]\nurl = \"postgres://u:p@h/d\"\n\
                    [plugin.backup.settings]\nretention-days = 7";
        let mut config = Config::parse(text, Path::new("zelador.toml")).unwrap();
        seed().fill_in(&mut config);
        assert_eq!(config.backup.dir, Path::new("here"));
        assert_eq!(config.database["main"].url.as_str(), "postgres://u:p@h/d");
        assert_eq!(config.database["main"].password, None);
        assert_eq!(config.plugin["backup"].settings["retention-days"].as_integer(), Some(7));
    }
}
