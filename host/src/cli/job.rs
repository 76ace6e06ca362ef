//! `zelador job`: the jobs, their runs, and starting one by hand.

use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;

use super::progress::RunProgress;
use super::signal::cancelled_by_signal;
use super::view::{LogLineView, RunView, rfc3339, short};
use super::{AlreadyTold, Output, Place, Usage, table};
use crate::assembly::Assembly;
use crate::job::{Catalogue, Definition, Executor, LEASE, Owner, RunLog};
use crate::store::{NewRun, Run, RunFilter, RunState, Trigger};

/// Looks at jobs and runs, and starts one
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Lists the jobs with their next and last runs
    List,
    /// Runs a job now, in this process, and shows what comes of it
    Run {
        /// The job
        name: String,
    },
    /// Lists runs, newest first
    History {
        /// Only this job's
        name: Option<String>,
        /// How many
        #[arg(short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        count: u32,
    },
    /// Shows a run with its log
    Show {
        /// The run's id
        run: String,
    },
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let assembly = place.assembly().await?;
    let catalogue = place.catalogue(&assembly.config)?;
    match verb {
        Verb::List => list(&assembly, &catalogue, output).await,
        Verb::Run { name } => run_now(&assembly, &catalogue, &name, output).await,
        Verb::History { name, count } => history(&assembly, name, count, output).await,
        Verb::Show { run } => show(&assembly, &run, output).await,
    }
}

#[derive(Serialize)]
struct JobView {
    name: String,
    plugin: String,
    schedule: Option<String>,
    timezone: &'static str,
    enabled: bool,
    next_run: Option<String>,
    last_run: Option<RunView>,
}

async fn list(assembly: &Assembly, catalogue: &Catalogue, output: Output) -> anyhow::Result<()> {
    let mut jobs = Vec::new();
    for job in catalogue.iter() {
        jobs.push(job_view(assembly, job).await?);
    }
    output.data(&jobs, |jobs| {
        if jobs.is_empty() {
            return "no jobs yet: add a [job.NAME] to the configuration".to_owned();
        }
        table(
            &["JOB", "PLUGIN", "SCHEDULE", "NEXT RUN", "LAST RUN"],
            &jobs.iter().map(JobView::row).collect::<Vec<_>>(),
        )
    })
}

async fn job_view(assembly: &Assembly, job: &Definition) -> anyhow::Result<JobView> {
    let next = job.schedule.as_ref().filter(|_| job.config.enabled);
    let next = next.and_then(|schedule| schedule.next_after(assembly.clock.now()));
    Ok(JobView {
        name: job.name.clone(),
        plugin: job.config.plugin.clone(),
        schedule: job.config.schedule.clone(),
        timezone: job.config.timezone.0.name(),
        enabled: job.config.enabled,
        next_run: next.map(rfc3339),
        last_run: assembly.store.last_run(&job.name).await?.map(RunView::from),
    })
}

impl JobView {
    fn row(&self) -> Vec<String> {
        let schedule = self.schedule.as_ref().map(|schedule| format!("{schedule} ({})", self.timezone));
        let next = self.next_run.as_deref().and_then(|next| next.parse().ok()).map(short);
        let last = self.last_run.as_ref().map(|run| run.state);
        vec![
            self.name.clone(),
            self.plugin.clone(),
            schedule.unwrap_or_else(|| "by hand".to_owned()),
            next.unwrap_or_else(|| if self.enabled { "-" } else { "disabled" }.to_owned()),
            last.unwrap_or("never").to_owned(),
        ]
    }
}

async fn history(assembly: &Assembly, job: Option<String>, count: u32, output: Output) -> anyhow::Result<()> {
    let filter = RunFilter { job, limit: Some(count), ..RunFilter::default() };
    let runs: Vec<RunView> = assembly.store.runs(&filter).await?.into_iter().map(RunView::from).collect();
    output.data(&runs, |runs| match runs.as_slice() {
        [] => "no runs yet".to_owned(),
        runs => table(
            &["RUN", "JOB", "STATE", "ATTEMPT", "STARTED", "OUTCOME"],
            &runs.iter().map(RunView::row).collect::<Vec<_>>(),
        ),
    })
}

#[derive(Serialize)]
struct RunWithLog {
    #[serde(flatten)]
    run: RunView,
    log: Vec<LogLineView>,
}

async fn show(assembly: &Assembly, id: &str, output: Output) -> anyhow::Result<()> {
    let run = assembly.store.run(id).await?;
    let run = run.ok_or_else(|| Usage(format!("no run `{id}`; `zelador job history` lists them")))?;
    let mut log = Vec::new();
    loop {
        let seen = log.len() as u64;
        let page = assembly.store.run_logs(id, seen).await?;
        if page.is_empty() {
            break;
        }
        log.extend(page.into_iter().map(LogLineView::from));
    }
    output.data(&RunWithLog { run: run.into(), log }, |shown| {
        let log: Vec<String> = shown.log.iter().map(LogLineView::line).collect();
        format!("{}\n{}", shown.run.sheet(), log.join("\n"))
    })
}

async fn run_now(
    assembly: &Assembly,
    catalogue: &Catalogue,
    name: &str,
    output: Output,
) -> anyhow::Result<()> {
    let job = catalogue.get(name).ok_or_else(|| unknown_job(name, catalogue))?;
    let plugins = Arc::new(assembly.plugins(assembly.runtime()?).await);
    let run = claim_new(assembly, job).await?;
    let (log, writer) = RunLog::start(assembly.store.clone(), &run);
    let progress = RunProgress::start(output, &log);
    let cancel = cancelled_by_signal();
    let executor = Executor { store: assembly.store.clone(), plugins, clock: Arc::clone(&assembly.clock) };
    executor.execute(&run, catalogue, log, writer, &cancel).await?;
    progress.finish().await;

    let run = assembly.store.run(&run.id).await?.context("the run was there a moment ago")?;
    let succeeded = run.state == RunState::Succeeded;
    output.data(&RunView::from(run), RunView::sheet)?;
    if succeeded { Ok(()) } else { Err(AlreadyTold { configuration: false }.into()) }
}

fn unknown_job(name: &str, catalogue: &Catalogue) -> Usage {
    let names: Vec<&str> = catalogue.iter().map(|job| job.name.as_str()).collect();
    Usage(format!("no job `{name}` in the configuration; there are: {}", names.join(", ")))
}

async fn claim_new(assembly: &Assembly, job: &Definition) -> anyhow::Result<Run> {
    let new = NewRun {
        job: job.name.clone(),
        plugin: job.config.plugin.clone(),
        trigger: Trigger::Manual,
        scheduled_for: None,
        attempt: 1,
        retry_of: None,
        not_before: assembly.clock.now(),
        skipped: None,
    };
    let owner = Owner::this_process().to_string();
    let claimed = assembly.store.start_run(&new, &owner, LEASE).await?;
    claimed
        .with_context(|| format!("job `{}` is running already; `zelador job history {0}` shows it", job.name))
}
