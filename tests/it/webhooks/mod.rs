//! Webhooks from acceptance to the dead-letter queue: real plugins, a real receiver, both databases.

mod accepting;
mod delivering;
mod fixture;
mod giving_up;
mod killing;
pub mod receiver;
mod recovering;
mod transactions;
