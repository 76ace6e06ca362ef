//! What a job reports, made fit for tables, terminals and pages.

use serde_json::{Map, Value};

use super::bindings::job::exports::zelador::plugin::runs::Report;
use super::text::one_line;

/// The longest summary and warning, in bytes, and how many warnings a person will read.
const LONGEST_SENTENCE: usize = 1 << 10;
const MOST_WARNINGS: usize = 100;

/// The report with its sentences bounded and on one line each. The error says how it breaks the contract.
pub(super) fn accept(report: Report) -> Result<Report, String> {
    let is_object = |data: &str| serde_json::from_str::<Map<String, Value>>(data).is_ok();
    if report.data.as_deref().is_some_and(|data| !is_object(data)) {
        return Err("the data of its report is not a JSON object".to_owned());
    }
    let mut warnings: Vec<_> = report
        .warnings
        .iter()
        .take(MOST_WARNINGS)
        .map(|warning| one_line(warning, LONGEST_SENTENCE))
        .collect();
    if let more @ 1.. = report.warnings.len().saturating_sub(MOST_WARNINGS) {
        warnings.push(format!("{more} further warnings are not shown"));
    }
    Ok(Report { summary: one_line(&report.summary, LONGEST_SENTENCE), warnings, ..report })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(warnings: usize, data: Option<&str>) -> Report {
        Report {
            summary: "two\nlines\x1b[2J".to_owned(),
            warnings: vec!["w".repeat(2000); warnings],
            data: data.map(str::to_owned),
            extensions: vec![],
        }
    }

    #[test]
    fn sentences_are_bounded_and_harmless() {
        let accepted = accept(report(150, Some("{\"a\": 1}"))).unwrap();
        assert_eq!(accepted.summary, "two lines\u{FFFD}[2J");
        assert_eq!(accepted.warnings.len(), 101);
        assert_eq!(accepted.warnings[100], "50 further warnings are not shown");
        assert!(accepted.warnings.iter().all(|warning| warning.len() <= LONGEST_SENTENCE));
    }

    #[test]
    fn data_is_a_json_object_or_nothing() {
        assert!(accept(report(0, None)).is_ok());
        for data in ["", "[]", "{", "1"] {
            assert!(accept(report(0, Some(data))).unwrap_err().contains("not a JSON object"));
        }
    }
}
