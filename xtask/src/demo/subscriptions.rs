//! The tenants of the demo: subscriptions that end today, soon, later, and yesterday.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{Days, Local};

use super::home::Home;

/// Tenant, and in how many days its subscription ends.
const TENANTS: [(&str, i64); 7] = [
    ("Clínica São José", 0),
    ("Farmácia Boa Vista", 1),
    ("Laboratório Análise & Cia", 3),
    ("Hospital Santa Clara", 6),
    ("Consultório Dra. Inês", 7),
    ("Centro Médico Ipê", 8),
    ("Policlínica Araucária", -1),
];

/// Writes the file that `zelador subscription import` takes.
pub fn write(home: &Home) -> Result<PathBuf> {
    let today = Local::now().date_naive();
    let mut csv = String::from("id,tenant_id,tenant_name,email,expires_at,timezone,locale,status\n");
    for (number, (tenant, days)) in TENANTS.iter().enumerate() {
        let ends = if *days < 0 {
            today - Days::new(days.unsigned_abs())
        } else {
            today + Days::new(days.unsigned_abs())
        };
        csv += &format!(
            "sub_{number},tenant_{number},{tenant},contato{number}@example.com,{ends},America/Sao_Paulo,pt-BR,active\n"
        );
    }
    let path = home.path().join("subscriptions.csv");
    fs::write(&path, csv).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
