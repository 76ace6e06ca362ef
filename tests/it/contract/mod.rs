//! The WIT package is valid, explains itself, and only ever gains: it is compared with its frozen releases.

mod compare;
mod package;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use package::Package;

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository").join("wit")
}

/// The contract as it is being written.
fn working() -> Package {
    Package::read(&wit())
}

#[test]
fn everything_is_explained() {
    assert_none(&rules::unexplained(&working()));
}

#[test]
fn every_error_ends_in_other() {
    assert_none(&rules::closed_errors(&working()));
}

#[test]
fn every_request_can_be_extended() {
    assert_none(&rules::closed_requests(&working()));
}

#[test]
fn worlds_hold_interfaces_only() {
    assert_none(&rules::loose_functions(&working()));
}

#[test]
fn every_world_and_interface_says_since_when_it_is_there() {
    assert_none(&rules::undated(&working()));
}

#[test]
fn the_contract_only_adds_to_its_releases() {
    let working = working();
    let mut compared = 0;
    for entry in fs::read_dir(wit().join("released")).expect("frozen by `cargo xtask freeze-contract`") {
        let frozen = Package::read(&entry.expect("a folder of a release").path());
        if compare::promises(frozen.version(), working.version()) {
            let differences = compare::breaks(&frozen, &working);
            assert!(
                differences.is_empty(),
                "the contract breaks plugins built for {}:\n  {}\n\
                 Add a new function or interface instead. If {0} is not released yet: cargo xtask freeze-contract",
                frozen.version(),
                differences.join("\n  ")
            );
            compared += 1;
        }
    }
    assert_ne!(
        compared,
        0,
        "no frozen release has the minor version of the contract ({})",
        working.version()
    );
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "in wit/:\n  {}", complaints.join("\n  "));
}
