//! Backs up every server that the job was granted, whole, and deletes what is older than the retention.

wit_bindgen::generate!({ path: "../../wit", world: "job" });

mod outcome;
mod retention;
mod settings;

use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::runs::{self, Failure, Report, RunContext};
use outcome::Outcome;
use settings::Settings;
use zelador::plugin::archive::{self, ArchiveError, Artifact, Compression, Request, Scope};
use zelador::plugin::{databases, progress};

struct Backup;

impl metadata::Guest for Backup {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "backup".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: settings::SCHEMA.into(),
            extensions: vec![],
        }
    }
}

impl runs::Guest for Backup {
    fn run(context: RunContext) -> Result<Report, Failure> {
        let settings = Settings::read()?;
        let servers = match &settings.servers {
            Some(servers) => servers.clone(),
            None => databases::servers().into_iter().map(|server| server.name).collect(),
        };
        if servers.is_empty() {
            return Err(Failure::Denied(
                "no server is granted: add `databases:NAME` to the job's grants".into(),
            ));
        }
        let mut outcome = Outcome::default();
        for (done, server) in servers.iter().enumerate() {
            progress::update(done as u64, servers.len() as u64, &format!("backing up {server}"));
            look_after(server, &settings, &context, &mut outcome);
        }
        outcome.into_report()
    }
}

/// One server: a failure of it must not keep the others from being backed up.
fn look_after(server: &str, settings: &Settings, context: &RunContext, outcome: &mut Outcome) {
    match made_by_an_earlier_try(server, context) {
        Some(artifact) => outcome.found(&artifact),
        None => match back_up(server) {
            Ok(artifact) => outcome.made(&artifact),
            Err(error) => return outcome.failed(server, error),
        },
    }
    // Old backups go only when there is a new one.
    clear_out(server, settings, outcome);
}

/// A retry does not dump again what the first try of this firing has dumped already.
fn made_by_an_earlier_try(server: &str, context: &RunContext) -> Option<Artifact> {
    let since = context.scheduled_for.filter(|_| context.attempt > 1)?;
    let newest = archive::list(server, None).ok()?.artifacts.into_iter().find(retention::is_good)?;
    (newest.created_at >= since && matches!(newest.scope, Scope::Cluster)).then_some(newest)
}

fn back_up(server: &str) -> Result<Artifact, ArchiveError> {
    archive::create(&Request {
        server: server.into(),
        scope: Scope::Cluster,
        compression: Compression::Gzip,
        extensions: vec![],
    })
}

fn clear_out(server: &str, settings: &Settings, outcome: &mut Outcome) {
    let artifacts = match all(server) {
        Ok(artifacts) => artifacts,
        Err(error) => {
            return outcome.warn(format!("the old backups of {server} were kept: {}", reason(&error)));
        }
    };
    for damaged in artifacts.iter().filter(|artifact| artifact.proof.is_none()) {
        outcome.warn(format!("{} is damaged", damaged.name));
    }
    for artifact in retention::expired(&artifacts, settings.retention_days, settings.minimum_kept) {
        let why = format!("older than {} days", settings.retention_days);
        match archive::delete(&artifact.id, &why) {
            Ok(()) => outcome.deleted(&artifact.name),
            Err(error) => outcome.warn(format!("{} was kept: {}", artifact.name, reason(&error))),
        }
    }
}

/// All artifacts of a server, newest first.
fn all(server: &str) -> Result<Vec<Artifact>, ArchiveError> {
    let mut artifacts = Vec::new();
    let mut after = None;
    loop {
        let page = archive::list(server, after.as_deref())?;
        artifacts.extend(page.artifacts);
        after = page.next;
        if after.is_none() {
            return Ok(artifacts);
        }
    }
}

fn reason(error: &ArchiveError) -> &str {
    match error {
        ArchiveError::NotGranted(reason)
        | ArchiveError::Busy(reason)
        | ArchiveError::Unavailable(reason)
        | ArchiveError::Refused(reason)
        | ArchiveError::Other(reason) => reason,
    }
}

export!(Backup);
