//! What the tests of the runtime share: runtimes, callers, and components written as WebAssembly text.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;
use zelador::clock::SystemClock;
use zelador::plugin::bindings::job::exports::zelador::plugin::runs::{RunContext, Trigger};
use zelador::plugin::{
    CallContext, CallInfo, CallSink, Capability, Grants, Kind, Limits, LogLine, Plugin, Progress, Runtime,
    RuntimeConfig, Settings,
};
use zelador_tests::guests;

/// What a runtime of the tests is made of.
pub fn config(cache: Option<PathBuf>) -> RuntimeConfig {
    RuntimeConfig {
        slots: 4,
        patience: Duration::from_secs(60),
        cache,
        program: guests::zelador(),
        clock: Arc::new(SystemClock),
    }
}

/// A runtime with these capabilities and without a cache.
pub fn runtime(capabilities: Vec<Arc<dyn Capability>>) -> Runtime {
    Runtime::new(config(None), capabilities).unwrap()
}

/// The runtime that most tests share, as plugins share it in the daemon. Its cache saves compiling a guest for each test.
pub fn shared() -> Runtime {
    static SHARED: OnceLock<(Runtime, TempDir)> = OnceLock::new();
    let (runtime, _) = SHARED.get_or_init(|| {
        let cache = TempDir::new().unwrap();
        (Runtime::new(config(Some(cache.path().join("compiled"))), vec![]).unwrap(), cache)
    });
    runtime.clone()
}

/// Loads a file under the name of its stem.
pub async fn load(runtime: &Runtime, path: &Path) -> Plugin {
    let name = path.file_stem().unwrap().to_str().unwrap();
    runtime.load(name, &std::fs::read(path).unwrap()).await.unwrap()
}

/// The fixture of that name in the shared runtime.
pub async fn fixture(name: &str) -> Plugin {
    load(&shared(), &guests::fixture(name)).await
}

/// A caller of a job plugin with these settings, without grants.
pub fn caller(settings: Value) -> CallContext {
    let Value::Object(settings) = settings else { panic!("settings are an object") };
    CallContext {
        info: CallInfo { run_id: Some("run-1".into()), caller: "job test".into() },
        settings: Settings::new(settings),
        grants: Arc::new(Grants::none()),
        limits: Limits::of(Kind::Job),
        sink: None,
    }
}

/// A run that a person started.
pub fn run() -> RunContext {
    RunContext {
        run_id: "run-1".into(),
        job_name: "test".into(),
        trigger: Trigger::Manual,
        scheduled_for: None,
        started_at: chrono::Utc::now().timestamp_millis(),
        attempt: 1,
        timezone: "UTC".into(),
        extensions: vec![],
    }
}

/// Remembers what a plugin said.
#[derive(Default)]
pub struct Heard {
    pub lines: Mutex<Vec<LogLine>>,
    pub progress: Mutex<Option<Progress>>,
}

impl Heard {
    pub fn messages(&self) -> Vec<String> {
        self.lines.lock().unwrap().iter().map(|line| line.message.clone()).collect()
    }
}

impl CallSink for Heard {
    fn log(&self, line: &LogLine) {
        self.lines.lock().unwrap().push(line.clone());
    }

    fn progress(&self, progress: Progress) {
        *self.progress.lock().unwrap() = Some(progress);
    }
}

/// What a component in WebAssembly text says of itself.
pub struct Described<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub description: &'a str,
    pub schema: &'a str,
}

impl Default for Described<'_> {
    fn default() -> Self {
        Self { name: "written", version: "0.1.0", description: "Written as text", schema: "{}" }
    }
}

/// The parameters of `runs.run` in the canonical ABI.
const RUN: &str = "(param i32 i32 i32 i32 i32 i32 i64 i64 i32 i32 i32 i32 i32) (result i32)";

/// A job whose `run` has this body and whose module has these further fields.
pub fn job(about: &Described, body: &str, fields: &str) -> Vec<u8> {
    let run = format!(r#"(func (export "zelador:plugin/runs@0.1.0#run") {RUN} {body})"#);
    component(&contract(), "job", &module(about, &format!("{run} {fields}")))
}

/// Where a module that describes itself has zeros: read as `runs.run`'s result, an empty report.
pub const EMPTY_REPORT: &str = "(i32.const 3072)";

/// A module that describes itself and has these further fields.
pub fn module(about: &Described, fields: &str) -> String {
    module_that(about, "", fields)
}

/// The same, where `describe` does something else first.
pub fn module_that(about: &Described, first: &str, fields: &str) -> String {
    let texts = [about.name, about.version, about.description, about.schema];
    let (mut data, mut record, mut at) = (String::new(), String::new(), 4096);
    for text in texts {
        data.push_str(&escaped(text.as_bytes()));
        record.push_str(&escaped(&(at as u32).to_le_bytes()));
        record.push_str(&escaped(&(text.len() as u32).to_le_bytes()));
        at += text.len();
    }
    let pages = at / 65_536 + 2;
    format!(
        r#"(module
            {fields}
            (memory (export "memory") {pages})
            (data (i32.const 4096) "{data}")
            (data (i32.const 1024) "{record}\00\00\00\00\00\00\00\00")
            (func (export "zelador:plugin/metadata@0.1.0#describe") (result i32) {first} (i32.const 1024))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048)))"#
    )
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// The contract, as it is in `wit/`.
pub fn contract() -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")).unwrap();
    resolve
}

/// Another contract.
pub fn other_contract(wit: &str) -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_str("other.wit", wit).unwrap();
    resolve
}

/// Makes a component of a module that was written for `world`.
pub fn component(contract: &Resolve, world: &str, module: &str) -> Vec<u8> {
    let (world, _) = contract.worlds.iter().find(|(_, found)| found.name == world).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, contract, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// Adds an instance of each further core module to a component, by appending sections to it.
pub fn with_modules(mut component: Vec<u8>, modules: &[String]) -> Vec<u8> {
    const CORE_MODULE: u8 = 1;
    const CORE_INSTANCE: u8 = 2;
    let first = sections(&component).filter(|section| *section == CORE_MODULE).count();
    for (index, module) in modules.iter().enumerate() {
        push_section(&mut component, CORE_MODULE, &wat::parse_str(module).unwrap());
        let mut instantiate = vec![1, 0];
        push_leb(&mut instantiate, first + index);
        instantiate.push(0);
        push_section(&mut component, CORE_INSTANCE, &instantiate);
    }
    component
}

/// The ids of a component's sections.
fn sections(component: &[u8]) -> impl Iterator<Item = u8> {
    let mut at = 8;
    std::iter::from_fn(move || {
        let id = *component.get(at)?;
        let (mut size, mut shift) = (0_usize, 0);
        loop {
            at += 1;
            size |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1 + size;
        Some(id)
    })
}

fn push_section(component: &mut Vec<u8>, id: u8, content: &[u8]) {
    component.push(id);
    push_leb(component, content.len());
    component.extend_from_slice(content);
}

fn push_leb(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Asserts that a neighbour in the shared runtime is unharmed.
pub async fn neighbour_is_well() {
    let neighbour = fixture("noop").await;
    let report = neighbour.run_job(&caller(json!({})), run()).await.unwrap();
    assert_eq!(report.summary, "nothing to do");
}
