//! Imports run downward only, and rooms on one floor do not know each other.

use super::source::Source;

/// The house, from the roof down. A room imports from lower floors only.
const FLOORS: [&[&str]; 12] = [
    &["main"],
    &["cli"],
    &["daemon"],
    &["assembly"],
    &["web"],
    &["job", "webhook", "mail", "backup", "subscription", "alert"],
    &["queue"],
    &["schedule"],
    &["plugin"],
    &["secret"],
    &["config", "store"],
    &["clock"],
];

/// Imports that go up or sideways.
pub fn upward(sources: &[Source]) -> Vec<String> {
    sources.iter().filter(|source| source.path != "host/src/lib.rs").flat_map(upward_in).collect()
}

fn upward_in(source: &Source) -> Vec<String> {
    let room = room(&source.path);
    let Some(floor) = floor(room) else {
        return vec![
            source.complain(1, &format!("room `{room}` is on no floor of the house (tidy/imports.rs)")),
        ];
    };
    let mut complaints = Vec::new();
    for (line, target) in imported_rooms(source) {
        match self::floor(&target) {
            _ if target == room => {}
            Some(below) if below > floor => {}
            Some(same) if same == floor => {
                complaints.push(
                    source.complain(line, &format!("`{room}` and `{target}` must not know each other")),
                );
            }
            _ => complaints.push(
                source.complain(line, &format!("`{room}` must not know `{target}`, which is above it")),
            ),
        }
    }
    complaints
}

/// `store` for `host/src/store/runs.rs` and for `host/src/store.rs`.
fn room(path: &str) -> &str {
    let inside = path.trim_start_matches("host/src/");
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms named after `crate::`, with the lines.
fn imported_rooms(source: &Source) -> Vec<(usize, String)> {
    let mut rooms = Vec::new();
    let code: Vec<(usize, &str)> = source.code().collect();
    for (index, (line, text)) in code.iter().enumerate() {
        for (_, after) in text.match_indices("crate::").map(|(at, name)| text.split_at(at + name.len())) {
            let Some(list) = after.strip_prefix('{') else {
                rooms.push((*line, identifier(after)));
                continue;
            };
            let following = code[index + 1..].iter().map(|(_, text)| *text);
            let whole: String = std::iter::once(list).chain(following).collect();
            rooms.extend(heads(&whole).into_iter().map(|room| (*line, room)));
        }
    }
    rooms
}

/// The first identifiers of a `{a::b, c::{d, e}}` list, up to its closing brace.
fn heads(list: &str) -> Vec<String> {
    let mut heads = vec![identifier(list)];
    let mut depth = 0_u32;
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(identifier(&list[at + 1..])),
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn identifier(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}

#[test]
fn the_rule_sees_upward_and_sideways_imports() {
    let sample = |path: &str, text: &str| upward(&[Source::sample(path, text)]);
    assert_eq!(sample("host/src/job/mod.rs", "use crate::store::Store;\nuse crate::job::Run;"), [""; 0]);
    assert_eq!(
        sample("host/src/store/mod.rs", "use crate::plugin::Grants;"),
        ["host/src/store/mod.rs:1: `store` must not know `plugin`, which is above it"]
    );
    assert_eq!(
        sample("host/src/backup/list.rs", "\nfn f(_: &crate::job::Run) {}"),
        ["host/src/backup/list.rs:2: `backup` and `job` must not know each other"]
    );
    assert_eq!(
        sample("host/src/plugin/mod.rs", "use crate::{\n    clock::{Clock, web},\n    web::Server,\n};"),
        ["host/src/plugin/mod.rs:1: `plugin` must not know `web`, which is above it"]
    );
    assert_eq!(
        sample("host/src/attic.rs", ""),
        ["host/src/attic.rs:1: room `attic` is on no floor of the house (tidy/imports.rs)"]
    );
}
