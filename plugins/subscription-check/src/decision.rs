//! What one subscription needs today. Pure.

use crate::zelador::plugin::subscriptions::{Status, Subscription, Urgency};
use crate::zelador::plugin::types::Instant;

/// The farthest that the shipped rule looks ahead.
const HORIZON_DAYS: i32 = 7;

const CRITICAL_DAYS: i32 = 1;
const HIGH_DAYS: i32 = 3;

/// When tenants are reminded.
#[derive(Debug)]
pub struct Rules {
    /// In days, ascending.
    thresholds: Vec<i32>,
    pub horizon_days: u32,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Decision {
    /// The period is over.
    Expire,
    Remind {
        threshold: i32,
        /// Larger thresholds that were missed and are now pointless.
        supersedes: Vec<i32>,
    },
    /// Nothing, for this reason.
    Leave(String),
}

impl Rules {
    /// From the settings; what is absent has its default. The error names the setting.
    pub fn new(thresholds: Option<Vec<i64>>, horizon_days: Option<i64>) -> Result<Self, String> {
        let mut thresholds = match thresholds {
            Some(days) => days.into_iter().map(whole_days).collect::<Result<_, _>>()?,
            None => vec![7, 3, 1],
        };
        thresholds.sort_unstable();
        thresholds.dedup();
        let largest = *thresholds.last().ok_or("`thresholds` is empty: nobody would be reminded")?;
        let horizon = horizon_days.unwrap_or_else(|| largest.max(HORIZON_DAYS).into());
        if horizon < largest.into() {
            return Err(format!(
                "`horizon-days` is {horizon}, so the threshold of {largest} days would never be reached; \
                 raise it to {largest} or leave it out"
            ));
        }
        let horizon_days =
            horizon.try_into().map_err(|_| format!("`horizon-days` is {horizon}: too large"))?;
        Ok(Self { thresholds, horizon_days })
    }

    /// What the subscription needs at this instant. Days are the tenant's calendar days; the end itself is an instant.
    pub fn decide(&self, subscription: &Subscription, now: Instant) -> Decision {
        match subscription.status {
            Status::Active if subscription.expires_at <= now => Decision::Expire,
            Status::Active => self.reminder(subscription),
            Status::Expired => Decision::Leave("expired already".into()),
            Status::Cancelled => Decision::Leave("cancelled".into()),
        }
    }

    /// The smallest threshold that has been reached is the most urgent one; if it was claimed, so is all there is to
    /// say until the next.
    fn reminder(&self, subscription: &Subscription) -> Decision {
        let days = subscription.days_until_expiration;
        let claimed = |threshold: &i32| subscription.claimed_thresholds.contains(threshold);
        let reached = self.thresholds.partition_point(|&threshold| threshold < days);
        match self.thresholds[reached..].split_first() {
            None => Decision::Leave(format!("not due: {days} days left")),
            Some((threshold, _)) if claimed(threshold) => {
                Decision::Leave(format!("reminded at {threshold} days already"))
            }
            Some((&threshold, larger)) => Decision::Remind {
                threshold,
                supersedes: larger.iter().copied().filter(|larger| !claimed(larger)).collect(),
            },
        }
    }
}

fn whole_days(days: i64) -> Result<i32, String> {
    let whole = i32::try_from(days).ok().filter(|days| *days >= 0);
    whole.ok_or_else(|| format!("`thresholds` has {days}: not a number of days before the end"))
}

/// How near the end is, whichever threshold is answered.
pub fn urgency(days_until_expiration: i32) -> Urgency {
    match days_until_expiration {
        days if days <= CRITICAL_DAYS => Urgency::Critical,
        days if days <= HIGH_DAYS => Urgency::High,
        _ => Urgency::Medium,
    }
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    pub const DAY: Instant = 86_400_000;

    /// A subscription that ends so many days after the epoch's day 1000.
    pub fn ending_in(days: i32, claimed_thresholds: Vec<i32>) -> Subscription {
        Subscription {
            id: format!("sub-{days}"),
            tenant_id: "tenant_abc".into(),
            tenant_name: "Farmácia São João".into(),
            expires_at: 1000 * DAY + Instant::from(days) * DAY + 1,
            timezone: "America/Sao_Paulo".into(),
            locale: "pt-BR".into(),
            status: Status::Active,
            days_until_expiration: days,
            claimed_thresholds,
            extensions: vec![],
        }
    }

    pub const NOW: Instant = 1000 * DAY;

    pub fn shipped() -> Rules {
        Rules::new(None, None).expect("the defaults are valid")
    }

    fn remind(threshold: i32, supersedes: &[i32]) -> Decision {
        Decision::Remind { threshold, supersedes: supersedes.to_vec() }
    }

    #[test]
    fn each_threshold_is_answered_when_it_is_reached() {
        for (days, claimed, expected) in [
            (7, vec![], remind(7, &[])),
            (3, vec![7], remind(3, &[])),
            (1, vec![7, 3], remind(1, &[])),
            (0, vec![7, 3], remind(1, &[])),
        ] {
            assert_eq!(shipped().decide(&ending_in(days, claimed), NOW), expected, "{days} days");
        }
    }

    #[test]
    fn after_downtime_only_the_most_urgent_reminder_goes_out() {
        assert_eq!(shipped().decide(&ending_in(5, vec![]), NOW), remind(7, &[]));
        assert_eq!(shipped().decide(&ending_in(2, vec![]), NOW), remind(3, &[7]));
        assert_eq!(shipped().decide(&ending_in(0, vec![7]), NOW), remind(1, &[3]));
    }

    #[test]
    fn nobody_is_reminded_twice_or_too_early() {
        let rules = Rules::new(None, Some(30)).expect("valid");
        for (days, claimed) in [(5, vec![7]), (2, vec![3]), (0, vec![1]), (8, vec![])] {
            assert!(
                matches!(rules.decide(&ending_in(days, claimed), NOW), Decision::Leave(_)),
                "{days} days"
            );
        }
    }

    #[test]
    fn what_has_ended_is_marked_and_what_is_not_active_is_left() {
        let at_the_end = Subscription { expires_at: NOW, ..ending_in(0, vec![]) };
        assert_eq!(shipped().decide(&at_the_end, NOW), Decision::Expire);
        assert_eq!(shipped().decide(&ending_in(-1, vec![]), NOW), Decision::Expire);
        let cancelled = Subscription { status: Status::Cancelled, ..ending_in(1, vec![]) };
        assert_eq!(shipped().decide(&cancelled, NOW), Decision::Leave("cancelled".into()));
    }

    #[test]
    fn urgency_follows_the_days_left() {
        let levels: Vec<_> = [-1, 0, 1, 2, 3, 4, 7, 30].map(urgency).into();
        use Urgency::*;
        assert_eq!(levels, [Critical, Critical, Critical, High, High, Medium, Medium, Medium]);
    }

    #[test]
    fn settings_that_would_remind_nobody_are_refused_by_name() {
        for (thresholds, horizon, named) in [
            (vec![], None, "`thresholds` is empty"),
            (vec![-1], None, "`thresholds` has -1"),
            (vec![30, 7], Some(7), "`horizon-days` is 7, so the threshold of 30 days"),
        ] {
            let refused = Rules::new(Some(thresholds), horizon).expect_err("refused");
            assert!(refused.contains(named), "{refused}");
        }
        assert_eq!(Rules::new(Some(vec![30]), None).expect("valid").horizon_days, 30);
        assert_eq!(shipped().horizon_days, 7);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// A run a day, some of them missing; what a run decides is claimed before the next.
        #[test]
        fn however_many_days_are_missed_each_threshold_is_mailed_at_most_once_and_the_most_urgent_one_always(
            thresholds in prop::collection::btree_set(0..15_i64, 1..5),
            up in prop::collection::vec(any::<bool>(), 17),
        ) {
            let rules = Rules::new(Some(thresholds.iter().copied().collect()), Some(16)).expect("valid");
            let mut claimed = Vec::new();
            let mut mailed = Vec::new();
            for days in (0..17).rev().filter(|&days| up[days as usize]) {
                let most_urgent = thresholds.iter().map(|&threshold| threshold as i32).find(|&t| t >= days);
                if let Decision::Remind { threshold, supersedes } =
                    rules.decide(&ending_in(days, claimed.clone()), NOW)
                {
                    prop_assert_eq!(Some(threshold), most_urgent);
                    mailed.push(threshold);
                    claimed.push(threshold);
                    claimed.extend(supersedes);
                }
                prop_assert!(most_urgent.is_none_or(|threshold| mailed.contains(&threshold)));
            }
            prop_assert!(mailed.is_sorted_by(|earlier, later| earlier > later), "{:?}", mailed);
        }
    }
}
