//! What is wrong with a configuration, said so that it can be mended.

use std::path::{Path, PathBuf};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}. Write one with `zelador init`, or name another with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The text is not TOML, or a key or a value is not ours.
    #[error("{}:{line}:{column}: {message}\n  | {excerpt}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// The line itself.
        excerpt: String,
    },
    /// The values do not fit together.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl ConfigError {
    pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self::Syntax {
            path: path.to_path_buf(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: with_suggestion(error.message()),
            excerpt: redacted(text[line_start..].lines().next().unwrap_or_default()),
        }
    }
}

/// A line of the file may hold a secret, so only its key is shown.
fn redacted(line: &str) -> String {
    match line.split_once('=') {
        Some((key, _)) => format!("{}= ...", key),
        None => line.to_owned(),
    }
}

/// Adds the nearest of the names that serde lists after an unknown one; without such a list the message stays.
fn with_suggestion(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (Some(unknown), true) = (names.first(), message.starts_with("unknown ")) else {
        return message.to_owned();
    };
    let nearest = names[1..]
        .iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, name)) => format!("{message}; did you mean `{name}`?"),
        None => message.to_owned(),
    }
}
