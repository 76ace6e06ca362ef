//! The compiler's child and the cache: what is not beyond doubt is compiled again.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;
use zelador::plugin::{COMPILE_VERB, LoadError, Runtime, RuntimeConfig};
use zelador_tests::guests;

use super::support::{caller, config, load, run};

/// A runtime that cannot compile: what it loads came out of the cache.
fn without_a_compiler(cache: &Path) -> Runtime {
    let config = RuntimeConfig { program: "/bin/false".into(), ..config(Some(cache.to_owned())) };
    Runtime::new(config, vec![]).unwrap()
}

async fn fill(cache: &Path) -> PathBuf {
    let runtime = Runtime::new(config(Some(cache.to_owned())), vec![]).unwrap();
    load(&runtime, &guests::fixture("noop")).await;
    let mut entries = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.extension().is_some()).unwrap()
}

async fn is_in(cache: &Path) -> bool {
    let wasm = fs::read(guests::fixture("noop")).unwrap();
    match without_a_compiler(cache).load("noop", &wasm).await {
        Ok(plugin) => plugin.run_job(&caller(json!({})), run()).await.is_ok(),
        Err(LoadError::Compile(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn compiled_code_outlives_the_process() {
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("compiled");
    let entry = fill(&cache).await;
    assert!(is_in(&cache).await);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache), 0o700);
    assert_eq!(mode(&cache.join("key")), 0o600);
    assert_eq!(mode(&entry), 0o600);
}

#[tokio::test]
async fn an_entry_that_was_changed_in_any_way_is_compiled_again() {
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("compiled");
    let entry = fill(&cache).await;
    let whole = fs::read(&entry).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let changes = [
        flipped(0),
        flipped(31),
        flipped(32),
        flipped(whole.len() / 2),
        flipped(whole.len() - 1),
        whole[..whole.len() - 1].to_vec(),
        whole[..10].to_vec(),
        [whole.as_slice(), b"x"].concat(),
        Vec::new(),
    ];
    for change in changes {
        fs::write(&entry, change).unwrap();
        assert!(!is_in(&cache).await);
    }
    fs::write(&entry, &whole).unwrap();
    assert!(is_in(&cache).await);
}

#[tokio::test]
async fn an_entry_of_another_component_or_another_host_is_not_taken() {
    let folder = TempDir::new().unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let entry = fill(&ours).await;
    let foreign = fill(&theirs).await;
    fs::copy(&foreign, &entry).unwrap();
    assert!(!is_in(&ours).await);
    // Code that this very host compiled, under the name of another component.
    let runtime = Runtime::new(config(Some(ours.clone())), vec![]).unwrap();
    load(&runtime, &guests::fixture("greeter-1")).await;
    let entries: Vec<_> = fs::read_dir(&ours).unwrap().map(|entry| entry.unwrap().path()).collect();
    let other = entries.iter().find(|path| path.extension().is_some() && **path != entry).unwrap();
    fs::copy(other, &entry).unwrap();
    assert!(!is_in(&ours).await);
}

#[tokio::test]
async fn a_key_that_others_could_read_is_replaced() {
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("compiled");
    fill(&cache).await;
    let key = fs::read(cache.join("key")).unwrap();
    fs::set_permissions(cache.join("key"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(!is_in(&cache).await);
    assert_ne!(fs::read(cache.join("key")).unwrap(), key);
}

#[tokio::test]
async fn a_damaged_entry_is_repaired_by_the_next_compilation() {
    let folder = TempDir::new().unwrap();
    let cache = folder.path().join("compiled");
    let entry = fill(&cache).await;
    fs::write(&entry, b"damaged").unwrap();
    fill(&cache).await;
    assert!(is_in(&cache).await);
}

#[tokio::test]
async fn a_cache_that_cannot_be_had_costs_time_and_nothing_else() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let runtime = Runtime::new(config(Some(file.path().join("compiled"))), vec![]).unwrap();
    load(&runtime, &guests::fixture("noop")).await;
}

#[tokio::test]
async fn a_compiler_that_does_not_start_is_the_hosts_fault_and_not_the_files() {
    let config = RuntimeConfig { program: "/nowhere".into(), ..config(None) };
    let runtime = Runtime::new(config, vec![]).unwrap();
    let wasm = fs::read(guests::fixture("noop")).unwrap();
    let error = runtime.load("noop", &wasm).await.unwrap_err();
    assert!(matches!(error, LoadError::Host(_)), "{error}");
}

/// What becomes of a load when the compiler is this shell script.
async fn compiled_by(script: &str) -> LoadError {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("compiler");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let runtime = Runtime::new(RuntimeConfig { program, ..config(None) }, vec![]).unwrap();
    let wasm = fs::read(guests::fixture("noop")).unwrap();
    runtime.load("noop", &wasm).await.unwrap_err()
}

#[tokio::test]
async fn a_compiler_that_dies_is_told_with_what_ended_it() {
    let error = compiled_by("kill -ABRT $$").await;
    assert!(matches!(&error, LoadError::Compile(reason) if reason.contains("signal 6")), "{error}");
    let error = compiled_by("echo no such instruction >&2; exit 1").await;
    assert_eq!(error.to_string(), "it does not compile: no such instruction");
}

#[tokio::test]
async fn what_is_not_code_of_this_engine_is_never_run() {
    let error = compiled_by("cat > /dev/null; echo not code").await;
    assert!(matches!(error, LoadError::Host(_)), "{error}");
}

#[test]
fn the_compiler_limits_itself_before_it_reads() {
    let mut child = Command::new(guests::zelador())
        .arg(COMPILE_VERB)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A pipe holds 64 KiB: once more than that is written, the child is reading.
    child.stdin.as_mut().unwrap().write_all(&[0; 128 << 10]).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(limit("Max address space"), (4_u64 << 30).to_string());
    assert_eq!(limit("Max cpu time"), "300");
    assert_eq!(limit("Max file size"), "0");
    assert_eq!(limit("Max core file size"), "0");
    drop(child.stdin.take());
    assert!(!child.wait().unwrap().success());
}
