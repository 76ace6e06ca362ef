//! Words that belong to one room, and words that belong nowhere.

use super::source::Source;

/// Words, the rooms that may use them, and what the others do instead.
struct Rule {
    words: &'static [&'static str],
    rooms: &'static [&'static str],
    instead: &'static str,
}

const RULES: [Rule; 4] = [
    Rule {
        words: &["Utc::now", "Local::now", "SystemTime::now"],
        rooms: &["host/src/clock.rs"],
        instead: "take a `Clock`",
    },
    Rule {
        words: &["process::exit"],
        rooms: &["host/src/main.rs"],
        instead: "return an error or an `ExitCode`",
    },
    Rule {
        words: &["println!", "print!", "eprintln!", "eprint!"],
        rooms: &["host/src/cli/"],
        instead: "return what is to be said, or log it with `tracing`",
    },
    Rule {
        words: &["sqlx::"],
        rooms: &["host/src/store/", "host/src/backup/"],
        instead: "SQL of Zelador's own tables lives in `store`; `backup` asks the servers it looks after",
    },
];

/// Words outside their room.
pub fn out_of_place(sources: &[Source]) -> Vec<String> {
    let judged = |rule: &'static Rule| {
        let outside =
            sources.iter().filter(|source| !rule.rooms.iter().any(|room| source.path.starts_with(room)));
        outside.flat_map(|source| found(source.code(), source, rule.words, rule.instead))
    };
    RULES.iter().flat_map(judged).collect()
}

/// What says that something is not done.
pub fn unfinished(sources: &[Source]) -> Vec<String> {
    const WORDS: [&str; 7] =
        ["todo!", "unimplemented!", "dbg!", "#[ignore", "allow(dead_code", "TODO", "FIXME"];
    let lines = |source: &Source| -> Vec<String> {
        let lines = source.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        found(lines, source, &WORDS, "finish it, or file it as an issue")
    };
    sources.iter().flat_map(lines).collect()
}

fn found<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    source: &Source,
    words: &[&str],
    instead: &str,
) -> Vec<String> {
    let hits = lines.filter_map(|(line, text)| {
        let word = words.iter().find(|word| has_word(text, word))?;
        Some(source.complain(line, &format!("`{word}` does not belong here: {instead}")))
    });
    hits.collect()
}

/// Whether the text has the word, not as the end of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

#[test]
fn the_rules_see_words_out_of_place() {
    let bad = "fn f() {\n    println!(\"{}\", Utc::now());\n    sqlx::query(\"\");\n    std::process::exit(1);\n}\n";
    let complaints = out_of_place(&[Source::sample("host/src/queue/mod.rs", bad)]);
    assert_eq!(
        complaints.iter().map(|complaint| complaint.split('`').nth(1).unwrap()).collect::<Vec<_>>(),
        ["Utc::now", "process::exit", "println!", "sqlx::"]
    );
    assert_eq!(out_of_place(&[Source::sample("host/src/clock.rs", "Utc::now()")]), [""; 0]);
    assert_eq!(out_of_place(&[Source::sample("host/src/job/mod.rs", "MyUtc::now();\n// println!")]), [""; 0]);
    assert_eq!(unfinished(&[Source::sample("host/src/job/mod.rs", "// TODO later\n    todo!()")]).len(), 2);
}
