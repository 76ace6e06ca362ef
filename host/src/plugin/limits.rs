//! What one call may use, and the meter that the engine asks before it hands out memory.
//!
//! It does not know what is called: a limit is the same for every export of a plugin.

use std::fmt;
use std::time::Duration;

use thiserror::Error;
use wasmtime::ResourceLimiter;

use super::Kind;
use crate::config;

/// The largest memory, in bytes, that a plugin can be given: what the pool reserves for each memory. A guest that needs
/// more should take its data in chunks.
pub const MOST_MEMORY: usize = 256 << 20;

/// The budget of one call. Each figure is for the whole call: all memories of all instances together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all memories and tables together.
    pub memory: usize,
    /// Bytes that the guest may hand over to the host at once: arguments of one host function, or the result.
    pub host_memory: usize,
    /// Resources that the guest holds at once, its own and the host's.
    pub handles: usize,
    /// Bytes that the call may write to the log.
    pub log: usize,
    /// Time in the guest's own code, and in what the host computes for it without waiting.
    pub guest_time: Duration,
    /// Time on the wall, waiting for the host included.
    pub time: Duration,
}

impl Limits {
    /// The defaults of a kind.
    ///
    /// 64 MiB hold a Python guest (14 MiB) with room to work. 4 MiB are the largest mail with its inlined pictures. A
    /// guest holds a handful of handles; 1,024 leave room for a list of them. A call that decides takes microseconds in
    /// Rust and milliseconds in Python: 5 s is a machine in distress. A job waits for its work, as long as the job's own
    /// timeout says, but needs little time of its own.
    pub fn of(kind: Kind) -> Self {
        let small = Self {
            memory: 64 << 20,
            host_memory: 4 << 20,
            handles: 1024,
            log: 64 << 10,
            guest_time: Duration::from_secs(5),
            time: Duration::from_secs(5),
        };
        match kind {
            Kind::Job => Self {
                log: 1 << 20,
                guest_time: Duration::from_secs(60),
                time: Duration::from_secs(6 * 60 * 60),
                ..small
            },
            Kind::EmailTemplate | Kind::WebhookDelivery | Kind::RetryPolicy => small,
        }
    }

    /// What a plugin may use to say what it is. It only returns constants.
    pub(super) fn to_describe() -> Self {
        Self {
            memory: 64 << 20,
            host_memory: 256 << 10,
            handles: 64,
            log: 4 << 10,
            guest_time: Duration::from_secs(2),
            time: Duration::from_secs(5),
        }
    }

    /// These limits, overridden by what the operator configured.
    pub fn overridden(self, by: &config::Limits) -> Result<Self, LimitError> {
        let size = |configured: Option<config::Bytes>, otherwise: usize| {
            configured.map_or(otherwise, |bytes| usize::try_from(bytes.0.as_u64()).unwrap_or(usize::MAX))
        };
        let limits = Self {
            memory: size(by.memory, self.memory),
            host_memory: size(by.host_memory, self.host_memory),
            handles: by.handles.map_or(self.handles, |handles| handles as usize),
            log: size(by.log, self.log),
            guest_time: by.guest_time.unwrap_or(self.guest_time),
            time: by.time.unwrap_or(self.time),
        };
        if limits.memory > MOST_MEMORY {
            return Err(LimitError { memory: limits.memory });
        }
        Ok(limits)
    }
}

/// A limit that the engine cannot keep.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`memory` may be at most {} MiB for a plugin, and {} MiB are configured", MOST_MEMORY >> 20, memory >> 20)]
pub struct LimitError {
    /// What was asked, in bytes.
    pub memory: usize,
}

/// Which part of the budget a call used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// All memories and tables together.
    Memory,
    /// What the guest hands over to the host at once.
    HostMemory,
    /// Resources held at once.
    Handles,
}

impl Budget {
    /// The key of the limit in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::HostMemory => "host-memory",
            Self::Handles => "handles",
        }
    }
}

impl Budget {
    /// An amount of it for people: bytes, or a number of handles.
    pub(super) fn amount(self, amount: usize) -> String {
        match self {
            Self::Memory | Self::HostMemory => bytes(amount as u64),
            Self::Handles => amount.to_string(),
        }
    }
}

/// A number of bytes for people: `64.0 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().iec().to_string()
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// The trap that ends a guest which asks for more than its budget.
#[derive(Debug, Clone, Copy, Error)]
#[error("the memories and tables of the call would take {wanted} bytes, and the limit is {limit}")]
pub(super) struct MemoryExceeded {
    pub wanted: usize,
    pub limit: usize,
}

/// Sums what the memories and tables of a call take. `StoreLimits` of wasmtime counts each of them alone.
#[derive(Debug)]
pub(super) struct MemoryMeter {
    used: usize,
    limit: usize,
}

/// What a table takes for an element: a pointer.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// Core instances, memories and tables of one component. Python guests come as 38 core instances, QuickJS ones with 3
/// memories and 3 tables.
pub(super) const MOST_CORE_INSTANCES: u32 = 64;
pub(super) const MOST_MEMORIES: u32 = 4;
pub(super) const MOST_TABLES: u32 = 8;

impl MemoryMeter {
    pub fn new(limit: usize) -> Self {
        Self { used: 0, limit }
    }

    /// Accounts for growth by `bytes`. What the declared maximum forbids fails in the guest as the specification says;
    /// what the budget forbids ends it.
    fn grow(&mut self, bytes: usize, within_maximum: bool) -> wasmtime::Result<bool> {
        let wanted = self.used.saturating_add(bytes);
        if wanted > self.limit {
            return Err(MemoryExceeded { wanted, limit: self.limit }.into());
        }
        if within_maximum {
            self.used = wanted;
        }
        Ok(within_maximum)
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current), maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = desired.saturating_sub(current);
        self.grow(
            elements.saturating_mul(TABLE_ELEMENT_BYTES),
            maximum.is_none_or(|maximum| desired <= maximum),
        )
    }

    fn instances(&self) -> usize {
        MOST_CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        MOST_MEMORIES as usize
    }

    fn tables(&self) -> usize {
        MOST_TABLES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_draw_on_one_budget() {
        let mut meter = MemoryMeter::new(1000);
        assert!(meter.memory_growing(0, 400, None).unwrap());
        assert!(meter.memory_growing(0, 400, None).unwrap());
        assert!(meter.table_growing(0, 25, None).unwrap());
        let error = meter.table_growing(25, 26, None).unwrap_err();
        assert_eq!(error.downcast_ref::<MemoryExceeded>().unwrap().wanted, 1008);
    }

    #[test]
    fn growth_over_a_declared_maximum_fails_in_the_guest_and_costs_nothing() {
        let mut meter = MemoryMeter::new(1000);
        assert!(!meter.memory_growing(0, 800, Some(500)).unwrap());
        assert!(meter.memory_growing(0, 1000, None).unwrap());
    }

    #[test]
    fn the_operator_overrides_single_limits_within_what_the_pool_reserves() {
        let defaults = Limits::of(Kind::RetryPolicy);
        let mut configured = config::Limits { time: Some(Duration::from_secs(1)), ..Default::default() };
        let limits = defaults.overridden(&configured).unwrap();
        assert_eq!(limits, Limits { time: Duration::from_secs(1), ..defaults });
        configured.memory = Some(config::Bytes(bytesize::ByteSize::gib(1)));
        assert!(defaults.overridden(&configured).unwrap_err().to_string().contains("256 MiB"));
    }
}
