//! `cargo xtask freeze-contract`: keeps a copy of the contract that a release promises.

use std::ffi::OsStr;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::run::{root, say};

/// Copies `wit/*.wit` to `wit/released/VERSION`. Until the changelog lists that version as released, the copy may be
/// replaced; afterwards it is a promise.
pub fn contract() -> Result<()> {
    let wit = root().join("wit");
    let version = version(&fs::read_to_string(wit.join("worlds.wit"))?)?;
    let changelog = fs::read_to_string(root().join("CHANGELOG.md"))?;
    if changelog.contains(&format!("## [{version}]")) {
        bail!(
            "{version} is released: its contract stays as it is. Raise the version in wit/worlds.wit first"
        );
    }
    let frozen = wit.join("released").join(&version);
    if frozen.exists() {
        fs::remove_dir_all(&frozen).with_context(|| format!("cannot replace {}", frozen.display()))?;
    }
    fs::create_dir_all(&frozen)?;
    for entry in fs::read_dir(&wit)? {
        let file = entry?.path();
        if let (Some("wit"), Some(name)) = (file.extension().and_then(OsStr::to_str), file.file_name()) {
            fs::copy(&file, frozen.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
        }
    }
    say(&format!("froze the contract as {}", frozen.display()));
    Ok(())
}

/// The version in `package zelador:plugin@VERSION;`.
fn version(worlds: &str) -> Result<String> {
    let line = worlds.lines().find_map(|line| line.strip_prefix("package zelador:plugin@"));
    line.and_then(|rest| rest.strip_suffix(';'))
        .map(str::to_owned)
        .context("wit/worlds.wit names no package version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package_line() {
        assert_eq!(version("/// Words\npackage zelador:plugin@0.3.1;\n").unwrap(), "0.3.1");
        assert!(version("package other:plugin@0.3.1;").is_err());
    }
}
