//! `zelador init`: a folder that is ready to run.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::Output;

/// The configuration that a new folder gets.
const TEMPLATE: &str = include_str!("init.toml");

/// Writes a commented `zelador.toml`, `plugins/`, `templates/` and the data folder. Asks nothing, overwrites nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; made if it is not there
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Copy the shipped components from here instead of from beside the binary
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
}

#[derive(Serialize)]
struct Initialised {
    dir: PathBuf,
    created: Vec<PathBuf>,
    kept: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, output: Output) -> anyhow::Result<()> {
    let components = match args.plugins {
        Some(dir) => components_in(&dir).with_context(|| format!("cannot read {}", dir.display()))?,
        None => shipped_components(),
    };
    let mut done = Initialised { dir: args.dir, created: Vec::new(), kept: Vec::new() };
    for folder in ["plugins", "templates", "data", "backups"] {
        let path = done.dir.join(folder);
        let existed = path.is_dir();
        private_folder(&path)?;
        if !existed {
            done.created.push(path);
        }
    }
    let config = done.dir.join("zelador.toml");
    done.write_new(&config, TEMPLATE.as_bytes())?;
    for component in &components {
        let name = component.file_name().context("a component has a name")?;
        let bytes = fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
        let copy = done.dir.join("plugins").join(name);
        done.write_new(&copy, &bytes)?;
    }
    if components.is_empty() {
        output.say(
            "warning: no shipped plugins were found beside the binary; name their folder with --plugins DIR",
        );
    }
    output.data(&done, describe)
}

impl Initialised {
    fn write_new(&mut self, path: &Path, contents: &[u8]) -> anyhow::Result<()> {
        if path.exists() {
            self.kept.push(path.to_path_buf());
            return Ok(());
        }
        let folder = path.parent().context("a file has a folder")?;
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::Builder::new()
                .permissions(fs::Permissions::from_mode(0o600))
                .tempfile_in(folder)?;
            file.write_all(contents)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        self.created.push(path.to_path_buf());
        Ok(())
    }
}

fn describe(done: &Initialised) -> String {
    let line = |verb: &str, paths: &[PathBuf]| -> String {
        paths.iter().map(|path| format!("{verb} {}\n", path.display())).collect()
    };
    let step =
        if done.dir == Path::new(".") { String::new() } else { format!("cd {} && ", done.dir.display()) };
    format!(
        "{}{}\nnext: edit zelador.toml, then\n  {step}zelador check\n  {step}zelador run",
        line("created", &done.created),
        line("kept   ", &done.kept)
    )
}

/// Beside the binary (a release archive), one folder up (a build), or where a package puts them.
fn shipped_components() -> Vec<PathBuf> {
    let Ok(exe) = std::env::current_exe().and_then(fs::canonicalize) else { return Vec::new() };
    ["plugins", "../plugins", "../share/zelador/plugins"]
        .iter()
        .filter_map(|place| components_in(&exe.parent()?.join(place)).ok())
        .find(|components| !components.is_empty())
        .unwrap_or_default()
}

fn components_in(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut components = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            components.push(path);
        }
    }
    components.sort();
    Ok(components)
}

fn private_folder(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the folder {}", path.display()))
}
