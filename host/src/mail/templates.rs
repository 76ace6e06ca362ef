//! The templates that the mail plugin offers, and what it makes of them.

use std::sync::Arc;

use crate::plugin::bindings::email_template::exports::zelador::plugin::templates::{Email, TemplateInfo};
use crate::plugin::{
    CallContext, CallError, CallInfo, Directory, Grants, Kind, LimitError, Limits, Plugin, Settings,
};

/// What may be in a subject: more is a mistake, or an attack on the headers.
const LONGEST_SUBJECT: usize = 512;

/// Why there is no mail.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The plugin that writes mails does not serve.
    #[error("no plugin `{0}` of kind `email-template` is active; `zelador plugin list` tells why")]
    NoEngine(String),
    /// The operator's limits cannot be kept.
    #[error("[plugin.{0}.limits] {1}")]
    Limits(String, LimitError),
    /// A setting of the plugin is wrong.
    #[error("[plugin.{engine}.settings] {reasons}")]
    Settings {
        /// The plugin.
        engine: String,
        /// One sentence a setting.
        reasons: String,
    },
    /// The plugin did not render.
    #[error(transparent)]
    Call(Box<CallError>),
    /// The subject would break the mail's headers.
    #[error(
        "template `{0}`: its subject has a line break, a control character, or more than {LONGEST_SUBJECT} bytes"
    )]
    Subject(String),
}

impl From<CallError> for TemplateError {
    fn from(error: CallError) -> Self {
        Self::Call(Box::new(error))
    }
}

/// The mail plugin, as it is configured.
pub struct Templates {
    plugin: Plugin,
    context: CallContext,
}

impl Templates {
    /// The plugin called `engine`, with its settings and limits of the configuration.
    pub fn new(
        directory: &Directory,
        engine: &str,
        configured: &crate::config::Plugin,
    ) -> Result<Self, TemplateError> {
        let plugin = directory.get(engine).filter(|plugin| plugin.kind() == Kind::EmailTemplate);
        let plugin = plugin.ok_or_else(|| TemplateError::NoEngine(engine.to_owned()))?;
        let settings = Settings::merged(&configured.settings, &toml::Table::new());
        plugin.check_settings(&settings).map_err(|errors| TemplateError::Settings {
            engine: engine.to_owned(),
            reasons: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        })?;
        let limits = Limits::of(Kind::EmailTemplate).overridden(&configured.limits);
        let context = CallContext {
            info: CallInfo { run_id: None, caller: "mail".into() },
            settings,
            // Mails are written for the operator, from the operator's own folder.
            grants: Arc::new(Grants::parse(&["assets"]).expect("`assets` is a grant")),
            limits: limits.map_err(|error| TemplateError::Limits(engine.to_owned(), error))?,
            sink: None,
        };
        Ok(Self { plugin, context })
    }

    /// All templates, by name.
    pub async fn list(&self) -> Result<Vec<TemplateInfo>, TemplateError> {
        Ok(self.plugin.templates(&self.context).await?)
    }

    /// A mail. `data` is a JSON object.
    pub async fn render(&self, template: &str, locale: &str, data: &str) -> Result<Email, TemplateError> {
        let email = self.plugin.render(&self.context, template, locale, data).await?;
        if email.subject.len() > LONGEST_SUBJECT || email.subject.contains(char::is_control) {
            return Err(TemplateError::Subject(template.to_owned()));
        }
        Ok(email)
    }
}
