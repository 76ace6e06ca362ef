//! Source files as the rules look at them.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
pub struct Source {
    /// Relative to the repository, with forward slashes.
    pub path: String,
    pub text: String,
}

impl Source {
    /// The tests' own samples.
    pub fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The lines that are code of the program, with their numbers: no comments, no unit tests. A module of unit tests is
    /// the last thing in its file, or a file of its own that is called `tests.rs`.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        let end = if self.path.ends_with("/tests.rs") { 0 } else { tests };
        let lines = self.text[..end].lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// A complaint about a line.
    pub fn complain(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository").to_path_buf()
}

/// The files with these extensions under these folders of the repository, in the order of their paths.
pub fn read(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in folders {
        collect(&root().join(folder), extensions, &mut sources);
    }
    assert!(!sources.is_empty(), "no {extensions:?} under {folders:?}: the rule looks at the wrong place");
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn collect(folder: &Path, extensions: &[&str], sources: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let wanted = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&name) {
            collect(&path, extensions, sources);
        } else if wanted.is_some_and(|wanted| extensions.contains(&wanted)) {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let relative = path.strip_prefix(root()).expect("under the root").display().to_string();
            sources.push(Source { path: relative.trim_start_matches("./").to_owned(), text });
        }
    }
}

#[test]
fn code_is_neither_comment_nor_unit_test() {
    let source =
        Source::sample("a.rs", "//! doc\nuse x;\n    // why\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n}\n");
    assert_eq!(source.code().collect::<Vec<_>>(), [(2, "use x;"), (4, "fn f() {}")]);
    let declared = Source::sample("a.rs", "#[cfg(test)]\nmod tests;\nfn f() {}\n");
    assert_eq!(declared.code().last(), Some((3, "fn f() {}")));
    assert_eq!(Source::sample("host/src/a/tests.rs", "fn f() {}\n").code().count(), 0);
}
