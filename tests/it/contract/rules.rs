//! The rules of `wit/README.md` that a machine can check. Each returns what breaks it, a sentence each.

use wit_parser::{Docs, Stability, Type, TypeDef, TypeDefKind, WorldItem};

use super::package::Package;

/// Worlds, interfaces, functions and types without a doc comment, and fields whose number has no unit. A field with a
/// telling name and type (`id: string`) needs no comment; what a number counts is never evident.
pub fn unexplained(package: &Package) -> Vec<String> {
    let bare = |docs: &Docs| docs.contents.is_none();
    let worlds = package.worlds().filter(|(_, id)| bare(&package.resolve.worlds[*id].docs));
    let interfaces = package.interfaces().filter(|(_, id)| bare(&package.resolve.interfaces[*id].docs));
    let functions = package.functions().filter(|(_, function)| bare(&function.docs));
    let types = package.types().filter(|(_, ty)| bare(&ty.docs));
    let names = worlds
        .map(|(name, _)| name.to_owned())
        .chain(interfaces.map(|(name, _)| name.to_owned()))
        .chain(functions.map(|(path, _)| path))
        .chain(types.map(|(path, _)| path))
        .map(|name| format!("{name} has no doc comment"));
    names.chain(package.types().flat_map(|(path, ty)| unitless(package, &path, ty))).collect()
}

/// The fields of a record that hold a number and say nowhere what it counts.
fn unitless(package: &Package, path: &str, ty: &TypeDef) -> Vec<String> {
    const UNITS: [&str; 2] = ["-bytes", "-days"];
    let TypeDefKind::Record(record) = &ty.kind else { return vec![] };
    let unitless = record.fields.iter().filter(|field| {
        let in_its_name = UNITS.iter().any(|unit| field.name.ends_with(unit));
        is_number(package, &field.ty) && field.docs.contents.is_none() && !in_its_name
    });
    unitless.map(|field| format!("{path}.{} is a number: its doc comment says of what", field.name)).collect()
}

/// A bare number, or an optional one. `instant` and `duration` carry their unit in their type.
fn is_number(package: &Package, ty: &Type) -> bool {
    match ty {
        Type::Bool | Type::Char | Type::String | Type::ErrorContext => false,
        Type::Id(id) => match &package.resolve.types[*id].kind {
            TypeDefKind::Option(inner) => is_number(package, inner),
            _ => false,
        },
        _ => true,
    }
}

/// Errors of functions, and variants named as errors, that could not gain a case: a variant is an error's only open
/// shape, and only with `other(string)` at its end.
pub fn closed_errors(package: &Package) -> Vec<String> {
    let named = package.types().filter(|(path, _)| path.ends_with("-error") || path.ends_with(".failure"));
    let named = named.filter(|(_, ty)| !is_open(ty)).map(|(path, _)| path);
    let returned =
        package.functions().filter(|(_, function)| match error_of(package, function.result.as_ref()) {
            Some(Type::Id(id)) => !is_open(original(package, &package.resolve.types[id])),
            Some(_) => true,
            None => false,
        });
    let returned = returned.map(|(path, _)| format!("the error of {path}"));
    named.chain(returned).map(|what| format!("{what} is no variant that ends in `other(string)`")).collect()
}

fn error_of(package: &Package, result: Option<&Type>) -> Option<Type> {
    let Some(Type::Id(id)) = result else { return None };
    match &package.resolve.types[*id].kind {
        TypeDefKind::Result(result) => result.err,
        _ => None,
    }
}

fn original<'a>(package: &'a Package, ty: &'a TypeDef) -> &'a TypeDef {
    match ty.kind {
        TypeDefKind::Type(Type::Id(of)) => original(package, &package.resolve.types[of]),
        _ => ty,
    }
}

fn is_open(ty: &TypeDef) -> bool {
    let TypeDefKind::Variant(variant) = &ty.kind else { return false };
    variant.cases.last().is_some_and(|case| case.name == "other" && case.ty == Some(Type::String))
}

/// Records that a function takes and that have no list of extensions: they can never carry more.
pub fn closed_requests(package: &Package) -> Vec<String> {
    let taken = package.functions().flat_map(|(path, function)| {
        let records = function.params.iter().filter_map(|parameter| match parameter.ty {
            Type::Id(id) => Some(original(package, &package.resolve.types[id])),
            _ => None,
        });
        let closed = records.filter(|ty| is_closed_record(ty)).filter_map(|ty| ty.name.clone());
        closed
            .map(|name| format!("{path} takes the record {name}, which has no `extensions`"))
            .collect::<Vec<_>>()
    });
    taken.collect()
}

fn is_closed_record(ty: &TypeDef) -> bool {
    let TypeDefKind::Record(record) = &ty.kind else { return false };
    !record.fields.iter().any(|field| field.name == "extensions")
}

/// Functions and types that a world holds itself, where they can never be replaced.
pub fn loose_functions(package: &Package) -> Vec<String> {
    let items = package.worlds().flat_map(|(name, id)| {
        let world = &package.resolve.worlds[id];
        world.imports.iter().chain(&world.exports).map(move |(key, item)| (name, key, item))
    });
    let loose = items.filter(|(_, _, item)| !matches!(item, WorldItem::Interface { .. }));
    loose
        .map(|(name, key, _)| format!("world {name}: {} is in no interface", key.clone().unwrap_name()))
        .collect()
}

/// Worlds and interfaces without `@since` or `@unstable`.
pub fn undated(package: &Package) -> Vec<String> {
    let worlds = package.worlds().map(|(name, id)| (name, &package.resolve.worlds[id].stability));
    let interfaces = package.interfaces().map(|(name, id)| (name, &package.resolve.interfaces[id].stability));
    let undated = worlds.chain(interfaces).filter(|(_, stability)| **stability == Stability::Unknown);
    undated.map(|(name, _)| format!("{name} has neither @since nor @unstable")).collect()
}

const BAD: &str = "
    package sample:plugin@0.1.0;
    interface shop {
      record order { id: string, count: u32, total-bytes: option<u64> }
      enum shop-error { closed }
      variant late { other(string), closed }
      buy: func(order: order) -> result<u32, late>;
    }
    world buyer { import shop; export sell: func(); }
";

#[test]
fn the_rules_find_what_breaks_them() {
    let bad = Package::parse(BAD);
    assert_eq!(
        unexplained(&bad),
        [
            "buyer has no doc comment",
            "shop has no doc comment",
            "shop.buy has no doc comment",
            "shop.order has no doc comment",
            "shop.shop-error has no doc comment",
            "shop.late has no doc comment",
            "shop.order.count is a number: its doc comment says of what",
        ]
    );
    assert_eq!(
        closed_errors(&bad),
        [
            "shop.shop-error is no variant that ends in `other(string)`",
            "the error of shop.buy is no variant that ends in `other(string)`",
        ]
    );
    assert_eq!(closed_requests(&bad), ["shop.buy takes the record order, which has no `extensions`"]);
    assert_eq!(loose_functions(&bad), ["world buyer: sell is in no interface"]);
    assert_eq!(
        undated(&bad),
        ["buyer has neither @since nor @unstable", "shop has neither @since nor @unstable"]
    );
}
