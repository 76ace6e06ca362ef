//! What the tests stand on: real servers, real components, real processes, each in folders of its own.

pub mod daemon;
pub mod guests;
pub mod home;
pub mod postgres;
