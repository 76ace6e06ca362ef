//! How a language writes what is not text: dates, days left, counts, sizes. Knows nothing of templates.
//!
//! Portuguese and English are written as their readers write them; a template in any other language gets English.

mod calendar;
mod count;
mod zone;

pub use calendar::{days_left, when};
pub use count::{bytes, duration, number, plural};

/// A language whose words are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Language {
    Portuguese,
    English,
}

impl Language {
    /// Of a BCP 47 tag.
    pub fn of(locale: &str) -> Self {
        match locale.split('-').next() {
            Some(primary) if primary.eq_ignore_ascii_case("pt") => Self::Portuguese,
            _ => Self::English,
        }
    }
}
