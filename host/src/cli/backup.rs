//! `zelador backup`: makes, lists and verifies artifacts.

use anyhow::Context;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::progress::BackupProgress;
use super::signal::cancelled_by_signal;
use super::view::ArtifactView;
use super::{AlreadyTold, Output, Place, Usage, table};
use crate::assembly::Assembly;
use crate::backup::{BackupRequest, Scope, Server, Servers, Verification};
use crate::config::STORE_SERVER;

/// Makes, lists and verifies backups
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Backs servers up now: dumps, verifies, publishes
    Create {
        /// The server, by its name in the configuration; by default each of them, and Zelador's own store if there is none
        #[arg(long = "server", value_name = "S")]
        servers: Vec<String>,
    },
    /// Lists the artifacts, newest first, with how far each is proven
    List,
    /// Reads artifacts back to the last byte: all of them, or one
    Verify {
        /// An id, a name, or the path of a file
        #[arg(value_name = "ID or FILE")]
        what: Option<String>,
    },
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let assembly = place.assembly().await?;
    match verb {
        Verb::Create { servers } => create(&assembly, &servers, output).await,
        Verb::List => list(&assembly, output).await,
        Verb::Verify { what } => verify(&assembly, what, output).await,
    }
}

async fn create(assembly: &Assembly, names: &[String], output: Output) -> anyhow::Result<()> {
    let cancel = cancelled_by_signal();
    for path in assembly.archive.sweep().await? {
        output.say(&format!("removed what an interrupted backup left behind: {}", path.display()));
    }
    for server in chosen(&assembly.servers()?, names)? {
        let progress = BackupProgress::start(output, server.name());
        let request = BackupRequest { server: server.clone(), scope: Scope::Cluster, run_id: None };
        let made = assembly.archive.create(request, progress.observer(), &cancel).await;
        progress.finish();
        output.data(&ArtifactView::from(&made?), ArtifactView::sheet)?;
    }
    Ok(())
}

/// The servers that are meant: those named, or every configured one, or the store where there is no other.
fn chosen<'a>(servers: &'a Servers, names: &[String]) -> anyhow::Result<Vec<&'a Server>> {
    if names.is_empty() {
        let configured: Vec<&Server> =
            servers.values().filter(|server| server.name() != STORE_SERVER).collect();
        return Ok(if configured.is_empty() { servers.values().collect() } else { configured });
    }
    names.iter().map(|name| servers.get(name).ok_or_else(|| unknown_server(name, servers).into())).collect()
}

fn unknown_server(name: &str, servers: &Servers) -> Usage {
    let known: Vec<&str> = servers.keys().map(String::as_str).collect();
    Usage(format!("no server `{name}` in the configuration; there are: {}", known.join(", ")))
}

async fn list(assembly: &Assembly, output: Output) -> anyhow::Result<()> {
    let artifacts: Vec<ArtifactView> =
        assembly.archive.list().await?.iter().map(ArtifactView::from).collect();
    output.data(&artifacts, |artifacts| match artifacts.as_slice() {
        [] => "no backups yet: `zelador backup create` makes one".to_owned(),
        artifacts => table(
            &["NAME", "SERVER", "CREATED", "SIZE", "PROVEN"],
            &artifacts.iter().map(ArtifactView::row).collect::<Vec<_>>(),
        ),
    })
}

#[derive(Serialize)]
struct VerificationView {
    what: String,
    sound: bool,
    proof: Option<String>,
    findings: Vec<String>,
}

async fn verify(assembly: &Assembly, what: Option<String>, output: Output) -> anyhow::Result<()> {
    let cancel = cancelled_by_signal();
    let all = match what {
        Some(what) => vec![what],
        None => assembly.archive.list().await?.into_iter().map(|artifact| artifact.manifest.name).collect(),
    };
    let mut results = Vec::new();
    for what in all {
        results.push(verify_one(assembly, what, output, &cancel).await?);
    }
    let sound = results.iter().all(|result| result.sound);
    output.data(&results, |results| {
        results.iter().map(VerificationView::lines).collect::<Vec<_>>().join("\n")
    })?;
    if sound { Ok(()) } else { Err(AlreadyTold { configuration: false }.into()) }
}

async fn verify_one(
    assembly: &Assembly,
    what: String,
    output: Output,
    cancel: &CancellationToken,
) -> anyhow::Result<VerificationView> {
    let progress = BackupProgress::start(output, &what);
    let verified = assembly.archive.verify(&what, progress.observer(), cancel).await;
    progress.finish();
    let verification: Verification = verified.with_context(|| format!("cannot verify {what}"))?;
    Ok(VerificationView {
        what,
        sound: verification.findings.is_empty(),
        proof: verification.proof().map(|proof| proof.to_string()),
        findings: verification.findings.iter().map(ToString::to_string).collect(),
    })
}

impl VerificationView {
    fn lines(&self) -> String {
        let proof = self.proof.as_deref().unwrap_or("nothing");
        if self.sound {
            return format!("sound    {} (proven: {proof})", self.what);
        }
        format!("DAMAGED  {} (proven: {proof})\n  {}", self.what, self.findings.join("\n  "))
    }
}
