//! Webhooks out: from an accepted event to an answer on record.
//!
//! The lower part puts one request on the wire and says what became of it: [`Sender`] sends a [`Request`] to a [`Target`]
//! that the [`Guard`] admits and returns an [`Exchange`]; [`Keyring`] signs, so that no key enters a plugin. It knows
//! neither the store nor plugins, and it judges nothing: whether an answer counts as delivered is a plugin's verdict.
//!
//! Above it, [`Webhooks`] is what people and programs ask: it accepts, keeps endpoints, and takes up dead letters. It needs
//! no daemon to run. [`Deliverer`] is the webhooks' side of the queue: it asks the plugins, and sends.

mod acceptance;
mod callers;
mod classify;
mod client;
mod delivery;
mod endpoints;
mod event;
mod excerpt;
mod exchange;
mod guard;
mod headers;
mod outcome;
mod policy;
mod receivers;
mod reprocess;
mod resend;
mod resolver;
mod retry_after;
mod retry_schedule;
mod signer;
mod signing;
mod stopwatch;
mod submission;
mod target;
mod tls;
mod trial;

pub use acceptance::{Accepted, Webhooks, WebhooksOptions};
pub use client::{LONGEST_TIMEOUT, Method, Request, Sender, SenderError, SenderOptions};
pub use delivery::{Deliverer, DeliveryOptions, Job};
pub use endpoints::{AddedEndpoint, EndpointError, EndpointSpec};
pub use excerpt::EXCERPT_BYTES;
pub use exchange::{Answer, Exchange, Failure, Header, Times, TransportError};
pub use guard::{BadNetwork, ForbiddenAddress, Guard, ReservedNetwork};
pub use headers::{HeaderError, Headers};
pub use reprocess::{Rate, RateError, Reprocess, Reprocessed};
pub use resolver::{Lookup, LookupError, SystemLookup};
pub use retry_after::retry_after;
pub use retry_schedule::RetrySchedules;
pub use signer::SignerCapability;
pub use signing::{Algorithm, KeyError, Keyring, MOST_ACTIVE_KEYS, NoKey, SigningKey};
pub use submission::{AcceptError, Destination, Submission};
pub use target::{Target, TargetError};
