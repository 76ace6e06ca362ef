//! Names to addresses, and the guard over every address found.
//!
//! The system's own resolver is asked (`getaddrinfo`), so that hosts files, split DNS and containers work as the operator
//! set them up; its codes tell a name that does not exist from one that cannot be looked up now. Nothing is cached: a
//! lookup happens once a connection, and the connection stays with the addresses that were judged, so a name that
//! changes its answer between judgement and use gains nothing.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::guard::Guard;
use super::stopwatch;

/// A lookup holds a thread for as long as a silent name server makes it wait; the runtime's other blocking work keeps the
/// rest of its threads.
const LOOKUPS_AT_ONCE: usize = 64;
/// Names that wait for a thread or hold one. Beyond it a lookup fails at once instead of queueing without end.
const MOST_NAMES_UNDER_WAY: usize = 4096;

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// An authority says that the name does not exist, or has no address.
    #[error("the name does not exist")]
    Unknown,
    /// Nobody could say now.
    #[error("the name could not be looked up: {0}")]
    Unavailable(String),
}

/// What a lookup ends with.
pub type Looked = Result<Vec<IpAddr>, LookupError>;

/// Finds the addresses of names.
pub trait Lookup: Send + Sync + fmt::Debug {
    /// All addresses of `host`, in the order to try them; never an empty list.
    fn lookup(&self, host: &str) -> BoxFuture<'static, Looked>;
}

/// The system's resolver. Lookups of one name at one time share one question, so that a thousand deliveries to a name
/// whose server is silent wait on one thread.
#[derive(Debug)]
pub struct SystemLookup {
    under_way: Arc<UnderWay>,
    threads: Arc<Semaphore>,
}

type UnderWay = Mutex<HashMap<String, Shared<BoxFuture<'static, Looked>>>>;

impl Default for SystemLookup {
    fn default() -> Self {
        Self { under_way: Arc::default(), threads: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)) }
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> BoxFuture<'static, Looked> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = under_way.get(host) {
            return shared.clone().boxed();
        }
        if under_way.len() >= MOST_NAMES_UNDER_WAY {
            let reason = format!("{MOST_NAMES_UNDER_WAY} other names are being looked up");
            return futures::future::ready(Err(LookupError::Unavailable(reason))).boxed();
        }
        let shared = self.ask(host.to_owned()).shared();
        under_way.insert(host.to_owned(), shared.clone());
        shared.boxed()
    }
}

impl SystemLookup {
    /// A task of its own: it ends, and makes room, also when all who asked have given up.
    fn ask(&self, host: String) -> BoxFuture<'static, Looked> {
        let (threads, under_way) = (Arc::clone(&self.threads), Arc::clone(&self.under_way));
        let asking = tokio::spawn(async move {
            let _thread = threads.acquire_owned().await;
            let name = host.clone();
            let looked = tokio::task::spawn_blocking(move || ask_system(&name)).await;
            under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&host);
            looked.unwrap_or_else(|failed| Err(LookupError::Unavailable(failed.to_string())))
        });
        asking
            .map(|ended| ended.unwrap_or_else(|failed| Err(LookupError::Unavailable(failed.to_string()))))
            .boxed()
    }
}

fn ask_system(host: &str) -> Looked {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found =
        dns_lookup::getaddrinfo(Some(host), None, Some(hints)).map_err(|error| match error.kind() {
            LookupErrorKind::NoName | LookupErrorKind::NoData => LookupError::Unknown,
            _ => LookupError::Unavailable(std::io::Error::from(error).to_string()),
        })?;
    let addresses: Vec<IpAddr> = found.flatten().map(|info| info.sockaddr.ip()).collect();
    if addresses.is_empty() { Err(LookupError::Unknown) } else { Ok(addresses) }
}

/// What the HTTP client resolves with: the lookup, then the guard if there is one.
pub(super) struct Resolver {
    pub(super) lookup: Arc<dyn Lookup>,
    /// Absent where names are not targets: the one name that a client behind a proxy resolves is the proxy's.
    pub(super) guard: Option<Guard>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = self.lookup.lookup(name.as_str());
        let guard = self.guard.clone();
        Box::pin(async move {
            stopwatch::mark(|marks| marks.lookup_began());
            let addresses = looking.await?;
            if let Some(guard) = guard {
                guard.vet(name.as_str(), &addresses)?;
            }
            stopwatch::mark(|marks| marks.lookup_ended());
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_knows_this_host() {
        let looked = SystemLookup::default().lookup("localhost").await.unwrap();
        assert!(looked.iter().all(IpAddr::is_loopback), "{looked:?}");
    }

    #[tokio::test]
    async fn lookups_of_one_name_share_one_question_and_leave_nothing_behind() {
        let lookup = SystemLookup::default();
        let held = Arc::clone(&lookup.threads).acquire_many_owned(LOOKUPS_AT_ONCE as u32).await.unwrap();
        let asked: Vec<_> = (0..100).map(|_| lookup.lookup("localhost")).collect();
        assert_eq!(lookup.under_way.lock().unwrap().len(), 1);
        drop(held);
        for looked in futures::future::join_all(asked).await {
            looked.unwrap();
        }
        assert!(lookup.under_way.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn names_that_wait_are_bounded() {
        let lookup = SystemLookup::default();
        let _held = Arc::clone(&lookup.threads).acquire_many_owned(LOOKUPS_AT_ONCE as u32).await.unwrap();
        for number in 0..MOST_NAMES_UNDER_WAY {
            drop(lookup.lookup(&format!("host-{number}.invalid")));
        }
        let refused = lookup.lookup("one-more.invalid").await;
        assert!(matches!(refused, Err(LookupError::Unavailable(_))), "{refused:?}");
    }
}
