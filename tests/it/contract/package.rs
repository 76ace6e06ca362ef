//! A WIT package as the tests look at it: a list of items, each with its path and its shape as text.

use std::collections::BTreeMap;
use std::path::Path;

use wit_parser::{
    Function, Handle, InterfaceId, PackageId, Resolve, Stability, Type, TypeDef, TypeDefKind, TypeId,
    TypeOwner, WorldId, WorldItem, WorldKey,
};

/// A parsed package.
pub struct Package {
    pub resolve: Resolve,
    id: PackageId,
}

/// Something that a plugin can depend on.
pub struct Item {
    /// What it is, written out: two items with the same shape are the same to a plugin.
    pub shape: String,
    pub stability: Stability,
}

impl Package {
    /// The package in a folder of `.wit` files.
    pub fn read(folder: &Path) -> Self {
        let mut resolve = Resolve { all_features: true, ..Resolve::default() };
        let (id, _) = resolve.push_dir(folder).unwrap_or_else(|error| panic!("{error:?}"));
        Self { resolve, id }
    }

    /// A package in one text: the tests' own samples.
    pub fn parse(text: &str) -> Self {
        let mut resolve = Resolve { all_features: true, ..Resolve::default() };
        let id = resolve.push_str("sample.wit", text).unwrap_or_else(|error| panic!("{error:?}"));
        Self { resolve, id }
    }

    pub fn version(&self) -> &semver::Version {
        self.resolve.packages[self.id].name.version.as_ref().expect("the package has a version")
    }

    pub fn worlds(&self) -> impl Iterator<Item = (&str, WorldId)> {
        self.resolve.packages[self.id].worlds.iter().map(|(name, id)| (name.as_str(), *id))
    }

    pub fn interfaces(&self) -> impl Iterator<Item = (&str, InterfaceId)> {
        self.resolve.packages[self.id].interfaces.iter().map(|(name, id)| (name.as_str(), *id))
    }

    pub fn functions(&self) -> impl Iterator<Item = (String, &Function)> {
        self.interfaces().flat_map(|(interface, id)| {
            self.resolve.interfaces[id]
                .functions
                .iter()
                .map(move |(name, function)| (path(interface, name), function))
        })
    }

    /// The types that the package defines; a `use` defines nothing.
    pub fn types(&self) -> impl Iterator<Item = (String, &TypeDef)> {
        self.interfaces().flat_map(move |(interface, id)| {
            let types = self.resolve.interfaces[id].types.iter();
            types
                .map(move |(name, ty)| (path(interface, name), &self.resolve.types[*ty]))
                .filter(|(_, definition)| !self.is_use(definition))
        })
    }

    /// Everything, by path: `archive.create`, `world job exports runs`.
    pub fn items(&self) -> BTreeMap<String, Item> {
        let functions =
            self.functions().map(|(path, function)| (path, self.function(function), &function.stability));
        let types = self.types().map(|(path, ty)| (path, self.definition(ty), &ty.stability));
        let interfaces = self.interfaces().map(|(name, id)| {
            (format!("interface {name}"), String::new(), &self.resolve.interfaces[id].stability)
        });
        let named = functions.chain(types).chain(interfaces);
        let item = |(path, shape, stability): (String, String, &Stability)| {
            (path, Item { shape, stability: stability.clone() })
        };
        named.map(item).chain(self.worlds().flat_map(|(name, id)| self.world(name, id))).collect()
    }

    fn world<'a>(&'a self, name: &'a str, id: WorldId) -> impl Iterator<Item = (String, Item)> + 'a {
        let world = &self.resolve.worlds[id];
        let itself =
            (format!("world {name}"), Item { shape: String::new(), stability: world.stability.clone() });
        let side = move |verb: &'static str, key: &WorldKey, item: &WorldItem| {
            let stability = item.stability(&self.resolve).clone();
            let key = match key {
                WorldKey::Name(name) => name.clone(),
                WorldKey::Interface(id) => self.resolve.interfaces[*id].name.clone().unwrap_or_default(),
            };
            (format!("world {name} {verb} {key}"), Item { shape: String::new(), stability })
        };
        let imports = world.imports.iter().map(move |(key, item)| side("imports", key, item));
        let exports = world.exports.iter().map(move |(key, item)| side("exports", key, item));
        std::iter::once(itself).chain(imports).chain(exports)
    }

    fn is_use(&self, definition: &TypeDef) -> bool {
        matches!(definition.kind, TypeDefKind::Type(Type::Id(of)) if self.resolve.types[of].owner != definition.owner)
    }

    fn function(&self, function: &Function) -> String {
        let parameters =
            function.params.iter().map(|param| format!("{}: {}", param.name, self.reference(&param.ty)));
        let result = function.result.map_or_else(|| "nothing".into(), |result| self.reference(&result));
        format!("func({}) -> {result}", joined(parameters))
    }

    /// A type as other types mention it.
    fn reference(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else { return format!("{ty:?}").to_lowercase() };
        let definition = self.origin(*id);
        let Some(name) = &definition.name else { return self.definition(definition) };
        match definition.owner {
            TypeOwner::Interface(owner) => {
                path(self.resolve.interfaces[owner].name.as_deref().unwrap_or("?"), name)
            }
            TypeOwner::World(_) | TypeOwner::None => name.clone(),
        }
    }

    /// Where a `use` comes from in the end.
    fn origin(&self, id: TypeId) -> &TypeDef {
        let definition = &self.resolve.types[id];
        match definition.kind {
            TypeDefKind::Type(Type::Id(of)) if self.is_use(definition) => self.origin(of),
            _ => definition,
        }
    }

    /// A type written out.
    fn definition(&self, definition: &TypeDef) -> String {
        let of = |ty: &Type| self.reference(ty);
        let maybe = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".into(), of);
        match &definition.kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().map(|field| format!("{}: {}", field.name, of(&field.ty)));
                format!("record {{ {} }}", joined(fields))
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, of(ty)),
                    None => case.name.clone(),
                });
                format!("variant {{ {} }}", joined(cases))
            }
            TypeDefKind::Enum(cases) => {
                format!("enum {{ {} }}", joined(cases.cases.iter().map(|case| case.name.clone())))
            }
            TypeDefKind::Flags(flags) => {
                format!("flags {{ {} }}", joined(flags.flags.iter().map(|flag| flag.name.clone())))
            }
            TypeDefKind::Tuple(tuple) => format!("tuple<{}>", joined(tuple.types.iter().map(of))),
            TypeDefKind::Option(ty) => format!("option<{}>", of(ty)),
            TypeDefKind::List(ty) => format!("list<{}>", of(ty)),
            TypeDefKind::FixedLengthList(ty, length) => format!("list<{}, {length}>", of(ty)),
            TypeDefKind::Map(key, value) => format!("map<{}, {}>", of(key), of(value)),
            TypeDefKind::Result(result) => format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err)),
            TypeDefKind::Future(ty) => format!("future<{}>", maybe(ty)),
            TypeDefKind::Stream(ty) => format!("stream<{}>", maybe(ty)),
            TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", of(&Type::Id(*id))),
            TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", of(&Type::Id(*id))),
            TypeDefKind::Resource => "resource".into(),
            TypeDefKind::Type(ty) => format!("type {}", of(ty)),
            TypeDefKind::Unknown => unreachable!("a resolved package knows its types"),
        }
    }
}

fn path(interface: &str, name: &str) -> String {
    format!("{interface}.{name}")
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
