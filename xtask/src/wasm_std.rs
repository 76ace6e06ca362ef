//! Where the standard library for `wasm32-unknown-unknown` comes from. No toolchain is downloaded.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::install;
use crate::run::{output, root};

/// The target of every guest: a module for it imports nothing that we did not write.
pub const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A way to compile for [`TARGET`].
pub enum WasmStd {
    /// The sysroot of the toolchain in use has it.
    Installed,
    /// Built from Debian's sources by Debian's compiler, which lives beside rustup's.
    Debian {
        /// Debian's compiler expects a linker that Debian packages apart; rustup's is the same program.
        linker: PathBuf,
    },
}

impl WasmStd {
    /// Finds the standard library; on Debian, installs its sources.
    pub fn find() -> Result<Self> {
        let library = rustc(&["--print", "target-libdir", "--target", TARGET])?;
        if has_std(Path::new(library.trim())) {
            return Ok(Self::Installed);
        }
        if !install::is_debian() {
            bail!(
                "plugins are built for {TARGET}, whose standard library is missing: \
                 run `rustup target add {TARGET}` and start again"
            );
        }
        install::debian_packages(
            &["rustc-web", "rust-web-src"],
            &format!("the standard library for {TARGET}, which plugins are built with"),
        )?;
        Ok(Self::Debian { linker: linker()? })
    }

    /// Makes a `cargo build --target` use it.
    pub fn configure(&self, cargo: &mut Command) {
        if let Self::Debian { linker } = self {
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", DEBIAN_RUSTC)
                // Building the standard library is not stable yet.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                // `cargo run` points it at rustup's libraries, which are of another version.
                .env_remove("LD_LIBRARY_PATH");
        }
    }
}

fn has_std(library: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(library) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

fn linker() -> Result<PathBuf> {
    let sysroot = rustc(&["--print", "sysroot"])?;
    let host = rustc(&["--print", "host-tuple"])?;
    let programs = Path::new(sysroot.trim()).join("lib/rustlib").join(host.trim()).join("bin");
    let candidates = [programs.join("rust-lld"), PathBuf::from("/usr/bin/rust-lld")];
    match candidates.into_iter().find(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => bail!("the linker rust-lld is neither in {} nor in /usr/bin", programs.display()),
    }
}

fn rustc(arguments: &[&str]) -> Result<String> {
    output(Command::new("rustc").args(arguments).current_dir(root()))
}
