//! The list of templates, ours and the operator's.

use crate::brand::Brand;
use crate::exports::zelador::plugin::templates::TemplateInfo;
use crate::locale;
use crate::shipped::{TEMPLATES, Template};
use crate::sources::Sources;

/// All templates by name, the language that others fall back to first.
pub fn list(sources: &Sources, brand: &Brand) -> Vec<TemplateInfo> {
    let described = |(name, locales): (String, Vec<String>)| TemplateInfo {
        description: shipped(&name)
            .map_or("From the folder of templates", |template| template.description)
            .into(),
        sample: sample(sources, &name),
        locales: fall_back_first(locales, &brand.default_locale),
        name,
        extensions: vec![],
    };
    sources.templates().into_iter().map(described).collect()
}

fn shipped(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}

/// The operator's example, or ours. One that cannot be read is as good as none.
fn sample(sources: &Sources, name: &str) -> String {
    let own = sources.text(&format!("{name}.sample.json")).ok().flatten();
    own.or_else(|| shipped(name).map(|template| template.sample.to_owned())).unwrap_or_else(|| "{}".into())
}

fn fall_back_first(mut locales: Vec<String>, default: &str) -> Vec<String> {
    let first = locale::nearest(default, default, &locales).map(str::to_owned);
    locales.sort_by_key(|locale| Some(locale) != first.as_ref());
    locales
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::Memory;

    #[test]
    fn ours_and_the_operators_are_listed_by_name_with_their_fall_back_first() {
        let folder = Memory::with([
            ("zz-welcome.de.html", ""),
            ("zz-welcome.de.subject", ""),
            ("zz-welcome.de.txt", ""),
            ("zz-welcome.sample.json", r#"{"name": "Ana"}"#),
        ]);
        let sources = Sources::open(folder).expect("a folder");
        let brand = Brand::parse(r#"{"default-locale": "pt-BR"}"#).expect("settings");
        let list = list(&sources, &brand);
        assert!(list.is_sorted_by_key(|template| template.name.clone()));
        assert_eq!(list[0].locales, ["pt-BR", "en"]);
        let welcome = list.last().expect("the operator's");
        assert_eq!((&*welcome.name, &*welcome.sample), ("zz-welcome", r#"{"name": "Ana"}"#));
        assert_eq!(welcome.locales, ["de"]);
    }
}
