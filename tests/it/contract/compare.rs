//! What a change of the contract breaks for plugins that were built before it.

use semver::Version;
use wit_parser::Stability;

use super::package::{Item, Package};

/// Whether a contract of version `newer` must serve plugins built for `older`. While the major version is 0, the minor
/// version is what may break.
pub fn promises(older: &Version, newer: &Version) -> bool {
    older.major == newer.major && (older.major > 0 || older.minor == newer.minor)
}

/// What `newer` breaks of the promises of `older`, a sentence each.
pub fn breaks(older: &Package, newer: &Package) -> Vec<String> {
    let (before, now) = (older.items(), newer.items());
    let promised = before.iter().filter(|(_, item)| !matches!(item.stability, Stability::Unstable { .. }));
    let broken = promised.filter_map(|(path, was)| match now.get(path) {
        None => Some(format!("{path} is gone")),
        Some(is) if is.shape != was.shape => {
            Some(format!("{path} was `{}` and is `{}`", was.shape, is.shape))
        }
        Some(_) => None,
    });
    let added = now.iter().filter(|(path, _)| !before.contains_key(*path));
    let wrongly_added = added.filter_map(|(path, item)| {
        if let Some((world, _)) = path.split_once(" exports ") {
            let complaint = || format!("{path} is new: plugins of {} do not export it", older.version());
            return before.contains_key(world).then(complaint);
        }
        // The date of a new interface is that of its items; a world only lists interfaces.
        let home = path.split_once('.').map(|(interface, _)| format!("interface {interface}"));
        let judged = !path.starts_with("world ") && home.is_none_or(|home| before.contains_key(&home));
        let undated = judged && !is_dated(item, older.version());
        undated.then(|| format!("{path} is new and has no @since later than {}", older.version()))
    });
    broken.chain(wrongly_added).collect()
}

/// Whether the item says that it came after `release`.
fn is_dated(item: &Item, release: &Version) -> bool {
    match &item.stability {
        Stability::Stable { since, .. } => since > release,
        Stability::Unstable { .. } => true,
        Stability::Unknown => false,
    }
}

const RELEASED: &str = "
    package sample:plugin@0.1.0;
    @since(version = 0.1.0)
    interface shop {
      record order { id: string, count: u32 }
      enum size { small, large }
      variant shop-error { closed, other(string) }
      buy: func(order: order, size: size) -> result<u32, shop-error>;
    }
    @since(version = 0.1.0)
    world buyer { import shop; }
";

/// What the edit of the released sample breaks.
fn broken_by(from: &str, to: &str) -> Vec<String> {
    assert!(RELEASED.contains(from), "the sample has no `{from}`");
    let edited = RELEASED.replace("@0.1.0;", "@0.1.1;").replacen(from, to, 1);
    breaks(&Package::parse(RELEASED), &Package::parse(&edited))
}

#[test]
fn an_unchanged_contract_breaks_nothing() {
    assert_eq!(broken_by("buy", "buy"), [""; 0]);
}

#[test]
fn new_functions_interfaces_and_worlds_break_nothing() {
    let function = "@since(version = 0.1.1) sell: func(); buy: func(";
    assert_eq!(broken_by("buy: func(", function), [""; 0]);
    let unstable = "@unstable(feature = sales) sell: func(); buy: func(";
    assert_eq!(broken_by("buy: func(", unstable), [""; 0]);
    let interface =
        "@since(version = 0.1.1) interface bank { pay: func(); } @since(version = 0.1.0) world buyer";
    assert_eq!(broken_by("@since(version = 0.1.0)\n    world buyer", interface), [""; 0]);
    let world = "@since(version = 0.1.1) world seller { export shop; } @since(version = 0.1.0) world buyer";
    assert_eq!(broken_by("@since(version = 0.1.0)\n    world buyer", world), [""; 0]);
}

#[test]
fn an_undated_function_is_told_from_a_released_one() {
    let complaints = broken_by("buy: func(", "sell: func(); buy: func(");
    assert_eq!(complaints, ["shop.sell is new and has no @since later than 0.1.0"]);
}

#[test]
fn every_change_of_what_is_there_is_a_break() {
    let edits = [
        ("count: u32", "count: u64"),
        ("count: u32", "amount: u32"),
        ("count: u32", "count: u32, note: string"),
        ("id: string, count: u32", "count: u32, id: string"),
        ("small, large", "small, medium, large"),
        ("small, large", "small"),
        ("closed, other", "closed, broke, other"),
        ("order: order, size: size", "size: size, order: order"),
        ("result<u32, shop-error>", "u32"),
        ("buy: func", "purchase: func"),
        ("import shop;", ""),
        ("import shop;", "import shop; export shop;"),
    ];
    for (from, to) in edits {
        assert_ne!(broken_by(from, to), [""; 0], "`{from}` became `{to}` unnoticed");
    }
}

#[test]
fn a_break_names_the_item_and_both_shapes() {
    let complaints = broken_by("small, large", "small");
    assert_eq!(complaints, ["shop.size was `enum { small, large }` and is `enum { small }`"]);
}

#[test]
fn versions_promise_as_semver_says() {
    let promised = |older: &str, newer: &str| promises(&older.parse().unwrap(), &newer.parse().unwrap());
    assert!(promised("0.1.0", "0.1.9"));
    assert!(!promised("0.1.0", "0.2.0"));
    assert!(promised("1.0.0", "1.7.0"));
    assert!(!promised("0.1.0", "1.0.0"));
}
