//! The queue of deliveries: claims them in batches, hands them out fairly, settles them in batches, and gives back what a
//! dead process held. It knows lanes, targets and tenants; it must not know what is delivered or how: a [`Handler`] does.
//!
//! ```text
//!  store ──claim──► lines (a line a target, fair between tenants) ──► tasks in flight ──settle──► store
//!    ▲                │ the line is full, the target paused
//!    └──────held──────┘
//! ```
//! * Claims take what is due in its order, first tries and retries apart, so that no first try waits behind a retry.
//! * What does not fit into its target's line is put aside in the store under its target (`held`) and fetched when the
//!   line gets short. So a target that hangs keeps a few tasks and a short line, whatever waits for it.
//! * A process that is killed leaves claims behind; they come free when its lease is over. What it had sent and not
//!   settled, at most what was in flight and what [`SETTLE_WITHIN`] gathers, is then sent again.

mod claims;
mod group_commit;
mod handler;
mod lease;
mod lines;
mod settling;
mod turns;
mod worker;

pub use group_commit::{Gone, GroupCommit};
pub use handler::{Admission, Done, Handler};
pub use settling::SETTLE_WITHIN;
pub use worker::{Worker, WorkerOptions};
