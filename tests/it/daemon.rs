//! The daemon as a real process: schedules, swaps, signals, and death in the middle of the work.

use rustix::process::Signal;
use serde_json::Value;
use zelador_tests::daemon::{Daemon, eventually};
use zelador_tests::guests;
use zelador_tests::home::Home;
use zelador_tests::postgres::{Cluster, PASSWORD};

/// A job that runs every second, as version 1 of the greeter.
const EVERY_SECOND: &str = "[job.greet]\nplugin = \"greeter\"\nschedule = \"* * * * * *\"\n";

fn with_greeter(config: &str) -> Home {
    let home = Home::new(config);
    home.drop_plugin(&guests::fixture("greeter-1"), "greeter");
    home
}

fn runs(home: &Home) -> Vec<Value> {
    home.json(&["job", "history", "-n", "100"]).as_array().unwrap().clone()
}

fn newest(home: &Home, state: &str) -> Option<Value> {
    runs(home).into_iter().find(|run| run["state"] == state)
}

fn summary(run: &Value) -> &str {
    run["report"]["summary"].as_str().unwrap_or_default()
}

#[test]
fn a_schedule_is_followed_and_health_tells_that_the_daemon_lives() {
    let home = with_greeter(EVERY_SECOND);
    let daemon = Daemon::start(&home);
    let run = eventually("a scheduled run succeeds", || newest(&home, "succeeded"));
    assert_eq!(run["trigger"], "schedule");
    assert_eq!(summary(&run), "hello from 1.0.0");
    for path in ["/health", "/api/health"] {
        assert!(get(&daemon, path).contains("\"status\":\"ok\""));
    }
}

#[test]
fn a_replaced_plugin_serves_the_next_run_and_not_the_one_in_progress() {
    let home = with_greeter(&format!("{EVERY_SECOND}settings = {{ linger = \"5s\" }}\n"));
    let daemon = Daemon::start(&home);
    eventually("a run is under way", || newest(&home, "running"));
    home.drop_plugin(&guests::fixture("greeter-2"), "greeter");
    eventually("the swap", || daemon.log().contains("2.0.0").then_some(()));
    let first = eventually("the first run ends", || newest(&home, "succeeded"));
    assert_eq!((summary(&first), first["plugin_version"].as_str()), ("hello from 1.0.0", Some("1.0.0")));
    eventually("a run by the new version", || {
        runs(&home).into_iter().find(|run| summary(run) == "hello from 2.0.0")
    });
}

#[test]
fn bytes_that_are_no_plugin_change_nothing_but_the_log() {
    let home = with_greeter(EVERY_SECOND);
    let daemon = Daemon::start(&home);
    eventually("a run", || newest(&home, "succeeded"));
    home.drop_bytes(&[0x5a; 4096], "greeter");
    eventually("the refusal", || daemon.log().contains("refused").then_some(()));
    let before = runs(&home).len();
    eventually("runs go on", || (runs(&home).len() > before + 1).then_some(()));
    assert!(runs(&home).iter().all(|run| run["state"] != "failed"));
    let versions = home.json(&["plugin", "list"]);
    let states: Vec<&str> =
        versions.as_array().unwrap().iter().filter_map(|version| version["state"].as_str()).collect();
    assert_eq!(states, ["active", "refused"]);
}

#[test]
fn sigterm_lets_a_run_finish() {
    let home = with_greeter(&format!("{EVERY_SECOND}settings = {{ linger = \"3s\" }}\n"));
    let daemon = Daemon::start(&home);
    let run = eventually("a run is under way", || newest(&home, "running"));
    daemon.signal(Signal::TERM);
    let ended = daemon.wait();
    assert_eq!(ended.code, 0, "{ended:?}");
    let run = home.json(&["job", "show", run["id"].as_str().unwrap()]);
    assert_eq!(run["state"], "succeeded");
    assert_eq!(newest(&home, "running"), None);
}

#[test]
fn a_second_sigterm_interrupts() {
    let home = with_greeter(&format!("{EVERY_SECOND}settings = {{ linger = \"50s\" }}\n"));
    let daemon = Daemon::start(&home);
    eventually("a run is under way", || newest(&home, "running"));
    daemon.signal(Signal::TERM);
    eventually("the drain", || daemon.log().contains("draining").then_some(()));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code, 0);
    let run = eventually("the interruption is recorded", || newest(&home, "interrupted"));
    assert_eq!(run["failure"]["class"], "cancelled");
}

#[test]
fn a_killed_run_is_marked_interrupted_and_tried_again() {
    let config = |linger: &str| {
        format!(
            "[job.greet]\nplugin = \"greeter\"\nschedule = \"0 0 0 1 1 *\"\nretry = {{ attempts = 2, delay = \"0s\" }}\n\
             settings = {{ linger = \"{linger}\" }}\n"
        )
    };
    let home = with_greeter(&config("50s"));
    let mut command = home.command(&["job", "run", "greet"]);
    let mut by_hand = command.spawn().unwrap();
    let run = eventually("the run is under way", || newest(&home, "running"));
    by_hand.kill().unwrap();
    by_hand.wait().unwrap();

    home.configure(&config("1ms"));
    let _daemon = Daemon::start(&home);
    let retry = eventually("the retry", || newest(&home, "succeeded"));
    assert_eq!((&retry["attempt"], &retry["retry_of"]), (&Value::from(2), &run["id"]));
    let first = home.json(&["job", "show", run["id"].as_str().unwrap()]);
    assert_eq!((&first["state"], &first["failure"]["class"]), (&"interrupted".into(), &"interrupted".into()));
}

#[test]
fn a_daemon_killed_in_the_middle_of_a_backup_leaves_no_half_file() {
    let cluster = Cluster::start();
    cluster.psql("postgres", "create database app;");
    cluster.psql("app", "create table t as select n, md5(n::text) from generate_series(1, 20000) as n;");
    let home = Home::new(&format!(
        "[database.main]\nurl = \"{}\"\npassword = \"env:DB_PASSWORD\"\n\
         [job.nightly]\nplugin = \"backup\"\nschedule = \"* * * * * *\"\ngrants = [\"databases:main\", \"archive\"]\n\
         retry = {{ attempts = 2, delay = \"0s\" }}\n",
        cluster.url("postgres")
    ));
    home.drop_plugin(&guests::shipped("backup"), "backup");

    // The dump waits for this table's lock, so the kill hits it in the middle.
    let (mut psql, hold) = lock_table(&cluster);
    let daemon = Daemon::start_with(&home, &[("DB_PASSWORD", PASSWORD)]);
    eventually("a hidden file grows", || {
        home.names_in("backups").into_iter().find(|name| name.starts_with('.'))
    });
    eventually("the run is under way", || newest(&home, "running"));
    daemon.kill();
    let names = home.names_in("backups");
    assert!(names.iter().all(|name| name.starts_with('.')), "{names:?}");
    drop(hold);
    psql.wait().unwrap();

    let daemon = Daemon::start_with(&home, &[("DB_PASSWORD", PASSWORD)]);
    eventually("the run is marked", || newest(&home, "interrupted"));
    eventually("a later run succeeds", || newest(&home, "succeeded"));
    daemon.signal(Signal::TERM);
    daemon.wait();
    let names = home.names_in("backups");
    assert!(!names.is_empty() && names.iter().all(|name| !name.starts_with('.')), "{names:?}");
}

#[test]
fn two_backups_of_one_target_never_run_at_once_and_a_dead_one_holds_nothing() {
    let cluster = Cluster::start();
    cluster.psql("postgres", "create database app;");
    cluster.psql("app", "create table t as select 1 as n;");
    let home = Home::new(&format!("[database.main]\nurl = \"{}\"\n", cluster.url_with_password("postgres")));
    let (mut psql, hold) = lock_table(&cluster);
    let mut first = home.command(&["backup", "create"]).spawn().unwrap();
    eventually("the first has begun", || {
        home.names_in("backups").into_iter().find(|name| name.starts_with('.'))
    });
    let second = home.run(&["backup", "create"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("is running"), "{second:?}");

    first.kill().unwrap();
    first.wait().unwrap();
    drop(hold);
    psql.wait().unwrap();
    assert_eq!(home.json(&["backup", "create"])["server"], "main");
    assert!(home.names_in("backups").iter().all(|name| !name.starts_with('.')));
}

#[test]
fn sighup_takes_over_new_jobs_and_a_mistake_changes_nothing() {
    let home = with_greeter("");
    let daemon = Daemon::start(&home);
    home.configure("[job.greet]\nplugin = \"greeter\"\nschedule = \"not a schedule\"\n");
    daemon.signal(Signal::HUP);
    eventually("the refusal", || daemon.log().contains("was not taken over").then_some(()));
    home.configure(EVERY_SECOND);
    daemon.signal(Signal::HUP);
    eventually("a run of the new job", || newest(&home, "succeeded"));
}

#[test]
fn two_daemons_on_one_store_answer_each_firing_once() {
    let home = with_greeter(EVERY_SECOND);
    let (_first, _second) = (Daemon::start(&home), Daemon::start(&home));
    let fired = eventually("some firings", || Some(runs(&home)).filter(|runs| runs.len() >= 6));
    let mut instants: Vec<&str> = fired.iter().filter_map(|run| run["scheduled_for"].as_str()).collect();
    let all = instants.len();
    instants.sort();
    instants.dedup();
    assert_eq!(instants.len(), all);
}

#[test]
fn a_taken_address_is_said() {
    let home = with_greeter("");
    let daemon = Daemon::start(&home);
    let other = Home::new("");
    let address = daemon.address.trim_start_matches("http://");
    std::fs::write(other.path("zelador.toml"), format!("[web]\nlisten = \"{address}\"\n")).unwrap();
    let ended = other.run(&["run"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("cannot listen on"), "{ended:?}");
}

/// Holds a lock on the table `t` of the database `app` until the second value is dropped.
fn lock_table(cluster: &Cluster) -> (std::process::Child, std::process::ChildStdin) {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;
    let mut psql = cluster
        .client("psql", "app")
        .args(["-X", "-q", "-A", "-t"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut script = psql.stdin.take().unwrap();
    script.write_all(b"begin; lock table t in access exclusive mode; select 'locked';\n").unwrap();
    let mut said = String::new();
    BufReader::new(psql.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said.trim(), "locked");
    (psql, script)
}

fn get(daemon: &Daemon, path: &str) -> String {
    use std::io::{Read, Write};
    let address = daemon.address.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
