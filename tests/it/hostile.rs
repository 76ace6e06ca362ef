//! Plugins that mean harm. Each ends with an error that names the plugin, its version, the export and the limit; and a
//! neighbour in the same runtime is unharmed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use zelador::plugin::bindings::types::Failure;
use zelador::plugin::{Budget, CallContext, CallError, LoadError, Plugin, TimeLimit};

use crate::plugins::support::{
    Described, Heard, caller, fixture, job, neighbour_is_well, run, shared, with_modules,
};

const MIB: usize = 1 << 20;

/// Lets the hostile fixture do harm within small limits, and looks after its neighbour.
async fn harm(settings: Value) -> CallError {
    harm_within(small(settings)).await
}

async fn harm_within(context: CallContext) -> CallError {
    let hostile = fixture("hostile").await;
    hostile.check_settings(&context.settings).unwrap();
    let error = hostile.run_job(&context, run()).await.unwrap_err();
    neighbour_is_well().await;
    let message = error.to_string();
    assert!(message.starts_with("plugin `hostile` 0.1.0, `runs.run`: "), "{message}");
    error
}

fn small(settings: Value) -> CallContext {
    let mut context = caller(settings);
    context.limits.memory = 16 * MIB;
    context
}

fn brief(settings: Value) -> CallContext {
    let mut context = small(settings);
    context.limits.guest_time = Duration::from_millis(200);
    context
}

async fn harm_by_text(wasm: &[u8]) -> CallError {
    let error = loaded(wasm).await.run_job(&small(json!({})), run()).await.unwrap_err();
    neighbour_is_well().await;
    error
}

async fn loaded(wasm: &[u8]) -> Plugin {
    shared().load("written", wasm).await.unwrap()
}

async fn refused(wasm: &[u8]) -> LoadError {
    let error = shared().load("written", wasm).await.unwrap_err();
    neighbour_is_well().await;
    error
}

fn is_out_of(error: &CallError, wanted: Budget) -> bool {
    matches!(error, CallError::OutOfBudget { budget, .. } if *budget == wanted)
}

#[tokio::test]
async fn an_endless_loop_is_stopped_by_its_guest_time() {
    let error = harm_within(brief(json!({"mode": "spin"}))).await;
    assert!(matches!(error, CallError::TimedOut { which: TimeLimit::Guest, .. }), "{error}");
    assert!(
        error.to_string().ends_with("stopped after 200ms of its own computing time, its limit `guest-time`")
    );
}

#[tokio::test]
async fn an_endless_loop_of_host_calls_is_stopped_by_its_guest_time() {
    let error = harm_within(brief(json!({"mode": "host-calls"}))).await;
    assert!(matches!(error, CallError::TimedOut { which: TimeLimit::Guest, .. }), "{error}");
}

#[tokio::test]
async fn an_endless_loop_is_stopped_by_the_wall_too() {
    let mut context = caller(json!({"mode": "spin"}));
    context.limits.time = Duration::from_millis(200);
    let error = harm_within(context).await;
    assert!(matches!(error, CallError::TimedOut { which: TimeLimit::Wall, .. }), "{error}");
    assert!(error.to_string().ends_with("stopped after 200ms of running time, its limit `time`"), "{error}");
}

#[tokio::test]
async fn an_endless_loop_while_the_module_starts_makes_the_file_no_plugin() {
    let wasm = job(&Described::default(), "unreachable", "(func $spin (loop (br 0))) (start $spin)");
    let error = refused(&wasm).await;
    assert!(matches!(error, LoadError::Metadata(_)), "{error}");
    assert!(error.to_string().contains("its limit `guest-time`"), "{error}");
}

#[tokio::test]
async fn many_endless_loops_at_once_stop_themselves_and_nobody_else() {
    let hostile = fixture("hostile").await;
    let spinning = (0..4).map(|_| {
        let hostile = hostile.clone();
        tokio::spawn(async move { hostile.run_job(&brief(json!({"mode": "spin"})), run()).await })
    });
    let spinning: Vec<_> = spinning.collect();
    for _ in 0..20 {
        neighbour_is_well().await;
    }
    for spinner in spinning {
        let error = spinner.await.unwrap().unwrap_err();
        assert!(matches!(error, CallError::TimedOut { which: TimeLimit::Guest, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_memory_bomb_is_stopped_at_its_budget() {
    let error = harm(json!({"mode": "memory"})).await;
    assert!(is_out_of(&error, Budget::Memory), "{error}");
    assert!(error.to_string().contains("stopped at its limit `memory` of 16.0 MiB: it wanted "), "{error}");
}

#[tokio::test]
async fn several_memories_share_one_budget() {
    // 30 MiB each: none of them is over the 64 MiB that a plugin may take to describe itself, all three are.
    let memory = "(module (memory 480))".to_owned();
    let wasm =
        |count| with_modules(job(&Described::default(), "unreachable", ""), &vec![memory.clone(); count]);
    assert!(shared().load("written", &wasm(2)).await.is_ok());
    let error = refused(&wasm(3)).await;
    assert!(error.to_string().contains("its limit `memory` of 64.0 MiB"), "{error}");
}

#[tokio::test]
async fn tables_draw_on_the_budget_of_the_memories() {
    // Two tables of 15,000 elements are 240 KB.
    let table =
        "(table $t 1 20000 funcref) (func $grow (drop (table.grow $t (ref.null func) (i32.const 15000))))";
    let wasm = job(&Described::default(), "(call $grow) unreachable", table);
    let plugin = loaded(&wasm).await;
    let mut context = small(json!({}));
    context.limits.memory = 2 * 65_536 + 8 * 100;
    let error = plugin.run_job(&context, run()).await.unwrap_err();
    assert!(is_out_of(&error, Budget::Memory), "{error}");
    neighbour_is_well().await;
}

#[tokio::test]
async fn a_table_bomb_is_stopped_at_the_same_budget() {
    let table =
        "(table $t 1 funcref) (func $grow (drop (table.grow $t (ref.null func) (i32.const 50000000))))";
    let error = harm_by_text(&job(&Described::default(), "(call $grow) unreachable", table)).await;
    assert!(is_out_of(&error, Budget::Memory), "{error}");
    assert!(error.to_string().contains("it wanted 381."), "{error}");
}

#[tokio::test]
async fn a_crowd_of_core_instances_makes_the_file_no_plugin() {
    let wasm = with_modules(job(&Described::default(), "unreachable", ""), &vec!["(module)".to_owned(); 100]);
    let error = refused(&wasm).await;
    assert!(
        matches!(error, LoadError::Host(_) | LoadError::Compile(_) | LoadError::WrongType(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_huge_string_to_the_host_is_refused_at_the_border() {
    let mut context = small(json!({"mode": "huge-log", "bytes": 8 * MIB}));
    context.limits.memory = 64 * MIB;
    let error = harm_within(context).await;
    assert!(is_out_of(&error, Budget::HostMemory), "{error}");
    assert!(error.to_string().contains("its limit `host-memory` of 4.0 MiB"), "{error}");
}

#[tokio::test]
async fn a_list_of_many_small_things_is_refused_at_the_border() {
    let mut context = small(json!({"mode": "many-fields", "count": 200_000}));
    context.limits.memory = 64 * MIB;
    let error = harm_within(context).await;
    assert!(is_out_of(&error, Budget::HostMemory), "{error}");
}

#[tokio::test]
async fn a_huge_result_is_refused_at_the_border() {
    let mut context = small(json!({"mode": "huge-result", "bytes": 8 * MIB}));
    context.limits.memory = 64 * MIB;
    let error = harm_within(context).await;
    assert!(is_out_of(&error, Budget::HostMemory), "{error}");
}

#[tokio::test]
async fn handles_are_limited() {
    let wasm = hoarder();
    let context = small(json!({}));
    let error = shared().load("hoarder", &wasm).await.unwrap().run_job(&context, run()).await.unwrap_err();
    assert!(is_out_of(&error, Budget::Handles), "{error}");
    assert!(error.to_string().contains("its limit `handles` of 1024"), "{error}");
    neighbour_is_well().await;
}

/// A job that makes pollables of WASI and drops none.
fn hoarder() -> Vec<u8> {
    let contract = {
        let mut resolve = crate::plugins::support::contract();
        resolve
            .push_str(
                "wasi.wit",
                "package test:hoarder;
                 world hoarder {
                   import wasi:io/poll@0.2.0;
                   import wasi:clocks/monotonic-clock@0.2.0;
                   export zelador:plugin/metadata@0.1.0;
                   export zelador:plugin/runs@0.1.0;
                 }
                 package wasi:io@0.2.0 { interface poll { resource pollable { ready: func() -> bool; } } }
                 package wasi:clocks@0.2.0 {
                   interface monotonic-clock {
                     use wasi:io/poll@0.2.0.{pollable};
                     subscribe-duration: func(when: u64) -> pollable;
                   }
                 }",
            )
            .unwrap();
        resolve
    };
    let fields = r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $make (param i64) (result i32)))"#;
    let run = r#"(func (export "zelador:plugin/runs@0.1.0#run")
        (param i32 i32 i32 i32 i32 i32 i64 i64 i32 i32 i32 i32 i32) (result i32)
        (loop (drop (call $make (i64.const 1))) (br 0)) unreachable)"#;
    let module = crate::plugins::support::module(&Described::default(), &format!("{fields} {run}"));
    crate::plugins::support::component(&contract, "hoarder", &module)
}

#[tokio::test]
async fn a_log_flood_is_cut_and_counted_and_the_call_goes_on() {
    let heard = Arc::new(Heard::default());
    let mut context = caller(json!({"mode": "log-flood", "count": 10_000}));
    context.limits.log = 16 << 10;
    context.sink = Some(heard.clone());
    let report = fixture("hostile").await.run_job(&context, run()).await.unwrap();
    assert_eq!(report.summary, "did it 10000 times");
    let messages = heard.messages();
    let (last, written) = messages.split_last().unwrap();
    assert_eq!(written.first().unwrap(), "line 0");
    let dropped = format!("{} log lines dropped", 10_000 - written.len());
    assert!(last.starts_with(&dropped) && last.contains("`log` of 16384 bytes"), "{last}");
    let bytes: usize = written.iter().map(|line| line.len() + 32).sum();
    assert!(bytes <= 16 << 10, "{bytes}");
}

#[tokio::test]
async fn a_line_is_cut_and_cannot_forge_another_or_command_a_terminal() {
    let heard = Arc::new(Heard::default());
    let mut context = caller(json!({"mode": "control-characters"}));
    context.sink = Some(heard.clone());
    fixture("hostile").await.run_job(&context, run()).await.unwrap();
    context.settings = caller(json!({"mode": "huge-log", "bytes": 100_000})).settings;
    fixture("hostile").await.run_job(&context, run()).await.unwrap();
    let messages = heard.messages();
    assert_eq!(messages[0], "one ERROR forged line \u{FFFD}[31mred\u{FFFD}\u{FFFD}");
    assert_eq!(messages[1].len(), 4096);
}

#[tokio::test]
async fn a_trap_is_told_with_its_place() {
    let error = harm(json!({"mode": "trap"})).await;
    assert!(matches!(error, CallError::Trapped { .. }), "{error}");
    assert!(error.to_string().contains("unreachable"), "{error}");
}

#[tokio::test]
async fn infinite_recursion_is_a_trap_of_the_guest_alone() {
    let error = harm(json!({"mode": "recursion"})).await;
    assert!(matches!(error, CallError::Trapped { .. }), "{error}");
    // Rust keeps its frames in memory and leaves it first; this guest has nothing but the stack of calls.
    let recursion = "(func $deeper (call $deeper) (call $deeper))";
    let error = harm_by_text(&job(&Described::default(), "(call $deeper) unreachable", recursion)).await;
    assert!(error.to_string().contains("call stack exhausted"), "{error}");
}

#[tokio::test]
async fn asking_for_too_much_randomness_is_a_trap() {
    let error = harm(json!({"mode": "huge-random"})).await;
    assert!(
        matches!(&error, CallError::Trapped { reason, .. } if reason.contains("at most 65536")),
        "{error}"
    );
}

#[tokio::test]
async fn a_typed_failure_keeps_its_class_and_loses_its_control_characters() {
    let settings = json!({"mode": "fail", "class": "unavailable", "message": "down\u{1b}[2J"});
    let error = harm(settings).await;
    assert!(error.is_unavailable());
    assert!(matches!(&error, CallError::Failed { failure: Failure::Unavailable(_), .. }));
    assert!(error.to_string().ends_with("unavailable: down\u{FFFD}[2J"), "{error}");
}

#[tokio::test]
async fn a_result_that_breaks_the_canonical_abi_is_a_trap() {
    // A pointer to a result outside of the memory.
    let error = harm_by_text(&job(&Described::default(), "(i32.const -4)", "")).await;
    assert!(matches!(error, CallError::Trapped { .. }), "{error}");
}

#[tokio::test]
async fn nothing_of_a_call_is_there_for_the_next() {
    let hostile = fixture("hostile").await;
    let remember = |message: &str| caller(json!({"mode": "remember", "message": message}));
    for message in ["secret", "other"] {
        let report = hostile.run_job(&remember(message), run()).await.unwrap();
        assert_eq!(report.summary, "found ``");
    }
}
