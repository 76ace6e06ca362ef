//! Writes the mails: a template engine, our templates in Portuguese and English, and the operator's in their place.
//!
//! This file binds it to the contract. `mail` renders, `sources` finds the files, `shipped` has ours, `brand` reads the
//! settings, `words` writes dates and numbers; none of them calls the host by itself. The README of this folder tells
//! an operator how to write templates.

mod brand;
mod catalogue;
mod engine;
mod locale;
mod mail;
mod shipped;
mod sources;
mod words;

wit_bindgen::generate!({ path: "../../wit", world: "email-template" });

use std::sync::Arc;

use brand::Brand;
use exports::zelador::plugin::metadata::{self, PluginInfo};
use exports::zelador::plugin::templates::{self, Email, Failure, TemplateInfo};
use sources::{Folder, Sources};
use zelador::plugin::assets::{self, AssetError};
use zelador::plugin::log::{self, Level};
use zelador::plugin::settings;

struct EmailTemplate;

impl metadata::Guest for EmailTemplate {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
            settings_schema: include_str!("settings.schema.json").into(),
            extensions: vec![],
        }
    }
}

impl templates::Guest for EmailTemplate {
    fn templates() -> Vec<TemplateInfo> {
        let brand = Brand::parse(&settings::document()).unwrap_or_default();
        match Sources::open(Assets) {
            Ok(sources) => {
                for file in sources.stray() {
                    log::write(Level::Warn, &format!("templates/{file}: no template uses this file"), &[]);
                }
                catalogue::list(&sources, &brand)
            }
            Err(reason) => {
                log::write(Level::Error, &format!("the folder of templates cannot be listed: {reason}"), &[]);
                vec![]
            }
        }
    }

    fn render(template: String, locale: String, data: String) -> Result<Email, Failure> {
        let brand = Brand::parse(&settings::document()).map_err(Failure::InvalidSettings)?;
        let sources = Sources::open(Assets).map_err(Failure::Unavailable)?;
        mail::render(&Arc::new(sources), &brand, &template, &locale, &data)
    }
}

/// The operator's folder behind the contract.
struct Assets;

impl Folder for Assets {
    fn names(&self) -> Result<Vec<String>, String> {
        assets::names().map_err(said)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        assets::read(name).map_err(said)
    }
}

fn said(error: AssetError) -> String {
    let (AssetError::NotFound(reason)
    | AssetError::InvalidName(reason)
    | AssetError::TooLarge(reason)
    | AssetError::Other(reason)) = error;
    reason
}

export!(EmailTemplate);
