//! A mail: from a template's three files, the data and the operator's settings to a subject, a page and a text.

use std::error::Error as _;
use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, Value, context};

use crate::brand::Brand;
use crate::exports::zelador::plugin::templates::{Email, Failure};
use crate::sources::Sources;
use crate::{engine, locale};

/// Renders the template in the language nearest to the one wished for.
pub fn render(
    sources: &Arc<Sources>,
    brand: &Brand,
    template: &str,
    wish: &str,
    data: &str,
) -> Result<Email, Failure> {
    let locales = sources.locales(template);
    let Some(locale) = locale::nearest(wish, &brand.default_locale, &locales) else {
        let known: Vec<_> = sources.templates().into_keys().collect();
        return Err(Failure::InvalidInput(format!(
            "no template `{template}`; there are: {}",
            known.join(", ")
        )));
    };
    let data = engine::data(data)
        .map_err(|reason| Failure::InvalidInput(format!("template `{template}`: {reason}")))?;
    let mut environment = engine::environment(sources.clone(), locale);
    environment.add_global("brand", brand.names());
    environment.add_global("colors", brand.colors());
    environment.add_global("links", brand.links(&data));
    let part = |part: &str, data: &Value| {
        filled(&environment, &format!("{template}.{locale}.{part}"), data)
            .map_err(|error| failure(&error, sources, template))
    };
    let subject = one_line(&part("subject", &data)?);
    let data = context! { subject => &subject, ..data };
    Ok(Email { html: part("html", &data)?, text: tidy(&part("txt", &data)?), subject, extensions: vec![] })
}

fn filled(environment: &Environment, file: &str, data: &Value) -> Result<String, Error> {
    environment.get_template(file)?.render(data)
}

/// A line break in a subject would start a header of its own.
fn one_line(text: &str) -> String {
    let spaced = text.replace(char::is_control, " ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// No spaces at the ends of lines, no two empty lines in a row: what tags leave behind. The mark of a signature, `-- `,
/// keeps its space.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for line in text.trim().lines() {
        let line = if line == "-- " { line } else { line.trim_end() };
        if !(line.is_empty() && tidy.ends_with("\n\n")) {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy
}

/// Says what is wrong, in which file and line, and whose it is: the operator's file's, or the data's.
fn failure(error: &Error, sources: &Sources, template: &str) -> Failure {
    let error = innermost(error);
    let reason = error.detail().map_or_else(|| blamed(error), str::to_owned);
    let file = error.name().unwrap_or(template);
    let line = error.line().map_or_else(String::new, |line| format!(", line {line}"));
    match (is_of_the_template(error.kind()), sources.is_own(file)) {
        (true, true) => Failure::InvalidSettings(format!("templates/{file}{line}: {reason}")),
        (true, false) => Failure::Other(format!("template `{template}`: {file}{line}: {reason}")),
        (false, true) => {
            Failure::InvalidInput(format!("template `{template}`: {reason} (templates/{file}{line})"))
        }
        (false, false) => Failure::InvalidInput(format!("template `{template}`: {reason} ({file}{line})")),
    }
}

/// The expression that an error without words is about.
fn blamed(error: &Error) -> String {
    let expression = error.template_source().zip(error.range()).and_then(|(source, range)| source.get(range));
    match expression {
        Some(expression) => format!("`{expression}`: {}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// An error in a file that another one extends or includes comes wrapped in one of the other's.
fn innermost(error: &Error) -> &Error {
    let mut inner = error;
    while let Some(source) = inner.source().and_then(|source| source.downcast_ref::<Error>()) {
        inner = source;
    }
    inner
}

/// Whether no data could have helped.
fn is_of_the_template(kind: ErrorKind) -> bool {
    use ErrorKind::*;
    matches!(
        kind,
        SyntaxError
            | TemplateNotFound
            | UnknownFilter
            | UnknownTest
            | UnknownFunction
            | UnknownBlock
            | UnknownMethod
            | MissingArgument
            | TooManyArguments
            | BadEscape
    )
}

#[cfg(test)]
mod tests;
