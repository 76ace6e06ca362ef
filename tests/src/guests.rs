//! The components that the tests drop into Zelador: built by `cargo xtask build`, never by hand.

use std::path::PathBuf;

/// The folder of the workspace's build products.
pub fn target() -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows its own path");
    exe.ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .expect("tests run from the target folder")
        .to_path_buf()
}

/// A component that Zelador ships, by the plugin's name.
pub fn shipped(name: &str) -> PathBuf {
    existing(target().join("plugins").join(format!("{name}.wasm")))
}

/// A component that only the tests use, by its crate's name in `tests/guests`.
pub fn fixture(name: &str) -> PathBuf {
    existing(target().join("guests").join(format!("{name}.wasm")))
}

/// The `zelador` binary of the same build profile as the running test.
pub fn zelador() -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows its own path");
    let profile = exe.parent().and_then(|deps| deps.parent()).expect("tests live in target/PROFILE/deps");
    existing(profile.join("zelador"))
}

fn existing(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "{} is missing: run `cargo xtask build` first", path.display());
    path
}
