//! The commands as a user runs them: what they print, what they leave behind, how they end.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use zelador_tests::guests;
use zelador_tests::home::Home;

const GREETER: &str =
    "[job.greet]\nplugin = \"greeter\"\nschedule = \"0 9 * * 1\"\ntimezone = \"America/Sao_Paulo\"\n";

fn with_greeter(config: &str) -> Home {
    let home = Home::new(config);
    home.drop_plugin(&guests::fixture("greeter-1"), "greeter");
    home
}

#[test]
fn init_makes_a_folder_that_checks_out_and_a_second_one_keeps_what_is_there() {
    let home = Home::new("");
    let plugins = guests::target().join("plugins");
    let init = ["init", "site", "--plugins", plugins.to_str().unwrap()];
    let made = home.json(&init);
    assert!(made["created"].as_array().unwrap().iter().any(|path| path == "site/zelador.toml"));
    assert_eq!(home.run(&["--config", "site/zelador.toml", "check"]).code, 0);

    std::fs::write(home.path("site/zelador.toml"), "[backup]\nprefix = \"mine\"\n").unwrap();
    let again = home.json(&init);
    assert_eq!(again["created"].as_array().unwrap().len(), 0);
    assert!(std::fs::read_to_string(home.path("site/zelador.toml")).unwrap().contains("mine"));
}

#[test]
fn schedule_next_prints_instants_with_their_offset() {
    let home = Home::new("");
    let mondays = ["schedule", "next", "0 9 * * 1", "--tz", "America/Sao_Paulo"];
    let args = [&mondays[..], &["--from", "2026-01-01T00:00:00Z", "-n", "3"]].concat();
    let ended = home.run(&args);
    assert_eq!(
        ended.stdout,
        "2026-01-05T09:00:00-03:00\n2026-01-12T09:00:00-03:00\n2026-01-19T09:00:00-03:00\n"
    );
    assert_eq!(home.json(&args)[2], "2026-01-19T09:00:00-03:00");
}

#[test]
fn an_expression_that_never_fires_is_wrong_usage() {
    let ended = Home::new("").run(&["schedule", "next", "0 3 31 2 *"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.starts_with("error: "), "{ended:?}");
}

#[test]
fn a_mistake_in_the_configuration_is_pointed_at() {
    let ended = Home::new("[job.a]\nplugin = \"greeter\"\nshedule = \"@daily\"\n").run(&["job", "list"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("zelador.toml:5:1"), "{ended:?}");
    assert!(ended.stderr.contains("did you mean `schedule`?"), "{ended:?}");
}

#[test]
fn a_missing_configuration_is_said_with_its_remedy() {
    let ended = Home::new("").run(&["--config", "elsewhere.toml", "check"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("elsewhere.toml") && ended.stderr.contains("zelador init"), "{ended:?}");
}

#[test]
fn job_run_executes_and_records() {
    let home = with_greeter(GREETER);
    let run = home.json(&["job", "run", "greet"]);
    assert_eq!(run["state"], "succeeded");
    assert_eq!(run["report"]["summary"], "hello from 1.0.0");
    assert_eq!(run["plugin_version"], "1.0.0");
    assert_eq!(run["plugin_sha256"].as_str().unwrap().len(), 64);

    let history = home.json(&["job", "history", "greet"]);
    assert_eq!(history[0]["id"], run["id"]);
    assert_eq!(home.json(&["job", "show", run["id"].as_str().unwrap()])["trigger"], "manual");
    assert_eq!(home.json(&["job", "list"])[0]["last_run"]["state"], "succeeded");
}

#[test]
fn a_job_that_fails_ends_with_one_and_an_unknown_one_with_two() {
    let home = Home::new(
        "[job.bad]\nplugin = \"hostile\"\nsettings = { mode = \"fail\", class = \"other\", message = \"no luck\" }\n",
    );
    home.drop_plugin(&guests::fixture("hostile"), "hostile");
    let failed = home.run(&["job", "run", "bad", "--json"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stdout.contains("no luck"), "{failed:?}");
    let unknown = home.run(&["job", "run", "worse"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("there are: bad"), "{unknown:?}");
}

#[test]
fn check_names_a_grant_that_is_missing_and_a_setting_that_is_wrong() {
    let home = Home::new(
        "[job.nightly]\nplugin = \"backup\"\n[job.greet]\nplugin = \"greeter\"\nsettings = { lingre = \"1s\" }\n",
    );
    home.drop_plugin(&guests::shipped("backup"), "backup");
    home.drop_plugin(&guests::fixture("greeter-1"), "greeter");
    let ended = home.run(&["check"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stdout.contains("plugin `backup` imports `"), "{ended:?}");
    assert!(ended.stdout.contains("which job `nightly` does not grant"), "{ended:?}");
    assert!(ended.stdout.contains("lingre"), "{ended:?}");
}

#[test]
fn the_store_backs_itself_up_into_a_file_that_gunzip_turns_into_a_database() {
    let home = with_greeter(GREETER);
    home.json(&["job", "run", "greet"]);
    let made = home.json(&["backup", "create"]);
    assert_eq!(made["server"], "store");
    assert_eq!(made["proof"], "structure");
    let listed = home.json(&["backup", "list"]);
    assert_eq!(listed[0]["id"], made["id"]);

    let artifact = std::fs::File::open(made["path"].as_str().unwrap()).unwrap();
    let mut database = Vec::new();
    MultiGzDecoder::new(artifact).read_to_end(&mut database).unwrap();
    assert!(database.starts_with(b"SQLite format 3\0"));

    assert_eq!(home.json(&["backup", "verify"])[0]["sound"], true);
    std::fs::write(made["path"].as_str().unwrap(), b"not a backup any more").unwrap();
    assert_eq!(home.run(&["backup", "verify"]).code, 1);
    assert_eq!(home.json(&["backup", "list"])[0]["proof"], serde_json::Value::Null);
}

#[test]
fn the_environment_of_the_shell_scripts_is_honoured() {
    let home = with_greeter("");
    let output = home
        .command(&["backup", "create", "--server", "store", "--json"])
        .env("BACKUP_DIR", "old-place")
        .output();
    assert!(output.unwrap().status.success());
    assert_eq!(home.names_in("old-place").len(), 2);
    assert_eq!(home.names_in("backups"), [] as [String; 0]);
}

#[test]
fn plugin_inspect_tells_what_a_component_is_or_why_it_would_be_refused() {
    let home = Home::new("");
    let known = home.json(&["plugin", "inspect", guests::shipped("backup").to_str().unwrap()]);
    assert_eq!(known["kind"], "job");
    assert!(known["needed_grants"].as_array().unwrap().iter().any(|grant| grant == "archive"));

    std::fs::write(home.path("garbage.wasm"), b"garbage").unwrap();
    let garbage = home.run(&["plugin", "inspect", "garbage.wasm"]);
    assert_eq!(garbage.code, 1);
    assert!(garbage.stdout.contains("would be refused"), "{garbage:?}");
    assert_eq!(home.run(&["plugin", "inspect", "missing.wasm"]).code, 2);
}

#[test]
fn empty_lists_say_what_to_do_and_are_empty_arrays_for_programs() {
    let home = Home::new("");
    for list in [["job", "list"], ["job", "history"], ["backup", "list"], ["plugin", "list"]] {
        assert_eq!(home.json(&list), serde_json::json!([]), "{list:?}");
        let ended = home.run(&list);
        assert!(ended.code == 0 && ended.stdout.starts_with("no "), "{list:?}: {ended:?}");
    }
}

#[test]
fn completions_are_printed_for_the_usual_shells() {
    let home = Home::new("");
    for shell in ["bash", "zsh", "fish"] {
        let ended = home.run(&["completions", shell]);
        assert!(ended.code == 0 && ended.stdout.contains("zelador"), "{shell}");
    }
}

#[test]
fn a_secret_is_in_no_output() {
    let home = Home::new("[database.main]\nurl = \"postgres://u:hunter2@127.0.0.1:1/d\"\n");
    for args in [&["check"][..], &["backup", "create"], &["backup", "create", "--json"]] {
        let ended = home.run(args);
        assert_ne!(ended.code, 0);
        assert!(!format!("{ended:?}").contains("hunter2"), "{args:?}: {ended:?}");
    }
}
