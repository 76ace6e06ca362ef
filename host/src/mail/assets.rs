//! The host side of WIT `assets`: the operator's template files, read-only, and nothing beside them.

use std::any::Any;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use tokio::task::spawn_blocking;
use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::email_template::zelador::plugin::assets::{self, AssetError};
use crate::plugin::{CallContext, CallState, Capability};

/// The largest file, in bytes; the contract says so.
const LARGEST_FILE: u64 = 256 << 10;

/// Files that are listed at most: every template in every language, many times over.
const MOST_FILES: usize = 1024;

/// Folders within folders that are looked into.
const DEEPEST: usize = 4;

/// The capability `assets`, over one folder.
pub struct AssetsCapability {
    folder: PathBuf,
}

impl AssetsCapability {
    /// Over `folder`; one that is not there is empty.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl Capability for AssetsCapability {
    fn name(&self) -> &'static str {
        "assets"
    }

    fn link(&self, linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
        assets::add_to_linker::<_, HasSelf<Assets>>(linker, |state| state.capability::<Assets>())
    }

    fn check(&self, scopes: &[String]) -> Result<(), String> {
        if scopes.is_empty() { Ok(()) } else { Err("it takes no scope: write `assets`".to_owned()) }
    }

    fn prepare(&self, _: &CallContext, _: &[String]) -> Box<dyn Any + Send> {
        Box::new(Assets { folder: self.folder.clone() })
    }
}

/// The folder of one call.
struct Assets {
    folder: PathBuf,
}

impl assets::Host for Assets {
    async fn names(&mut self) -> wasmtime::Result<Result<Vec<String>, AssetError>> {
        let folder = self.folder.clone();
        let names = spawn_blocking(move || {
            let mut names = Vec::new();
            gather(&folder, "", DEEPEST, &mut names).map(|()| names)
        });
        Ok(names.await?.map(sorted).map_err(|error| AssetError::Other(error.to_string())))
    }

    async fn read(&mut self, name: String) -> wasmtime::Result<Result<Vec<u8>, AssetError>> {
        let folder = self.folder.clone();
        Ok(spawn_blocking(move || read(&folder, &name)).await?)
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// Adds the plain files below `folder`; hidden ones are editors' and version control's, links lead elsewhere.
fn gather(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let kind = entry.file_type()?;
        if name.starts_with('.') || names.len() >= MOST_FILES {
            continue;
        }
        let name = format!("{prefix}{name}");
        if kind.is_file() {
            names.push(name);
        } else if kind.is_dir() && depth > 0 {
            gather(&entry.path(), &format!("{name}/"), depth - 1, names)?;
        }
    }
    Ok(())
}

/// The kernel itself keeps the path below the folder and away from links: no look before the leap that could be raced.
fn read(folder: &Path, name: &str) -> Result<Vec<u8>, AssetError> {
    let invalid = || AssetError::InvalidName(name.to_owned());
    let plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if name.is_empty() || !plain || name.contains('\0') {
        return Err(invalid());
    }
    let not_found = |_: io::Error| AssetError::NotFound(name.to_owned());
    let folder = File::open(folder).map_err(not_found)?;
    // Not blocking, should it be a pipe that nobody writes to.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let below = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(&folder, name, flags, Mode::empty(), below) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::XDEV) => return Err(invalid()),
        Err(error) => return Err(not_found(error.into())),
    };
    let failed = |error: io::Error| AssetError::Other(error.to_string());
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(invalid());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(AssetError::TooLarge(format!("{name}: a file has at most {LARGEST_FILE} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_folder_is_listed_and_read_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("templates");
        fs::create_dir_all(folder.join("parts")).unwrap();
        fs::write(home.path().join("secret"), "hunter2").unwrap();
        fs::write(folder.join("a.html"), "A").unwrap();
        fs::write(folder.join("parts/b.html"), "B").unwrap();
        fs::write(folder.join(".hidden"), "no").unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();
        std::os::unix::fs::symlink("..", folder.join("up")).unwrap();

        let mut names = Vec::new();
        gather(&folder, "", DEEPEST, &mut names).unwrap();
        assert_eq!(sorted(names), ["a.html", "parts/b.html"]);
        assert_eq!(read(&folder, "parts/b.html").unwrap(), b"B");
        for name in
            ["../secret", "/etc/passwd", "link", "up/secret", "parts/../../secret", "", ".", "parts", "a\0b"]
        {
            let refused = read(&folder, name).unwrap_err();
            assert!(matches!(refused, AssetError::InvalidName(_)), "{name:?}: {refused:?}");
        }
        assert!(matches!(read(&folder, "none.html").unwrap_err(), AssetError::NotFound(_)));
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("large"), vec![b'x'; LARGEST_FILE as usize + 1]).unwrap();
        assert!(matches!(read(folder.path(), "large").unwrap_err(), AssetError::TooLarge(_)));
    }

    #[test]
    fn a_folder_that_is_not_there_is_empty() {
        let mut names = Vec::new();
        gather(Path::new("/no/such/folder"), "", DEEPEST, &mut names).unwrap();
        assert_eq!(names, [] as [String; 0]);
    }
}
