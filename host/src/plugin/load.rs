//! From the bytes of a file to a plugin: every reason to refuse it is found here, before anything calls it.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker, ResourceType};

use super::bindings::metadata::PluginInfo;
use super::call::{self, CallContext};
use super::component::{About, Loaded};
use super::contract::{Gated, Shape, shape};
use super::error::{CallSite, LoadError};
use super::exports::{Exports, export};
use super::limits::Limits;
use super::log::Logger;
use super::schema::SettingsSchema;
use super::text::one_line;
use super::{CallInfo, CallState, Grants, Plugin, Runtime, Settings};

/// The largest file, in bytes. Python guests, the largest known, have 19 MB.
pub const LARGEST_FILE: u64 = 64 << 20;

/// The longest name and description that a plugin may give itself, in bytes.
const LONGEST_NAME: usize = 64;
const LONGEST_DESCRIPTION: usize = 512;

/// What a component begins with: the magic number, the version of the component format and its layer.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

impl Runtime {
    /// Loads a plugin from the bytes of its file.
    pub async fn load(&self, name: &str, wasm: &[u8]) -> Result<Plugin, LoadError> {
        check_is_component(wasm)?;
        let _turn = self.inner().loads.acquire().await.expect("the turns are never closed");
        let digest = Sha256::digest(wasm).into();
        let component = self.inner().compiler.component(wasm, &digest).await?;
        let shape = shape(&component, |import| self.inner().offers(import))?;
        let exports = Exports::find(&component, &shape)?;
        let wrong_type = |error: wasmtime::Error| LoadError::WrongType(format!("{error:#}"));
        let pre = self.inner().granted(shape.kind).instantiate_pre(&component).map_err(wrong_type)?;
        let info = self.describe(name, &component, &shape, &exports).await?;
        Ok(Plugin(Arc::new(Loaded {
            name: name.into(),
            kind: shape.kind,
            sha256: hex::encode(digest),
            size: wasm.len() as u64,
            imports: shape.imports,
            gated: shape.gated.into_iter().map(|gated| gated.interface).collect(),
            wasi: shape.wasi,
            about: about(&info)?,
            schema: SettingsSchema::compile(&info.settings_schema)
                .map_err(|reason| LoadError::Metadata(format!("settings-schema: {reason}")))?,
            pre,
            exports,
            runtime: self.clone(),
        })))
    }

    /// Asks the plugin what it is, in an instance that is granted nothing, and checks the types of its exports there.
    async fn describe(
        &self,
        name: &str,
        component: &Component,
        shape: &Shape,
        exports: &Exports,
    ) -> Result<PluginInfo, LoadError> {
        let wrong_type = |error: wasmtime::Error| LoadError::WrongType(format!("{error:#}"));
        let pre = self.ungranted(component, shape).map_err(wrong_type)?;
        let describe = export(component, &shape.metadata, "describe", "metadata.describe")?;
        let context = CallContext {
            info: CallInfo { run_id: None, caller: "loading".into() },
            settings: Settings::default(),
            grants: Arc::new(Grants::none()),
            limits: Limits::to_describe(),
            sink: None,
        };
        let store = || {
            let logger = Logger::new(name.into(), context.limits.log, None);
            let state = CallState::new(Arc::clone(&self.inner().clock), &context, logger, Vec::new());
            call::store(&self.inner().engine, state)
        };
        let site = || CallSite { plugin: name.to_owned(), version: "?".to_owned(), export: describe.name };
        let ended =
            |ended: call::Ended| LoadError::Metadata(ended.explain(site(), &context.limits).to_string());
        let (mut probe, instance) = call::instantiate(store(), &pre).await.map_err(ended)?;
        exports.check_types(&mut probe, &instance)?;
        drop(probe);
        call::run(store(), &pre, &describe, ()).await.map_err(ended)
    }

    /// The component linked without what needs a grant: calling that is a trap.
    fn ungranted(&self, component: &Component, shape: &Shape) -> wasmtime::Result<InstancePre<CallState>> {
        let mut linker = self.inner().ungranted(shape.kind).clone();
        for gated in &shape.gated {
            deny(&mut linker, component, gated)?;
        }
        linker.instantiate_pre(component)
    }
}

/// Defines a gated import as functions that trap.
fn deny(linker: &mut Linker<CallState>, component: &Component, gated: &Gated) -> wasmtime::Result<()> {
    let ty = component.component_type();
    let Some(ComponentItem::ComponentInstance(instance)) =
        ty.get_import(component.engine(), &gated.full).map(|item| item.ty)
    else {
        return Ok(());
    };
    let mut denied = linker.instance(&gated.full)?;
    for (name, item) in instance.exports(component.engine()) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                let call = format!("{}.{name}", gated.interface);
                denied.func_new(name, move |_, _, _, _| {
                    wasmtime::bail!("it calls `{call}`, and nothing is granted while it says what it is")
                })?;
            }
            ComponentItem::Resource(_) => {
                denied.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_is_component(wasm: &[u8]) -> Result<(), LoadError> {
    let refuse = |reason| Err(LoadError::NotAComponent(reason));
    if Engine::detect_precompiled(wasm).is_some() {
        return refuse(
            "it is machine code, which is never taken from a file: drop the component it was made from",
        );
    }
    if wasm.starts_with(MODULE) {
        return refuse("it is a core module, not a component: `wasm-tools component new` makes one of it");
    }
    if !wasm.starts_with(COMPONENT) {
        return refuse("it is not a WebAssembly component");
    }
    Ok(())
}

fn about(info: &PluginInfo) -> Result<About, LoadError> {
    let refuse = |reason: String| Err(LoadError::Metadata(reason));
    let name = one_line(&info.name, LONGEST_NAME);
    if name.trim().is_empty() || name != info.name {
        return refuse(format!("its name `{name}` is not one line of 1 to {LONGEST_NAME} bytes"));
    }
    if semver::Version::parse(&info.version).is_err() {
        let version = one_line(&info.version, LONGEST_NAME);
        return refuse(format!("its version `{version}` is not a semantic version such as 1.4.0"));
    }
    Ok(About {
        name,
        version: info.version.clone(),
        description: one_line(&info.description, LONGEST_DESCRIPTION),
    })
}
