//! Which of the languages that a template has comes nearest to the one that was wished for.

/// The nearest language: the tag itself, the tag shortened (`pt-BR`, then `pt`), another of the same language (`pt-PT`
/// for `pt-BR`), then the same for the default, then English, then any. Absent only if there is none.
pub fn nearest<'a>(wish: &str, default: &str, available: &'a [String]) -> Option<&'a str> {
    [wish, default, "en"]
        .into_iter()
        .find_map(|tag| shortened(tag).find_map(|tag| exact(tag, available)).or_else(|| kin(tag, available)))
        .or_else(|| available.first().map(String::as_str))
}

/// The tag, then the tag without its last part, and so on.
fn shortened(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| tag.rfind(['-', '_']).map(|end| &tag[..end]))
}

fn exact<'a>(tag: &str, available: &'a [String]) -> Option<&'a str> {
    let same = |other: &&String| other.replace('_', "-").eq_ignore_ascii_case(&tag.replace('_', "-"));
    available.iter().find(same).map(String::as_str)
}

fn kin<'a>(tag: &str, available: &'a [String]) -> Option<&'a str> {
    let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    available.iter().find(|other| primary(other) == primary(tag)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_language_is_taken() {
        let shipped = ["en".to_owned(), "pt-BR".to_owned()];
        let more = ["de".to_owned(), "pt".to_owned(), "pt-BR".to_owned(), "zh-Hant".to_owned()];
        for (wish, default, available, expected) in [
            ("pt-BR", "en", &shipped[..], "pt-BR"),
            ("PT_br", "en", &shipped, "pt-BR"),
            ("pt", "en", &shipped, "pt-BR"),
            ("pt-PT", "en", &shipped, "pt-BR"),
            ("en-GB", "pt-BR", &shipped, "en"),
            ("fr", "pt-BR", &shipped, "pt-BR"),
            ("fr", "fr", &shipped, "en"),
            ("", "en", &shipped, "en"),
            ("pt-PT", "en", &more, "pt"),
            ("zh-Hant-TW", "de", &more, "zh-Hant"),
            ("fr", "fr", &more, "de"),
        ] {
            assert_eq!(nearest(wish, default, available), Some(expected), "{wish}");
        }
        assert_eq!(nearest("pt", "en", &[]), None);
    }
}
