//! Names and values that travel with a request. A value may be a secret, so that none is ever shown.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Headers in their order, as pairs of name and value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredHeaders(pub Vec<(String, String)>);

impl StoredHeaders {
    /// The names alone: what a listing may show.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn to_json(&self) -> Json {
        serde_json::to_value(self).expect("pairs of texts are JSON")
    }
}

impl fmt::Debug for StoredHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
