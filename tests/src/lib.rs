//! What the tests stand on: real servers, real components, real processes, each in folders of its own.

pub mod guests;
pub mod postgres;
