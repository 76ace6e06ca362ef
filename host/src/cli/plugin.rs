//! `zelador plugin`: what is in the plugin folder, and what a component is.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use super::view::bytes;
use super::{AlreadyTold, Output, Place, Usage, table};
use crate::assembly::Assembly;
use crate::plugin::{LARGEST_FILE, Listing, Plugin, Refusal};
use crate::store::{PluginState, PluginVersion};

/// Looks at plugins
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Lists the plugins of the folder, with the reason where a file is refused
    List,
    /// Tells what a component is: kind, version, imports, settings; or why it would be refused
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

/// One version of a plugin.
#[derive(Debug, Serialize)]
struct VersionView {
    name: String,
    kind: Option<String>,
    version: Option<String>,
    description: Option<String>,
    sha256: Option<String>,
    size_bytes: Option<u64>,
    /// `active` or `refused`.
    state: &'static str,
    reason: Option<String>,
    imports: Vec<String>,
}

async fn list(assembly: &Assembly, output: Output) -> anyhow::Result<()> {
    let directory = assembly.plugins(assembly.showcase()?).await;
    let recorded = assembly.store.plugin_versions(None).await?;
    let versions: Vec<VersionView> =
        directory.list().into_iter().flat_map(|listing| versions(listing, &recorded)).collect();
    output.data(&versions, |versions| match versions.as_slice() {
        [] => format!("no plugins yet: drop *.wasm files into {}", directory.folder().display()),
        versions => table(
            &["PLUGIN", "KIND", "VERSION", "SHA-256", "SIZE", "STATE"],
            &versions.iter().map(VersionView::row).collect::<Vec<_>>(),
        ),
    })
}

/// What the folder holds under a name. Where its file is refused, the version that the daemon had before goes on
/// serving, and only the daemon's record knows which that is.
fn versions(listing: Listing, recorded: &[PluginVersion]) -> Vec<VersionView> {
    let name = &listing.name;
    let mut versions: Vec<VersionView> = listing.active.iter().map(VersionView::from).collect();
    if let Some(Refusal { reason, sha256, size, .. }) = listing.refused {
        let before = recorded.iter().filter(|seen| seen.name == *name && seen.state == PluginState::Active);
        versions.extend(before.map(VersionView::from));
        versions.push(VersionView::refused(name, sha256, size, reason));
    }
    versions
}

impl From<&Plugin> for VersionView {
    fn from(plugin: &Plugin) -> Self {
        Self {
            name: plugin.name().to_owned(),
            kind: Some(plugin.kind().to_string()),
            version: Some(plugin.version().to_owned()),
            description: Some(plugin.about().description.clone()),
            sha256: Some(plugin.sha256().to_owned()),
            size_bytes: Some(plugin.size()),
            state: "active",
            reason: None,
            imports: plugin.imports().to_vec(),
        }
    }
}

impl From<&PluginVersion> for VersionView {
    fn from(seen: &PluginVersion) -> Self {
        Self {
            name: seen.name.clone(),
            kind: seen.kind.clone(),
            version: seen.version.clone(),
            description: None,
            sha256: Some(seen.hash.clone()),
            size_bytes: None,
            state: "active",
            reason: Some("the version before the file that is refused".to_owned()),
            imports: Vec::new(),
        }
    }
}

impl VersionView {
    fn refused(name: &str, sha256: Option<String>, size: u64, reason: String) -> Self {
        Self {
            name: name.to_owned(),
            kind: None,
            version: None,
            description: None,
            sha256,
            size_bytes: Some(size),
            state: "refused",
            reason: Some(reason),
            imports: Vec::new(),
        }
    }

    fn row(&self) -> Vec<String> {
        let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let state = match &self.reason {
            Some(reason) => format!("{}: {reason}", self.state),
            None => self.state.to_owned(),
        };
        vec![
            self.name.clone(),
            or_dash(&self.kind),
            or_dash(&self.version),
            self.sha256.as_ref().and_then(|hash| hash.get(..12)).unwrap_or("-").to_owned(),
            self.size_bytes.map_or_else(|| "-".to_owned(), bytes),
            state,
        ]
    }
}

/// What `inspect` tells of a component that would be loaded.
#[derive(Debug, Serialize)]
struct Inspection {
    #[serde(flatten)]
    version: VersionView,
    needed_grants: Vec<String>,
    uses_wasi: bool,
    settings_schema: Value,
}

async fn inspect(assembly: &Assembly, file: &Path, output: Output) -> anyhow::Result<()> {
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let size = std::fs::metadata(file).map_err(|error| Usage(format!("{}: {error}", file.display())))?.len();
    if size > LARGEST_FILE {
        return refuse(
            output,
            &name,
            size,
            format!("it has {size} bytes, and a plugin has at most {LARGEST_FILE}"),
        );
    }
    let wasm = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let plugin = match assembly.showcase()?.load(&name, &wasm).await {
        Ok(plugin) => plugin,
        Err(error) => return refuse(output, &name, size, error.to_string()),
    };
    let inspection = Inspection {
        version: VersionView::from(&plugin),
        needed_grants: plugin.needed_grants().to_vec(),
        uses_wasi: plugin.uses_wasi(),
        settings_schema: plugin.settings_schema().clone(),
    };
    output.data(&inspection, Inspection::sheet)
}

fn refuse(output: Output, name: &str, size: u64, reason: String) -> anyhow::Result<()> {
    let version = VersionView::refused(name, None, size, reason);
    output.data(&version, |version| {
        format!("{} would be refused: {}", version.name, version.reason.as_deref().unwrap_or_default())
    })?;
    Err(AlreadyTold { configuration: false }.into())
}

impl Inspection {
    fn sheet(&self) -> String {
        let version = &self.version;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        let schema = serde_json::to_string_pretty(&self.settings_schema).unwrap_or_default();
        [
            format!("plugin       {} {}", version.name, text(&version.version)),
            format!("description  {}", text(&version.description)),
            format!("kind         {}", text(&version.kind)),
            format!("size         {}", bytes(version.size_bytes.unwrap_or_default())),
            format!("sha256       {}", text(&version.sha256)),
            format!("imports      {}", list(&version.imports)),
            format!("needs grant  {}", list(&self.needed_grants)),
            format!(
                "WASI         {}",
                if self.uses_wasi { "imported; it gives nothing away" } else { "not imported" }
            ),
            format!("settings     {schema}"),
        ]
        .join("\n")
    }
}
