//! Counts, sizes and spans.

use super::Language;

/// `1 dia`, `1.200 dias`. In Portuguese, nothing is one: `0 dia`.
pub fn plural(count: u64, one: &str, many: &str, language: Language) -> String {
    let single = match language {
        Language::Portuguese => count < 2,
        Language::English => count == 1,
    };
    format!("{} {}", number(count, language), if single { one } else { many })
}

/// `12.345` or `12,345`.
pub fn number(number: u64, language: Language) -> String {
    let digits = number.to_string();
    let separator = if language == Language::Portuguese { '.' } else { ',' };
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// `354,8 MB`; powers of 1000, as disks are sold and file managers show.
pub fn bytes(bytes: u64, language: Language) -> String {
    const UNITS: [&str; 7] = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    // What would be rounded to 1000 belongs to the next unit.
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        return plural(bytes, "byte", "bytes", language);
    }
    let written = format!("{size:.1} {}", UNITS[unit]);
    if language == Language::Portuguese { written.replacen('.', ",", 1) } else { written }
}

/// `850 ms`, `42 s`, `2 min 5 s`, `1 h 3 min`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let of = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => of(seconds / 60, "min", seconds % 60, "s"),
        _ => of(seconds / 3600, "h", seconds / 60 % 60, "min"),
    }
}

#[cfg(test)]
mod tests {
    use Language::{English, Portuguese};

    use super::*;

    #[test]
    fn numbers_and_plurals_follow_the_language() {
        let days = |count| (plural(count, "dia", "dias", Portuguese), plural(count, "day", "days", English));
        assert_eq!(days(0), ("0 dia".into(), "0 days".into()));
        assert_eq!(days(1), ("1 dia".into(), "1 day".into()));
        assert_eq!(days(1200), ("1.200 dias".into(), "1,200 days".into()));
        assert_eq!(number(1_234_567, Portuguese), "1.234.567");
        assert_eq!(number(u64::MAX, English), "18,446,744,073,709,551,615");
    }

    #[test]
    fn sizes_are_short() {
        let sizes = [0, 1, 999, 1_000, 354_812_345, 999_999, u64::MAX].map(|size| bytes(size, Portuguese));
        assert_eq!(sizes, ["0 byte", "1 byte", "999 bytes", "1,0 kB", "354,8 MB", "1,0 MB", "18,4 EB"]);
        assert_eq!(bytes(354_812_345, English), "354.8 MB");
    }

    #[test]
    fn spans_have_two_units_at_most() {
        let spans = [0, 850, 42_999, 60_000, 125_000, 3_600_000, 3_780_000].map(duration);
        assert_eq!(spans, ["0 ms", "850 ms", "42 s", "1 min", "2 min 5 s", "1 h", "1 h 3 min"]);
    }
}
