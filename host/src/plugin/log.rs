//! The capability `log`: a guest's lines, made harmless, bounded, and written to the host's log and to the caller's.

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};

use super::bindings::job::zelador::plugin::log::{self as wit, Field, Level};
use super::call::CallSink;
use super::text::one_line;
use super::{CallInfo, CallState};
use crate::clock::{Clock, Timestamp};

/// The longest message, in bytes; the contract says so.
const LONGEST_MESSAGE: usize = 4 << 10;
/// What a line costs of the log budget beside its text: its time, level and place, in bytes.
const LINE_OVERHEAD: usize = 32;
/// Fields a line has at most, and the longest name and value of one, in bytes.
const MOST_FIELDS: usize = 16;
const LONGEST_NAME: usize = 64;
const LONGEST_VALUE: usize = 1 << 10;

/// How much a line matters.
pub type LogLevel = Level;

/// A line that a plugin wrote, without control characters.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
    /// Named values.
    pub fields: Vec<(String, String)>,
}

impl LogLine {
    fn new(at: Timestamp, level: Level, message: &str, fields: &[Field]) -> Self {
        let fields = fields.iter().take(MOST_FIELDS);
        Self {
            at,
            level,
            message: one_line(message, LONGEST_MESSAGE),
            fields: fields
                .map(|field| (one_line(&field.name, LONGEST_NAME), one_line(&field.value, LONGEST_VALUE)))
                .collect(),
        }
    }

    fn cost(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        LINE_OVERHEAD + self.message.len() + fields
    }
}

/// The log of one call.
pub(super) struct Logger {
    plugin: Arc<str>,
    budget_left: usize,
    dropped_lines: u64,
    sink: Option<Arc<dyn CallSink>>,
}

impl Logger {
    pub fn new(plugin: Arc<str>, budget: usize, sink: Option<Arc<dyn CallSink>>) -> Self {
        Self { plugin, budget_left: budget, dropped_lines: 0, sink }
    }

    pub fn sink(&self) -> Option<&dyn CallSink> {
        self.sink.as_deref()
    }

    /// Writes a line, or counts it as dropped if the budget is used up.
    pub fn write(
        &mut self,
        clock: &dyn Clock,
        info: &CallInfo,
        level: Level,
        message: &str,
        fields: &[Field],
    ) {
        if self.dropped_lines > 0 {
            self.dropped_lines += 1;
            return;
        }
        let line = LogLine::new(clock.now(), level, message, fields);
        match self.budget_left.checked_sub(line.cost()) {
            Some(left) => {
                self.budget_left = left;
                self.emit(info, &line);
            }
            None => self.dropped_lines = 1,
        }
    }

    /// Says how much was dropped, if anything was. To be called when the call is over.
    pub fn finish(&self, clock: &dyn Clock, info: &CallInfo, budget: usize) {
        if self.dropped_lines > 0 {
            let message = format!(
                "{} log lines dropped: the call used up its limit `log` of {budget} bytes",
                self.dropped_lines
            );
            self.emit(info, &LogLine::new(clock.now(), Level::Warn, &message, &[]));
        }
    }

    fn emit(&self, info: &CallInfo, line: &LogLine) {
        let (plugin, caller) = (&*self.plugin, &*info.caller);
        let run = info.run_id.as_deref();
        let fields = (!line.fields.is_empty()).then(|| Pairs(&line.fields).to_string());
        match line.level {
            Level::Debug => {
                tracing::debug!(target: "plugin", plugin, caller, run, fields, "{}", line.message)
            }
            Level::Info => tracing::info!(target: "plugin", plugin, caller, run, fields, "{}", line.message),
            Level::Warn => tracing::warn!(target: "plugin", plugin, caller, run, fields, "{}", line.message),
            Level::Error => {
                tracing::error!(target: "plugin", plugin, caller, run, fields, "{}", line.message)
            }
        }
        if let Some(sink) = &self.sink {
            sink.log(line);
        }
    }
}

struct Pairs<'a>(&'a [(String, String)]);

impl std::fmt::Display for Pairs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{name}={value:?}")?;
        }
        Ok(())
    }
}

impl wit::Host for CallState {
    async fn write(&mut self, level: Level, message: String, fields: Vec<Field>) -> wasmtime::Result<()> {
        self.logger.write(&*self.clock, &self.info, level, &message, &fields);
        Ok(())
    }
}

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wit::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)
}
