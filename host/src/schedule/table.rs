//! Known facts, one row each.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::{Expression, Schedule, upcoming};
use crate::clock::Timestamp;

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Asserts the firings that come first after `from`, written in RFC 3339 with the zone's offset.
fn check(expression: &str, zone: Tz, from: &str, expected: &[&str]) {
    let firings = upcoming(expression, zone, instant(from), expected.len()).unwrap();
    let firings: Vec<_> = firings.iter().map(|firing| firing.to_rfc3339()).collect();
    assert_eq!(firings, expected, "`{expression}` in {zone} from {from}");
}

#[test]
fn mondays_at_nine_in_sao_paulo() {
    check(
        "0 9 * * 1",
        Tz::America__Sao_Paulo,
        "2026-01-01T00:00:00Z",
        &["2026-01-05T09:00:00-03:00", "2026-01-12T09:00:00-03:00", "2026-01-19T09:00:00-03:00"],
    );
}

#[test]
fn a_fixed_time_in_a_spring_gap_fires_once_right_after_it() {
    let expected = ["2026-03-07T02:30:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"];
    check("30 2 * * *", Tz::America__New_York, "2026-03-07T00:00:00Z", &expected);
}

#[test]
fn several_fixed_times_in_one_gap_fire_once_and_those_after_it_are_kept() {
    let expected = ["2026-03-08T03:00:00-04:00", "2026-03-08T14:15:00-04:00"];
    check("15,45 2,14 * * *", Tz::America__New_York, "2026-03-08T05:00:00Z", &expected[..]);
    let expected = ["2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"];
    check("0,30 2,3 * * *", Tz::America__New_York, "2026-03-08T05:00:00Z", &expected);
}

#[test]
fn a_fixed_time_in_an_autumn_overlap_fires_in_the_first_pass_only() {
    let expected = ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"];
    check("30 1 * * *", Tz::America__New_York, "2026-11-01T04:00:00Z", &expected);
    for second_pass in ["2026-11-01T06:00:00Z", "2026-11-01T06:10:00Z", "2026-11-01T06:45:00Z"] {
        check("30 1 * * *", Tz::America__New_York, second_pass, &expected[1..]);
    }
    check("0 2 * * *", Tz::America__New_York, "2026-11-01T05:30:00Z", &["2026-11-01T02:00:00-05:00"]);
}

#[test]
fn a_step_follows_real_time_through_an_overlap() {
    check(
        "*/30 * * * *",
        Tz::America__New_York,
        "2026-11-01T04:45:00Z",
        &[
            "2026-11-01T01:00:00-04:00",
            "2026-11-01T01:30:00-04:00",
            "2026-11-01T01:00:00-05:00",
            "2026-11-01T01:30:00-05:00",
            "2026-11-01T02:00:00-05:00",
        ],
    );
}

#[test]
fn a_step_is_not_bunched_at_a_gap() {
    let expected = ["2026-03-08T01:30:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"];
    check("*/30 * * * *", Tz::America__New_York, "2026-03-08T06:00:00Z", &expected);
    let expected = ["2026-03-08T00:30:00-05:00", "2026-03-08T04:30:00-04:00"];
    check("30 */2 * * *", Tz::America__New_York, "2026-03-08T05:00:00Z", &expected);
}

#[test]
fn the_last_second_before_a_change_counts() {
    let (zone, second_pass) = (Tz::America__New_York, "2026-11-01T06:00:30Z");
    check("59 59 1 * * *", zone, second_pass, &["2026-11-02T01:59:59-05:00"]);
    let schedule = Schedule::parse("59 * * * * *", zone).unwrap();
    assert_eq!(schedule.last_until(instant(second_pass)), Some(instant("2026-11-01T05:59:59Z")));
}

#[test]
fn lord_howe_shifts_by_half_an_hour() {
    let expected = ["2026-04-05T01:30:00+11:00", "2026-04-05T01:45:00+11:00", "2026-04-05T01:30:00+10:30"];
    check("*/15 * * * *", Tz::Australia__Lord_Howe, "2026-04-04T14:20:00Z", &expected);
    let expected = ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"];
    check("45 1 * * *", Tz::Australia__Lord_Howe, "2026-04-04T13:00:00Z", &expected);
    let expected = ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"];
    check("15 2 * * *", Tz::Australia__Lord_Howe, "2026-10-03T13:00:00Z", &expected);
}

#[test]
fn a_day_that_was_skipped_fires_when_the_next_one_begins() {
    let expected = ["2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"];
    check("0 9 * * *", Tz::Pacific__Apia, "2011-12-29T12:00:00Z", &expected);
    let expected = ["2011-12-31T00:00:00+14:00", "2012-01-30T09:00:00+14:00"];
    check("0 9 30 * *", Tz::Pacific__Apia, "2011-12-01T00:00:00Z", &expected);
    let expected = ["2011-12-29T23:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T01:00:00+14:00"];
    check("0 * * * *", Tz::Pacific__Apia, "2011-12-30T08:30:00Z", &expected);
}

#[test]
fn a_gap_at_midnight_moves_the_daily_job_to_one_o_clock() {
    let expected = ["2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"];
    check("@daily", Tz::America__Sao_Paulo, "2018-11-02T12:00:00Z", &expected);
}

#[test]
fn days_of_month_and_of_week_are_joined_as_vixie_does() {
    // Both restricted: the 13th or a Friday.
    let expected = ["2026-02-06T00:00:00+00:00", "2026-02-13T00:00:00+00:00", "2026-02-20T00:00:00+00:00"];
    check("0 0 13 * 5", Tz::UTC, "2026-02-01T00:00:00Z", &expected);
    let expected = ["2026-03-06T00:00:00+00:00", "2026-03-13T00:00:00+00:00"];
    check("0 0 13 * FRI", Tz::UTC, "2026-03-01T00:00:00Z", &expected);
    check("0 0 13 * 5", Tz::UTC, "2026-04-11T00:00:00Z", &["2026-04-13T00:00:00+00:00"]);
    // One begins with `*`: an odd day and a Monday.
    let expected = ["2026-01-05T02:00:00+00:00", "2026-01-19T02:00:00+00:00", "2026-02-09T02:00:00+00:00"];
    check("0 2 */2 * 1", Tz::UTC, "2026-01-01T00:00:00Z", &expected);
}

#[test]
fn sunday_is_zero_and_seven_and_sun() {
    for sunday in ["0", "7", "SUN", "sun", "7-7"] {
        check(&format!("0 0 * * {sunday}"), Tz::UTC, "2026-01-01T00:00:00Z", &["2026-01-04T00:00:00+00:00"]);
    }
    let expected = ["2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00", "2026-01-04T00:00:00+00:00"];
    check("0 0 * * 5-7", Tz::UTC, "2026-01-01T12:00:00Z", &expected);
    check("0 0 * * 1-5", Tz::UTC, "2026-01-02T12:00:00Z", &["2026-01-05T00:00:00+00:00"]);
}

#[test]
fn six_fields_begin_with_seconds() {
    let expected = ["2026-01-01T00:00:10+00:00", "2026-01-01T00:00:40+00:00", "2026-01-01T00:01:10+00:00"];
    check("10,40 * * * * *", Tz::UTC, "2026-01-01T00:00:00Z", &expected);
}

#[test]
fn rare_days_are_found_and_the_end_of_the_table_is_an_end() {
    check("0 0 29 2 *", Tz::UTC, "2097-01-01T00:00:00Z", &[]);
    check("0 0 29 2 */7", Tz::UTC, "2026-01-01T00:00:00Z", &["2032-02-29T00:00:00+00:00"]);
    let schedule = Schedule::parse("0 0 29 2 *", Tz::UTC).unwrap();
    assert_eq!(schedule.next_after(instant("2096-02-29T00:00:00Z")), None);
    assert_eq!(schedule.last_until(instant("2500-01-01T00:00:00Z")), Some(instant("2096-02-29T00:00:00Z")));
    assert_eq!(schedule.last_until(instant("1960-01-01T00:00:00Z")), None);
    let schedule = Schedule::parse("0 0 1 6 *", Tz::UTC).unwrap();
    assert_eq!(schedule.last_until(instant("2500-01-01T00:00:00Z")), Some(instant("2100-06-01T00:00:00Z")));
}

#[test]
fn a_firing_comes_strictly_after_the_instant_asked_about_to_the_millisecond() {
    let schedule = Schedule::parse("0 2 * * *", Tz::UTC).unwrap();
    let two = instant("2026-01-01T02:00:00Z");
    assert_eq!(schedule.next_after(two - TimeDelta::milliseconds(1)), Some(two));
    assert_eq!(schedule.next_after(two), Some(two + TimeDelta::days(1)));
    assert_eq!(schedule.next_after(two + TimeDelta::milliseconds(1)), Some(two + TimeDelta::days(1)));
    assert_eq!(schedule.last_until(two), Some(two));
}

#[test]
fn words_stand_for_their_fields() {
    let words = [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        (" @hourly ", "0\t*  * * *"),
    ];
    for (word, written_out) in words {
        let [word, written_out] =
            [word, written_out].map(|text| Schedule::parse(text, Tz::Europe__Lisbon).unwrap());
        assert_eq!(word.fingerprint(), written_out.fingerprint());
    }
}

#[test]
fn a_fingerprint_changes_with_the_meaning_and_not_with_the_writing() {
    let print = |expression, zone| Schedule::parse(expression, zone).unwrap().fingerprint();
    assert_eq!(print("0 2 * * MON-FRI", Tz::UTC), print("00 02  * * 1,2,3,4,5", Tz::UTC));
    assert_ne!(print("0 2 * * *", Tz::UTC), print("0 2 * * *", Tz::Europe__Lisbon));
    assert_ne!(print("0 2 * * *", Tz::UTC), print("0 3 * * *", Tz::UTC));
    assert_ne!(print("0 */1 * * *", Tz::UTC), print("0 0-23 * * *", Tz::UTC));
    assert_ne!(print("0 0 */2 * 1", Tz::UTC), print("0 0 1-31/2 * 1", Tz::UTC));
}

#[test]
fn a_schedule_shows_what_was_written_and_where() {
    let schedule = Schedule::parse(" 0  2 * * MON ", Tz::America__Sao_Paulo).unwrap();
    assert_eq!(schedule.to_string(), "0 2 * * MON America/Sao_Paulo");
}

/// Each with a part of the sentence that helps.
#[test]
fn what_cannot_be_followed_is_refused_with_advice() {
    let refused = [
        ("", "the schedule is empty"),
        ("0 2 * *", "4 fields: a schedule has five"),
        ("0 2 * *", "write `0 2 * * *`"),
        ("0 0 2 * * ? 2026", "no field for the year"),
        ("0 2 * * * cd /opt && run", "The command of a crontab line does not belong here."),
        ("0 2 * * * root", "day of week: `root` is not understood"),
        ("TZ=UTC 0 2 * * * x", "key `timezone`"),
        ("0 0 2 ? * MON", "The `?` of Quartz is written `*`"),
        ("0 2 L * *", "no `L` (the last day)"),
        ("0 2 15W * *", "no `W`"),
        ("0 2 * * 5#2", "no `#`"),
        ("H 2 * * *", "set `jitter`"),
        ("0 22-2 * * *", "hour: the range `22-2` runs backwards; allowed is 0-23. Write `22-23,0-2`."),
        ("0 2 * * FRI-MON", "Write `5-6,0-1`"),
        ("0 2 * * SAT-SUN", "Write `6-7`"),
        ("*/0 * * * *", "allowed is 1-60 after `*` or a range. For every value, write `*`."),
        ("*/70 * * * *", "minute: the step in `*/70`"),
        ("*/120 * * * *", "Every 2 hours is `0 */2 * * *`."),
        ("0 */36 * * *", "write days for a longer time"),
        ("5/15 * * * *", "write `5-59/15`"),
        ("60 2 * * *", "minute: `60` is out of range; allowed is 0-59. The minute after 59 is 0."),
        ("0 24 * * *", "Midnight is hour 0."),
        (
            "0 0 0 * *",
            "day of month: `0` is out of range; allowed is 1-31. A day of month is counted from 1.",
        ),
        ("0 0 * 13 *", "month: `13` is out of range; allowed is 1-12 or JAN-DEC."),
        ("0 0 * * 8", "day of week: `8` is out of range; allowed is 0-7 (0 and 7 are Sunday) or SUN-SAT."),
        ("0 99999999999999999999 * * *", "hour: `99999999999999999999` is out of range"),
        ("0 2 * January *", "Write `JAN`."),
        ("0 2 MON * *", "`MON` is a day of week"),
        ("0 2 1, * *", "day of month: `1,` is not understood; allowed is 1-31. Something is missing"),
        ("0 2 *5 * *", "After `*` only a step may follow"),
        ("-1 2 * * *", "minute: `-1` is not understood"),
        ("*/ 2 * * *", "minute: `*/` is not understood"),
        ("*/-5 2 * * *", "minute: `*/-5` is not understood"),
        ("*/x 2 * * *", "minute: the step in `*/x` is not usable"),
        ("@reboot", "`zelador job run NAME`"),
        ("@every 15m", "`*/15 * * * *` is every 15 minutes"),
        ("@fortnightly", "Known are @yearly"),
        ("0 0 31 2 *", "`0 0 31 2 *` never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 30 2 */2", "never fires"),
    ];
    for (expression, part) in refused {
        let sentence = Expression::parse(expression).unwrap_err().to_string();
        assert!(sentence.contains(part), "`{expression}` gave: {sentence}");
    }
    assert!(Expression::parse(&"0,".repeat(600)).unwrap_err().to_string().contains("(at most 1024)"));
    // 31 February or a Monday: Mondays.
    Expression::parse("0 0 31 2 1").unwrap();
}
