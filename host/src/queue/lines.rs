//! Who is next: a line for each target, the targets of a tenant in turn, the tenants in turn. Pure: it starts nothing.
//!
//! A target begins with one try at a time, gets one more with each that succeeds, and is cut back by each that fails: one
//! that hangs holds little, and one that comes back is not overrun. Targets that failed last go in a class of their own
//! with half as many places, so that a thousand that hang leave those of the healthy alone.
//!
//! A line may be as long as half of the room that is left. One target alone so gets a third of it all, a thousand get a
//! few places each, and there is always room for another.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::turns::Turns;
use crate::clock::Timestamp;
use crate::store::Delivery;

/// Tries at one time that a target begins with.
const FIRST_ALLOWANCE: usize = 1;

/// Targets that are remembered at most while nothing waits for them.
const REMEMBERED: usize = 10_000;

/// How much there may be.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Deliveries that wait in lines, and those under way, together.
    pub room: usize,
    /// Under way at one time, to targets that do not fail.
    pub in_flight: usize,
    /// Of one tenant under way at one time.
    pub of_a_tenant: usize,
}

/// A delivery that waits, with what it needs.
pub struct Waiting<J> {
    pub delivery: Delivery,
    pub job: J,
}

/// How a target may be served.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// At one time at most.
    pub at_once: usize,
    /// In a minute at most.
    pub per_minute: Option<u32>,
    /// Whether it is known to have failed last; what is seen here counts for more.
    pub failing: bool,
}

pub struct Lines<J> {
    room: usize,
    targets: HashMap<String, Line<J>>,
    healthy: Turns,
    failing: Turns,
    /// Targets that have gone as fast as they may, and when they may again.
    resting: BTreeSet<(Timestamp, String)>,
    waiting: usize,
    in_flight: usize,
}

struct Line<J> {
    tenant: String,
    first: VecDeque<Waiting<J>>,
    retries: VecDeque<Waiting<J>>,
    in_flight: usize,
    allowance: usize,
    pace: Pace,
    failing: bool,
    resting: bool,
    /// Whether it is in the turns of its class.
    listed: bool,
}

impl<J> Lines<J> {
    pub fn new(capacity: Capacity) -> Self {
        let half = |number: usize| number.div_ceil(2);
        Self {
            room: capacity.room,
            targets: HashMap::new(),
            healthy: Turns::new(capacity.in_flight, capacity.of_a_tenant),
            failing: Turns::new(half(capacity.in_flight), half(capacity.of_a_tenant)),
            resting: BTreeSet::new(),
            waiting: 0,
            in_flight: 0,
        }
    }

    /// How many more deliveries there is room for.
    pub fn free(&self) -> usize {
        self.room.saturating_sub(self.waiting + self.in_flight)
    }

    /// How many more deliveries fit into a target's line.
    pub fn room_for(&self, target: &str) -> usize {
        (self.free() / 2).saturating_sub(self.targets.get(target).map_or(0, Line::waiting))
    }

    /// Whether a target has no more waiting than it can soon take.
    pub fn is_short(&self, target: &str) -> bool {
        self.targets.get(target).is_none_or(|line| line.waiting() <= line.allowed())
    }

    /// Puts a delivery into its target's line; gives it back if the line is full.
    pub fn push(&mut self, waiting: Waiting<J>, pace: Pace) -> Option<Waiting<J>> {
        if self.room_for(&waiting.delivery.target) == 0 {
            return Some(waiting);
        }
        let target = waiting.delivery.target.clone();
        let line = self
            .targets
            .entry(target.clone())
            .or_insert_with(|| Line::new(waiting.delivery.tenant_id.clone().unwrap_or_default(), pace));
        line.pace = pace;
        match waiting.delivery.attempts {
            0 => line.first.push_back(waiting),
            _ => line.retries.push_back(waiting),
        }
        self.waiting += 1;
        self.list(&target);
        None
    }

    /// The next delivery that may go now; it counts as under way until [`Lines::done`]. The flag is for that.
    pub fn next(&mut self, now: Timestamp) -> Option<(Waiting<J>, bool)> {
        self.wake(now);
        self.next_of(false, now).map(|next| (next, false)).or_else(|| Some((self.next_of(true, now)?, true)))
    }

    fn next_of(&mut self, failing: bool, now: Timestamp) -> Option<Waiting<J>> {
        while let Some(target) = self.turns(failing).next() {
            let line = self.targets.get_mut(&target).expect("a target in turn is known");
            line.listed = false;
            // Its class may have changed since it was listed, or its allowance.
            let next = if line.failing == failing && line.may_go() { line.pop() } else { None };
            if next.is_some() {
                line.in_flight += 1;
                let (tenant, rest) = (line.tenant.clone(), line.rest(now));
                self.resting.extend(rest.map(|rest| (rest, target.clone())));
                self.turns(failing).begun(&tenant);
                (self.waiting, self.in_flight) = (self.waiting - 1, self.in_flight + 1);
            }
            self.list(&target);
            if next.is_some() {
                return next;
            }
        }
        None
    }

    /// When a target that rests may go again.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.resting.first().map(|(at, _)| *at)
    }

    /// A try ended; `of_failing` is what [`Lines::next`] said.
    pub fn done(&mut self, delivery: &Delivery, of_failing: bool, succeeded: bool) {
        self.in_flight -= 1;
        let line = self.targets.get_mut(&delivery.target).expect("a target under way is known");
        line.in_flight -= 1;
        line.failing = !succeeded;
        line.allowance = match succeeded {
            true => (line.allowance + 1).min(line.pace.at_once.max(1)),
            false => (line.allowance / 2).max(1),
        };
        let tenant = line.tenant.clone();
        self.turns(of_failing).ended(&tenant);
        self.list(&delivery.target);
        self.forget(&delivery.target);
    }

    /// Takes everything out that waits.
    pub fn clear(&mut self) -> Vec<Delivery> {
        let lines = self.targets.values_mut();
        let all = lines.flat_map(|line| line.first.drain(..).chain(line.retries.drain(..)));
        let all: Vec<_> = all.map(|waiting| waiting.delivery).collect();
        self.waiting = 0;
        all
    }

    fn turns(&mut self, failing: bool) -> &mut Turns {
        if failing { &mut self.failing } else { &mut self.healthy }
    }

    /// Ends the rest of those whose time has come.
    fn wake(&mut self, now: Timestamp) {
        while self.resting.first().is_some_and(|(at, _)| *at <= now) {
            let (_, target) = self.resting.pop_first().expect("it was just seen");
            if let Some(line) = self.targets.get_mut(&target) {
                line.resting = false;
                self.list(&target);
            }
        }
    }

    /// Puts a target into the turns of its class if it may go.
    fn list(&mut self, target: &str) {
        let Some(line) = self.targets.get_mut(target) else { return };
        if line.listed || !line.may_go() {
            return;
        }
        line.listed = true;
        let (failing, tenant) = (line.failing, line.tenant.clone());
        self.turns(failing).list(&tenant, target);
    }

    /// A target for which nothing waits is remembered for its allowance, up to a number.
    fn forget(&mut self, target: &str) {
        let unused =
            |line: &Line<J>| line.waiting() == 0 && line.in_flight == 0 && !line.resting && !line.listed;
        if self.targets.len() > REMEMBERED && self.targets.get(target).is_some_and(unused) {
            self.targets.remove(target);
        }
    }
}

impl<J> Line<J> {
    fn new(tenant: String, pace: Pace) -> Self {
        Self {
            tenant,
            first: VecDeque::new(),
            retries: VecDeque::new(),
            in_flight: 0,
            allowance: FIRST_ALLOWANCE,
            pace,
            failing: pace.failing,
            resting: false,
            listed: false,
        }
    }

    fn waiting(&self) -> usize {
        self.first.len() + self.retries.len()
    }

    /// First tries go before others.
    fn pop(&mut self) -> Option<Waiting<J>> {
        self.first.pop_front().or_else(|| self.retries.pop_front())
    }

    fn allowed(&self) -> usize {
        self.allowance.min(self.pace.at_once)
    }

    fn may_go(&self) -> bool {
        self.waiting() > 0 && self.in_flight < self.allowed() && !self.resting
    }

    /// Until when the target rests, now that another one goes there.
    fn rest(&mut self, now: Timestamp) -> Option<Timestamp> {
        let gap = Duration::from_secs(60) / self.pace.per_minute?;
        self.resting = true;
        Some(now + gap.max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests;
