//! `zelador check`: everything that can be wrong before anything runs.

use std::sync::Arc;

use serde::Serialize;

use super::{AlreadyTold, Output, Place};
use crate::assembly::Assembly;
use crate::config::{Config, Environment};
use crate::job::{Catalogue, Definition};
use crate::plugin::{Directory, Kind, Limits};

/// Checks configuration, schedules, plugins, grants, settings, servers and folders; runs nothing
#[derive(Debug, clap::Args)]
pub struct Args {}

/// What was looked at and what was found.
#[derive(Debug, Serialize)]
struct Finding {
    subject: String,
    state: State,
    message: String,
    /// Whether the configuration is to blame, and not the world around it.
    #[serde(skip)]
    configuration: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Error,
}

/// Runs the command.
pub async fn run(_: Args, place: &Place, output: Output) -> anyhow::Result<()> {
    let config = place.config()?;
    let mut findings = Findings::default();
    findings.environment(&config);
    let jobs = findings.jobs(&config);
    match Assembly::new(config).await {
        Ok(assembly) => {
            findings.ok("store", assembly.store.place().to_owned());
            findings.servers(&assembly).await;
            findings.backup_folder(&assembly).await;
            findings.plugins(&assembly, jobs.as_ref()).await;
        }
        Err(error) => findings.world("store", format!("{error:#}")),
    }
    findings.tell(output)
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, state: State, subject: &str, message: String, configuration: bool) {
        self.0.push(Finding { subject: subject.to_owned(), state, message, configuration });
    }

    fn ok(&mut self, subject: &str, message: String) {
        self.add(State::Ok, subject, message, false);
    }

    fn wrong(&mut self, subject: &str, message: String) {
        self.add(State::Error, subject, message, true);
    }

    fn world(&mut self, subject: &str, message: String) {
        self.add(State::Error, subject, message, false);
    }

    fn environment(&mut self, config: &Config) {
        let environment = Environment::of_process();
        let names: Vec<&str> = environment.names().collect();
        if !names.is_empty() {
            self.ok("environment", format!("{} speak where the file is silent", names.join(", ")));
        }
        if config.job.is_empty() {
            self.add(
                State::Warning,
                "jobs",
                "no [job.NAME] yet: the daemon has nothing to do".to_owned(),
                false,
            );
        }
    }

    fn jobs(&mut self, config: &Config) -> Option<Catalogue> {
        match Catalogue::new(config) {
            Ok(jobs) => Some(jobs),
            Err(problems) => {
                problems.into_iter().for_each(|problem| self.wrong("jobs", problem));
                None
            }
        }
    }

    async fn servers(&mut self, assembly: &Assembly) {
        let servers = match assembly.servers() {
            Ok(servers) => servers,
            Err(error) => return self.wrong("servers", format!("{error:#}")),
        };
        for server in servers.values() {
            let subject = format!("server {}", server.name());
            match assembly.archive.probe(server).await {
                Ok(found) => self.ok(&subject, found),
                Err(error) => self.world(&subject, error.to_string()),
            }
        }
    }

    async fn backup_folder(&mut self, assembly: &Assembly) {
        match assembly.archive.check_folder().await {
            Ok(folder) => self.ok("backups", folder.display().to_string()),
            Err(error) => self.world("backups", error.to_string()),
        }
    }

    async fn plugins(&mut self, assembly: &Assembly, jobs: Option<&Catalogue>) {
        // Grants are checked against the servers; where these have no secrets, that was said before.
        let runtime = match assembly.runtime().or_else(|_| assembly.showcase()) {
            Ok(runtime) => runtime,
            Err(error) => return self.world("plugins", format!("{error:#}")),
        };
        let directory = Arc::new(assembly.plugins(runtime).await);
        for listing in directory.list() {
            let subject = format!("plugin {}", listing.name);
            if let Some(plugin) = &listing.active {
                self.ok(&subject, format!("{} {}", plugin.kind(), plugin.version()));
            }
            if let Some(refusal) = &listing.refused {
                self.world(&subject, format!("refused: {}", refusal.reason));
            }
        }
        self.webhooks(assembly, &directory);
        for job in jobs.into_iter().flat_map(Catalogue::iter) {
            let subject = format!("job {}", job.name);
            match check_job(job, &directory) {
                Ok(next) => self.ok(&subject, next),
                Err(reasons) => reasons.into_iter().for_each(|reason| self.wrong(&subject, reason)),
            }
        }
    }

    /// Nothing is lost without the plugins: the host's own retry schedule steps in, and what cannot be prepared waits.
    fn webhooks(&mut self, assembly: &Assembly, plugins: &Arc<Directory>) {
        if let Err(error) = assembly.webhook_worker(Arc::clone(plugins)) {
            return self.wrong("webhooks", format!("{error:#}"));
        }
        let webhook = &assembly.config.webhook;
        for (name, kind) in [(&webhook.policy, Kind::RetryPolicy), (&webhook.delivery, Kind::WebhookDelivery)]
        {
            if plugins.get(name).is_none_or(|plugin| plugin.kind() != kind) {
                let missing = format!("no plugin `{name}` of kind `{kind}` is active");
                self.add(State::Warning, "webhooks", missing, false);
            }
        }
    }

    fn tell(self, output: Output) -> anyhow::Result<()> {
        output.data(&self.0, |findings| findings.iter().map(Finding::line).collect::<Vec<_>>().join("\n"))?;
        let wrong: Vec<&Finding> = self.0.iter().filter(|finding| finding.state == State::Error).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(AlreadyTold { configuration: wrong.iter().any(|finding| finding.configuration) }.into())
    }
}

impl Finding {
    fn line(&self) -> String {
        let state = match self.state {
            State::Ok => "ok     ",
            State::Warning => "warning",
            State::Error => "ERROR  ",
        };
        format!("{state}  {}: {}", self.subject, self.message)
    }
}

/// Everything about a job that can be told without running its plugin.
fn check_job(job: &Definition, plugins: &Directory) -> Result<String, Vec<String>> {
    let name = &job.config.plugin;
    let plugin = plugins.get(name).ok_or_else(|| vec![format!("its plugin `{name}` is not active")])?;
    if plugin.kind() != Kind::Job {
        return Err(vec![format!("plugin `{name}` is of kind `{}`, and a job needs `job`", plugin.kind())]);
    }
    let mut reasons = Vec::new();
    if let Err(error) = plugin.check_grants(&job.grants, &format!("job `{}`", job.name)) {
        reasons.push(error.to_string());
    }
    if let Err(errors) = plugin.check_settings(&job.settings) {
        reasons.extend(errors.iter().map(|error| format!("settings: {error}")));
    }
    if let Err(error) = Limits::of(Kind::Job).overridden(&job.limits) {
        reasons.push(format!("[plugin.{name}.limits] {error}"));
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    Ok(match (&job.schedule, job.config.enabled) {
        (Some(schedule), true) => format!("{schedule}, by plugin `{name}` {}", plugin.version()),
        (Some(_), false) => "disabled".to_owned(),
        (None, _) => "started by hand".to_owned(),
    })
}
