//! A password for one run of libpq's programs, in a private file: never in arguments or environment, which others on
//! the machine may see.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

use super::super::BackupError;

/// What the name of each folder begins with.
const PREFIX: &str = "zelador-login-";

/// A password file. Dropping it removes it and its folder.
pub(in super::super) struct PassFile {
    path: PathBuf,
    folder: TempDir,
    /// Locked as long as this run lives, so that sweeping leaves it alone.
    _owned: File,
}

impl PassFile {
    /// Writes `password` for any server, into a private folder of its own below `scratch`.
    pub(super) fn write(scratch: &Path, password: &SecretString) -> Result<Self, BackupError> {
        let written = || {
            DirBuilder::new().recursive(true).mode(0o700).create(scratch)?;
            let private = Permissions::from_mode(0o700);
            let folder = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(scratch)?;
            let owned = File::open(folder.path())?;
            owned.lock()?;
            let path = folder.path().join("pgpass");
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(line(password.expose_secret()).as_bytes())?;
            Ok(Self { path, folder, _owned: owned })
        };
        written().map_err(|source| BackupError::io("write a password file below", scratch, source))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        debug_assert!(self.path.starts_with(self.folder.path()));
        &self.path
    }
}

/// One line that fits every server; colons and backslashes are escaped.
fn line(password: &str) -> String {
    format!("*:*:*:*:{}\n", password.replace('\\', "\\\\").replace(':', "\\:"))
}

/// Removes the password files of killed runs; those of living runs stay.
pub(in super::super) fn sweep(scratch: &Path) -> Result<(), BackupError> {
    let entries = match fs::read_dir(scratch) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(BackupError::io("read", scratch, source)),
    };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let Ok(folder) = File::open(entry.path()) else { continue };
        if folder.try_lock().is_ok() {
            fs::remove_dir_all(entry.path())
                .map_err(|source| BackupError::io("delete", &entry.path(), source))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_private_and_goes_with_its_owner() {
        let scratch = tempfile::tempdir().unwrap();
        let file = PassFile::write(scratch.path(), &"a:b\\c".into()).unwrap();
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "*:*:*:*:a\\:b\\\\c\n");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file.path()), mode(file.path().parent().unwrap())), (0o600, 0o700));
        sweep(scratch.path()).unwrap();
        assert!(file.path().exists(), "a living run's file is swept");
        let folder = file.path().parent().unwrap().to_path_buf();
        drop(file);
        assert!(!folder.exists());
    }

    #[test]
    fn what_a_killed_run_left_is_swept() {
        let scratch = tempfile::tempdir().unwrap();
        let left = scratch.path().join(format!("{PREFIX}abc"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("pgpass"), "secret").unwrap();
        sweep(scratch.path()).unwrap();
        assert!(!left.exists());
    }
}
