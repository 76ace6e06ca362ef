//! Webhooks out: from an accepted event to an answer on record.
//!
//! This part puts one request on the wire and says what became of it: [`Sender`] sends a [`Request`] to a [`Target`]
//! that the [`Guard`] admits and returns an [`Exchange`]; [`Keyring`] signs, so that no key enters a plugin. It knows
//! neither the store nor plugins, and it judges nothing: whether an answer counts as delivered is a plugin's verdict.
//!
//! Acceptance, fan-out, the delivery loop and dead letters live in this room too, above these modules.

mod classify;
mod client;
mod excerpt;
mod exchange;
mod guard;
mod headers;
mod resolver;
mod retry_after;
mod signing;
mod stopwatch;
mod target;
mod tls;

pub use client::{LONGEST_TIMEOUT, Method, Request, Sender, SenderError, SenderOptions};
pub use excerpt::EXCERPT_BYTES;
pub use exchange::{Answer, Exchange, Failure, Header, Times, TransportError};
pub use guard::{BadNetwork, ForbiddenAddress, Guard, ReservedNetwork};
pub use headers::{HeaderError, Headers};
pub use resolver::{Lookup, LookupError, SystemLookup};
pub use retry_after::retry_after;
pub use signing::{Algorithm, KeyError, Keyring, MOST_ACTIVE_KEYS, NoKey, SigningKey};
pub use target::{Target, TargetError};
