//! The settings of a call: one JSON object, made from what the operator wrote in TOML.
//!
//! It does not know what a setting means; the plugin's schema does.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

/// Settings, cheap to clone. They were checked against the plugin's schema before the call.
#[derive(Debug, Clone)]
pub struct Settings(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    values: Map<String, Value>,
    document: String,
}

/// A setting that has another type than the plugin reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrongType(pub String);

impl Default for Settings {
    fn default() -> Self {
        Self::new(Map::new())
    }
}

impl Settings {
    /// These values.
    pub fn new(values: Map<String, Value>) -> Self {
        let document = serde_json::to_string(&values).expect("a map of JSON values has a JSON text");
        Self(Arc::new(Inner { values, document }))
    }

    /// A plugin's own settings, overridden key by key by a caller's.
    pub fn merged(defaults: &toml::Table, overrides: &toml::Table) -> Self {
        let both = defaults.iter().chain(overrides);
        Self::new(both.map(|(name, value)| (name.clone(), json(value))).collect())
    }

    /// The values by name.
    pub fn values(&self) -> &Map<String, Value> {
        &self.0.values
    }

    /// All of them as the text of a JSON object.
    pub fn document(&self) -> &str {
        &self.0.document
    }

    /// Reads one setting; `None` if it is absent or null.
    pub(super) fn read<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, WrongType> {
        match self.0.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(value) => Ok(Some(value)),
                None => Err(WrongType(format!("setting `{name}` is {value}, and the plugin reads {wanted}"))),
            },
        }
    }

    /// Reads one setting that is a list.
    pub(super) fn read_list<T>(
        &self,
        name: &str,
        wanted: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, WrongType> {
        self.read(name, wanted, |value| value.as_array()?.iter().map(&read).collect())
    }
}

/// A duration as operators write it (`15m`), in milliseconds.
pub(super) fn duration_ms(value: &Value) -> Option<u64> {
    let duration: Duration = humantime::parse_duration(value.as_str()?).ok()?;
    u64::try_from(duration.as_millis()).ok()
}

/// TOML has one type that JSON has not, dates: they become text. A number that JSON cannot hold becomes null.
fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(boolean) => Value::from(*boolean),
        toml::Value::Datetime(datetime) => Value::from(datetime.to_string()),
        toml::Value::Array(values) => values.iter().map(json).collect(),
        toml::Value::Table(table) => table.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(toml: &str) -> Settings {
        Settings::merged(&toml::Table::new(), &toml.parse().unwrap())
    }

    #[test]
    fn a_caller_overrides_single_settings_of_the_plugin() {
        let defaults = "steps = [\"1m\"]\nlimit = 3".parse().unwrap();
        let merged = Settings::merged(&defaults, &"limit = 5".parse().unwrap());
        assert_eq!(merged.document(), r#"{"limit":5,"steps":["1m"]}"#);
    }

    #[test]
    fn durations_are_read_as_operators_write_them() {
        let settings = settings("keep = \"7d\"\nbroken = \"soon\"");
        assert_eq!(settings.read("keep", "a duration", duration_ms), Ok(Some(7 * 86_400_000)));
        assert_eq!(settings.read("absent", "a duration", duration_ms), Ok(None));
        let WrongType(reason) = settings.read("broken", "a duration", duration_ms).unwrap_err();
        assert!(reason.contains("`broken`") && reason.contains("soon"), "{reason}");
    }
}
