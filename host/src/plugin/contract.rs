//! Does a component keep the contract? Read off its type: nothing of it runs here.

use std::collections::BTreeSet;

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{Component as ComponentType, ComponentInstance, ComponentItem};

use super::Kind;
use super::error::LoadError;
use super::kind::{FREE_INTERFACES, InterfaceName};

/// The package whose interfaces are linked for guests of other tool chains, locked down.
const WASI: &str = "wasi:";

/// What a component's type says.
#[derive(Debug)]
pub(super) struct Shape {
    pub kind: Kind,
    /// The full names of the exports `metadata` and of the kind's own interface.
    pub metadata: String,
    pub export: String,
    /// Interfaces of our package that it calls, by their short names, sorted.
    pub imports: Vec<String>,
    /// Those of them that need a grant.
    pub gated: Vec<Gated>,
    /// Whether it calls WASI.
    pub wasi: bool,
}

/// An import that needs a grant.
#[derive(Debug)]
pub(super) struct Gated {
    /// `archive`.
    pub interface: String,
    /// `zelador:plugin/archive@0.1.0`, as the component names it.
    pub full: String,
}

/// Reads the shape of `component`; `offered` tells which of the gated interfaces this host has.
pub(super) fn shape(component: &Component, offered: impl Fn(&str) -> bool) -> Result<Shape, LoadError> {
    let engine = component.engine();
    let ty = component.component_type();
    let exports = exports(engine, &ty)?;
    let kind = kind(&exports)?;
    let full_name = |interface: &str| {
        let found = exports.iter().find(|(name, _)| name.interface == interface);
        found.map(|(_, full)| full.clone())
    };
    let metadata = full_name("metadata")
        .ok_or_else(|| LoadError::Metadata("it does not export the interface `metadata`".to_owned()))?;
    let export = full_name(kind.export()).expect("the kind was read off this export");
    let mut shape = Shape { kind, metadata, export, imports: Vec::new(), gated: Vec::new(), wasi: false };
    for (name, item) in ty.imports(engine) {
        shape.add_import(engine, name, &item.ty, &offered)?;
    }
    shape.imports.sort();
    shape.gated.sort_by(|a, b| a.interface.cmp(&b.interface));
    Ok(shape)
}

impl Shape {
    fn add_import(
        &mut self,
        engine: &Engine,
        full: &str,
        item: &ComponentItem,
        offered: impl Fn(&str) -> bool,
    ) -> Result<(), LoadError> {
        let unknown = || LoadError::UnknownImport { import: display(full), kind: self.kind };
        let ComponentItem::ComponentInstance(instance) = item else { return Err(unknown()) };
        if full.starts_with(WASI) {
            self.wasi = true;
            return Ok(());
        }
        let name = InterfaceName::parse(full).ok_or_else(unknown)?;
        check_version(&name)?;
        if !calls_anything(engine, instance) {
            return Ok(());
        }
        let free = FREE_INTERFACES.contains(&name.interface.as_str());
        let known = self.kind.imports().contains(&name.interface.as_str());
        if !known || !(free || offered(&name.interface)) {
            return Err(unknown());
        }
        if !free {
            self.gated.push(Gated { interface: name.interface.clone(), full: full.to_owned() });
        }
        self.imports.push(name.interface);
        Ok(())
    }
}

/// An import for its types only reaches nothing.
fn calls_anything(engine: &Engine, instance: &ComponentInstance) -> bool {
    instance
        .exports(engine)
        .any(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_) | ComponentItem::Resource(_)))
}

fn exports(engine: &Engine, ty: &ComponentType) -> Result<Vec<(InterfaceName, String)>, LoadError> {
    let ours = ty.exports(engine).filter_map(|(full, item)| {
        let is_instance = matches!(item.ty, ComponentItem::ComponentInstance(_));
        InterfaceName::parse(full).filter(|_| is_instance).map(|name| (name, full.to_owned()))
    });
    let ours: Vec<_> = ours.collect();
    ours.iter().try_for_each(|(name, _)| check_version(name))?;
    Ok(ours)
}

fn check_version(name: &InterfaceName) -> Result<(), LoadError> {
    if name.is_spoken() {
        return Ok(());
    }
    Err(LoadError::WrongVersion { interface: display(&name.interface), found: name.version.clone() })
}

fn kind(exports: &[(InterfaceName, String)]) -> Result<Kind, LoadError> {
    let has = |kind: &Kind| exports.iter().any(|(name, _)| name.interface == kind.export());
    let kinds: BTreeSet<Kind> = Kind::ALL.into_iter().filter(has).collect();
    let names = |kinds: &mut dyn Iterator<Item = Kind>| {
        kinds.map(|kind| format!("`{}` ({kind})", kind.export())).collect::<Vec<_>>().join(", ")
    };
    match kinds.len() {
        1 => Ok(*kinds.first().expect("one kind")),
        0 => Err(LoadError::UnknownWorld(format!(
            "it exports none of the interfaces that make a plugin: {}",
            names(&mut Kind::ALL.into_iter())
        ))),
        _ => Err(LoadError::UnknownWorld(format!(
            "it exports several of the interfaces that make a plugin, and must export one: {}",
            names(&mut kinds.into_iter())
        ))),
    }
}

/// A name out of a stranger's file.
fn display(name: &str) -> String {
    super::text::one_line(name, 128)
}
