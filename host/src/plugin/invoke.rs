//! The calls that a plugin takes, by kind, each in a fresh instance.

use std::sync::Arc;

use wasmtime::component::{ComponentNamedList, Lift, Lower};

use super::bindings::email_template::exports::zelador::plugin::templates::{Email, TemplateInfo};
use super::bindings::job::exports::zelador::plugin::runs::{Report, RunContext};
use super::bindings::retry_policy::exports::zelador::plugin::retries::{Decision, FailedAttempt};
use super::bindings::types::Failure;
use super::bindings::webhook_delivery::exports::zelador::plugin::delivery::{
    Attempt, AttemptOutcome, Endpoint, Message, Request, Verdict,
};
use super::call::{self, Export};
use super::error::{CallError, CallSite};
use super::exports::Exports;
use super::log::Logger;
use super::report;
use super::{CallContext, CallState, Kind, Plugin};

impl Plugin {
    /// Runs a job. The sentences of the report are on one line each, without control characters.
    pub async fn run_job(&self, context: &CallContext, run: RunContext) -> Result<Report, CallError> {
        let Exports::Job { run: export } = &self.0.exports else {
            return Err(self.wrong_kind(Kind::Job, "runs.run"));
        };
        let answer: Result<Report, Failure> = self.call(context, export, (run,)).await?;
        let report = answer.map_err(|failure| self.failed(export, failure))?;
        report::accept(report).map_err(|reason| CallError::Trapped { site: self.site(export.name), reason })
    }

    /// Lists the mails that it can write.
    pub async fn templates(&self, context: &CallContext) -> Result<Vec<TemplateInfo>, CallError> {
        let Exports::EmailTemplate { templates, .. } = &self.0.exports else {
            return Err(self.wrong_kind(Kind::EmailTemplate, "templates.templates"));
        };
        self.call(context, templates, ()).await
    }

    /// Writes a mail. `data` is a JSON object.
    pub async fn render(
        &self,
        context: &CallContext,
        template: &str,
        locale: &str,
        data: &str,
    ) -> Result<Email, CallError> {
        let Exports::EmailTemplate { render, .. } = &self.0.exports else {
            return Err(self.wrong_kind(Kind::EmailTemplate, "templates.render"));
        };
        let answer: Result<Email, Failure> = self.call(context, render, (template, locale, data)).await?;
        answer.map_err(|failure| self.failed(render, failure))
    }

    /// Shapes the request of one attempt.
    pub async fn prepare(
        &self,
        context: &CallContext,
        message: &Message,
        endpoint: &Endpoint,
        attempt: &Attempt,
    ) -> Result<Request, CallError> {
        let Exports::WebhookDelivery { prepare, .. } = &self.0.exports else {
            return Err(self.wrong_kind(Kind::WebhookDelivery, "delivery.prepare"));
        };
        let answer: Result<Request, Failure> =
            self.call(context, prepare, (message, endpoint, attempt)).await?;
        answer.map_err(|failure| self.failed(prepare, failure))
    }

    /// Judges what came of an attempt.
    pub async fn classify(
        &self,
        context: &CallContext,
        outcome: &AttemptOutcome,
    ) -> Result<Verdict, CallError> {
        let Exports::WebhookDelivery { classify, .. } = &self.0.exports else {
            return Err(self.wrong_kind(Kind::WebhookDelivery, "delivery.classify"));
        };
        self.call(context, classify, (outcome,)).await
    }

    /// Decides whether and when to try again.
    pub async fn next(&self, context: &CallContext, attempt: &FailedAttempt) -> Result<Decision, CallError> {
        let Exports::RetryPolicy { next, .. } = &self.0.exports else {
            return Err(self.wrong_kind(Kind::RetryPolicy, "retries.next"));
        };
        self.call(context, next, (attempt,)).await
    }

    /// The delays before attempts 1, 2, 3, ... in milliseconds, for display.
    pub async fn delays(&self, context: &CallContext) -> Result<Vec<u64>, CallError> {
        let Exports::RetryPolicy { describe, .. } = &self.0.exports else {
            return Err(self.wrong_kind(Kind::RetryPolicy, "retries.describe"));
        };
        self.call(context, describe, ()).await
    }

    /// One call in a fresh instance, if it is granted and a slot is free in time.
    async fn call<P, R>(&self, context: &CallContext, export: &Export, params: P) -> Result<R, CallError>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: Send + Sync + 'static,
        (R,): ComponentNamedList + Lift,
    {
        let loaded = &*self.0;
        let runtime = loaded.runtime.inner();
        self.require_granted(&context.grants, &context.info.caller)
            .map_err(|source| CallError::Denied { site: self.site(export.name), source })?;
        let _slot = runtime.slot().await.map_err(|(waited, slots)| CallError::Busy {
            site: self.site(export.name),
            waited,
            slots,
        })?;
        let prepared = runtime.prepare(&loaded.gated, context);
        let logger = Logger::new(Arc::clone(&loaded.name), context.limits.log, context.sink.clone());
        let state = CallState::new(Arc::clone(&runtime.clock), context, logger, prepared);
        let store = call::store(&runtime.engine, state);
        call::run(store, &loaded.pre, export, params)
            .await
            .map_err(|ended| ended.explain(self.site(export.name), &context.limits))
    }

    fn failed(&self, export: &Export, failure: Failure) -> CallError {
        CallError::Failed { site: self.site(export.name), failure }
    }

    fn site(&self, export: &'static str) -> CallSite {
        CallSite { plugin: self.0.name.to_string(), version: self.0.about.version.clone(), export }
    }

    fn wrong_kind(&self, wanted: Kind, export: &'static str) -> CallError {
        CallError::WrongKind { site: self.site(export), wanted, found: self.kind() }
    }
}
