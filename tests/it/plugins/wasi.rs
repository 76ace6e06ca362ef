//! Guests of other tool chains import WASI 0.2: it is there, and gives nothing away.

use std::sync::Arc;

use serde_json::json;
use zelador::plugin::bindings::job::exports::zelador::plugin::runs::Report;
use zelador::plugin::{CallContext, CallError};

use super::support::{Described, EMPTY_REPORT, Heard, caller, component, contract, module, run, shared};

/// The part of WASI that the tests call.
const WASI: &str = "
    package test:guest;
    world guest {
      import wasi:cli/environment@0.2.0;
      import wasi:cli/exit@0.2.0;
      import wasi:cli/stderr@0.2.0;
      import wasi:io/streams@0.2.0;
      import wasi:filesystem/preopens@0.2.0;
      import wasi:random/random@0.2.0;
      export zelador:plugin/metadata@0.1.0;
      export zelador:plugin/runs@0.1.0;
    }
    package wasi:cli@0.2.0 {
      interface environment {
        get-environment: func() -> list<tuple<string, string>>;
        get-arguments: func() -> list<string>;
      }
      interface exit { exit: func(status: result); }
      interface stderr { use wasi:io/streams@0.2.0.{output-stream}; get-stderr: func() -> output-stream; }
    }
    package wasi:io@0.2.0 {
      interface error { resource error; }
      interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
          blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
      }
    }
    package wasi:filesystem@0.2.0 {
      interface types { resource descriptor; }
      interface preopens {
        use types.{descriptor};
        get-directories: func() -> list<tuple<descriptor, string>>;
      }
    }
    package wasi:random@0.2.0 { interface random { get-random-bytes: func(len: u64) -> list<u8>; } }";

const IMPORTS: &str = r#"
    (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
    (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
    (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $folders (param i32)))
    (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
      (func $write (param i32 i32 i32 i32)))
    (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#;

async fn call(body: &str) -> Result<Report, CallError> {
    call_as(&caller(json!({})), body).await
}

async fn call_as(context: &CallContext, body: &str) -> Result<Report, CallError> {
    let mut contract = contract();
    contract.push_str("wasi.wit", WASI).unwrap();
    let run_function = format!(
        r#"{IMPORTS} (func (export "zelador:plugin/runs@0.1.0#run")
        (param i32 i32 i32 i32 i32 i32 i64 i64 i32 i32 i32 i32 i32) (result i32) {body})"#
    );
    let wasm = component(&contract, "guest", &module(&Described::default(), &run_function));
    let plugin = shared().load("guest", &wasm).await.unwrap();
    assert!(plugin.uses_wasi());
    plugin.run_job(context, run()).await
}

#[tokio::test]
async fn there_is_no_environment_no_argument_and_no_folder() {
    // Each returns a list at 3200; a list that is not empty traps.
    let is_empty = "(if (i32.load (i32.const 3204)) (then (unreachable)))";
    let ask = |function: &str| format!("(call ${function} (i32.const 3200)) {is_empty}");
    let body = format!("{} {} {} {EMPTY_REPORT}", ask("environment"), ask("arguments"), ask("folders"));
    call(&body).await.unwrap();
}

#[tokio::test]
async fn randomness_is_given_in_small_amounts() {
    let ask = |bytes: u64| format!("(call $random (i64.const {bytes}) (i32.const 3200)) {EMPTY_REPORT}");
    call(&ask(16)).await.unwrap();
    let error = call(&ask(1 << 30)).await.unwrap_err();
    assert!(matches!(error, CallError::Trapped { .. }), "{error}");
}

#[tokio::test]
async fn a_guest_that_exits_ends_itself_and_not_the_daemon() {
    let error = call("(call $exit (i32.const 1)) unreachable").await.unwrap_err();
    assert!(matches!(error, CallError::Trapped { .. }), "{error}");
}

#[tokio::test]
async fn what_a_guest_prints_is_in_its_log() {
    let heard = Arc::new(Heard::default());
    let mut context = caller(json!({}));
    context.sink = Some(heard.clone());
    // The name that the module describes itself with, at 4096.
    let print = format!(
        "(call $write (call $stderr) (i32.const 4096) (i32.const 7) (i32.const 3200)) {EMPTY_REPORT}"
    );
    call_as(&context, &print).await.unwrap();
    assert_eq!(heard.messages(), ["written"]);
}
