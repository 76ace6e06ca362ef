//! The schedule against the slow definition in `oracle`, over many expressions, zones and years.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::oracle::{Crontab, hour_of_change};
use super::{Expression, ExpressionError, FIRED_AT_MOST, Schedule, plan};
use crate::clock::Timestamp;
use crate::config::Missed;

/// Zones with habits of their own: half an hour, midnight gaps, skipped days, Ramadan, three hours at once.
const PECULIAR: [Tz; 14] = [
    Tz::America__Sao_Paulo,
    Tz::America__New_York,
    Tz::America__Havana,
    Tz::America__St_Johns,
    Tz::America__Caracas,
    Tz::Europe__Lisbon,
    Tz::Africa__Casablanca,
    Tz::Africa__Cairo,
    Tz::Asia__Gaza,
    Tz::Asia__Pyongyang,
    Tz::Antarctica__Casey,
    Tz::Antarctica__Troll,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Apia,
];

/// The same cases in each run; others with `PROPTEST_RNG_SEED=N`.
fn cases(number: u32) -> ProptestConfig {
    let mut config = ProptestConfig { cases: number, failure_persistence: None, ..ProptestConfig::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

fn zone() -> impl Strategy<Value = Tz> {
    prop_oneof![select(&PECULIAR[..]), select(&TZ_VARIANTS[..])]
}

/// A field with values from `low` to `high`.
fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let value = || low..=high;
    let range = move || (value(), value()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let item = prop_oneof![
        4 => value().prop_map(|value| value.to_string()),
        2 => range(),
        1 => (range(), 1..=high - low).prop_map(|(range, step)| format!("{range}/{step}")),
    ];
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (1..=high - low).prop_map(|step| format!("*/{step}")),
        4 => prop::collection::vec(item, 1..4).prop_map(|items| items.join(",")),
    ]
}

fn month() -> impl Strategy<Value = String> {
    let named = select(&["FEB", "jan-Jun", "Mar,oct", "NOV-dec"][..]);
    prop_oneof![3 => field(1, 12), 1 => named.prop_map(str::to_owned)]
}

fn day_of_week() -> impl Strategy<Value = String> {
    let named = select(&["SUN", "mon-Fri", "Sat,sun", "fri-7"][..]);
    prop_oneof![3 => field(0, 7), 1 => named.prop_map(str::to_owned)]
}

/// Day, month and day of week.
fn date_fields() -> impl Strategy<Value = String> {
    (field(1, 31), month(), day_of_week())
        .prop_map(|(day, month, weekday)| format!("{day} {month} {weekday}"))
}

/// Five fields, most of which fire on most days, and often when clocks are changed.
fn expression() -> impl Strategy<Value = String> {
    let minute = prop_oneof![field(0, 59), select(&["0", "30", "0,30"][..]).prop_map(str::to_owned)];
    let hour = prop_oneof![field(0, 23), field(0, 3)];
    let dates = prop_oneof![3 => Just("* * *".to_owned()), 1 => date_fields()];
    (minute, hour, dates).prop_map(|(minute, hour, dates)| format!("{minute} {hour} {dates}"))
}

/// A zone, and an instant between 1973 (before, offsets have seconds) and 2100, from `hours` before a
/// change of the zone's clocks, if there is one, to four hours after it: past the overlap.
fn near_a_change(hours: i64) -> impl Strategy<Value = (Tz, Timestamp)> {
    (zone(), 0..120_i64 * 365, -60 * hours..240).prop_map(|(zone, day, minutes)| {
        let start = DateTime::from_timestamp(94_694_400, 0).unwrap() + TimeDelta::days(day);
        (zone, hour_of_change(zone, start) + TimeDelta::minutes(minutes))
    })
}

/// The schedule, unless the fields fit no date.
fn schedule(expression: &str, zone: Tz) -> Option<Schedule> {
    match Schedule::parse(expression, zone) {
        Ok(schedule) => Some(schedule),
        Err(ExpressionError::NeverFires { .. }) => None,
        Err(refused) => panic!("`{expression}`: {refused}"),
    }
}

fn assert_same(expression: &str, zone: Tz, after: Timestamp, until: Timestamp, step: TimeDelta) {
    let Some(schedule) = schedule(expression, zone) else { return };
    let expected = Crontab::new(expression).walk(zone, after, until, step);
    let forward: Vec<_> = schedule.between(after, until).collect();
    assert_eq!(forward, expected, "`{expression}` in {zone} from {after}");
    let mut backward: Vec<_> = schedule.between_newest_first(after, until).collect();
    backward.reverse();
    assert_eq!(backward, expected, "backwards: `{expression}` in {zone} from {after}");
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn fires_as_a_walk_over_every_minute_says(
        expression in expression(), (zone, after) in near_a_change(26), minutes in 1_i64..1800,
    ) {
        assert_same(&expression, zone, after, after + TimeDelta::minutes(minutes), TimeDelta::minutes(1));
    }

    #[test]
    fn refuses_or_accepts_any_text_without_a_panic(text in "[0-9*/,?LW#@a-zé -]{0,40}|.{0,40}") {
        if let Err(refused) = Expression::parse(&text) {
            prop_assert!(!refused.to_string().is_empty());
        }
    }

    #[test]
    fn finds_the_next_firing_after_any_instant_there_is(
        expression in expression(), zone in zone(),
        seconds in -8_334_601_228_800_i64..8_210_266_876_799, nanos in 0..1_000_000_000_u32,
    ) {
        let Some(schedule) = schedule(&expression, zone) else { return Ok(()) };
        let instant = DateTime::from_timestamp(seconds, nanos).unwrap();
        prop_assert!(schedule.next_after(instant).is_none_or(|next| next > instant));
        prop_assert!(schedule.last_until(instant).is_none_or(|last| last <= instant));
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn fires_as_a_walk_over_every_second_says(
        second in field(0, 59), expression in expression(), (zone, after) in near_a_change(2),
        seconds in 1_i64..10_000,
    ) {
        let expression = format!("{second} {expression}");
        assert_same(&expression, zone, after, after + TimeDelta::seconds(seconds), TimeDelta::seconds(1));
    }

    #[test]
    fn fires_on_the_days_that_a_walk_over_eight_years_says(dates in date_fields(), year in 1974..2090) {
        let expression = format!("30 12 {dates}");
        let Some(schedule) = schedule(&expression, Tz::UTC) else { return Ok(()) };
        let crontab = Crontab::new(&expression);
        let days = days_from(year).take(8 * 365).filter(|day| crontab.matches_date(*day));
        let expected: Vec<_> = days.map(|day| day.and_hms_opt(12, 30, 0).unwrap().and_utc()).collect();
        let start = days_from(year).next().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
        let fired: Vec<_> = schedule.between(start, start + TimeDelta::days(8 * 365)).collect();
        prop_assert_eq!(fired, expected);
    }

    #[test]
    fn never_fires_exactly_when_no_day_of_forty_years_fits(
        day in field(28, 31), month in field(1, 12), weekday in day_of_week(),
    ) {
        let expression = format!("0 0 {day} {month} {weekday}");
        let crontab = Crontab::new(&expression);
        // Within 28 years every date falls on every day of the week.
        let fires = days_from(2001).take(40 * 365).any(|day| crontab.matches_date(day));
        prop_assert_eq!(schedule(&expression, Tz::UTC).is_some(), fires, "{}", expression);
    }
}

fn days_from(year: i32) -> impl Iterator<Item = NaiveDate> {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap().iter_days()
}

/// How the clock moves between two looks at a job, in seconds.
fn moves(furthest_back: i64) -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![4 => 1_i64..90, 2 => 90_i64..200_000, 1 => -furthest_back..0], 1..40)
}

fn policy() -> impl Strategy<Value = Missed> {
    select(&[Missed::Skip, Missed::RunOnce, Missed::RunAll][..])
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn no_instant_fires_twice_whatever_the_clock_does(
        expression in expression(), zone in zone(), moves in moves(86_400), policy in policy(),
    ) {
        let Some(schedule) = schedule(&expression, zone) else { return Ok(()) };
        let mut now: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        let (mut cursor, mut latest, mut fired) = (now, now, BTreeSet::new());
        for seconds in moves {
            // Farther back than a clock step, firing again is for the record to stop.
            now = (now + TimeDelta::seconds(seconds)).max(latest - TimeDelta::days(1));
            latest = latest.max(now);
            let plan = plan(&schedule, Some(cursor), now, policy, Duration::from_secs(60));
            prop_assert!(plan.fire.iter().all(|instant| *instant <= now && fired.insert(*instant)));
            prop_assert!(plan.cursor >= cursor && plan.cursor_was_ahead.is_none());
            cursor = plan.cursor;
        }
    }

    #[test]
    fn each_instant_that_passes_fires_or_is_counted_as_left_out(
        expression in expression(), zone in zone(), moves in moves(1), policy in policy(),
    ) {
        let Some(schedule) = schedule(&expression, zone) else { return Ok(()) };
        let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        let (mut now, mut cursor) = (start, start);
        for seconds in moves {
            now += TimeDelta::seconds(seconds.max(0));
            let due = schedule.between(cursor, now).count();
            let plan = plan(&schedule, Some(cursor), now, policy, Duration::from_secs(60));
            prop_assert!(plan.fire.is_sorted() && plan.fire.len() <= FIRED_AT_MOST);
            prop_assert_eq!(plan.fire.len() + plan.left_out.min(1000), due.min(1000 + plan.fire.len()));
            prop_assert_eq!(schedule.between(plan.cursor, now).count(), 0);
            if policy == Missed::RunAll && due <= FIRED_AT_MOST {
                prop_assert_eq!(plan.left_out, 0);
            }
            cursor = plan.cursor;
        }
    }
}
