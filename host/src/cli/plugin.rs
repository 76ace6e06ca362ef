//! `zelador plugin`: what is in the plugin folder, and what a component is.

use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use super::view::bytes;
use super::{AlreadyTold, Output, Place, table};
use crate::assembly::Assembly;
use crate::plugin::{Directory, LARGEST_FILE, Plugin};
use crate::store::PluginState;

/// Looks at plugins
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Lists the plugins of the folder, with the reason where a file is refused
    List,
    /// Tells what a component is: kind, version, settings, what it imports; or why it would be refused
    Inspect {
        /// The component's file
        file: PathBuf,
    },
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let assembly = place.assembly().await?;
    match verb {
        Verb::List => list(&assembly, output).await,
        Verb::Inspect { file } => inspect(&assembly, &file, output).await,
    }
}
