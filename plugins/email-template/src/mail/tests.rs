//! Every template with its sample in both languages, and what happens when something is missing or broken.

use std::path::PathBuf;

use super::*;
use crate::shipped::TEMPLATES;
use crate::sources::tests::Memory;

const LOCALES: [&str; 2] = ["pt-BR", "en"];

fn branded() -> Brand {
    Brand::parse(
        r#"{
            "product": "MedManager PRO",
            "company": "MedManager Tecnologia Ltda.",
            "support": "suporte@medmanager.com.br",
            "links": {
                "home": "https://medmanager.com.br/",
                "renew": "https://app.medmanager.com.br/renew?subscription={subscription_id}",
                "preferences": "https://app.medmanager.com.br/preferences",
                "dashboard": "https://ops.medmanager.com.br/"
            }
        }"#,
    )
    .expect("settings")
}

fn sources(files: &[(&'static str, &'static str)]) -> Arc<Sources> {
    Arc::new(Sources::open(Memory::with(files.iter().copied())).expect("a folder"))
}

fn sample(template: &str) -> &'static str {
    TEMPLATES.iter().find(|known| known.name == template).expect("shipped").sample
}

fn rendered(template: &str, locale: &str, data: &str) -> Email {
    match render(&sources(&[]), &branded(), template, locale, data) {
        Ok(email) => email,
        Err(failure) => panic!("{template} {locale}: {failure:?}"),
    }
}

/// The sample of a reminder with one name given another value.
fn reminder(name: &str, value: serde_json::Value) -> String {
    let mut data: serde_json::Value = serde_json::from_str(sample("reminder-critical")).expect("JSON");
    data[name] = value;
    data.to_string()
}

/// Where a person or a screenshot looks at the mails.
fn gallery() -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows its own path");
    let target = exe.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.expect("tests run from the target folder").join("mails")
}

#[test]
fn every_template_renders_in_every_language_and_is_left_for_a_person_to_look_at() {
    let gallery = gallery();
    std::fs::create_dir_all(&gallery).expect("a folder");
    for template in TEMPLATES {
        for locale in LOCALES {
            let email = rendered(template.name, locale, template.sample);
            let file = gallery.join(format!("{}.{locale}", template.name));
            std::fs::write(file.with_extension(format!("{locale}.html")), &email.html).expect("written");
            let text = format!("Subject: {}\n\n{}", email.subject, email.text);
            std::fs::write(file.with_extension(format!("{locale}.txt")), text).expect("written");
        }
    }
}

#[test]
fn every_page_is_fit_for_mail_clients() {
    for template in TEMPLATES {
        for locale in LOCALES {
            let Email { html, text, subject, .. } = rendered(template.name, locale, template.sample);
            let of = format!("{} {locale}", template.name);
            assert!(html.starts_with("<!doctype html>\n<html lang=\""), "{of}");
            assert!(html.contains(&format!("<html lang=\"{locale}\">")), "{of}");
            assert!(html.contains("max-width:600px") && html.len() < 100_000, "{of}");
            for remote in ["<img", "<script", "<style", "<link", "@import", "url(", " class="] {
                assert!(!html.contains(remote), "{of} has {remote}");
            }
            assert!(!subject.is_empty() && !subject.contains(['\n', '\r']), "{of}");
            assert!(!text.contains(['<', '>']) && !text.contains("&amp;"), "{of}");
            assert!(!text.contains("\n\n\n"), "{of} has two empty lines:\n{text}");
            assert!(text.lines().all(|line| line == "-- " || line.trim_end() == line), "{of}:\n{text}");
        }
    }
}

#[test]
fn a_reminder_says_when_in_words_and_where_to_renew() {
    let email = rendered("reminder-critical", "pt-BR", sample("reminder-critical"));
    assert_eq!(email.subject, "Urgente: a assinatura de Farmácia São João & Filhos vence amanhã");
    let when = "terça-feira, 1º de dezembro de 2026, às 9h (horário de Brasília, UTC−3)";
    assert!(email.html.contains(when) && email.text.contains(when), "{}", email.text);
    let renew = "https://app.medmanager.com.br/renew?subscription=sub_123";
    assert!(email.html.contains(&format!("href=\"{renew}\"")) && email.text.contains(renew));
    let email = rendered("reminder-medium", "en-GB", sample("reminder-medium"));
    assert_eq!(email.subject, "Reminder: the subscription of Farmácia São João & Filhos ends in 7 days");
}

#[test]
fn a_variable_that_the_data_lacks_is_named_with_its_template_file_and_line() {
    for template in TEMPLATES {
        let data: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(template.sample).expect("JSON");
        // These are there for operators' templates.
        let unused = ["tenant_id"];
        for name in data.keys().filter(|name| !unused.contains(&name.as_str())) {
            let mut lacking = data.clone();
            lacking.remove(name);
            let lacking = serde_json::Value::Object(lacking).to_string();
            for locale in LOCALES {
                match render(&sources(&[]), &branded(), template.name, locale, &lacking) {
                    Err(Failure::InvalidInput(reason)) => {
                        assert!(reason.contains(&format!("`{name}")), "{name}: {reason}");
                        assert!(reason.contains(&format!("template `{}`", template.name)), "{reason}");
                        assert!(reason.contains(", line "), "{reason}");
                    }
                    other => panic!("{} without {name}: {other:?}", template.name),
                }
            }
        }
    }
}

#[test]
fn a_value_cannot_break_out_of_the_page_or_the_subject() {
    let data = reminder("tenant_name", "<script>alert('1')</script>\r\nBcc: everyone@example.com \"&".into());
    let email = rendered("reminder-critical", "en", &data);
    assert!(!email.html.contains("<script>") && email.html.contains("&lt;script&gt;"));
    assert!(!email.subject.contains(['\r', '\n']));
    assert!(email.text.contains("<script>alert('1')</script>"), "text is text");
}

#[test]
fn only_a_real_address_goes_behind_a_link() {
    for address in ["javascript:alert(1)", "data:text/html,x", "//example.com", "https://x/\n"] {
        let data = reminder("renew_url", address.into());
        let refused = render(&sources(&[]), &branded(), "reminder-critical", "en", &data);
        assert!(matches!(refused, Err(Failure::InvalidInput(reason)) if reason.contains("no https")));
    }
    let data = reminder("renew_url", "https://example.com/?a=1&b=\"2\"".into());
    let email = rendered("reminder-critical", "en", &data);
    assert!(email.html.contains("href=\"https://example.com/?a=1&amp;b=&quot;2&quot;\""));
}

#[test]
fn a_file_of_the_operator_is_taken_instead_of_ours() {
    let own = sources(&[
        ("reminder-critical.pt-BR.subject", "Só para {{ tenant_name }}"),
        (
            "reminder-critical.pt-BR.html",
            "{% extends 'layout.html' %}{% block heading %}{{ brand.product }} <3{% endblock %}",
        ),
    ]);
    let email =
        render(&own, &branded(), "reminder-critical", "pt-BR", sample("reminder-critical")).expect("a mail");
    assert_eq!(email.subject, "Só para Farmácia São João & Filhos");
    assert!(email.html.contains("MedManager PRO <3</h1>"));
    assert!(email.text.contains("Sua assinatura vence amanhã"));
}

#[test]
fn a_broken_file_of_the_operator_is_refused_with_file_line_and_reason() {
    for (file, text, line, reason) in [
        ("reminder-critical.en.html", "<p>\n{% if %}", 2, "unexpected end of block"),
        ("reminder-critical.en.txt", "{{ tenant_name|shout }}", 1, "filter shout is unknown"),
        ("reminder.en.html", "\n\n{{ nothing( }}", 3, "unexpected"),
        ("layout.html", "{% include 'gone.html' %}", 1, "gone.html"),
        (
            "parts.html",
            "{% macro button(a, b, c) %}\n{{ a|whatever }}\n{% endmacro %}{% macro facts(r) %}{% endmacro %}",
            2,
            "whatever",
        ),
    ] {
        let own = sources(&[(file, text)]);
        match render(&own, &branded(), "reminder-critical", "en", sample("reminder-critical")) {
            Err(Failure::InvalidSettings(said)) => {
                assert!(said.starts_with(&format!("templates/{file}, line {line}: ")), "{said}");
                assert!(said.contains(reason), "{said}");
            }
            other => panic!("{file}: {other:?}"),
        }
    }
}

#[test]
fn a_template_that_is_not_there_is_named_with_those_that_are() {
    let refused = render(&sources(&[]), &branded(), "reminder", "en", "{}");
    assert!(
        matches!(refused, Err(Failure::InvalidInput(reason)) if reason.contains("`reminder`; there are: alert,"))
    );
}

#[test]
fn data_that_is_no_object_is_refused() {
    for data in ["", "[]", "{", "\"x\"", "null"] {
        let refused = render(&sources(&[]), &branded(), "alert", "en", data);
        assert!(matches!(refused, Err(Failure::InvalidInput(_))), "{data}");
    }
}

#[test]
fn without_links_there_are_no_buttons_and_without_settings_our_own_name() {
    let email = render(&sources(&[]), &Brand::default(), "reminder-high", "en", sample("reminder-high"))
        .expect("a mail");
    assert!(!email.html.contains("href=") && email.html.contains("Zelador"));
}
