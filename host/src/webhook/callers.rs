//! How deliveries call plugins: by name, as the folder has them now, with settings that were checked once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};

use crate::config;
use crate::plugin::{CallContext, CallInfo, Directory, Grants, Kind, Limits, Plugin, Settings};

/// Contexts that are remembered: one for each plugin version and settings in use. More are made anew each time.
const REMEMBERED: usize = 1_000;

/// Why a plugin cannot be called: for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotCallable(String);

/// The plugins of the folder with the configuration's defaults for them.
pub struct Callers {
    plugins: Arc<Directory>,
    defaults: BTreeMap<String, config::Plugin>,
    grants: Arc<Grants>,
    checked: Mutex<HashMap<(String, String), Result<CallContext, NotCallable>>>,
}

impl Callers {
    /// `defaults` is `[plugin.NAME]` of the configuration.
    pub fn new(plugins: Arc<Directory>, defaults: BTreeMap<String, config::Plugin>) -> Self {
        let grants = Grants::parse(&["signer"]).expect("`signer` is a grant");
        Self { plugins, defaults, grants: Arc::new(grants), checked: Mutex::default() }
    }

    /// The plugin of that name, ready to be called as one of `kind` with these settings over the defaults.
    pub fn get(&self, name: &str, kind: Kind, settings: &Json) -> Result<(Plugin, CallContext), NotCallable> {
        let plugin = self.plugins.get(name).ok_or_else(|| {
            NotCallable(format!("no plugin `{name}` is active; `zelador plugin list` tells why"))
        })?;
        if plugin.kind() != kind {
            let found = plugin.kind();
            return Err(NotCallable(format!("plugin `{name}` is of kind `{found}`, not `{kind}`")));
        }
        let key = (plugin.sha256().to_owned(), settings.to_string());
        let remembered = self.checked.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let context = match remembered {
            Some(context) => context?,
            None => self.check(key, &plugin, settings)?,
        };
        Ok((plugin, context))
    }

    fn check(
        &self,
        key: (String, String),
        plugin: &Plugin,
        settings: &Json,
    ) -> Result<CallContext, NotCallable> {
        let context = self.context(plugin, settings);
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.len() >= REMEMBERED {
            checked.clear();
        }
        checked.insert(key, context.clone());
        context
    }

    fn context(&self, plugin: &Plugin, settings: &Json) -> Result<CallContext, NotCallable> {
        let name = plugin.name();
        let default = self.defaults.get(name).cloned().unwrap_or_default();
        let settings = over(Settings::merged(&default.settings, &toml::Table::new()), settings);
        plugin.check_settings(&settings).map_err(|errors| {
            let reasons: Vec<String> = errors.iter().map(ToString::to_string).collect();
            NotCallable(format!("settings of plugin `{name}`: {}", reasons.join("; ")))
        })?;
        let limits = Limits::of(plugin.kind())
            .overridden(&default.limits)
            .map_err(|error| NotCallable(format!("limits of plugin `{name}`: {error}")))?;
        Ok(CallContext {
            info: CallInfo { run_id: None, caller: "webhooks".into() },
            settings,
            grants: Arc::clone(&self.grants),
            limits,
            sink: None,
        })
    }
}

fn over(defaults: Settings, settings: &Json) -> Settings {
    let Json::Object(own) = settings else { return defaults };
    if own.is_empty() {
        return defaults;
    }
    let both = defaults.values().iter().chain(own);
    Settings::new(both.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}
