//! Nothing is granted that is not written down.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wasmtime::component::Linker;
use zelador::plugin::{
    CallContext, CallError, CallState, Capability, GrantError, Grants, LoadError, Plugin, Runtime, TimeLimit,
};
use zelador_tests::guests;

use super::support::{Described, caller, component, contract, load, module_that, run, runtime};

/// A capability that notes its calls and does nothing else; it accepts the scope `main` only.
struct Stand {
    name: &'static str,
    functions: &'static [&'static str],
}

/// What it hands to a call.
struct Prepared;

impl Capability for Stand {
    fn name(&self) -> &'static str {
        self.name
    }

    fn link(&self, linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
        let mut instance = linker.instance(&format!("zelador:plugin/{}@0.1.0", self.name))?;
        for function in self.functions {
            instance.func_new(function, |mut store, _, _, _| {
                let Prepared = store.data_mut().capability::<Prepared>();
                panic!("the stand-in was called")
            })?;
        }
        Ok(())
    }

    fn check(&self, scopes: &[String]) -> Result<(), String> {
        match scopes.iter().find(|scope| *scope != "main") {
            None => Ok(()),
            Some(scope) => Err(format!("there is no [database.{scope}]")),
        }
    }

    fn prepare(&self, _: &CallContext, _: &[String]) -> Box<dyn Any + Send> {
        Box::new(Prepared)
    }
}

/// A capability of `archive` or `databases` that never answers.
struct Silent(&'static str);

impl Capability for Silent {
    fn name(&self) -> &'static str {
        self.0
    }

    fn link(&self, linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
        let mut instance = linker.instance(&format!("zelador:plugin/{}@0.1.0", self.0))?;
        for function in ["create", "list", "delete", "servers", "list-databases"] {
            instance.func_new_async(function, |_, _, _, _| Box::new(std::future::pending()))?;
        }
        Ok(())
    }

    fn check(&self, _: &[String]) -> Result<(), String> {
        Ok(())
    }

    fn prepare(&self, _: &CallContext, _: &[String]) -> Box<dyn Any + Send> {
        Box::new(())
    }
}

/// A caller of `backup` that grants what it imports.
fn granted() -> CallContext {
    let mut context = caller(json!({"retention-days": 30}));
    context.grants = Arc::new(Grants::parse(&["archive", "databases:main"]).unwrap());
    context
}

fn capabilities() -> Vec<Arc<dyn Capability>> {
    vec![
        Arc::new(Stand { name: "archive", functions: &["create", "list", "delete"] }),
        Arc::new(Stand { name: "databases", functions: &["servers", "list-databases"] }),
    ]
}

async fn backup(runtime: &Runtime) -> Plugin {
    load(runtime, &guests::shipped("backup")).await
}

#[tokio::test]
async fn an_import_that_the_caller_does_not_grant_is_told_and_nothing_runs() {
    let runtime = runtime(capabilities());
    let backup = backup(&runtime).await;
    let error = backup.check_grants(&Grants::none(), "job `nightly-backup`").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("plugin `backup` imports `archive`, which job `nightly-backup` does not grant"),
        "{error}"
    );
    let error = backup.run_job(&caller(json!({})), run()).await.unwrap_err();
    assert!(matches!(error, CallError::Denied { source: GrantError::NotGranted { .. }, .. }), "{error}");
}

#[tokio::test]
async fn what_is_granted_must_exist_and_fit_the_configuration() {
    let runtime = runtime(capabilities());
    let backup = backup(&runtime).await;
    let check = |grants: &[&str]| backup.check_grants(&Grants::parse(grants).unwrap(), "job `j`");
    assert_eq!(check(&["archive", "databases:main"]), Ok(()));
    assert_eq!(check(&["archive", "databases:main", "mail"]), Ok(()), "the contract knows it");
    let error = check(&["archive", "databases:main", "archives"]).unwrap_err().to_string();
    assert!(
        error.contains("`archives` names no capability of this host; it has: archive, databases"),
        "{error}"
    );
    let error = check(&["archive", "databases:other"]).unwrap_err().to_string();
    assert_eq!(error, "grant `databases`: there is no [database.other]");
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_left_at_the_wall_and_costs_no_guest_time() {
    let runtime = runtime(vec![Arc::new(Silent("archive")), Arc::new(Silent("databases"))]);
    let backup = backup(&runtime).await;
    let mut context = granted();
    context.limits.guest_time = Duration::from_millis(800);
    context.limits.time = Duration::from_millis(1200);
    let error = backup.run_job(&context, run()).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { which: TimeLimit::Wall, .. }), "{error}");
}

#[tokio::test]
async fn capabilities_are_named_after_interfaces_of_the_contract_once_each() {
    let make = |names: &[&'static str]| {
        let capabilities = names.iter().map(|name| Arc::new(Silent(name)) as Arc<dyn Capability>).collect();
        Runtime::new(super::support::config(None), capabilities).map(drop)
    };
    assert!(make(&["archive", "databases"]).is_ok());
    assert!(make(&["archive", "archive"]).unwrap_err().to_string().contains("the same name"));
    assert!(make(&["novelty"]).unwrap_err().to_string().contains("no world imports"));
}

#[tokio::test]
async fn a_capability_that_nobody_provides_is_absent() {
    let runtime = runtime(vec![]);
    let error = runtime.load("backup", &std::fs::read(guests::shipped("backup")).unwrap()).await.unwrap_err();
    assert!(matches!(error, LoadError::UnknownImport { .. }), "{error}");
}

#[tokio::test]
async fn a_panic_in_a_host_function_ends_the_call_and_not_the_daemon() {
    let runtime = runtime(capabilities());
    let backup = backup(&runtime).await;
    let context = granted();
    for _ in 0..2 {
        let error = backup.run_job(&context, run()).await.unwrap_err();
        assert!(matches!(error, CallError::Host { .. }), "{error}");
        assert!(error.to_string().contains("the stand-in was called"), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_granted_while_a_plugin_says_what_it_is() {
    let runtime = runtime(capabilities());
    let run = r#"(import "zelador:plugin/databases@0.1.0" "servers" (func $servers (param i32)))
        (func (export "zelador:plugin/runs@0.1.0#run")
        (param i32 i32 i32 i32 i32 i32 i64 i64 i32 i32 i32 i32 i32) (result i32) unreachable)"#;
    let greedy = module_that(&Described::default(), "(call $servers (i32.const 3200))", run);
    let error = runtime.load("greedy", &component(&contract(), "job", &greedy)).await.unwrap_err();
    assert!(matches!(error, LoadError::Metadata(_)), "{error}");
    assert!(error.to_string().contains("it calls `databases.servers`, and nothing is granted"), "{error}");
}
