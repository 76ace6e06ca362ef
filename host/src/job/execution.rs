//! One run that this process holds: the plugin's call between the claim and the end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Catalogue;
use super::definition::Definition;
use super::run_log::RunLog;
use crate::clock::{SharedClock, Timestamp};
use crate::plugin::bindings::job::exports::zelador::plugin::runs::{
    Report, RunContext, Trigger as WitTrigger,
};
use crate::plugin::bindings::types::Failure as WitFailure;
use crate::plugin::{CallContext, CallError, CallInfo, Directory, Kind, Limits, Plugin};
use crate::store::{Failure, FinalState, Finish, LogLevel, PluginUsed, Run, Store, StoreError, Trigger};

/// How long a run is held without a sign of life.
pub const LEASE: Duration = Duration::from_secs(30);

/// How often a sign of life is given: two may be lost before the lease is.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);

/// What executing a run takes.
#[derive(Clone)]
pub struct Executor {
    /// Where runs are recorded.
    pub store: Store,
    /// The plugins that are active.
    pub plugins: Arc<Directory>,
    /// The time.
    pub clock: SharedClock,
}

/// Why a run did not reach the plugin's answer.
enum Stopped {
    /// Somebody else holds the run now: nothing more may be written about it.
    LeaseLost,
    /// This process is told to end, or the person who started the run.
    Cancelled,
}

impl Executor {
    /// Executes a run that this process has claimed, and records how it ended. `cancel` ends it as interrupted.
    /// Returns the recorded end, or nothing if the lease was lost on the way.
    pub async fn execute(
        &self,
        run: &Run,
        catalogue: &Catalogue,
        log: RunLog,
        writer: super::run_log::Writer,
        cancel: &CancellationToken,
    ) -> Result<Option<Finish>, StoreError> {
        let job = catalogue.get(&run.job);
        let outcome = match job {
            Some(job) => self.held(run, cancel, self.call(run, job, &log)).await,
            None => Ok(Err(unconfigured(run))),
        };
        let finish = match outcome {
            Err(Stopped::LeaseLost) => {
                tracing::warn!(
                    run = run.id,
                    job = run.job,
                    "the lease was lost; another host ended this run"
                );
                return Ok(None);
            }
            Err(Stopped::Cancelled) => ended(FinalState::Interrupted, cancelled()),
            Ok(Err(failure)) => ended(FinalState::Failed, failure),
            Ok(Ok(report)) => succeeded(&report),
        };
        let retry = |job: &Arc<Definition>| {
            retry_at(job, run, finish.state, finish.failure.as_ref(), self.clock.now())
        };
        let finish = Finish { retry_at: job.and_then(retry), ..finish };
        self.note(run, &finish, &log);
        drop(log);
        writer.finish().await;
        Ok(self.store.finish_run(&run.id, run.fence, &finish).await?.then_some(finish))
    }

    /// Drives `call` while the lease is kept alive.
    async fn held<T>(
        &self,
        run: &Run,
        cancel: &CancellationToken,
        call: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        tokio::select! {
            outcome = call => Ok(outcome),
            () = cancel.cancelled() => Err(Stopped::Cancelled),
            () = self.keep_alive(run) => Err(Stopped::LeaseLost),
        }
    }

    /// Gives signs of life until the lease is lost. The store may be away for a while, but once the lease is over
    /// somebody else may hold the run.
    async fn keep_alive(&self, run: &Run) {
        let mut heartbeat = tokio::time::interval(HEARTBEAT_EVERY);
        let mut held_until = self.clock.now() + LEASE;
        loop {
            heartbeat.tick().await;
            let asked_at = self.clock.now();
            match self.store.heartbeat(&run.id, run.fence, LEASE).await {
                Ok(true) => held_until = asked_at + LEASE,
                Ok(false) => return,
                Err(error) => tracing::warn!(run = run.id, %error, "no sign of life could be given"),
            }
            if self.clock.now() >= held_until {
                return;
            }
        }
    }

    async fn call(&self, run: &Run, job: &Definition, log: &RunLog) -> Result<Report, Failure> {
        let plugin = self.plugin(job)?;
        let used = PluginUsed { version: plugin.version().to_owned(), hash: plugin.sha256().to_owned() };
        self.store
            .set_run_plugin(&run.id, run.fence, &used)
            .await
            .map_err(|error| failure("store", error.to_string()))?;
        let context = context(run, job, &plugin, log).map_err(|reason| failure("configuration", reason))?;
        plugin.run_job(&context, self.run_context(run, job)).await.map_err(|error| as_failure(&error))
    }

    /// The job's plugin as it is now: the run keeps it, whatever is dropped into the folder meanwhile.
    fn plugin(&self, job: &Definition) -> Result<Plugin, Failure> {
        let name = &job.config.plugin;
        let plugin = self.plugins.get(name).ok_or_else(|| {
            failure("no-plugin", format!("no plugin `{name}` is active; `zelador plugin list` tells why"))
        })?;
        if plugin.kind() != Kind::Job {
            let reason =
                format!("plugin `{name}` is of kind `{}`, and a job needs one of kind `job`", plugin.kind());
            return Err(failure("configuration", reason));
        }
        Ok(plugin)
    }

    fn run_context(&self, run: &Run, job: &Definition) -> RunContext {
        RunContext {
            run_id: run.id.clone(),
            job_name: run.job.clone(),
            trigger: match run.trigger {
                Trigger::Schedule => WitTrigger::Schedule,
                Trigger::Manual => WitTrigger::Manual,
            },
            scheduled_for: run.scheduled_for.map(|instant| instant.timestamp_millis()),
            started_at: self.clock.now().timestamp_millis(),
            attempt: run.attempt,
            timezone: job.config.timezone.0.name().to_owned(),
            extensions: Vec::new(),
        }
    }

    fn note(&self, run: &Run, finish: &Finish, log: &RunLog) {
        let (job, id, attempt) = (&run.job, &run.id, run.attempt);
        match &finish.failure {
            None => tracing::info!(job, run = id, attempt, "succeeded"),
            Some(failure) => {
                tracing::error!(job, run = id, attempt, class = failure.class, retry_at = ?finish.retry_at, "{}", failure.message);
                log.write(self.clock.now(), LogLevel::Error, &failure.message);
            }
        }
    }
}

/// The call's context: everything is checked before the guest runs.
fn context(run: &Run, job: &Definition, plugin: &Plugin, log: &RunLog) -> Result<CallContext, String> {
    let settings = job.settings.clone();
    plugin.check_settings(&settings).map_err(|errors| {
        let reasons: Vec<String> = errors.iter().map(ToString::to_string).collect();
        format!("settings of job `{}`: {}", job.name, reasons.join("; "))
    })?;
    let limits = Limits::of(Kind::Job).overridden(&job.limits).map_err(|error| error.to_string())?;
    Ok(CallContext {
        info: CallInfo { run_id: Some(run.id.as_str().into()), caller: format!("job {}", job.name).into() },
        settings,
        grants: Arc::new(job.grants.clone()),
        limits: Limits { time: job.config.timeout, ..limits },
        sink: Some(Arc::new(log.clone())),
    })
}

/// When a run that ended in `state` is tried again, if it is: an interruption, and a failure that may pass, until the
/// attempts are used up.
pub fn retry_at(
    job: &Definition,
    run: &Run,
    state: FinalState,
    failure: Option<&Failure>,
    now: Timestamp,
) -> Option<Timestamp> {
    let may_pass = match state {
        FinalState::Interrupted => true,
        FinalState::Failed => failure.is_some_and(|failure| PASSING.contains(&failure.class.as_str())),
        FinalState::Succeeded | FinalState::Skipped => false,
    };
    (may_pass && run.attempt < job.config.retry.attempts).then(|| now + job.config.retry.delay)
}

/// The classes of failure that another try may mend.
const PASSING: [&str; 2] = ["unavailable", "busy"];

fn as_failure(error: &CallError) -> Failure {
    let class = match error {
        CallError::Failed { failure, .. } => match failure {
            WitFailure::InvalidSettings(_) => "invalid-settings",
            WitFailure::InvalidInput(_) => "invalid-input",
            WitFailure::Unavailable(_) => "unavailable",
            WitFailure::Denied(_) => "denied",
            WitFailure::Other(_) => "failed",
        },
        other => other.class(),
    };
    failure(class, error.to_string())
}

fn succeeded(report: &Report) -> Finish {
    // What a plugin calls data should be JSON; what is not is kept as the text it is.
    let data =
        report.data.as_deref().map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)));
    let report = json!({ "summary": report.summary, "warnings": report.warnings, "data": data });
    Finish { state: FinalState::Succeeded, failure: None, report: Some(report), retry_at: None }
}

fn ended(state: FinalState, failure: Failure) -> Finish {
    Finish { state, failure: Some(failure), report: None, retry_at: None }
}

fn failure(class: &str, message: String) -> Failure {
    Failure { class: class.to_owned(), message }
}

fn unconfigured(run: &Run) -> Failure {
    failure("configuration", format!("the configuration has no job `{}` any more", run.job))
}

fn cancelled() -> Failure {
    failure("cancelled", "stopped before it was done: zelador was told to end".to_owned())
}
