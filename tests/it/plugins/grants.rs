//! Nothing is granted that is not written down.

use std::any::Any;
use std::sync::Arc;

use serde_json::json;
use wasmtime::component::Linker;
use zelador::plugin::{
    CallError, CallInfo, CallState, Capability, GrantError, Grants, LoadError, Plugin, Runtime,
};
use zelador_tests::guests;

use super::support::{caller, load, run, runtime};

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

    fn prepare(&self, _: &CallInfo, _: &[String]) -> Box<dyn Any + Send> {
        Box::new(Prepared)
    }
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
    let error = check(&["archive", "databases:main", "archives"]).unwrap_err().to_string();
    assert!(
        error.contains("`archives` names no capability of this host; it has: archive, databases"),
        "{error}"
    );
    let error = check(&["archive", "databases:other"]).unwrap_err().to_string();
    assert_eq!(error, "grant `databases`: there is no [database.other]");
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
    let mut context = caller(json!({"retention-days": 30}));
    context.grants = Arc::new(Grants::parse(&["archive", "databases:main"]).unwrap());
    for _ in 0..2 {
        let error = backup.run_job(&context, run()).await.unwrap_err();
        assert!(matches!(error, CallError::Host { .. }), "{error}");
        assert!(error.to_string().contains("the stand-in was called"), "{error}");
    }
}
