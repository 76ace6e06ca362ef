//! Keeps the walls of the house standing: who may import whom, what belongs to one room only, how large things get.
//!
//! A rule takes sources and returns complaints, a line each; beside it a small bad sample proves that it sees.

mod docs;
mod imports;
mod migrations;
mod rooms;
mod sizes;
mod source;

use source::{Source, read};

/// Everything that is compiled.
fn rust() -> Vec<Source> {
    read(&["host", "xtask", "tests", "plugins"], &["rs"])
}

/// The program, without developers' commands, tests and guests.
fn host() -> Vec<Source> {
    read(&["host/src"], &["rs"])
}

#[test]
fn every_rust_file_begins_with_what_it_is_for() {
    assert_tidy(&docs::without_module_docs(&rust()));
}

#[test]
fn every_relative_link_in_the_documentation_leads_somewhere() {
    assert_tidy(&docs::dead_links(&read(&["."], &["md"])));
}

#[test]
fn no_line_ends_in_a_space() {
    let kinds = ["rs", "md", "toml", "wit", "sql", "sh", "yml", "yaml", "html", "css", "js"];
    assert_tidy(&docs::trailing_spaces(&read(&["."], &kinds)));
}

#[test]
fn imports_run_downward_only() {
    assert_tidy(&imports::upward(&host()));
}

#[test]
fn what_belongs_to_one_room_stays_there() {
    assert_tidy(&rooms::out_of_place(&host()));
}

#[test]
fn nothing_is_left_unfinished() {
    let sources: Vec<_> =
        rust().into_iter().filter(|source| !source.path.starts_with("tests/it/tidy")).collect();
    assert_tidy(&rooms::unfinished(&sources));
}

#[test]
fn a_file_has_one_subject() {
    assert_tidy(&sizes::long_files(&host()));
}

#[test]
fn a_function_does_one_thing() {
    assert_tidy(&sizes::long_functions(&read(&["host/src", "xtask", "plugins"], &["rs"])));
}

#[test]
fn both_databases_have_the_same_tables() {
    let folder = |dialect: &str| read(&[&format!("migrations/{dialect}")], &["sql"]);
    assert_tidy(&migrations::out_of_step(&folder("sqlite"), &folder("postgres")));
}

fn assert_tidy(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}", complaints.join("\n  "));
}
