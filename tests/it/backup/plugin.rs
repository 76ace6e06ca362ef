//! The shipped plugin and the capabilities that it works through, in the real sandbox.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use zelador::backup::{ArchiveCapability, DatabasesCapability, Server, Servers};
use zelador::clock::SystemClock;
use zelador::plugin::bindings::job::exports::zelador::plugin::runs::{Report, RunContext, Trigger};
use zelador::plugin::bindings::types::Failure;
use zelador::plugin::{
    CallContext, CallError, CallInfo, CallSink, Grants, Kind, Limits, LogLine, Plugin, Progress, Runtime,
    RuntimeConfig, Settings,
};
use zelador_tests::guests;
use zelador_tests::postgres::Cluster;

use super::{Room, embedded, server_of};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A plugin that may look after these servers.
struct Stage {
    room: Room,
    plugin: Plugin,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    lines: Mutex<Vec<String>>,
    progress: Mutex<Vec<String>>,
}

impl CallSink for Heard {
    fn log(&self, line: &LogLine) {
        self.lines.lock().unwrap().push(line.message.clone());
    }

    fn progress(&self, progress: Progress) {
        self.progress.lock().unwrap().push(progress.message);
    }
}

impl Stage {
    async fn new(room: Room, servers: Vec<Server>) -> Self {
        let servers: Arc<Servers> =
            Arc::new(servers.into_iter().map(|server| (server.name().to_owned(), server)).collect());
        let config = RuntimeConfig {
            slots: 2,
            patience: Duration::from_secs(60),
            cache: None,
            program: guests::zelador(),
            clock: Arc::new(SystemClock),
        };
        let archive = ArchiveCapability::new(room.archive.clone(), Arc::clone(&servers));
        let runtime =
            Runtime::new(config, vec![Arc::new(DatabasesCapability::new(servers)), Arc::new(archive)])
                .unwrap();
        let wasm = std::fs::read(guests::shipped("backup")).unwrap();
        let plugin = runtime.load("backup", &wasm).await.unwrap();
        Self { room, plugin, heard: Arc::default() }
    }

    fn context(&self, grants: &[&str], settings: Value) -> CallContext {
        let Value::Object(settings) = settings else { panic!("settings are an object") };
        let settings = Settings::new(settings);
        self.plugin.check_settings(&settings).unwrap();
        CallContext {
            info: CallInfo { run_id: Some("run-1".into()), caller: "job nightly".into() },
            settings,
            grants: Arc::new(Grants::parse(grants).unwrap()),
            limits: Limits::of(Kind::Job),
            sink: Some(self.heard.clone()),
        }
    }

    async fn run(&self, grants: &[&str], settings: Value) -> Result<Report, CallError> {
        self.run_as(grants, settings, 1, None).await
    }

    async fn run_as(
        &self,
        grants: &[&str],
        settings: Value,
        attempt: u32,
        scheduled_for: Option<i64>,
    ) -> Result<Report, CallError> {
        let run = RunContext {
            run_id: "run-1".into(),
            job_name: "nightly".into(),
            trigger: Trigger::Schedule,
            scheduled_for,
            started_at: 0,
            attempt,
            timezone: "UTC".into(),
            extensions: vec![],
        };
        self.plugin.run_job(&self.context(grants, settings), run).await
    }
}

async fn embedded_stage() -> Stage {
    let room = Room::new();
    let server = embedded(&room.path("app.db")).await;
    Stage::new(room, vec![server]).await
}

#[tokio::test]
async fn it_backs_up_every_granted_server_and_says_what_it_made() {
    let cluster = Cluster::start();
    let room = Room::new();
    let servers = vec![server_of(&cluster), embedded(&room.path("app.db")).await];
    let stage = Stage::new(room, servers).await;
    let report = stage.run(&["archive", "databases:*"], json!({})).await.unwrap();
    assert!(report.summary.contains("medmanager_backup_20251120_020000.sql.gz"), "{}", report.summary);
    assert!(report.summary.contains("medmanager_backup_app_20251120_020000.db.gz"), "{}", report.summary);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    let data: Value = serde_json::from_str(report.data.as_deref().unwrap()).unwrap();
    assert_eq!(data["backups"].as_array().unwrap().len(), 2);
    let artifacts = stage.room.archive.list().await.unwrap();
    assert!(artifacts.iter().all(|artifact| artifact.manifest.run_id.as_deref() == Some("run-1")));
    let progress = stage.heard.progress.lock().unwrap();
    for told in ["backing up main", "dumping", "verifying"] {
        assert!(progress.iter().any(|message| message == told), "{told}: {progress:?}");
    }
}

#[tokio::test]
async fn it_deletes_what_is_older_than_the_retention_and_keeps_the_minimum() {
    let stage = embedded_stage().await;
    let grants = ["archive", "databases:app"];
    for _ in 0..4 {
        stage.run(&grants, json!({ "retention-days": 0 })).await.unwrap();
        stage.room.clock.advance(20 * DAY);
    }
    let report = stage.run(&grants, json!({ "retention-days": 30, "minimum-kept": 3 })).await.unwrap();
    assert!(report.summary.ends_with("; 2 older deleted"), "{}", report.summary);
    assert_eq!(stage.room.archive.list().await.unwrap().len(), 3);
    let report = stage.run(&grants, json!({})).await.unwrap();
    assert!(report.summary.ends_with("; 1 older deleted"), "{}", report.summary);
    let lines = stage.heard.lines.lock().unwrap();
    assert_eq!(lines.iter().filter(|line| line.contains("older than 30 days")).count(), 3, "{lines:?}");
}

#[tokio::test]
async fn a_server_that_is_not_granted_is_neither_seen_nor_backed_up() {
    let stage = embedded_stage().await;
    let denied = |result: Result<Report, CallError>| match result {
        Err(CallError::Failed { failure: Failure::Denied(reason), .. }) => reason,
        other => panic!("{other:?}"),
    };
    let reason = denied(stage.run(&["archive", "databases:other"], json!({})).await);
    assert!(reason.contains("no server is granted"), "{reason}");
    let reason = denied(stage.run(&["archive", "databases:other"], json!({ "servers": ["app"] })).await);
    assert!(reason.contains("databases:app"), "{reason}");
    assert_eq!(stage.room.files(), [] as [String; 0]);
}

#[tokio::test]
async fn grants_are_checked_against_the_configuration_before_anything_runs() {
    let stage = embedded_stage().await;
    let check = |grants: &[&str]| {
        let grants = Grants::parse(grants).unwrap();
        stage.plugin.check_grants(&grants, "job nightly").map_err(|error| error.to_string())
    };
    check(&["archive", "databases:app"]).unwrap();
    check(&["archive", "databases:*"]).unwrap();
    for (grants, said) in [
        (&["archive", "databases"][..], "databases:NAME"),
        (&["archive", "databases:man"][..], "there is no [database.man]; there is `app`"),
        (&["archive:app", "databases:app"][..], "databases:app"),
        (&["databases:app"][..], "archive"),
    ] {
        let error = check(grants).unwrap_err();
        assert!(error.contains(said), "{grants:?}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_fails_keeps_no_other_from_being_backed_up_and_the_retry_makes_only_what_is_missing() {
    let room = Room::new();
    let missing = room.path("missing.db");
    let broken = Server::new("broken", &format!("sqlite:{}", missing.display()), None).unwrap();
    let servers = vec![embedded(&room.path("app.db")).await, broken];
    let firing = 1_763_614_800_000; // 2025-11-20T05:00:00Z
    let stage = Stage::new(room, servers).await;
    let grants = ["archive", "databases:*"];
    let error = stage.run_as(&grants, json!({}), 1, Some(firing)).await.unwrap_err();
    let CallError::Failed { failure: Failure::Unavailable(reason), .. } = &error else { panic!("{error:?}") };
    assert!(reason.contains("missing.db") && reason.contains("medmanager_backup_app"), "{reason}");
    assert_eq!(stage.room.archive.list().await.unwrap().len(), 1);

    embedded(&missing).await;
    stage.room.clock.advance(Duration::from_secs(300));
    let report = stage.run_as(&grants, json!({}), 2, Some(firing)).await.unwrap();
    assert!(report.summary.contains("backup_app_20251120_020000"), "{}", report.summary);
    assert_eq!(stage.room.archive.list().await.unwrap().len(), 2);
}
