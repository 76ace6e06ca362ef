//! Where a template's text comes from: the operator's file of that name if there is one, else ours.
//!
//! A template NAME in a language is three files: `NAME.LOCALE.subject`, `NAME.LOCALE.html`, `NAME.LOCALE.txt`. They may
//! extend, include or import other files by their names. `NAME.sample.json` is an example of its data.

use std::collections::{BTreeMap, BTreeSet};

use crate::shipped;

const PARTS: [&str; 3] = ["html", "subject", "txt"];

/// The operator's folder: the host's, or a test's.
pub trait Folder: Send + Sync + 'static {
    /// The names of its files.
    fn names(&self) -> Result<Vec<String>, String>;
    /// A whole file.
    fn read(&self, name: &str) -> Result<Vec<u8>, String>;
}

/// All files by name.
pub struct Sources {
    folder: Box<dyn Folder>,
    own: BTreeSet<String>,
}

impl Sources {
    /// Looks into the folder once.
    pub fn open(folder: impl Folder) -> Result<Self, String> {
        let own = folder.names()?.into_iter().collect();
        Ok(Self { folder: Box::new(folder), own })
    }

    /// Whether the operator wrote this file.
    pub fn is_own(&self, name: &str) -> bool {
        self.own.contains(name)
    }

    /// The text of a file; absent where there is none. Errors say what is wrong with the operator's file.
    pub fn text(&self, name: &str) -> Result<Option<String>, String> {
        if !self.is_own(name) {
            return Ok(shipped::file(name).map(str::to_owned));
        }
        let text = String::from_utf8(self.folder.read(name)?);
        text.map(Some).map_err(|error| format!("not UTF-8 after byte {}", error.utf8_error().valid_up_to()))
    }

    /// The languages in which the template is whole, sorted.
    pub fn locales(&self, template: &str) -> Vec<String> {
        self.templates().remove(template).unwrap_or_default()
    }

    /// All templates that are whole in some language, with these languages. Sorted.
    pub fn templates(&self) -> BTreeMap<String, Vec<String>> {
        let names: BTreeSet<&str> = self.names().collect();
        let mut templates: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (template, locale) in names.iter().filter_map(|name| subject_of(name)) {
            if PARTS.iter().all(|part| names.contains(&*format!("{template}.{locale}.{part}"))) {
                templates.entry(template.to_owned()).or_default().push(locale.to_owned());
            }
        }
        templates
    }

    /// The operator's files that no template can be using: misspelt, or of a template that lacks a part.
    pub fn stray(&self) -> Vec<&str> {
        let templates = self.templates();
        let used = |name: &str| {
            let (stem, _) = name.rsplit_once('.').unwrap_or((name, ""));
            let (template, locale) = stem.split_once('.').unwrap_or((stem, ""));
            let whole = templates.get(template);
            // Layouts and other files that templates extend have no language, or no subject.
            shipped::file(name).is_some()
                || locale == "sample" && whole.is_some()
                || locale.is_empty()
                || whole.is_some_and(|locales| locales.iter().any(|known| known == locale))
        };
        self.own.iter().map(String::as_str).filter(|name| !used(name)).collect()
    }

    fn names(&self) -> impl Iterator<Item = &str> + '_ {
        self.own.iter().map(String::as_str).chain(shipped::files().map(|name| -> &str { name }))
    }
}

/// The template and the language of `NAME.LOCALE.subject`.
fn subject_of(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix(".subject")?.split_once('.')
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A folder in memory.
    #[derive(Default)]
    pub struct Memory(pub BTreeMap<&'static str, &'static [u8]>);

    impl Memory {
        pub fn with(files: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
            Self(files.into_iter().map(|(name, text)| (name, text.as_bytes())).collect())
        }
    }

    impl Folder for Memory {
        fn names(&self) -> Result<Vec<String>, String> {
            Ok(self.0.keys().map(|name| (*name).to_owned()).collect())
        }

        fn read(&self, name: &str) -> Result<Vec<u8>, String> {
            Ok(self.0[name].to_vec())
        }
    }

    fn sources(files: &[(&'static str, &'static str)]) -> Sources {
        Sources::open(Memory::with(files.iter().copied())).expect("a folder")
    }

    #[test]
    fn all_that_is_shipped_is_whole_in_both_languages() {
        let templates = sources(&[]).templates();
        let names: Vec<_> = shipped::TEMPLATES.iter().map(|template| template.name).collect();
        assert_eq!(templates.keys().collect::<Vec<_>>(), names);
        assert!(templates.values().all(|locales| locales == &["en", "pt-BR"]));
    }

    #[test]
    fn a_file_of_the_operator_stands_for_ours_and_the_other_parts_stay() {
        let sources = sources(&[("alert.en.subject", "Mine")]);
        assert_eq!(sources.text("alert.en.subject"), Ok(Some("Mine".into())));
        assert_eq!(sources.text("alert.en.html").expect("text").as_deref(), shipped::file("alert.en.html"));
        assert_eq!(sources.text("missing.html"), Ok(None));
    }

    #[test]
    fn three_files_make_a_new_template_or_a_new_language() {
        let sources = sources(&[
            ("alert.es.html", ""),
            ("alert.es.subject", ""),
            ("alert.es.txt", ""),
            ("welcome.en.html", ""),
            ("welcome.en.subject", ""),
            ("welcome.en.txt", ""),
        ]);
        assert_eq!(sources.locales("alert"), ["en", "es", "pt-BR"]);
        assert_eq!(sources.locales("welcome"), ["en"]);
        assert!(sources.stray().is_empty());
    }

    #[test]
    fn files_that_nothing_uses_are_found() {
        let sources = sources(&[
            ("alrt.en.html", ""),
            ("alert.es.subject", ""),
            ("alert.en.html", ""),
            ("layout.html", ""),
            ("mail.en.txt", ""),
            ("alert.sample.json", "{}"),
        ]);
        assert_eq!(sources.stray(), ["alert.es.subject", "alrt.en.html"]);
    }

    #[test]
    fn a_file_that_is_no_text_is_refused() {
        let sources = Sources::open(Memory([("alert.en.txt", &b"ol\xe1"[..])].into())).expect("a folder");
        assert_eq!(sources.text("alert.en.txt"), Err("not UTF-8 after byte 2".into()));
    }
}
