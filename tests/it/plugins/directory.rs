//! The folder: what is dropped in serves, what does not load changes nothing.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zelador::plugin::{Directory, PluginEvent, VersionState};
use zelador_tests::guests;

use super::support::{caller, run, shared};

/// A watched folder and what it tells.
struct Watched {
    folder: TempDir,
    directory: Directory,
    events: UnboundedReceiver<PluginEvent>,
}

impl Watched {
    async fn open() -> Self {
        Self::open_with(&[]).await
    }

    async fn open_with(files: &[(&str, &Path)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, source) in files {
            fs::copy(source, folder.path().join(name)).unwrap();
        }
        let (sender, events) = unbounded_channel();
        let observer = Arc::new(move |event| drop(sender.send(event)));
        let directory = Directory::open(shared(), folder.path().to_owned(), Some(observer)).await;
        Self { folder, directory, events }
    }

    /// Waits for the next event. The limit only keeps a failing test from hanging.
    async fn next(&mut self) -> PluginEvent {
        tokio::time::timeout(Duration::from_secs(60), self.events.recv()).await.expect("an event").unwrap()
    }

    async fn expect(&mut self, name: &str, state: VersionState) -> PluginEvent {
        let event = self.next().await;
        assert_eq!((event.name.as_str(), event.state), (name, state), "{event:?}");
        event
    }

    /// Puts a file in place as a careful program does.
    fn put(&self, name: &str, bytes: &[u8]) {
        let hidden = self.folder.path().join(format!(".{name}.partial"));
        fs::write(&hidden, bytes).unwrap();
        fs::rename(&hidden, self.folder.path().join(name)).unwrap();
    }

    async fn greeting(&self) -> String {
        let greeter = self.directory.get("greeter").unwrap();
        greeter.run_job(&caller(json!({})), run()).await.unwrap().summary
    }

    fn reason(&self, name: &str) -> String {
        let listing = self.directory.list().into_iter().find(|listing| listing.name == name).unwrap();
        listing.refused.unwrap().reason
    }
}

fn greeter(version: u8) -> Vec<u8> {
    fs::read(guests::fixture(&format!("greeter-{version}"))).unwrap()
}

#[tokio::test]
async fn what_is_there_at_the_start_serves_at_once() {
    let mut watched = Watched::open_with(&[("greeter.wasm", &guests::fixture("greeter-1"))]).await;
    assert_eq!(watched.greeting().await, "hello from 1.0.0");
    let event = watched.expect("greeter", VersionState::Active).await;
    assert_eq!(event.version.as_deref(), Some("1.0.0"));
    assert_eq!(event.sha256.unwrap().len(), 64);
}

#[tokio::test]
async fn a_file_is_added_replaced_and_removed() {
    let mut watched = Watched::open().await;
    watched.put("greeter.wasm", &greeter(1));
    watched.expect("greeter", VersionState::Active).await;
    assert_eq!(watched.greeting().await, "hello from 1.0.0");

    watched.put("greeter.wasm", &greeter(2));
    let superseded = watched.expect("greeter", VersionState::Superseded).await;
    assert_eq!(superseded.version.as_deref(), Some("1.0.0"));
    let active = watched.expect("greeter", VersionState::Active).await;
    assert_eq!(active.version.as_deref(), Some("2.0.0"));
    assert_eq!(watched.greeting().await, "hello from 2.0.0");

    fs::remove_file(watched.folder.path().join("greeter.wasm")).unwrap();
    watched.expect("greeter", VersionState::Removed).await;
    assert!(watched.directory.get("greeter").is_none());
    assert!(watched.directory.list().is_empty());
}

#[tokio::test]
async fn a_run_keeps_the_version_that_it_began_with() {
    let mut watched = Watched::open_with(&[("greeter.wasm", &guests::fixture("greeter-1"))]).await;
    watched.expect("greeter", VersionState::Active).await;
    let before = watched.directory.get("greeter").unwrap();
    watched.put("greeter.wasm", &greeter(2));
    watched.expect("greeter", VersionState::Superseded).await;
    watched.expect("greeter", VersionState::Active).await;
    assert_eq!(before.run_job(&caller(json!({})), run()).await.unwrap().summary, "hello from 1.0.0");
    assert_eq!(watched.greeting().await, "hello from 2.0.0");
}

#[tokio::test]
async fn a_slow_copy_serves_when_it_is_whole_and_is_never_refused() {
    let mut watched = Watched::open_with(&[("greeter.wasm", &guests::fixture("greeter-1"))]).await;
    watched.expect("greeter", VersionState::Active).await;
    let whole = greeter(2);
    let mut file = fs::File::create(watched.folder.path().join("greeter.wasm")).unwrap();
    for part in whole.chunks(8 << 10) {
        // The pause is the copy's own; the watcher may look in between, and must wait.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(watched.greeting().await, "hello from 1.0.0");
        file.write_all(part).unwrap();
    }
    watched.expect("greeter", VersionState::Superseded).await;
    watched.expect("greeter", VersionState::Active).await;
    assert_eq!(watched.greeting().await, "hello from 2.0.0");
}

#[tokio::test]
async fn what_does_not_load_is_refused_and_the_version_before_it_serves() {
    let mut watched = Watched::open_with(&[("greeter.wasm", &guests::fixture("greeter-1"))]).await;
    watched.expect("greeter", VersionState::Active).await;
    let garbage: Vec<u8> =
        (0..100_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let module = wat::parse_str("(module)").unwrap();
    let code = shared().engine().precompile_component(&greeter(2)).unwrap();
    for (bytes, reason) in [
        (garbage, "not a WebAssembly component"),
        (module, "core module"),
        (code, "machine code"),
        (Vec::new(), "not a WebAssembly component"),
        (greeter(2)[..20_000].to_vec(), "does not compile"),
    ] {
        watched.put("greeter.wasm", &bytes);
        let event = watched.expect("greeter", VersionState::Refused).await;
        assert!(event.reason.as_ref().unwrap().contains(reason), "{event:?}");
        assert!(event.sha256.is_some());
        assert_eq!(watched.greeting().await, "hello from 1.0.0");
        assert!(watched.reason("greeter").contains(reason));
    }
    watched.put("greeter.wasm", &greeter(2));
    watched.expect("greeter", VersionState::Superseded).await;
    watched.expect("greeter", VersionState::Active).await;
    assert!(watched.directory.list()[0].refused.is_none());
}

#[tokio::test]
async fn a_file_of_a_gibibyte_is_refused_unread() {
    let mut watched = Watched::open().await;
    let file = fs::File::create(watched.folder.path().join("huge.wasm")).unwrap();
    file.set_len(1 << 30).unwrap();
    let event = watched.expect("huge", VersionState::Refused).await;
    assert_eq!(event.reason.unwrap(), "it has 1.0 GiB, and a plugin has at most 64.0 MiB");
    assert_eq!(event.sha256, None);
}

#[tokio::test]
async fn only_plain_files_with_plain_names_are_plugins() {
    let mut watched = Watched::open().await;
    let folder = watched.folder.path().to_owned();
    fs::create_dir(folder.join("a-folder.wasm")).unwrap();
    let event = watched.expect("a-folder", VersionState::Refused).await;
    assert!(event.reason.unwrap().contains("a folder"));
    std::os::unix::fs::symlink(guests::fixture("noop"), folder.join("a-link.wasm")).unwrap();
    let event = watched.expect("a-link", VersionState::Refused).await;
    assert!(event.reason.unwrap().contains("a symbolic link"));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.join("a-pipe.wasm"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let event = watched.expect("a-pipe", VersionState::Refused).await;
    assert!(event.reason.unwrap().contains("a device or a pipe"));
    fs::copy(guests::fixture("noop"), folder.join("it's.wasm")).unwrap();
    let event = watched.expect("it's", VersionState::Refused).await;
    assert!(event.reason.unwrap().contains("ASCII letters"));
}

#[tokio::test]
async fn a_folder_that_vanishes_and_comes_back_is_followed() {
    let mut watched = Watched::open().await;
    fs::remove_dir(watched.folder.path()).unwrap();
    fs::create_dir(watched.folder.path()).unwrap();
    watched.put("greeter.wasm", &greeter(1));
    watched.expect("greeter", VersionState::Active).await;
}

#[tokio::test]
async fn a_command_loads_a_folder_once() {
    let folder = TempDir::new().unwrap();
    fs::copy(guests::fixture("noop"), folder.path().join("noop.wasm")).unwrap();
    fs::write(folder.path().join("broken.wasm"), "broken").unwrap();
    fs::write(folder.path().join("README.md"), "not looked at").unwrap();
    let directory = Directory::load_once(shared(), folder.path().to_owned()).await;
    let states: Vec<_> = directory
        .list()
        .into_iter()
        .map(|listing| (listing.name, listing.active.is_some(), listing.refused.is_some()))
        .collect();
    assert_eq!(states, [("broken".to_owned(), false, true), ("noop".to_owned(), true, false)]);
}
