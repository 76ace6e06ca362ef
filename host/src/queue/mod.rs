//! The queue of deliveries: claims them in batches, hands them out fairly, settles them in batches, and gives back what a
//! dead process held. It knows lanes, targets and tenants; it must not know what is delivered or how.

mod group_commit;

pub use group_commit::{Gone, GroupCommit};
