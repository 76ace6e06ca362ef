//! Which files are plugins, and why the others are not.

use serde_json::json;
use zelador::plugin::{Kind, LoadError};
use zelador_tests::guests;

use super::support::{Described, component, contract, fixture, job, load, module, other_contract, shared};

async fn refused(wasm: &[u8]) -> LoadError {
    shared().load("file", wasm).await.unwrap_err()
}

fn described(about: Described) -> Vec<u8> {
    job(&about, "unreachable", "")
}

#[tokio::test]
async fn a_plugin_says_what_it_is() {
    let hostile = fixture("hostile").await;
    assert_eq!((hostile.name(), hostile.kind(), hostile.version()), ("hostile", Kind::Job, "0.1.0"));
    assert_eq!(hostile.about().description, "A job that does harm, in the way its settings say");
    assert_eq!(hostile.imports(), ["clock", "log", "progress", "random", "settings"]);
    assert_eq!(hostile.needed_grants(), [] as [String; 0]);
    assert!(!hostile.uses_wasi());
    assert_eq!(hostile.size(), std::fs::metadata(guests::fixture("hostile")).unwrap().len());
    assert_eq!(hostile.settings_schema()["required"], json!(["mode"]));
}

#[tokio::test]
async fn a_command_looks_at_one_file() {
    let plugin = shared().load_file(&guests::fixture("noop")).await.unwrap();
    assert_eq!(plugin.name(), "noop");
    let error = shared().load_file(std::path::Path::new("/no/such.wasm")).await.unwrap_err();
    assert!(error.to_string().starts_with("it cannot be read: No such file"), "{error}");
}

#[tokio::test]
async fn what_is_not_a_component_is_told_for_what_it_is() {
    let told = async |wasm: &[u8]| refused(wasm).await.to_string();
    assert!(told(b"").await.contains("not a WebAssembly component"));
    assert!(told(b"\x7fELF....").await.contains("not a WebAssembly component"));
    assert!(told(&wat::parse_str("(module)").unwrap()).await.contains("core module"));
    let code =
        shared().engine().precompile_component(&std::fs::read(guests::fixture("noop")).unwrap()).unwrap();
    assert!(told(&code).await.contains("machine code, which is never taken from a file"));
}

#[tokio::test]
async fn a_damaged_component_is_refused_by_the_compiler() {
    let whole = std::fs::read(guests::fixture("noop")).unwrap();
    for length in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let error = refused(&whole[..length]).await;
        assert!(!matches!(error, LoadError::Host(_)), "{length} bytes: {error}");
    }
}

#[tokio::test]
async fn a_component_of_no_known_world_is_refused() {
    let wit = "package other:contract@1.0.0; world stranger { export greet: func(); }";
    let wasm = component(&other_contract(wit), "stranger", r#"(module (func (export "greet")))"#);
    let error = refused(&wasm).await;
    assert!(matches!(&error, LoadError::UnknownWorld(_)), "{error}");
    assert!(error.to_string().contains("`runs` (job), `templates` (email-template)"), "{error}");
}

#[tokio::test]
async fn a_component_without_metadata_is_refused() {
    let wit = "package zelador:plugin@0.1.0; world bare { export retries; } interface retries { f: func(); }";
    let wasm = component(
        &other_contract(wit),
        "bare",
        r#"(module (func (export "zelador:plugin/retries@0.1.0#f")))"#,
    );
    assert!(refused(&wasm).await.to_string().contains("does not export the interface `metadata`"));
}

#[tokio::test]
async fn another_version_of_the_contract_is_refused_with_both_versions() {
    let wit = "package zelador:plugin@0.2.0; world job { export runs; } interface runs { f: func(); }";
    let wasm =
        component(&other_contract(wit), "job", r#"(module (func (export "zelador:plugin/runs@0.2.0#f")))"#);
    let error = refused(&wasm).await;
    assert!(matches!(error, LoadError::WrongVersion { .. }), "{error}");
    assert!(error.to_string().contains("version 0.2.0 of the contract"), "{error}");
    assert!(error.to_string().contains("this host speaks 0.1.0"), "{error}");
}

#[tokio::test]
async fn a_later_patch_of_the_contract_is_welcome() {
    let later = |text: &str| text.replace("0.1.0#", "0.1.9#");
    let mut contract = contract();
    for (_, package) in contract.packages.iter_mut() {
        package.name.version = Some("0.1.9".parse().unwrap());
    }
    contract.package_names =
        contract.packages.iter().map(|(id, package)| (package.name.clone(), id)).collect();
    let about = Described { version: "3.2.1", ..Described::default() };
    let run = r#"(func (export "zelador:plugin/runs@0.1.0#run")
        (param i32 i32 i32 i32 i32 i32 i64 i64 i32 i32 i32 i32 i32) (result i32) unreachable)"#;
    let wasm = component(&contract, "job", &later(&module(&about, run)));
    assert_eq!(shared().load("file", &wasm).await.unwrap().version(), "3.2.1");
}

#[tokio::test]
async fn an_export_of_another_type_is_refused() {
    let wit = "package zelador:plugin@0.1.0;
        interface types { record extension { name: string, value: string } type json = string; }
        interface metadata {
          use types.{extension, json};
          record plugin-info {
            name: string, version: string, description: string, settings-schema: json, extensions: list<extension>
          }
          describe: func() -> plugin-info;
        }
        interface runs { run: func(); }
        world job { export metadata; export runs; }";
    let run = r#"(func (export "zelador:plugin/runs@0.1.0#run"))"#;
    let wasm = component(&other_contract(wit), "job", &module(&Described::default(), run));
    let error = refused(&wasm).await;
    assert!(matches!(error, LoadError::WrongType(_)), "{error}");
    assert!(error.to_string().contains("`runs.run`"), "{error}");
}

#[tokio::test]
async fn an_import_that_the_host_lacks_is_refused() {
    let wit = "package zelador:plugin@0.1.0;
        interface novelty { f: func(); }
        world later { import novelty; export runs; export metadata; }
        interface runs { run: func(); } interface metadata { describe: func(); }";
    let module = r#"(module (import "zelador:plugin/novelty@0.1.0" "f" (func $f))
        (func (export "zelador:plugin/runs@0.1.0#run") (call $f))
        (func (export "zelador:plugin/metadata@0.1.0#describe")))"#;
    let error = refused(&component(&other_contract(wit), "later", module)).await;
    assert!(matches!(error, LoadError::UnknownImport { .. }), "{error}");
    assert!(error.to_string().contains("`zelador:plugin/novelty@0.1.0`"), "{error}");
}

#[tokio::test]
async fn metadata_is_a_strangers_text() {
    let told = async |about: Described<'_>| refused(&described(about)).await.to_string();
    let name = "n".repeat(65);
    assert!(
        told(Described { name: &name, ..Described::default() }).await.contains("one line of 1 to 64 bytes")
    );
    assert!(told(Described { name: "a\nb", ..Described::default() }).await.contains("`a b` is not one line"));
    assert!(
        told(Described { version: "new", ..Described::default() }).await.contains("`new` is not a semantic")
    );
    assert!(
        told(Described { schema: "{", ..Described::default() })
            .await
            .contains("settings-schema: it is not JSON")
    );
    let huge = format!("{{\"a\": \"{}\"}}", "x".repeat(10 << 20));
    assert!(
        told(Described { schema: &huge, ..Described::default() }).await.contains("its limit `host-memory`")
    );
    let about = Described { description: "<b>\x1b[31m", ..Described::default() };
    let plugin = shared().load("file", &described(about)).await.unwrap();
    assert_eq!(plugin.about().description, "<b>\u{FFFD}[31m");
}

#[tokio::test]
async fn every_kind_loads() {
    let template = load(&shared(), &guests::fixture("template")).await;
    assert_eq!(template.kind(), Kind::EmailTemplate);
    let contract = contract();
    let pointers = "(param i32) (result i32) unreachable";
    let attempt = "(param i32 i32 i32 i32 i32 i64 i64 i32 i64 f64 i32 i32) (result i32) unreachable";
    let written = [
        (Kind::RetryPolicy, "retries", vec![("next", attempt), ("describe", "(result i32) unreachable")]),
        (Kind::WebhookDelivery, "delivery", vec![("prepare", pointers), ("classify", pointers)]),
    ];
    for (kind, interface, functions) in written {
        let functions: String = functions
            .iter()
            .map(|(name, rest)| {
                format!(r#"(func (export "zelador:plugin/{interface}@0.1.0#{name}") {rest})"#)
            })
            .collect();
        let wasm = component(&contract, kind.name(), &module(&Described::default(), &functions));
        assert_eq!(shared().load("file", &wasm).await.unwrap().kind(), kind);
    }
}

#[test]
fn the_table_of_kinds_is_what_the_worlds_say() {
    let contract = contract();
    for kind in Kind::ALL {
        let (_, world) = contract.worlds.iter().find(|(_, world)| world.name == kind.name()).unwrap();
        let named = |key: &wit_parser::WorldKey| match key {
            wit_parser::WorldKey::Interface(id) => contract.interfaces[*id].name.clone(),
            wit_parser::WorldKey::Name(name) => Some(name.clone()),
        };
        let mut imports: Vec<_> =
            world.imports.keys().filter_map(named).filter(|name| name != "types").collect();
        let mut expected = kind.imports().to_vec();
        imports.sort();
        expected.sort_unstable();
        assert_eq!(imports, expected);
        let exports: Vec<_> = world.exports.keys().filter_map(named).collect();
        assert_eq!(exports, ["metadata", kind.export()]);
    }
}
