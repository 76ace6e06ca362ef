//! A plugin's settings schema: compiled once, asked whenever settings change.
//!
//! The schema is a stranger's text. It is bounded, it may refer to nothing (references could make a check take
//! exponential time, or leave the document), and its patterns are matched in linear time.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use thiserror::Error;

/// The longest schema, in bytes: more settings than an operator wants to read about.
const LONGEST: usize = 64 << 10;

/// How much memory a pattern of a schema may take when compiled, in bytes.
const LARGEST_PATTERN: usize = 256 << 10;

/// How many wrong settings are told at once: enough to fix a file in one go.
const MOST_ERRORS: usize = 20;

/// What a plugin accepts as settings.
#[derive(Debug)]
pub(super) struct SettingsSchema {
    document: Value,
    validator: Validator,
}

/// A setting that the plugin's schema does not accept.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("setting `{path}`: {reason}")]
pub struct SettingError {
    /// Where it is: `retention-days`, `steps[2]`.
    pub path: String,
    /// What the schema says against it.
    pub reason: String,
}

impl SettingsSchema {
    /// Compiles a schema. The error is a sentence for the plugin's author.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("it has {} bytes, and the limit is {LONGEST}", text.len()));
        }
        let document: Value =
            serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        if !document.is_object() {
            return Err("it is not a JSON object".to_owned());
        }
        if refers(&document) {
            return Err(
                "it uses a reference ($ref), which a settings schema may not: write it out".to_owned()
            );
        }
        let validator = jsonschema::draft202012::options()
            .with_pattern_options(PatternOptions::regex().size_limit(LARGEST_PATTERN))
            .build(&document)
            .map_err(|error| format!("it is not a JSON Schema (draft 2020-12): {error}"))?;
        Ok(Self { document, validator })
    }

    /// The schema as the plugin gave it.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// All that is wrong with `settings`, up to a readable number.
    pub fn check(&self, settings: &Value) -> Result<(), Vec<SettingError>> {
        let errors: Vec<_> = self
            .validator
            .iter_errors(settings)
            .take(MOST_ERRORS)
            .map(|error| SettingError {
                path: dotted(&error.instance_path().to_string()),
                reason: error.to_string(),
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Whether a reference occurs anywhere in the schema. A setting that is itself named `$ref` counts too: nobody has one.
fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(entries) => entries.iter().any(|(key, value)| {
            matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef") || refers(value)
        }),
        Value::Array(values) => values.iter().any(refers),
        _ => false,
    }
}

/// `/steps/2/name` as `steps[2].name`; the whole as `(settings)`.
fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&part.replace("~1", "/").replace("~0", "~"));
        }
    }
    if path.is_empty() { "(settings)".to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_wrong_settings_are_told_with_path_and_reason() {
        let schema = SettingsSchema::compile(
            r#"{"type": "object", "additionalProperties": false, "properties": {
                "retention-days": {"type": "integer", "minimum": 1},
                "steps": {"type": "array", "items": {"type": "string"}}}}"#,
        )
        .unwrap();
        assert_eq!(schema.check(&json!({"retention-days": 30, "steps": ["1m"]})), Ok(()));
        let errors = schema.check(&json!({"retention-days": 0, "steps": ["1m", 2], "extra": 1})).unwrap_err();
        let told: Vec<_> = errors.iter().map(SettingError::to_string).collect();
        let tells = |path: &str, reason: &str| {
            told.iter()
                .any(|error| error.starts_with(&format!("setting `{path}`: ")) && error.contains(reason))
        };
        assert!(tells("retention-days", "less than the minimum of 1"), "{told:?}");
        assert!(tells("steps[1]", "not of type \"string\""), "{told:?}");
        assert!(tells("(settings)", "'extra' was unexpected"), "{told:?}");
    }

    #[test]
    fn a_schema_that_could_cost_the_host_is_refused() {
        let long = format!("{{\"description\": \"{}\"}}", "x".repeat(LONGEST));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let pattern = r#"{"properties": {"a": {"pattern": "((a{100}){100}){100}"}}}"#;
        let reference = r##"{"$defs": {"a": {}}, "properties": {"a": {"$ref": "#/$defs/a"}}}"##;
        for schema in [long.as_str(), &deep, pattern, reference, "", "[]", "true", r#"{"type": "no-type"}"#] {
            assert!(SettingsSchema::compile(schema).is_err(), "{:.80}", schema);
        }
    }
}
