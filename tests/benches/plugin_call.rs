//! What one isolated call of a plugin costs: through Zelador's runtime, and beside it the same component in the same
//! tuned engine with nothing around it. Run with `cargo bench --workspace --bench plugin_call`.
//!
//! The two are measured in turns, so that a busy machine slows both, and the medians are compared.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, json};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Engine, Store};
use zelador::clock::SystemClock;
use zelador::plugin::bindings::email_template::exports::zelador::plugin::templates::Email;
use zelador::plugin::bindings::job::exports::zelador::plugin::runs::{Report, RunContext, Trigger};
use zelador::plugin::bindings::types::Failure;
use zelador::plugin::{
    CallContext, CallInfo, Grants, Kind, Limits, Plugin, Runtime, RuntimeConfig, Settings,
};
use zelador_tests::guests;

/// Rounds of each measurement, and calls in a round.
const ROUNDS: usize = 60;
const CALLS: u32 = 500;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let runtime = runtime();
    println!("{:<28} {:>12} {:>12} {:>8}", "isolated call", "bare (us)", "Zelador (us)", "ratio");
    let noop = load(&runtime, &guests::fixture("noop")).await;
    let bare = Bare::new(runtime.engine(), &guests::fixture("noop"), "zelador:plugin/runs@0.1.0", "run");
    let context = caller(Kind::Job);
    report(
        "no-op job",
        measure(async || bare.run().await, async || drop(noop.run_job(&context, run()).await.unwrap())).await,
    );

    let template = load(&runtime, &guests::fixture("template")).await;
    let bare =
        Bare::new(runtime.engine(), &guests::fixture("template"), "zelador:plugin/templates@0.1.0", "render");
    let context = caller(Kind::EmailTemplate);
    let listed = template.templates(&context).await.unwrap();
    let (name, sample) = (&listed[0].name, &listed[0].sample);
    let ours = async || drop(template.render(&context, name, "en", sample).await.unwrap());
    report("e-mail, ten variables", measure(async || bare.render(name, sample).await, ours).await);
}

/// A component with nothing around it: store, instance, call, drop.
struct Bare {
    pre: InstancePre<()>,
    index: ComponentExportIndex,
}

impl Bare {
    fn new(engine: &Engine, path: &Path, interface: &str, function: &str) -> Self {
        let component = Component::from_file(engine, path).unwrap();
        let mut linker = Linker::new(engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let interface = component.get_export_index(None, interface).unwrap();
        let index = component.get_export_index(Some(&interface), function).unwrap();
        Self { pre: linker.instantiate_pre(&component).unwrap(), index }
    }

    fn store(&self) -> Store<()> {
        let mut store = Store::new(self.pre.engine(), ());
        store.set_epoch_deadline(u64::MAX / 2);
        store
    }

    async fn run(&self) {
        let mut store = self.store();
        let instance = self.pre.instantiate_async(&mut store).await.unwrap();
        let function = instance
            .get_typed_func::<(RunContext,), (Result<Report, Failure>,)>(&mut store, self.index)
            .unwrap();
        black_box(function.call_async(&mut store, (run(),)).await.unwrap().0.unwrap());
    }

    async fn render(&self, template: &str, data: &str) {
        let mut store = self.store();
        let instance = self.pre.instantiate_async(&mut store).await.unwrap();
        let function = instance
            .get_typed_func::<(&str, &str, &str), (Result<Email, Failure>,)>(&mut store, self.index)
            .unwrap();
        black_box(function.call_async(&mut store, (template, "en", data)).await.unwrap().0.unwrap());
    }
}

/// The median times of one call: bare, ours.
async fn measure(bare: impl AsyncFn(), ours: impl AsyncFn()) -> (Duration, Duration) {
    let (mut bares, mut our_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bares.push(round(&bare).await);
        our_times.push(round(&ours).await);
    }
    (median(bares), median(our_times))
}

async fn round(call: impl AsyncFn()) -> Duration {
    let begun = Instant::now();
    for _ in 0..CALLS {
        call().await;
    }
    begun.elapsed() / CALLS
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn report(name: &str, (bare, ours): (Duration, Duration)) {
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    println!("{name:<28} {:>12.2} {:>12.2} {:>8.2}", us(bare), us(ours), us(ours) / us(bare));
}

fn runtime() -> Runtime {
    let config = RuntimeConfig {
        slots: 64,
        patience: Duration::from_secs(1),
        cache: None,
        program: guests::zelador(),
        clock: Arc::new(SystemClock),
    };
    Runtime::new(config, vec![]).unwrap()
}

async fn load(runtime: &Runtime, path: &Path) -> Plugin {
    runtime.load("measured", &std::fs::read(path).unwrap()).await.unwrap()
}

fn caller(kind: Kind) -> CallContext {
    CallContext {
        info: CallInfo { run_id: Some("run-1".into()), caller: "job measured".into() },
        settings: Settings::new(Map::from_iter([("greeting".to_owned(), json!("hello"))])),
        grants: Arc::new(Grants::none()),
        limits: Limits::of(kind),
        sink: None,
    }
}

fn run() -> RunContext {
    RunContext {
        run_id: "0199c5a0-0000-7000-8000-000000000000".into(),
        job_name: "measured".into(),
        trigger: Trigger::Manual,
        scheduled_for: None,
        started_at: 1_767_225_600_000,
        attempt: 1,
        timezone: "UTC".into(),
        extensions: vec![],
    }
}
