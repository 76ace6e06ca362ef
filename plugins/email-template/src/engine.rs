//! The template engine, with the functions that our templates and the operators' use.

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::sources::Sources;
use crate::words::{self, Language};

/// An engine that compiles a file when it is first asked for. A variable that is not there is an error.
pub fn environment(sources: Arc<Sources>, locale: &str) -> Environment<'static> {
    let mut environment = Environment::new();
    // Names and lines in errors; without it a missing variable has no name.
    environment.set_debug(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(block_lines_vanish());
    environment.set_auto_escape_callback(escape);
    environment.set_loader(move |name| {
        sources.text(name).map_err(|reason| Error::new(ErrorKind::SyntaxError, format!("{name}: {reason}")))
    });
    add_filters(&mut environment, Language::of(locale));
    environment.add_global("locale", locale.to_owned());
    environment
}

/// A line that holds nothing but a tag leaves no empty line behind: plain text would be full of them.
fn block_lines_vanish() -> SyntaxConfig {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    syntax.expect("the usual delimiters do not contradict each other")
}

fn escape(name: &str) -> AutoEscape {
    if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
}

fn add_filters(environment: &mut Environment, language: Language) {
    environment.add_filter("when", move |text: String, zone: Rest<String>| {
        // Not an `Option`: a variable that is missing would pass for an argument left out.
        words::when(&text, zone.first().map(String::as_str), language).map_err(invalid)
    });
    environment.add_filter("days_left", move |days: i64| words::days_left(days, language));
    environment.add_filter("plural", move |count: u64, one: &str, many: &str| {
        words::plural(count, one, many, language)
    });
    environment.add_filter("number", move |number: u64| words::number(number, language));
    environment.add_filter("bytes", move |bytes: u64| words::bytes(bytes, language));
    environment.add_filter("duration", words::duration);
    environment.add_filter("link", link);
}

/// An address that is safe behind a link: a script is none.
fn link(state: &minijinja::State, address: String) -> Result<Value, Error> {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("https" | "http" | "mailto")) || address.contains(char::is_control) {
        return Err(invalid(format!("`{}` is no https, http or mailto address", address.escape_debug())));
    }
    Ok(match state.auto_escape() {
        AutoEscape::Html => Value::from_safe_string(escaped(&address)),
        _ => Value::from(address),
    })
}

/// Escaped for an attribute; the engine's own escaping would also write every `/` as an entity.
fn escaped(address: &str) -> String {
    address
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn invalid(reason: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}

/// The data, which must be an object.
pub fn data(json: &str) -> Result<Value, String> {
    let value: Value =
        serde_json::from_str(json).map_err(|error| format!("the data is not JSON: {error}"))?;
    match value.kind() {
        ValueKind::Map => Ok(value),
        kind => Err(format!("the data is not a JSON object but: {kind}")),
    }
}
