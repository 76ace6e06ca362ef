//! Replaces `{{name}}` by the value of that name.

use serde_json::{Map, Value};

/// What the values must not break out of.
#[derive(Clone, Copy)]
pub enum Escape {
    Nothing,
    /// A single line: a line break in a subject would start a header of its own.
    Line,
    Html,
}

/// The values by name.
pub struct Variables(Map<String, Value>);

impl Variables {
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json)
            .map(Self)
            .map_err(|error| format!("the data is not a JSON object: {error}"))
    }

    fn get(&self, name: &str) -> Result<String, String> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) => Ok(value.to_string()),
            None => Err(format!("the data lacks `{name}`")),
        }
    }
}

/// The text with every variable replaced; a variable without a value is an error that names it.
pub fn fill(text: &str, variables: &Variables, escape: Escape) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or("a `{{` without its `}}`")?;
        filled.push_str(before);
        push_escaped(&mut filled, &variables.get(name)?, escape);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn push_escaped(filled: &mut String, value: &str, escape: Escape) {
    for character in value.chars() {
        match (escape, character) {
            (Escape::Line, '\r' | '\n') => filled.push(' '),
            (Escape::Html, '&') => filled.push_str("&amp;"),
            (Escape::Html, '<') => filled.push_str("&lt;"),
            (Escape::Html, '>') => filled.push_str("&gt;"),
            (Escape::Html, '"') => filled.push_str("&quot;"),
            _ => filled.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_break_out_of_html_or_a_subject() {
        let variables = Variables::parse(r#"{"name": "<b>\r\nBcc: x"}"#).unwrap();
        assert_eq!(fill("a {{name}}", &variables, Escape::Html).unwrap(), "a &lt;b&gt;\r\nBcc: x");
        assert_eq!(fill("a {{name}}", &variables, Escape::Line).unwrap(), "a <b>  Bcc: x");
    }

    #[test]
    fn a_variable_without_a_value_is_named() {
        let variables = Variables::parse("{}").unwrap();
        assert_eq!(fill("{{days}}", &variables, Escape::Nothing).unwrap_err(), "the data lacks `days`");
    }
}
