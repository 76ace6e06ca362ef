//! Errors of the command line and the exit codes that they end in.

use std::process::ExitCode;

use crate::config::ConfigError;

/// A command that cannot be obeyed as it was given: an unknown name, an impossible combination.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Work that was done and came out badly, and was already told: only the exit code is left to say.
#[derive(Debug, thiserror::Error)]
#[error("it has been said")]
pub struct AlreadyTold {
    /// Whether the configuration is to blame.
    pub configuration: bool,
}

/// 0 done, 1 failed, 2 wrong usage or configuration.
pub fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if let Some(AlreadyTold { configuration }) = error.downcast_ref() {
        return ExitCode::from(if *configuration { 2 } else { 1 });
    }
    super::Output::new(false).say(&format!("error: {error:#}"));
    let usage = error.chain().any(|cause| cause.is::<Usage>() || cause.is::<ConfigError>());
    ExitCode::from(if usage { 2 } else { 1 })
}
