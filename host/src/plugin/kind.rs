//! The kinds of plugin: which world each is, what it may import, and which versions of the contract this host speaks.
//!
//! Everything here is read off a component's import and export names; nothing runs.

use std::fmt;
use std::str::FromStr;

use semver::Version;

/// The WIT package that plugins are built against.
const PACKAGE: &str = "zelador:plugin/";

/// The version of the contract that this host offers.
pub const CONTRACT: Version = Version::new(0, 1, 0);

/// The interfaces that need no grant: they reach nothing outside the call.
pub const FREE_INTERFACES: [&str; 6] = ["clock", "log", "progress", "random", "settings", "types"];

/// What a plugin decides, by the world that it was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Work that a schedule or a person starts.
    Job,
    /// Writes mails.
    EmailTemplate,
    /// Puts webhooks on the wire and judges the answers.
    WebhookDelivery,
    /// Decides when to try again.
    RetryPolicy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Job, Self::EmailTemplate, Self::WebhookDelivery, Self::RetryPolicy];

    /// The name of the world.
    pub fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::EmailTemplate => "email-template",
            Self::WebhookDelivery => "webhook-delivery",
            Self::RetryPolicy => "retry-policy",
        }
    }

    /// The interface whose export makes a component one of this kind.
    pub fn export(self) -> &'static str {
        match self {
            Self::Job => "runs",
            Self::EmailTemplate => "templates",
            Self::WebhookDelivery => "delivery",
            Self::RetryPolicy => "retries",
        }
    }

    /// The interfaces of our package that the world may import, as `wit/worlds.wit` lists them.
    pub fn imports(self) -> &'static [&'static str] {
        match self {
            Self::Job => &[
                "log",
                "settings",
                "clock",
                "random",
                "progress",
                "databases",
                "archive",
                "drills",
                "subscriptions",
                "mail",
                "webhooks",
                "dead-letters",
                "audit",
                "metrics",
                "host-status",
            ],
            Self::EmailTemplate => &["log", "settings", "clock", "assets"],
            Self::WebhookDelivery => &["log", "settings", "clock", "signer"],
            Self::RetryPolicy => &["log", "settings"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("`{name}` is no kind of plugin: it is one of job, email-template, webhook-delivery, retry-policy"))
    }
}

/// An interface of our package, as a component names it: `zelador:plugin/archive@0.1.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceName {
    /// `archive`.
    pub interface: String,
    /// The version of the contract that the component was built against.
    pub version: Version,
}

impl InterfaceName {
    /// Reads a name of an import or an export; `None` if it is not of our package.
    pub fn parse(name: &str) -> Option<Self> {
        let (interface, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
        Some(Self { interface: interface.to_owned(), version: version.parse().ok()? })
    }

    /// Whether this host speaks that version: the same minor version while the contract is 0.x, the same major one
    /// afterwards.
    pub fn is_spoken(&self) -> bool {
        let line = |version: &Version| match version.major {
            0 => (0, version.minor),
            major => (major, 0),
        };
        line(&self.version) == line(&CONTRACT) && self.version.pre == CONTRACT.pre
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_match_by_semver() {
        let spoken = |name: &str| InterfaceName::parse(name).unwrap().is_spoken();
        assert!(spoken("zelador:plugin/runs@0.1.0"));
        assert!(spoken("zelador:plugin/runs@0.1.7"));
        assert!(!spoken("zelador:plugin/runs@0.2.0"));
        assert!(!spoken("zelador:plugin/runs@1.1.0"));
        assert!(!spoken("zelador:plugin/runs@0.1.0-rc.1"));
    }

    #[test]
    fn names_of_other_packages_are_not_ours() {
        assert_eq!(InterfaceName::parse("wasi:cli/stdout@0.2.3"), None);
        assert_eq!(InterfaceName::parse("zelador:plugin/runs"), None);
        assert_eq!(InterfaceName::parse("zelador:plugin/runs@latest"), None);
    }
}
