//! Documentation: module docs, links, and text without trailing spaces.

use std::path::Path;

use super::source::{Source, root};

pub fn without_module_docs(sources: &[Source]) -> Vec<String> {
    let bare = sources.iter().filter(|source| !source.text.starts_with("//! "));
    bare.map(|source| source.complain(1, "the first line does not say what the module is for (`//! ...`)"))
        .collect()
}

pub fn trailing_spaces(sources: &[Source]) -> Vec<String> {
    let lines =
        sources.iter().flat_map(|source| source.text.lines().enumerate().map(move |line| (source, line)));
    let trailing = lines.filter(|(_, (_, line))| line.ends_with([' ', '\t']));
    trailing.map(|(source, (index, _))| source.complain(index + 1, "the line ends in a space")).collect()
}

/// Links to files that do not exist. Links to the outside are not followed.
pub fn dead_links(sources: &[Source]) -> Vec<String> {
    let links = sources.iter().flat_map(|source| {
        let lines = source.text.lines().enumerate();
        lines.flat_map(move |(index, line)| links(line).map(move |link| (source, index + 1, link)))
    });
    let dead = links.filter(|(source, _, link)| !leads_somewhere(source, link));
    dead.map(|(source, line, link)| source.complain(line, &format!("no file at the link `{link}`"))).collect()
}

/// The targets of `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

fn leads_somewhere(source: &Source, link: &str) -> bool {
    let path = link.split('#').next().unwrap_or_default();
    let outside = link.contains("://") || link.starts_with("mailto:");
    let folder = root().join(&source.path);
    outside || path.is_empty() || folder.parent().unwrap_or(Path::new("/")).join(path).exists()
}

#[test]
fn the_rules_see_bad_documentation() {
    assert_eq!(without_module_docs(&[Source::sample("a.rs", "use x;\n")]).len(), 1);
    assert_eq!(
        trailing_spaces(&[Source::sample("a.md", "good\nbad \n")]),
        ["a.md:2: the line ends in a space"]
    );
    let text = "[good](wit/README.md#x), [web](https://example.com), [here](#y), [bad](wit/NONE.md)";
    assert_eq!(
        dead_links(&[Source::sample("README.md", text)]),
        ["README.md:1: no file at the link `wit/NONE.md`"]
    );
    assert_eq!(dead_links(&[Source::sample("tests/a.md", "[good](../wit/README.md)")]), [""; 0]);
}
