//! Secret references to values: `env:NAME`, `file:/run/secrets/x`. Anything else is its own value.
//!
//! A value is read when it is needed and never kept: a rotated secret counts from the next use.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::config::Text;

/// A secret file is a password or a key, not a disk.
const LARGEST_FILE_BYTES: u64 = 64 * 1024;

/// Why a reference has no value. Never holds the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment lacks the variable, or it is not Unicode.
    #[error("env:{name}: the environment has no such variable; set it where zelador is started")]
    NoVariable {
        /// The variable.
        name: String,
    },
    /// The file cannot be read.
    #[error("file:{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A store of secrets that this version cannot reach.
    #[error("{scheme}: references are not understood by this version; use env: or file:")]
    UnknownStore {
        /// What stood before the colon.
        scheme: &'static str,
    },
}

/// The value of `text`: what it refers to, or itself.
pub fn resolve(text: &Text) -> Result<SecretString, SecretError> {
    let text = text.as_str();
    match text.split_once(':') {
        Some(("env", name)) => from_environment(name),
        Some(("file", path)) => from_file(Path::new(path)),
        Some(("vault", _)) => Err(SecretError::UnknownStore { scheme: "vault" }),
        Some(("aws", _)) => Err(SecretError::UnknownStore { scheme: "aws" }),
        _ => Ok(text.into()),
    }
}

fn from_environment(name: &str) -> Result<SecretString, SecretError> {
    std::env::var(name).map(SecretString::from).map_err(|_| SecretError::NoVariable { name: name.to_owned() })
}

/// One trailing line end is the editor's, not the secret's.
fn from_file(path: &Path) -> Result<SecretString, SecretError> {
    let unreadable = |reason: String| SecretError::Unreadable { path: path.to_path_buf(), reason };
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > LARGEST_FILE_BYTES {
        return Err(unreadable(format!(
            "{size} bytes are too many for a secret (at most {LARGEST_FILE_BYTES})"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(value.strip_suffix('\r').unwrap_or(value).into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_plain_string_is_its_own_value() {
        assert_eq!(resolve(&"postgres://host/db".into()).unwrap().expose_secret(), "postgres://host/db");
    }

    #[test]
    fn a_file_loses_one_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "two\nlines\r\n").unwrap();
        let value = resolve(&format!("file:{}", path.display()).into()).unwrap();
        assert_eq!(value.expose_secret(), "two\nlines");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = resolve(&"env:ZELADOR_NO_SUCH_VARIABLE".into()).unwrap_err().to_string();
        assert!(error.contains("ZELADOR_NO_SUCH_VARIABLE"), "{error}");
        let error = resolve(&"file:/no/such/file".into()).unwrap_err().to_string();
        assert!(error.contains("/no/such/file"), "{error}");
    }
}
