//! An e-mail template as a plugin author would write it: two languages, ten variables, plain replacement. The cost
//! of a typical call is measured with it.

mod fill;

wit_bindgen::generate!({ path: "../../../wit", world: "email-template" });

use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::templates::{self, Email, Failure, TemplateInfo};
use fill::{Escape, Variables, fill};

const NAME: &str = "reminder";
const SAMPLE: &str = include_str!("sample.json");

/// One language of the template.
struct Text {
    subject: &'static str,
    html: &'static str,
    text: &'static str,
}

const PORTUGUESE: Text = Text {
    subject: "{{tenant_name}}: sua assinatura vence em {{days}} dia(s)",
    html: include_str!("pt-BR.html"),
    text: include_str!("pt-BR.txt"),
};

const ENGLISH: Text = Text {
    subject: "{{tenant_name}}: your subscription ends in {{days}} day(s)",
    html: include_str!("en.html"),
    text: include_str!("en.txt"),
};

#[global_allocator]
static ALLOCATOR: arena::Arena = arena::Arena::new();

struct Template;

impl metadata::Guest for Template {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "template".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: r#"{"type": "object", "additionalProperties": false}"#.into(),
            extensions: vec![],
        }
    }
}

impl templates::Guest for Template {
    fn templates() -> Vec<TemplateInfo> {
        vec![TemplateInfo {
            name: NAME.into(),
            description: "A subscription ends soon".into(),
            locales: vec!["pt-BR".into(), "en".into()],
            sample: SAMPLE.into(),
            extensions: vec![],
        }]
    }

    fn render(template: String, locale: String, data: String) -> Result<Email, Failure> {
        if template != NAME {
            return Err(Failure::InvalidInput(format!("no template `{template}`; there is `{NAME}`")));
        }
        let language = if locale.starts_with("en") { &ENGLISH } else { &PORTUGUESE };
        let variables = Variables::parse(&data).map_err(Failure::InvalidInput)?;
        let filled = |text, escape| fill(text, &variables, escape).map_err(Failure::InvalidInput);
        Ok(Email {
            subject: filled(language.subject, Escape::Line)?,
            html: filled(language.html, Escape::Html)?,
            text: filled(language.text, Escape::Nothing)?,
            extensions: vec![],
        })
    }
}

export!(Template);
