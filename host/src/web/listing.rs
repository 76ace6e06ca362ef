//! Pages: what every listing is asked by.

use serde::Deserialize;

use super::problem::Problem;
use crate::store::{Cursor, PAGE_LIMIT};

/// How many rows a page has where nobody says.
const USUAL_LIMIT: u32 = 50;

/// The query of a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// At most so many rows.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// Only this tenant's.
    pub tenant: Option<String>,
}

impl Listing {
    /// How many rows are wanted.
    pub fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(USUAL_LIMIT) {
            limit @ 1..=PAGE_LIMIT => Ok(limit),
            _ => Err(Problem::invalid(format!("limit is 1 to {PAGE_LIMIT}"))),
        }
    }

    /// Where the page before ended.
    pub fn cursor(&self) -> Result<Option<Cursor>, Problem> {
        let cursor = self.cursor.as_deref().map(str::parse).transpose();
        cursor.map_err(|_| Problem::invalid("cursor is not the `next` of a page"))
    }
}
