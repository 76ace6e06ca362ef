//! The templates that come with the plugin: their texts, what they are for, and an example of the data they take.

/// The file of a name, if it is shipped.
pub fn file(name: &str) -> Option<&'static str> {
    let found = FILES.binary_search_by_key(&name, |(file, _)| file).ok()?;
    Some(FILES[found].1)
}

/// The names of all files, sorted.
pub fn files() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// A template that others may ask for by its name.
pub struct Template {
    pub name: &'static str,
    pub description: &'static str,
    /// A JSON object.
    pub sample: &'static str,
}

macro_rules! templates {
    ($($name:literal: $description:literal,)*) => {
        /// Sorted by name.
        pub const TEMPLATES: &[Template] = &[$(Template {
            name: $name,
            description: $description,
            sample: include_str!(concat!("../samples/", $name, ".json")),
        }),*];
    };
}

templates! {
    "alert": "To operators: a rule fired, or is back to normal",
    "backup-failed": "To operators: a backup did not finish",
    "backup-succeeded": "To operators: a backup is done, with its files",
    "dead-letters": "To operators: messages have used up their attempts",
    "expired": "To a tenant: the subscription has ended",
    "reminder-critical": "To a tenant: the subscription ends today or tomorrow",
    "reminder-high": "To a tenant: the subscription ends within three days",
    "reminder-medium": "To a tenant: the subscription ends soon",
    "report": "To operators: what happened, and what is left for a person",
    "subscription-report": "To operators: which subscriptions are critical",
}

macro_rules! files {
    ($($name:literal,)*) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../templates/", $name)))),*];
    };
}

files! {
    "alert.en.html",
    "alert.en.subject",
    "alert.en.txt",
    "alert.pt-BR.html",
    "alert.pt-BR.subject",
    "alert.pt-BR.txt",
    "backup-failed.en.html",
    "backup-failed.en.subject",
    "backup-failed.en.txt",
    "backup-failed.pt-BR.html",
    "backup-failed.pt-BR.subject",
    "backup-failed.pt-BR.txt",
    "backup-succeeded.en.html",
    "backup-succeeded.en.subject",
    "backup-succeeded.en.txt",
    "backup-succeeded.pt-BR.html",
    "backup-succeeded.pt-BR.subject",
    "backup-succeeded.pt-BR.txt",
    "dead-letters.en.html",
    "dead-letters.en.subject",
    "dead-letters.en.txt",
    "dead-letters.pt-BR.html",
    "dead-letters.pt-BR.subject",
    "dead-letters.pt-BR.txt",
    "expired.en.html",
    "expired.en.subject",
    "expired.en.txt",
    "expired.pt-BR.html",
    "expired.pt-BR.subject",
    "expired.pt-BR.txt",
    "layout.html",
    "mail.en.html",
    "mail.en.txt",
    "mail.pt-BR.html",
    "mail.pt-BR.txt",
    "parts.html",
    "reminder-critical.en.html",
    "reminder-critical.en.subject",
    "reminder-critical.en.txt",
    "reminder-critical.pt-BR.html",
    "reminder-critical.pt-BR.subject",
    "reminder-critical.pt-BR.txt",
    "reminder-high.en.html",
    "reminder-high.en.subject",
    "reminder-high.en.txt",
    "reminder-high.pt-BR.html",
    "reminder-high.pt-BR.subject",
    "reminder-high.pt-BR.txt",
    "reminder-medium.en.html",
    "reminder-medium.en.subject",
    "reminder-medium.en.txt",
    "reminder-medium.pt-BR.html",
    "reminder-medium.pt-BR.subject",
    "reminder-medium.pt-BR.txt",
    "reminder.en.html",
    "reminder.en.txt",
    "reminder.pt-BR.html",
    "reminder.pt-BR.txt",
    "report.en.html",
    "report.en.subject",
    "report.en.txt",
    "report.pt-BR.html",
    "report.pt-BR.subject",
    "report.pt-BR.txt",
    "subscription-report.en.html",
    "subscription-report.en.subject",
    "subscription-report.en.txt",
    "subscription-report.pt-BR.html",
    "subscription-report.pt-BR.subject",
    "subscription-report.pt-BR.txt",
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_shipped_in_the_order_of_names() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut there: Vec<_> = fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        there.sort();
        assert_eq!(files().collect::<Vec<_>>(), there);
        assert!(TEMPLATES.is_sorted_by_key(|template| template.name));
    }
}
