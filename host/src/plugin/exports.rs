//! What a plugin of each kind can be asked: its functions, found and type-checked when the plugin is loaded.

use wasmtime::Store;
use wasmtime::component::{Component, Instance};

use super::bindings::email_template::exports::zelador::plugin::templates::{Email, TemplateInfo};
use super::bindings::job::exports::zelador::plugin::runs::{Report, RunContext};
use super::bindings::retry_policy::exports::zelador::plugin::retries::{Decision, FailedAttempt};
use super::bindings::types::Failure;
use super::bindings::webhook_delivery::exports::zelador::plugin::delivery::{
    Attempt, AttemptOutcome, Endpoint, Message, Request, Verdict,
};
use super::call::Export;
use super::contract::Shape;
use super::error::LoadError;
use super::{CallState, Kind};

/// The functions of a kind's own interface.
#[derive(Debug)]
pub(super) enum Exports {
    Job { run: Export },
    EmailTemplate { templates: Export, render: Export },
    WebhookDelivery { prepare: Export, classify: Export },
    RetryPolicy { next: Export, describe: Export },
}

impl Exports {
    pub fn find(component: &Component, shape: &Shape) -> Result<Self, LoadError> {
        let find = |function: &str, name| export(component, &shape.export, function, name);
        Ok(match shape.kind {
            Kind::Job => Self::Job { run: find("run", "runs.run")? },
            Kind::EmailTemplate => Self::EmailTemplate {
                templates: find("templates", "templates.templates")?,
                render: find("render", "templates.render")?,
            },
            Kind::WebhookDelivery => Self::WebhookDelivery {
                prepare: find("prepare", "delivery.prepare")?,
                classify: find("classify", "delivery.classify")?,
            },
            Kind::RetryPolicy => Self::RetryPolicy {
                next: find("next", "retries.next")?,
                describe: find("describe", "retries.describe")?,
            },
        })
    }

    /// Checks the functions' types against the contract.
    pub fn check_types(&self, store: &mut Store<CallState>, instance: &Instance) -> Result<(), LoadError> {
        macro_rules! check {
            ($export:expr, ($($param:ty),*) -> $result:ty) => {
                instance
                    .get_typed_func::<($($param,)*), ($result,)>(&mut *store, &$export.index)
                    .map(drop)
                    .map_err(|error| LoadError::WrongType(format!("`{}`: {error:#}", $export.name)))?
            };
        }
        match self {
            Self::Job { run } => check!(run, (RunContext) -> Result<Report, Failure>),
            Self::EmailTemplate { templates, render } => {
                check!(templates, () -> Vec<TemplateInfo>);
                check!(render, (&str, &str, &str) -> Result<Email, Failure>);
            }
            Self::WebhookDelivery { prepare, classify } => {
                check!(prepare, (&Message, &Endpoint, &Attempt) -> Result<Request, Failure>);
                check!(classify, (&AttemptOutcome) -> Verdict);
            }
            Self::RetryPolicy { next, describe } => {
                check!(next, (&FailedAttempt) -> Decision);
                check!(describe, () -> Vec<u64>);
            }
        }
        Ok(())
    }
}

/// The function `function` of the exported interface `interface`.
pub(super) fn export(
    component: &Component,
    interface: &str,
    function: &str,
    name: &'static str,
) -> Result<Export, LoadError> {
    let interface = component.get_export_index(None, interface);
    let index = interface.and_then(|interface| component.get_export_index(Some(&interface), function));
    index
        .map(|index| Export { name, index })
        .ok_or_else(|| LoadError::WrongType(format!("it does not export the function `{name}`")))
}
