//! The loop that finds work and keeps the lines filled, until it is told to stop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::claims::Place;
use super::handler::{Admission, Done, Handler};
use super::lease::Lease;
use super::lines::{Capacity, Lines, Pace, Waiting};
use super::settling::Settling;
use crate::clock::{SharedClock, Timestamp};
use crate::store::{Claim, Delivery, Next, QUEUE_CHANNEL, Settlement, Stage, Store, StoreError};

/// How often the store is asked when nobody says that something waits: what other processes put there.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// How often targets are looked for whose deliveries a process put aside that is not there any more.
const DISCOVER_EVERY: Duration = Duration::from_secs(5);

/// Deliveries of one claim.
const BATCH: usize = 500;

/// Targets that one look finds; the next look goes on behind them.
const DISCOVERED: u32 = 1_000;

/// Where most of a claim found no room, the next one waits so many times as long as it took: moving aside what waits for
/// one target must not take the time that serving it needs.
const HOLDING_SHARE: u32 = 4;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// What this process is called.
    pub host: String,
    /// Whether the process of that name is known to be dead: then its lease need not run out.
    pub is_dead: fn(&str) -> bool,
    /// Tries under way at one time.
    pub in_flight: usize,
    /// Tries of one tenant under way at one time.
    pub of_a_tenant: usize,
}

impl WorkerOptions {
    /// A tenant whose receivers all hang gets half of what can be in flight.
    pub fn new(host: String, in_flight: usize, is_dead: fn(&str) -> bool) -> Self {
        Self { host, is_dead, in_flight, of_a_tenant: in_flight.div_ceil(2) }
    }
}

/// The part of the daemon that works on one lane.
pub struct Worker<H: Handler>(Arc<Shared<H>>);

struct Shared<H: Handler> {
    store: Store,
    clock: SharedClock,
    handler: Arc<H>,
    queued: Arc<Notify>,
    options: WorkerOptions,
    lines: Mutex<Lines<H::Job>>,
    /// Targets with deliveries put aside, and when to look for them.
    held: Mutex<HashMap<String, Timestamp>>,
    settling: Settling,
    /// The last look for work ended for want of room.
    starved: AtomicBool,
    /// Somebody waits for a target's rest to be over.
    sleeping: AtomicBool,
    /// Taken when the work begins.
    lease: OnceLock<Lease>,
    lost: Notify,
    tasks: TaskTracker,
}

/// Where the loop stands.
#[derive(Default)]
struct Search {
    first: Place,
    retry: Place,
    claim_again_at: Option<Instant>,
    discovered: String,
}

impl<H: Handler> Worker<H> {
    /// `queued` is notified when deliveries may wait.
    pub fn new(
        store: Store,
        clock: SharedClock,
        handler: Arc<H>,
        queued: Arc<Notify>,
        options: WorkerOptions,
    ) -> Self {
        let capacity = Capacity {
            // Lines four times as long as what is in flight last for longer than a claim takes.
            room: (options.in_flight * 5).max(BATCH),
            in_flight: options.in_flight,
            of_a_tenant: options.of_a_tenant,
        };
        Self(Arc::new(Shared {
            settling: Settling::new(store.clone()),
            store,
            clock,
            handler,
            queued,
            options,
            lines: Mutex::new(Lines::new(capacity)),
            held: Mutex::default(),
            starved: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            lease: OnceLock::new(),
            lost: Notify::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Works until `drain`, then waits for what is in flight. `abort` gives that up, to be made again.
    pub async fn run(self, drain: CancellationToken, abort: CancellationToken) {
        let shared = self.0;
        let (store, options) = (shared.store.clone(), &shared.options);
        let taken = Lease::take(store, options.host.clone(), options.is_dead, &drain).await;
        let Some(lease) = taken else { return };
        let lease = shared.lease.get_or_init(|| lease);
        let keeping = CancellationToken::new();
        let keep = lease.keep(&shared.lost, &shared.queued, &keeping);
        let work = async {
            shared.search(lease, &drain).await;
            let unsent = shared.lines().clear();
            unsent.into_iter().for_each(|delivery| shared.settle(delivery, Next::Released));
            shared.tasks.close();
            tokio::select! {
                () = shared.tasks.wait() => {}
                () = abort.cancelled() => {}
            }
            keeping.cancel();
        };
        tokio::join!(keep, work);
        lease.give_back().await;
    }
}

impl<H: Handler> Shared<H> {
    fn lines(&self) -> MutexGuard<'_, Lines<H::Job>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn search(self: &Arc<Self>, lease: &Lease, drain: &CancellationToken) {
        let (mut poll, mut discover) = (interval(POLL_EVERY), interval(DISCOVER_EVERY));
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        discover.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut search, mut wake_at, mut wakes) = (Search::default(), None, None);
        loop {
            tokio::select! {
                () = drain.cancelled() => return,
                () = self.queued.notified() => {}
                () = self.lost.notified() => drop(self.lines().clear()),
                () = woken(&mut wakes) => {}
                () = self.at(wake_at) => {}
                _ = poll.tick() => {}
                _ = discover.tick() => self.discover(&mut search).await,
            }
            if wakes.is_none() {
                tokio::select! {
                    () = drain.cancelled() => return,
                    listening = self.store.listen(QUEUE_CHANNEL) => wakes = listening.ok(),
                }
            }
            // What a look that is cut off has claimed is given back at the end.
            let found = tokio::select! {
                () = drain.cancelled() => return,
                found = self.fill(lease, &mut search) => found,
            };
            wake_at = found.unwrap_or_else(|error| {
                tracing::error!(%error, "no deliveries could be claimed; trying again");
                None
            });
        }
    }

    async fn at(&self, instant: Option<Timestamp>) {
        match instant {
            Some(instant) => self.clock.sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }

    /// Claims until nothing is due or nothing fits. Returns when to look again.
    async fn fill(
        self: &Arc<Self>,
        lease: &Lease,
        search: &mut Search,
    ) -> Result<Option<Timestamp>, StoreError> {
        let worker = lease.worker();
        self.start();
        loop {
            self.fetch_held(&worker).await?;
            self.claim_due(lease, &worker, search).await?;
            if !self.handler.gather().await? {
                break;
            }
        }
        let retry = self.store.next_retry_at(self.handler.lane()).await?;
        let held = self.held().values().min().copied();
        Ok([retry, held.filter(|at| *at > self.clock.now())].into_iter().flatten().min())
    }

    async fn claim_due(
        self: &Arc<Self>,
        lease: &Lease,
        worker: &str,
        search: &mut Search,
    ) -> Result<(), StoreError> {
        let mut more = true;
        while more && lease.is_held() && search.claim_again_at.is_none_or(|at| Instant::now() >= at) {
            let first = self.claim(worker, Stage::First, &mut search.first).await?;
            // Retries get half of the room that first tries leave.
            let retries = self.claim(worker, Stage::Retry, &mut search.retry).await?;
            search.claim_again_at = first.again_at().max(retries.again_at());
            self.starved.store(first.starved || retries.starved, Ordering::Relaxed);
            more = first.full || retries.full;
            self.queue_later(search.claim_again_at);
        }
        Ok(())
    }

    /// Looks for work again then.
    fn queue_later(&self, at: Option<Instant>) {
        let (Some(at), queued) = (at, Arc::clone(&self.queued)) else { return };
        self.tasks.spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            queued.notify_one();
        });
    }

    async fn claim(
        self: &Arc<Self>,
        worker: &str,
        stage: Stage,
        place: &mut Place,
    ) -> Result<Claimed, StoreError> {
        let free = self.lines().free();
        let limit = BATCH.min(if stage == Stage::First { free } else { free / 2 });
        if limit == 0 {
            return Ok(Claimed { starved: true, ..Claimed::default() });
        }
        let began = Instant::now();
        let after = place.next(self.clock.now());
        let claim = Claim {
            lane: self.handler.lane(),
            worker,
            stage,
            after: after.as_ref(),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        let deliveries = self.store.claim_deliveries(&claim).await?;
        place.found(deliveries.last().map(Delivery::cursor));
        let found = deliveries.len();
        let held = self.take_in(deliveries).await;
        Ok(Claimed {
            full: found == limit,
            starved: false,
            mostly_held: held * 2 > found,
            took: began.elapsed(),
        })
    }

    /// Puts claimed deliveries into lines, or aside. Returns how many were put aside for want of room.
    async fn take_in(self: &Arc<Self>, deliveries: Vec<Delivery>) -> usize {
        if deliveries.is_empty() {
            return 0;
        }
        let admissions = self.admitted(&deliveries).await;
        let (mut held, now) = (0, self.clock.now());
        for (delivery, admission) in deliveries.into_iter().zip(admissions) {
            match admission {
                Admission::Go { job, at_once, per_minute, failing } => {
                    let pace = Pace { at_once, per_minute, failing };
                    let returned = self.lines().push(Waiting { delivery, job }, pace);
                    if let Some(Waiting { delivery, .. }) = returned {
                        held += 1;
                        let due_at = delivery.due_at;
                        self.put_aside(delivery, due_at.min(now));
                    }
                }
                Admission::Hold(until) => self.put_aside(delivery, until),
                Admission::Park => self.settle(delivery, Next::Parked),
                Admission::Settle(next) => self.settle(delivery, next),
            }
        }
        self.start();
        held
    }

    /// A store that is away is asked again: the deliveries are ours meanwhile.
    async fn admitted(&self, deliveries: &[Delivery]) -> Vec<Admission<H::Job>> {
        loop {
            match self.handler.admit(deliveries).await {
                Ok(admissions) => return admissions,
                Err(error) => tracing::error!(%error, "claimed deliveries could not be read; trying again"),
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    fn put_aside(self: &Arc<Self>, delivery: Delivery, until: Timestamp) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move {
            let target = delivery.target.clone();
            shared.settling.settle(settlement(&delivery, Next::Held(until), None)).await;
            let at = until.max(shared.clock.now());
            {
                let mut held = shared.held();
                let known = held.entry(target).or_insert(at);
                *known = (*known).min(at);
            }
            shared.queued.notify_one();
        });
    }

    fn settle(self: &Arc<Self>, delivery: Delivery, next: Next) {
        let shared = Arc::clone(self);
        self.tasks.spawn(async move { shared.settling.settle(settlement(&delivery, next, None)).await });
    }

    /// Fetches what was put aside for targets whose line got short.
    async fn fetch_held(self: &Arc<Self>, worker: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        let due: Vec<String> = {
            let (held, lines) = (self.held(), self.lines());
            let due = held.iter().filter(|(target, at)| **at <= now && lines.is_short(target));
            due.map(|(target, _)| target.clone()).collect()
        };
        for target in due {
            let room = self.lines().room_for(&target).min(BATCH);
            if room == 0 {
                continue;
            }
            self.held().remove(&target);
            let limit = u32::try_from(room).unwrap_or(u32::MAX);
            let claim = Claim { lane: self.handler.lane(), worker, stage: Stage::First, after: None, limit };
            let deliveries = self.store.claim_held(&claim, &target).await?;
            if deliveries.len() == room {
                self.held().insert(target, now);
            }
            self.take_in(deliveries).await;
        }
        Ok(())
    }

    /// Finds targets with deliveries put aside by processes that are gone.
    async fn discover(&self, search: &mut Search) {
        match self.store.held_targets(self.handler.lane(), &search.discovered, DISCOVERED).await {
            Ok(targets) => {
                search.discovered = match targets.len() == DISCOVERED as usize {
                    true => targets.last().cloned().unwrap_or_default(),
                    false => String::new(),
                };
                let now = self.clock.now();
                let mut held = self.held();
                for target in targets {
                    held.entry(target).or_insert(now);
                }
            }
            Err(error) => {
                tracing::error!(%error, "deliveries put aside could not be looked for; trying again")
            }
        }
    }

    /// Starts whatever may go now; nothing, while it is not sure that what was claimed is still ours.
    fn start(self: &Arc<Self>) {
        let now = self.clock.now();
        while self.lease.get().is_some_and(Lease::is_held) {
            let Some((waiting, failing)) = self.lines().next(now) else { break };
            let shared = Arc::clone(self);
            self.tasks.spawn(async move { shared.make(waiting, failing).await });
        }
        if let Some(rested_at) = self.lines().next_wake() {
            self.start_at(rested_at);
        }
    }

    /// Starts what rests until then. Not tracked: a process that ends does not wait for a rest to be over.
    fn start_at(self: &Arc<Self>, instant: Timestamp) {
        if !self.sleeping.swap(true, Ordering::Relaxed) {
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                shared.clock.sleep_until(instant).await;
                shared.sleeping.store(false, Ordering::Relaxed);
                shared.start();
            });
        }
    }

    /// Makes one try and records it.
    async fn make(self: Arc<Self>, Waiting { delivery, job }: Waiting<H::Job>, failing: bool) {
        let Done { next, attempt } = self.handler.deliver(&delivery, job).await;
        let succeeded = matches!(next, Next::Delivered);
        self.lines().done(&delivery, failing, succeeded);
        self.start();
        let retried = matches!(next, Next::Retry(_));
        if self.wants_more(&delivery.target) {
            self.queued.notify_one();
        }
        self.settling.settle(settlement(&delivery, next, attempt)).await;
        // The loop has to know when the next try is due.
        if retried {
            self.queued.notify_one();
        }
    }

    /// Whether the loop should look for more: something is put aside for the target, or there was no room before.
    fn wants_more(&self, target: &str) -> bool {
        self.held().contains_key(target)
            || self.starved.load(Ordering::Relaxed)
                && self.lines().free() >= BATCH.min(self.options.in_flight)
    }
}

fn settlement(delivery: &Delivery, next: Next, attempt: Option<crate::store::NewAttempt>) -> Settlement {
    Settlement { id: delivery.id.clone(), fence: delivery.fence, next, attempt }
}

async fn woken(wakes: &mut Option<crate::store::Wakes>) {
    let Some(listening) = wakes else { return std::future::pending().await };
    if let Err(error) = listening.next().await {
        tracing::debug!(%error, "listening again");
        *wakes = None;
    }
}

/// What a claim found.
#[derive(Default)]
struct Claimed {
    /// As much as it asked for.
    full: bool,
    /// It had no room to ask for anything.
    starved: bool,
    /// Most of it did not fit.
    mostly_held: bool,
    took: Duration,
}

impl Claimed {
    /// When the next claim may be made, if it has to wait.
    fn again_at(&self) -> Option<Instant> {
        self.mostly_held.then(|| Instant::now() + self.took * HOLDING_SHARE)
    }
}
