//! Reading subscriptions from CSV with the header `id,tenant_id,tenant_name,email,expires_at,timezone,locale,status`.

use std::io::Read;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::Deserialize;

use crate::clock::Timestamp;
use crate::store::{Subscription, SubscriptionStatus};

/// Why a file was not read. Names the line and the column.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is no CSV with our header.
    #[error("{0}. The header is id,tenant_id,tenant_name,email,expires_at,timezone,locale,status")]
    Csv(#[from] csv::Error),
    /// A value cannot be used.
    #[error("line {line}, column `{column}`: {reason}")]
    Value {
        /// The line of the file, from 1; the header is line 1.
        line: u64,
        /// The column's name.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// A row as it is written.
#[derive(Deserialize)]
struct Row {
    id: String,
    tenant_id: String,
    tenant_name: String,
    email: String,
    expires_at: String,
    timezone: String,
    locale: String,
    status: String,
}

/// Reads all rows, or says what is wrong with the first that cannot be used.
///
/// `expires_at` is an RFC 3339 instant, or a date, which means the end of that day in the tenant's zone.
pub fn read_csv(source: impl Read) -> Result<Vec<Subscription>, ImportError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
    let headers = reader.headers()?.clone();
    let mut subscriptions = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        subscriptions.push(record.deserialize::<Row>(Some(&headers))?.check(line)?);
    }
    Ok(subscriptions)
}

impl Row {
    fn check(self, line: u64) -> Result<Subscription, ImportError> {
        let wrong = |column, reason: String| ImportError::Value { line, column, reason };
        for (column, value) in [("id", &self.id), ("tenant_id", &self.tenant_id)] {
            if value.is_empty() {
                return Err(wrong(column, "it is empty".to_owned()));
            }
        }
        if !looks_like_an_address(&self.email) {
            return Err(wrong("email", format!("`{}` is not an address", self.email)));
        }
        let zone: Tz = self.timezone.parse().map_err(|_| {
            wrong("timezone", format!("`{}` is not an IANA zone such as `America/Sao_Paulo`", self.timezone))
        })?;
        let expires_at = instant(&self.expires_at, zone).ok_or_else(|| {
            wrong("expires_at", format!("`{}` is neither a date nor an RFC 3339 instant", self.expires_at))
        })?;
        let status: SubscriptionStatus = self.status.parse().map_err(|_| {
            let known: Vec<&str> = SubscriptionStatus::ALL.iter().map(|status| status.as_str()).collect();
            wrong("status", format!("`{}` is none of {}", self.status, known.join(", ")))
        })?;
        Ok(Subscription {
            id: self.id,
            tenant_id: self.tenant_id,
            tenant_name: self.tenant_name,
            email: self.email,
            timezone: self.timezone,
            locale: self.locale,
            expires_at,
            status,
        })
    }
}

/// Enough to catch a shifted column; whether the address exists only a mail can tell.
fn looks_like_an_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn instant(text: &str, zone: Tz) -> Option<Timestamp> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    end_of_day(text.parse().ok()?, zone)
}

/// The last millisecond of a day: it belongs to that day, wherever the day is counted. A zone whose clocks skip
/// midnight begins the next day later.
fn end_of_day(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    let midnight = day.succ_opt()?.and_time(NaiveTime::MIN);
    let begins = (0..=24 * 60).step_by(15).map(|minutes| midnight + TimeDelta::minutes(minutes));
    let next_day = begins.filter_map(|local| zone.from_local_datetime(&local).earliest()).next()?;
    Some(next_day.to_utc() - TimeDelta::milliseconds(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "id,tenant_id,tenant_name,email,expires_at,timezone,locale,status\n";

    fn read(rows: &str) -> Result<Vec<Subscription>, String> {
        read_csv(format!("{HEADER}{rows}").as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_date_means_the_end_of_that_day_where_the_tenant_lives() {
        let rows = "s1,t1,\"Clínica São José, Ltda.\",a@b.com,2026-12-01,America/Sao_Paulo,pt-BR,active\n\
                    s2,t2,Acme,a@b.com,2026-12-01T12:00:00-03:00,UTC,en,cancelled\n";
        let read = read(rows).unwrap();
        assert_eq!(read[0].expires_at, "2026-12-02T02:59:59.999Z".parse::<Timestamp>().unwrap());
        assert_eq!(read[0].tenant_name, "Clínica São José, Ltda.");
        assert_eq!(read[1].expires_at, "2026-12-01T15:00:00Z".parse::<Timestamp>().unwrap());
        assert_eq!(read[1].status, SubscriptionStatus::Cancelled);
    }

    #[test]
    fn a_day_before_a_skipped_midnight_ends_where_the_next_one_begins() {
        // On 4 November 2018 the clocks of São Paulo went from 00:00 to 01:00.
        let read = read("s1,t1,A,a@b.com,2018-11-03,America/Sao_Paulo,pt-BR,active\n").unwrap();
        assert_eq!(read[0].expires_at, "2018-11-04T02:59:59.999Z".parse::<Timestamp>().unwrap());
    }

    #[test]
    fn what_cannot_be_used_is_named_by_line_and_column() {
        let good = "s1,t1,A,a@b.com,2026-12-01,UTC,en,active\n";
        for (row, column) in [
            ("s2,t1,A,a@b.com,next week,UTC,en,active\n", "expires_at"),
            ("s2,t1,A,a@b.com,2026-02-30,UTC,en,active\n", "expires_at"),
            ("s2,t1,A,a@b.com,2026-12-01,Brasilia,en,active\n", "timezone"),
            ("s2,t1,A,nobody,2026-12-01,UTC,en,active\n", "email"),
            ("s2,t1,A,a@b.com,2026-12-01,UTC,en,paid\n", "status"),
            (",t1,A,a@b.com,2026-12-01,UTC,en,active\n", "id"),
        ] {
            let error = read(&format!("{good}{row}")).unwrap_err();
            assert!(error.starts_with(&format!("line 3, column `{column}`")), "{error}");
        }
        assert!(read("s1,t1\n").unwrap_err().contains("header"));
    }
}
