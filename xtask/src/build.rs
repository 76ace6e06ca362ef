//! `cargo xtask build`: the binary and the components.

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::components;
use crate::run::{cargo, run};

/// What to build.
#[derive(Args)]
pub struct Options {
    /// How the binary is built: `release` goes to target/release, `dev` to target/debug.
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
    /// Build only the components: target/plugins and target/guests.
    #[arg(long)]
    guests: bool,
}

/// A profile of the binary. Components are always built for release.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Fast to build.
    Dev,
    /// Fast to run.
    Release,
}

/// Builds what the options say.
pub fn build(options: &Options) -> Result<()> {
    match options.profile {
        _ if options.guests => components::build(),
        Profile::Dev => for_tests(),
        Profile::Release => release(),
    }
}

/// Builds what is shipped: the components and the optimised binary.
pub fn release() -> Result<()> {
    components::build()?;
    run(cargo().args(["build", "--locked", "--release", "--package", "zelador"]))
}

/// Builds what the tests run: the components, the binary, the tests themselves. All of the workspace at once, so that
/// its dependencies are compiled once, with one set of features.
pub fn for_tests() -> Result<()> {
    components::build()?;
    run(cargo().args(["build", "--locked", "--workspace", "--all-targets"]))
}
