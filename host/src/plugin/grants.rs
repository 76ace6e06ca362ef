//! What an operator lets a caller's plugin use: `archive`, `databases:main`.
//!
//! Nothing is granted that is not written down. Whether a capability exists and whether its scopes make sense is asked
//! of the capabilities themselves; this file knows none of them.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

/// Grants by capability, each with its scopes in the order written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<String, Vec<String>>);

impl Grants {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `capability` and `capability:scope` entries.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, GrantError> {
        let mut grants = Self::default();
        for entry in entries {
            let entry = entry.as_ref();
            let (capability, scope) = match entry.split_once(':') {
                Some((capability, scope)) => (capability, Some(scope)),
                None => (entry, None),
            };
            if !is_name(capability) || scope.is_some_and(|scope| scope.trim().is_empty()) {
                return Err(GrantError::Malformed { entry: entry.to_owned() });
            }
            let scopes = grants.0.entry(capability.to_owned()).or_default();
            scopes.extend(scope.map(str::to_owned));
        }
        Ok(grants)
    }

    /// The scopes of a capability; empty if it was granted without any, `None` if it was not granted.
    pub fn scopes(&self, capability: &str) -> Option<&[String]> {
        self.0.get(capability).map(Vec::as_slice)
    }

    /// The capabilities granted and their scopes, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(capability, scopes)| (capability.as_str(), scopes.as_slice()))
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.iter().flat_map(|(capability, scopes)| match scopes {
            [] => vec![capability.to_owned()],
            scopes => scopes.iter().map(|scope| format!("{capability}:{scope}")).collect(),
        });
        f.write_str(&entries.collect::<Vec<_>>().join(", "))
    }
}

/// The names of WIT interfaces: lower-case words with dashes.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Why a plugin may not be called as the caller is configured.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum GrantError {
    /// An entry that is no grant.
    #[error(
        "`{entry}` is no grant: write `capability` or `capability:scope`, such as `archive` or `databases:main`"
    )]
    Malformed {
        /// The entry as it was written.
        entry: String,
    },
    /// A grant of something that this host does not have.
    #[error("grant `{capability}` names no capability of this host; it has: {}", list(known))]
    Unknown {
        /// What was granted.
        capability: String,
        /// What could be.
        known: Vec<String>,
    },
    /// A grant that its capability refuses.
    #[error("grant `{capability}`: {reason}")]
    Refused {
        /// What was granted.
        capability: String,
        /// The capability's reason.
        reason: String,
    },
    /// An import without a grant.
    #[error(
        "plugin `{plugin}` imports `{capability}`, which {caller} does not grant: \
         add \"{capability}\" to its grants if it should have it"
    )]
    NotGranted {
        /// The plugin's name.
        plugin: String,
        /// The import.
        capability: String,
        /// Who would call it.
        caller: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_one_capability_are_gathered() {
        let grants = Grants::parse(&["databases:main", "archive", "databases:other"]).unwrap();
        assert_eq!(grants.scopes("databases").unwrap(), ["main", "other"]);
        assert_eq!(grants.scopes("archive").unwrap(), [] as [String; 0]);
        assert_eq!(grants.scopes("mail"), None);
        assert_eq!(grants.to_string(), "archive, databases:main, databases:other");
    }

    #[test]
    fn what_is_no_grant_is_refused_and_shown() {
        for entry in ["", ":", "Archive", "archive:", "archive: ", "../x", "a b"] {
            let error = Grants::parse(&[entry]).unwrap_err();
            assert_eq!(error, GrantError::Malformed { entry: entry.to_owned() });
        }
    }
}
