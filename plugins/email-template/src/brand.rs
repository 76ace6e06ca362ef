//! The operator's settings: names, colours and links that every template can use.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::ValueKind;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// What a value may hold unescaped within an address.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const LINKS: [&str; 4] = ["home", "renew", "preferences", "dashboard"];

const COLORS: [(&str, &str); 6] = [
    ("accent", "#0f766e"),
    ("critical", "#b91c1c"),
    ("high", "#b45309"),
    ("background", "#f1f5f4"),
    ("text", "#1c2725"),
    ("muted", "#5b6b68"),
];

/// The settings; what is absent has the default that the schema promises.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Brand {
    product: String,
    logo_text: Option<String>,
    company: Option<String>,
    support: Option<String>,
    pub default_locale: String,
    colors: BTreeMap<String, String>,
    links: BTreeMap<String, String>,
}

impl Default for Brand {
    fn default() -> Self {
        Self {
            product: "Zelador".into(),
            logo_text: None,
            company: None,
            support: None,
            default_locale: "en".into(),
            colors: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }
}

impl Brand {
    /// From the settings as one JSON object.
    pub fn parse(settings: &str) -> Result<Self, String> {
        serde_json::from_str(settings).map_err(|error| format!("the settings cannot be read: {error}"))
    }

    /// `brand`: the names.
    pub fn names(&self) -> Value {
        let logo_text = self.logo_text.as_ref().unwrap_or(&self.product);
        minijinja::context! {
            product => &self.product,
            logo_text => logo_text,
            company => self.company.as_deref(),
            support => self.support.as_deref(),
        }
    }

    /// `colors`, each of them.
    pub fn colors(&self) -> Value {
        Value::from_pairs(
            COLORS.map(|(name, default)| {
                (name, self.colors.get(name).map_or(default, String::as_str).to_owned())
            }),
        )
    }

    /// `links`, each of them: `none` where the operator set none. Names of the data in braces are replaced.
    pub fn links(&self, data: &Value) -> Value {
        Value::from_pairs(LINKS.map(|name| (name, self.links.get(name).map(|link| filled(link, data)))))
    }
}

/// The address with every `{name}` of the data replaced, escaped; other braces stay.
fn filled(link: &str, data: &Value) -> String {
    let mut address = String::with_capacity(link.len());
    let mut rest = link;
    while let Some((before, after)) = rest.split_once('{') {
        address.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((plain(data, name)?, after))) {
            Some((value, after)) => {
                address.extend(utf8_percent_encode(&value, UNRESERVED));
                rest = after;
            }
            None => {
                address.push('{');
                rest = after;
            }
        }
    }
    address + rest
}

fn plain(data: &Value, name: &str) -> Option<String> {
    let value = data.get_attr(name).ok()?;
    matches!(value.kind(), ValueKind::String | ValueKind::Number).then(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_data_go_escaped_into_links() {
        let data = minijinja::context! { subscription_id => "a/b &c", days => 3, list => [1] };
        for (link, expected) in [
            ("https://x/{subscription_id}?d={days}", "https://x/a%2Fb%20%26c?d=3"),
            ("https://x/{unknown}/{list}/{", "https://x/{unknown}/{list}/{"),
            ("https://x/", "https://x/"),
        ] {
            assert_eq!(filled(link, &data), expected);
        }
    }

    #[test]
    fn what_is_not_set_has_the_default_of_the_schema() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("settings.schema.json")).expect("JSON");
        jsonschema::draft202012::new(&schema).expect("a schema");
        let properties = &schema["properties"];
        let brand = Brand::parse("{}").expect("settings");
        assert_eq!(properties["product"]["default"], brand.product);
        assert_eq!(properties["default-locale"]["default"], brand.default_locale);
        for (name, default) in COLORS {
            assert_eq!(properties["colors"]["properties"][name]["default"], default);
        }
        let known: Vec<&str> = properties["links"]["properties"]
            .as_object()
            .expect("links")
            .keys()
            .map(String::as_str)
            .collect();
        assert!(LINKS.iter().all(|link| known.contains(link)) && known.len() == LINKS.len());
    }
}
