//! What the configuration says of the jobs, checked and ready to use.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{self, Config};
use crate::plugin::{Grants, Settings};
use crate::schedule::Schedule;

/// A job.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Its name in the configuration.
    pub name: String,
    /// The configuration itself: plugin, policies, time-out.
    pub config: config::Job,
    /// When it runs; absent for a job that only people start.
    pub schedule: Option<Schedule>,
    /// What its plugin may use.
    pub grants: Grants,
    /// The plugin's settings with the job's over them.
    pub settings: Settings,
    /// The budget of its calls, where the operator set one.
    pub limits: config::Limits,
}

/// All jobs, by name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(BTreeMap<String, Arc<Definition>>);

impl Catalogue {
    /// The jobs of `config`, or everything that is wrong with them, one sentence each.
    pub fn new(config: &Config) -> Result<Self, Vec<String>> {
        let mut jobs = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, job) in &config.job {
            match define(name, job, config) {
                Ok(definition) => drop(jobs.insert(name.clone(), Arc::new(definition))),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(Self(jobs)) } else { Err(problems) }
    }

    /// One job.
    pub fn get(&self, name: &str) -> Option<&Arc<Definition>> {
        self.0.get(name)
    }

    /// All jobs in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.0.values()
    }

    /// The jobs whose schedule is followed, with it.
    pub fn scheduled(&self) -> impl Iterator<Item = (&Arc<Definition>, &Schedule)> {
        self.iter().filter(|job| job.config.enabled).filter_map(|job| Some((job, job.schedule.as_ref()?)))
    }
}

fn define(name: &str, job: &config::Job, config: &Config) -> Result<Definition, Vec<String>> {
    let mut problems = Vec::new();
    let mut keep = |problem: String| problems.push(format!("[job.{name}] {problem}"));
    let schedule = job.schedule.as_deref().map(|text| Schedule::parse(text, job.timezone.0)).transpose();
    let schedule = schedule.map_err(|error| keep(format!("schedule: {error}"))).ok().flatten();
    let grants = Grants::parse(&job.grants).map_err(|error| keep(format!("grants: {error}")));
    if job.retry.attempts == 0 {
        keep(
            "retry.attempts: a run has at least one attempt; to stop the schedule set enabled = false".into(),
        );
    }
    let defaults = config.plugin.get(&job.plugin).cloned().unwrap_or_default();
    match grants {
        Ok(grants) if problems.is_empty() => Ok(Definition {
            name: name.to_owned(),
            config: job.clone(),
            schedule,
            grants,
            settings: Settings::merged(&defaults.settings, &job.settings),
            limits: defaults.limits,
        }),
        _ => Err(problems),
    }
}
