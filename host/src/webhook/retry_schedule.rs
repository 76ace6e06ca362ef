//! What a retry policy says of itself, for people.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::callers::Callers;
use crate::config;
use crate::plugin::{Directory, Kind};

/// Asks policies for their schedules.
pub struct RetrySchedules(Callers);

impl RetrySchedules {
    /// `defaults` is `[plugin.NAME]` of the configuration.
    pub fn new(plugins: Arc<Directory>, defaults: BTreeMap<String, config::Plugin>) -> Self {
        Self(Callers::new(plugins, defaults))
    }

    /// The waits before attempts 1, 2, 3, ... with these settings over the policy's own.
    ///
    /// # Errors
    /// Why the policy cannot be asked, or what became of its answer: a sentence for a person.
    pub async fn of(&self, policy: &str, settings: &Json) -> Result<Vec<Duration>, String> {
        let (plugin, context) =
            self.0.get(policy, Kind::RetryPolicy, settings).map_err(|error| error.to_string())?;
        let delays = plugin.delays(&context).await.map_err(|error| error.to_string())?;
        Ok(delays.into_iter().map(Duration::from_millis).collect())
    }
}
