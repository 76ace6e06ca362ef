//! Dates and days in words.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Timelike, Weekday};

use super::{Language, count, zone};

/// A day (`2026-12-01`), or an instant with its place's offset (RFC 3339), in words. The zone's name is shown with an
/// offset only: an instant written with `Z` is shown as UTC, whatever the zone.
pub fn when(text: &str, zone: Option<&str>, language: Language) -> Result<String, String> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(date(day, language));
    }
    let Ok(instant) = DateTime::parse_from_rfc3339(text) else {
        return Err(format!("`{text}` is neither a date (2026-12-01) nor an RFC 3339 instant"));
    };
    let place = if text.ends_with(['Z', 'z']) { None } else { zone };
    let clock = clock(instant, language);
    let zone = zone::named(place, instant.offset().local_minus_utc(), language);
    Ok(match language {
        Language::Portuguese => format!("{}, {clock} ({zone})", date(instant.date_naive(), language)),
        Language::English => format!("{} at {clock} ({zone})", date(instant.date_naive(), language)),
    })
}

fn date(day: NaiveDate, language: Language) -> String {
    let weekday = weekday(day.weekday(), language);
    let month = month(day.month0(), language);
    let year = day.year();
    match (language, day.day()) {
        (Language::Portuguese, 1) => format!("{weekday}, 1º de {month} de {year}"),
        (Language::Portuguese, number) => format!("{weekday}, {number} de {month} de {year}"),
        (Language::English, number) => format!("{weekday}, {number} {month} {year}"),
    }
}

/// `às 9h05`, `à 1h`; `09:05`. Seconds are more than a reader wants.
fn clock(instant: DateTime<FixedOffset>, language: Language) -> String {
    let (hour, minute) = (instant.hour(), instant.minute());
    match language {
        Language::Portuguese => {
            let article = if hour < 2 { "à" } else { "às" };
            let minutes = if minute == 0 { String::new() } else { format!("{minute:02}") };
            format!("{article} {hour}h{minutes}")
        }
        Language::English => format!("{hour:02}:{minute:02}"),
    }
}

fn weekday(day: Weekday, language: Language) -> &'static str {
    let names = match language {
        Language::Portuguese => [
            "segunda-feira",
            "terça-feira",
            "quarta-feira",
            "quinta-feira",
            "sexta-feira",
            "sábado",
            "domingo",
        ],
        Language::English => ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    };
    names[day.num_days_from_monday() as usize]
}

fn month(month0: u32, language: Language) -> &'static str {
    let names = match language {
        Language::Portuguese => [
            "janeiro",
            "fevereiro",
            "março",
            "abril",
            "maio",
            "junho",
            "julho",
            "agosto",
            "setembro",
            "outubro",
            "novembro",
            "dezembro",
        ],
        Language::English => [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
    };
    names[month0 as usize]
}

/// How far off a day is, as one says it: `hoje`, `amanhã`, `em 3 dias`, `há 2 dias`.
pub fn days_left(days: i64, language: Language) -> String {
    let counted = |days: u64| match language {
        Language::Portuguese => count::plural(days, "dia", "dias", language),
        Language::English => count::plural(days, "day", "days", language),
    };
    match (language, days) {
        (Language::Portuguese, 0) => "hoje".into(),
        (Language::Portuguese, 1) => "amanhã".into(),
        (Language::Portuguese, -1) => "ontem".into(),
        (Language::Portuguese, 2..) => format!("em {}", counted(days.unsigned_abs())),
        (Language::Portuguese, _) => format!("há {}", counted(days.unsigned_abs())),
        (Language::English, 0) => "today".into(),
        (Language::English, 1) => "tomorrow".into(),
        (Language::English, -1) => "yesterday".into(),
        (Language::English, 2..) => format!("in {}", counted(days.unsigned_abs())),
        (Language::English, _) => format!("{} ago", counted(days.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use Language::{English, Portuguese};

    use super::*;

    const SAO_PAULO: Option<&str> = Some("America/Sao_Paulo");

    #[test]
    fn an_instant_is_written_as_its_place_says_it() {
        let written = |text, language| when(text, SAO_PAULO, language).expect("an instant");
        for (text, portuguese, english) in [
            (
                "2026-12-01T09:05:00-03:00",
                "terça-feira, 1º de dezembro de 2026, às 9h05 (horário de Brasília, UTC−3)",
                "Tuesday, 1 December 2026 at 09:05 (Brasília time, UTC−3)",
            ),
            (
                "2024-02-29T00:00:00-03:00",
                "quinta-feira, 29 de fevereiro de 2024, à 0h (horário de Brasília, UTC−3)",
                "Thursday, 29 February 2024 at 00:00 (Brasília time, UTC−3)",
            ),
            (
                "2026-03-07T01:30:00.250Z",
                "sábado, 7 de março de 2026, à 1h30 (UTC)",
                "Saturday, 7 March 2026 at 01:30 (UTC)",
            ),
        ] {
            assert_eq!(written(text, Portuguese), portuguese);
            assert_eq!(written(text, English), english);
        }
    }

    #[test]
    fn a_day_has_no_clock() {
        assert_eq!(
            when("2026-12-06", SAO_PAULO, Portuguese).as_deref(),
            Ok("domingo, 6 de dezembro de 2026")
        );
    }

    #[test]
    fn what_is_no_date_is_an_error_that_shows_it() {
        for text in ["", "amanhã", "2026-13-01", "2026-02-30T00:00:00Z", "2026-12-01T09:05:00"] {
            let refused = when(text, None, English).expect_err("refused");
            assert!(refused.contains(&format!("`{text}`")), "{refused}");
        }
    }

    #[test]
    fn days_are_counted_as_one_speaks() {
        let said = |days| (days_left(days, Portuguese), days_left(days, English));
        for (days, portuguese, english) in [
            (0, "hoje", "today"),
            (1, "amanhã", "tomorrow"),
            (3, "em 3 dias", "in 3 days"),
            (-1, "ontem", "yesterday"),
            (-2, "há 2 dias", "2 days ago"),
        ] {
            assert_eq!(said(days), (portuguese.into(), english.into()));
        }
        days_left(i64::MIN, Portuguese);
    }
}
