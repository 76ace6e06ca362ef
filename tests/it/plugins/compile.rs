//! The compiler's child and the cache: what is not beyond doubt is compiled again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;
use zelador::plugin::{LoadError, Runtime};
use zelador_tests::guests;

use super::support::{caller, config, load, run};

/// A runtime that cannot compile: what it loads came out of the cache.
fn without_a_compiler(cache: &Path) -> Runtime {
    let config =
        zelador::plugin::RuntimeConfig { program: "/bin/false".into(), ..config(Some(cache.to_owned())) };
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
    let config = zelador::plugin::RuntimeConfig { program: "/nowhere".into(), ..config(None) };
    let runtime = Runtime::new(config, vec![]).unwrap();
    let wasm = fs::read(guests::fixture("noop")).unwrap();
    let error = runtime.load("noop", &wasm).await.unwrap_err();
    assert!(matches!(error, LoadError::Host(_)), "{error}");
}
