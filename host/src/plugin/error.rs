//! What can come of loading and of calling a plugin, and how it is said.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::bindings::types::Failure;
use super::limits::{Budget, bytes};
use super::text::one_line;
use super::{GrantError, Kind, TimeLimit};

/// The longest reason of a guest that a message repeats, in bytes.
const LONGEST_REASON: usize = 4 << 10;

/// What was called, for messages: which plugin, in which version, and which of its functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSite {
    /// The name of the file without `.wasm`.
    pub plugin: String,
    /// The version that the plugin gives itself.
    pub version: String,
    /// `runs.run`.
    pub export: &'static str,
}

impl fmt::Display for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin `{}` {}, `{}`", self.plugin, self.version, self.export)
    }
}

/// Why a call gave no result. The instance is gone in every case, and the host is as it was.
#[derive(Debug, Error)]
pub enum CallError {
    /// The plugin says that it could not.
    #[error("{site}: {}", Sentence(failure))]
    Failed {
        /// What was called.
        site: CallSite,
        /// What the plugin says.
        failure: Failure,
    },
    /// The guest crashed, or broke the contract.
    #[error("{site}: trapped: {reason}")]
    Trapped {
        /// What was called.
        site: CallSite,
        /// What the engine says, with the guest's innermost frames.
        reason: String,
    },
    /// The call took too long.
    #[error("{site}: stopped after {} of {which}, its limit `{}`", humantime::format_duration(*limit), which.key())]
    TimedOut {
        /// What was called.
        site: CallSite,
        /// Which time ran out.
        which: TimeLimit,
        /// The limit.
        limit: Duration,
    },
    /// The call wanted more than its budget.
    #[error("{site}: stopped at its limit `{budget}` of {}{}", budget.amount(*limit), Wanted(*budget, *wanted))]
    OutOfBudget {
        /// What was called.
        site: CallSite,
        /// Which part of the budget.
        budget: Budget,
        /// The limit: bytes, or a number of handles.
        limit: usize,
        /// What the guest asked for in all, where that is known.
        wanted: Option<usize>,
    },
    /// The plugin imports what its caller does not grant. Nothing ran.
    #[error("{site}: {source}")]
    Denied {
        /// What was called.
        site: CallSite,
        /// Which grant.
        source: GrantError,
    },
    /// The plugin is of another kind. Nothing ran.
    #[error("{site}: the plugin is of kind `{found}`, and this caller needs one of kind `{wanted}`")]
    WrongKind {
        /// What was called.
        site: CallSite,
        /// What the caller needs.
        wanted: Kind,
        /// What the plugin is.
        found: Kind,
    },
    /// All slots were taken for too long. Nothing ran.
    #[error(
        "{site}: all {slots} slots for plugin calls were taken for {}; raise `[plugins] slots` if that happens often",
        humantime::format_duration(*waited)
    )]
    Busy {
        /// What was called.
        site: CallSite,
        /// How many calls run at once.
        slots: u32,
        /// How long the call waited.
        waited: Duration,
    },
    /// A function of the host panicked: a fault of Zelador, not of the plugin. The panic is in the log.
    #[error("{site}: a function of the host failed, which is a fault of Zelador: {reason}")]
    Host {
        /// What was called.
        site: CallSite,
        /// The panic's message.
        reason: String,
    },
}

impl CallError {
    /// Whether the plugin itself says that trying again may help.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Failed { failure: Failure::Unavailable(_), .. })
    }

    /// A word for tables and metrics.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "failed",
            Self::Trapped { .. } => "trapped",
            Self::TimedOut { .. } => "timed-out",
            Self::OutOfBudget { .. } => "out-of-budget",
            Self::Denied { .. } => "denied",
            Self::WrongKind { .. } => "wrong-kind",
            Self::Busy { .. } => "busy",
            Self::Host { .. } => "host",
        }
    }
}

/// A typed failure as a sentence.
struct Sentence<'a>(&'a Failure);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, reason) = match self.0 {
            Failure::InvalidSettings(reason) => ("invalid settings", reason),
            Failure::InvalidInput(reason) => ("invalid input", reason),
            Failure::Unavailable(reason) => ("unavailable", reason),
            Failure::Denied(reason) => ("denied", reason),
            Failure::Other(reason) => ("failed", reason),
        };
        write!(f, "{class}: {}", one_line(reason, LONGEST_REASON))
    }
}

struct Wanted(Budget, Option<usize>);

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(budget, wanted) = self;
        wanted.map_or(Ok(()), |wanted| write!(f, ": it wanted {}", budget.amount(wanted)))
    }
}

/// Why a file is not a plugin of this host.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read, or is no plain file.
    #[error("{0}")]
    File(String),
    /// The file is larger than any plugin.
    #[error("it has {}, and a plugin has at most {}", bytes(*size), bytes(*limit))]
    TooLarge {
        /// The file's size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not a WebAssembly component.
    #[error("{0}")]
    NotAComponent(&'static str),
    /// The compiler refused it, or ran out of its limits.
    #[error("it does not compile: {0}")]
    Compile(String),
    /// It exports no world that this host knows, or several.
    #[error("{0}")]
    UnknownWorld(String),
    /// It was built against another version of the contract.
    #[error(
        "it was built against version {found} of the contract (`{interface}`), and this host speaks {}: rebuild it",
        super::CONTRACT
    )]
    WrongVersion {
        /// The interface.
        interface: String,
        /// The version found.
        found: semver::Version,
    },
    /// It imports what this host does not offer to its kind.
    #[error("it imports `{import}`, which Zelador {} does not offer to a plugin of kind `{kind}`", env!("CARGO_PKG_VERSION"))]
    UnknownImport {
        /// The import.
        import: String,
        /// The kind.
        kind: Kind,
    },
    /// Its imports or exports have other types than the contract.
    #[error("it does not fit the contract: {0}")]
    WrongType(String),
    /// It does not say what it is.
    #[error("its metadata cannot be read: {0}")]
    Metadata(String),
    /// This host failed, not the file.
    #[error("the host could not load it: {0}")]
    Host(String),
}
