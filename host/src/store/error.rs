//! What can go wrong with the store, sorted by what a caller or a person can do about it. No text holds a secret.

/// Why the store did not do what it was asked. `place` is the database as a person knows it, without its password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `[store] url` is not one of the two forms.
    #[error(
        "the store's URL cannot be used: {problem}; write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`"
    )]
    InvalidUrl {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The database is not there now; trying again may help.
    #[error("the store ({place}) is not available: {problem}; {remedy}")]
    Unavailable {
        /// The database.
        place: String,
        /// What happened.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The database does not let this user in, or not do what is needed.
    #[error("the store ({place}) refuses: {problem}; {remedy}")]
    Denied {
        /// The database.
        place: String,
        /// What it refuses.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A newer Zelador has been here.
    #[error(
        "the store ({place}) has schema version {found}, and zelador {} knows versions up to {known}: \
         start the newer zelador that wrote it, or restore the store from before that upgrade",
        env!("CARGO_PKG_VERSION")
    )]
    NewerSchema {
        /// The database.
        place: String,
        /// Its schema version.
        found: i64,
        /// The newest schema version of this binary.
        known: i64,
    },
    /// The schema could not be brought up to date. Nothing of the attempt is left behind.
    #[error("the schema of the store ({place}) cannot be brought to version {known}: {problem}; {remedy}")]
    Migration {
        /// The database.
        place: String,
        /// The newest schema version of this binary.
        known: i64,
        /// What happened.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The file is no database, another program's database, or damaged; or a row cannot be read.
    #[error("the store ({place}) is damaged or not ours: {problem}; {remedy}")]
    Corrupt {
        /// The database.
        place: String,
        /// What was found.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Something with the same identity is there already, or was changed by somebody else in between.
    #[error("the store ({place}) already has it: {problem}")]
    Conflict {
        /// The database.
        place: String,
        /// Which rule it breaks.
        problem: String,
    },
    /// The disk is full. What was being written was not, as a whole.
    #[error(
        "the store ({place}) cannot grow: the disk is full; free some space, nothing that was committed is lost"
    )]
    Full {
        /// The database.
        place: String,
    },
    /// What the call is about does not exist (any more).
    #[error("there is no {what} {id}")]
    NotFound {
        /// Its kind.
        what: &'static str,
        /// Its identifier.
        id: String,
    },
    /// Anything else.
    #[error("the store ({place}) failed: {problem}")]
    Other {
        /// The database.
        place: String,
        /// What it said.
        problem: String,
    },
}
