//! `zelador template`: the mails that can be written, and what one looks like.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Serialize;

use super::{Output, Place, Usage, table};
use crate::assembly::Assembly;
use crate::mail::Templates;

/// Lists mail templates and shows what they make
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Lists the templates with their languages
    List,
    /// Renders a template: subject and text to the terminal, the page where it is wanted
    Preview {
        /// The template
        name: String,
        /// The language, a BCP 47 tag
        #[arg(long, default_value = "pt-BR")]
        locale: String,
        /// The data, a JSON object; without it the template's own sample
        #[arg(long, value_name = "FILE")]
        data: Option<PathBuf>,
        /// Write the page to this file
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Open the page in the browser
        #[arg(long)]
        open: bool,
    },
}

/// Runs the command.
pub async fn run(verb: Verb, place: &Place, output: Output) -> anyhow::Result<()> {
    let assembly = place.assembly().await?;
    let templates = templates(&assembly).await?;
    match verb {
        Verb::List => list(&templates, output).await,
        Verb::Preview { name, locale, data, html, open } => {
            let mail = render(&templates, &name, &locale, data.as_deref()).await?;
            if let Some(file) = &html {
                std::fs::write(file, &mail.html)
                    .with_context(|| format!("cannot write {}", file.display()))?;
            }
            if open {
                show(&mail.html)?;
            }
            output.data(&mail, |mail| format!("Subject: {}\n\n{}", mail.subject, mail.text))
        }
    }
}

async fn templates(assembly: &Assembly) -> anyhow::Result<Templates> {
    let engine = &assembly.config.mail.engine;
    let configured = assembly.config.plugin.get(engine).cloned().unwrap_or_default();
    Ok(Templates::new(&assembly.plugins(assembly.showcase()?).await, engine, &configured)?)
}

#[derive(Serialize)]
struct TemplateView {
    name: String,
    description: String,
    locales: Vec<String>,
}

async fn list(templates: &Templates, output: Output) -> anyhow::Result<()> {
    let all = templates.list().await?.into_iter().map(|template| TemplateView {
        name: template.name,
        description: template.description,
        locales: template.locales,
    });
    output.data(&all.collect::<Vec<_>>(), |all| {
        let row = |template: &TemplateView| {
            vec![template.name.clone(), template.locales.join(", "), template.description.clone()]
        };
        table(&["TEMPLATE", "LANGUAGES", "DESCRIPTION"], &all.iter().map(row).collect::<Vec<_>>())
    })
}

#[derive(Serialize)]
struct MailView {
    subject: String,
    html: String,
    text: String,
}

async fn render(
    templates: &Templates,
    name: &str,
    locale: &str,
    data: Option<&Path>,
) -> anyhow::Result<MailView> {
    let data = match data {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| Usage(format!("{}: {error}", file.display())))?
        }
        None => sample(templates, name).await?,
    };
    let email = templates.render(name, locale, &data).await?;
    Ok(MailView { subject: email.subject, html: email.html, text: email.text })
}

async fn sample(templates: &Templates, name: &str) -> anyhow::Result<String> {
    let all = templates.list().await?;
    let names = || all.iter().map(|template| template.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = all.iter().find(|template| template.name == name);
    Ok(found.ok_or_else(|| Usage(format!("no template `{name}`; there are: {}", names())))?.sample.clone())
}

/// The browser reads the page after this command has ended, so the file stays; it is the system's to sweep.
fn show(html: &str) -> anyhow::Result<()> {
    let mut page = tempfile::Builder::new().prefix("zelador-").suffix(".html").tempfile()?;
    page.write_all(html.as_bytes())?;
    let (_, path) = page.keep()?;
    let opener = Command::new("xdg-open").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match opener {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("no browser could be opened (xdg-open); the page is {}", path.display()),
    }
}
