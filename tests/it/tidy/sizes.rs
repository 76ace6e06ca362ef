//! A file reads in one sitting, a function does one thing.

use super::source::Source;

/// A longer file has two subjects.
const FILE_LINES_MAX: usize = 500;

/// A longer function does two things.
const FUNCTION_LINES_MAX: usize = 70;

pub fn long_files(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter(|source| source.text.lines().count() > FILE_LINES_MAX);
    long.map(|source| source.complain(FILE_LINES_MAX + 1, "the file goes on here: it has two subjects"))
        .collect()
}

pub fn long_functions(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(long_functions_in).collect()
}

/// In formatted text a function ends with a brace as far to the right as it begins.
fn long_functions_in(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (line, text) in source.code() {
        let indentation = text.len() - text.trim_start().len();
        if is_function(text) {
            open.push((line, indentation));
        }
        let Some(&(begin, of_function)) = open.last() else { continue };
        let ends = indentation == of_function && (text.trim() == "}" || text.ends_with(['}', ';']));
        if !ends {
            continue;
        }
        open.pop();
        let lines = line - begin + 1;
        if lines > FUNCTION_LINES_MAX {
            complaints.push(source.complain(begin, &format!("a function of {lines} lines does two things")));
        }
    }
    complaints
}

/// Whether the line begins a function.
fn is_function(line: &str) -> bool {
    const QUALIFIERS: [&str; 6] = ["pub", "async", "const", "unsafe", "extern", "default"];
    let mut words = line.split_whitespace();
    let word = words.find(|word| {
        let qualifier = QUALIFIERS.contains(word) || word.starts_with("pub(") || word.starts_with('"');
        !qualifier
    });
    word == Some("fn")
}

#[test]
fn the_rules_see_what_is_too_long() {
    let function = |lines: usize| {
        format!("impl X {{\n    pub async fn f() {{\n{}    }}\n}}\n", "        g();\n".repeat(lines))
    };
    let sample = |lines| [Source::sample("host/src/job/mod.rs", &function(lines))];
    assert_eq!(long_functions(&sample(FUNCTION_LINES_MAX - 2)), [""; 0]);
    assert_eq!(
        long_functions(&sample(FUNCTION_LINES_MAX - 1)),
        ["host/src/job/mod.rs:2: a function of 71 lines does two things"]
    );
    assert_eq!(long_files(&[Source::sample("a.rs", &"\n".repeat(FILE_LINES_MAX))]), [""; 0]);
    assert_eq!(long_files(&[Source::sample("a.rs", &"\n".repeat(FILE_LINES_MAX + 1))]).len(), 1);
}

#[test]
fn a_function_without_a_body_hides_none() {
    let text =
        format!("trait T {{\n    fn f();\n    fn g() {{}}\n}}\nfn h() {{\n{}}}\n", "    g();\n".repeat(80));
    assert_eq!(
        long_functions(&[Source::sample("a.rs", &text)]),
        ["a.rs:5: a function of 82 lines does two things"]
    );
}
