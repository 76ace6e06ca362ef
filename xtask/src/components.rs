//! Builds guests: Rust crates to WebAssembly modules, modules to components.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use wit_component::{ComponentEncoder, DecodedWasm};

use crate::run::{cargo, output, root, say, target};
use crate::wasm_std::{TARGET, WasmStd};

/// The workspaces of guests, with the folder of `target` that their components go to.
pub const WORKSPACES: [(&str, &str); 2] = [("plugins", "plugins"), ("tests/guests", "guests")];

/// Builds every component whose sources changed.
pub fn build() -> Result<()> {
    let wasm_std = WasmStd::find()?;
    for (workspace, folder) in WORKSPACES {
        let folder = target().join(folder);
        if !folder.exists() {
            say(&format!("compiling {workspace} for {TARGET}"));
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let modules = modules(workspace, &wasm_std)?;
        for (name, module) in &modules {
            componentize(name, module, &folder)?;
        }
        remove_all_but(&modules, &folder)?;
    }
    Ok(())
}

/// A cargo command on a workspace of guests, for this machine instead of WebAssembly: their own tests and lints.
pub fn native(command: &str, workspace: &str) -> Command {
    cargo_on(workspace, &[command, "--locked", "--workspace"])
}

/// Both workspaces are compiled in one folder, so that the standard library is built once.
fn cargo_on(workspace: &str, arguments: &[&str]) -> Command {
    let mut cargo = cargo();
    cargo
        .args(arguments)
        .arg("--manifest-path")
        .arg(root().join(workspace).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target().join("wasm"));
    cargo
}

/// Compiles a workspace; returns its modules by the names of their crates' folders.
fn modules(workspace: &str, wasm_std: &WasmStd) -> Result<BTreeMap<String, PathBuf>> {
    let mut cargo = cargo_on(
        workspace,
        &[
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--message-format=json-render-diagnostics",
            "--target",
            TARGET,
        ],
    );
    wasm_std.configure(&mut cargo);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", without_our_paths());
    let messages = output(&mut cargo)?;
    messages.lines().filter_map(|line| built_module(line).transpose()).collect()
}

/// Flags that keep the folders of this machine out of a component, where the messages of panics would name them: it
/// must not matter where a component was built.
fn without_our_paths() -> String {
    const SEPARATOR: &str = "\u{1f}";
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let folders = [(Some(root().to_owned()), "zelador"), (cargo_home, "cargo")];
    let remapped = folders.into_iter().filter_map(|(folder, name)| Some((folder?, name)));
    let flags = remapped.map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    flags.collect::<Vec<_>>().join(SEPARATOR)
}

/// The module that cargo reports in this line of JSON, if it does.
fn built_module(line: &str) -> Result<Option<(String, PathBuf)>> {
    let message: Value = serde_json::from_str(line).context("cargo reports in JSON")?;
    let files = message["filenames"].as_array().map_or(&[][..], Vec::as_slice);
    let module = files
        .iter()
        .filter_map(Value::as_str)
        .map(Path::new)
        .find(|file| file.extension() == Some("wasm".as_ref()));
    let folder = message["manifest_path"].as_str().and_then(|manifest| Path::new(manifest).parent());
    Ok(match (module, folder.and_then(Path::file_name).and_then(OsStr::to_str)) {
        (Some(module), Some(name)) => Some((name.to_owned(), module.to_owned())),
        _ => None,
    })
}

/// Makes the component, and writes it if it differs from the one that is there: a daemon that watches the folder sees
/// no change where there is none.
fn componentize(name: &str, module: &Path, folder: &Path) -> Result<()> {
    let bytes = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|encoder| encoder.encode())
        .with_context(|| format!("guest {name} is no component"))?;
    check_imports(name, &component)?;
    let file = folder.join(name).with_extension("wasm");
    if fs::read(&file).is_ok_and(|existing| existing == component) {
        return Ok(());
    }
    say(&format!("component {} ({} KiB)", file.display(), component.len().div_ceil(1024)));
    replace(&file, &component)
}

/// A guest that reaches for anything but our contract is a mistake of its dependencies: the sandbox would refuse it.
fn check_imports(name: &str, component: &[u8]) -> Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("guest {name} is a package, not a component");
    };
    for import in resolve.worlds[world].imports.keys() {
        let import = resolve.name_world_key(import);
        if !import.starts_with("zelador:plugin/") {
            bail!("guest {name} imports `{import}`; a plugin of ours imports nothing but zelador:plugin");
        }
    }
    Ok(())
}

/// Writes beside and renames, so that nobody reads a half component.
fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    let part = file.with_extension("wasm.part");
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, file))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// A guest whose sources are gone would go on being shipped.
fn remove_all_but(modules: &BTreeMap<String, PathBuf>, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let name = file.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        if file.extension() == Some("wasm".as_ref()) && !modules.contains_key(name) {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_may_import_our_contract_and_nothing_else() {
        let importing = |interface: &str| {
            let component =
                wat::parse_str(format!(r#"(component (import "{interface}" (instance)))"#)).unwrap();
            check_imports("sample", &component)
        };
        assert!(importing("zelador:plugin/log@0.1.0").is_ok());
        let refused = importing("wasi:cli/environment@0.2.0").unwrap_err().to_string();
        assert!(refused.contains("sample imports `wasi:cli/environment@0.2.0`"), "{refused}");
    }

    #[test]
    fn a_module_is_named_after_the_folder_of_its_crate() {
        let artifact = r#"{"reason": "compiler-artifact", "manifest_path": "/z/tests/guests/greeter-1/Cargo.toml",
            "filenames": ["/z/target/wasm/release/greeter_1.wasm"]}"#;
        let module = built_module(artifact).unwrap();
        assert_eq!(module, Some(("greeter-1".into(), "/z/target/wasm/release/greeter_1.wasm".into())));
        assert_eq!(built_module(r#"{"reason": "build-finished", "success": true}"#).unwrap(), None);
    }
}
