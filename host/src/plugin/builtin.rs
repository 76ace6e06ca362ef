//! The capabilities that every call may have without a grant, beside `log`: they reach nothing outside the call.

use rand::RngExt as _;
use serde_json::Value;
use wasmtime::component::{HasSelf, Linker};

use super::bindings::job::zelador::plugin::settings::SettingError;
use super::bindings::job::zelador::plugin::{clock, progress, random, settings, types};
use super::call::Progress;
use super::settings::{WrongType, duration_ms};
use super::text::one_line;
use super::{CallState, Kind};

/// The most random bytes at once; the contract says so.
const MOST_RANDOM_BYTES: u32 = 64 << 10;
/// The longest line of progress, in bytes: what a terminal shows.
const LONGEST_PROGRESS: usize = 256;

/// Links those that the kind's world imports, `log` and the type-only interfaces among them.
pub(super) fn link(linker: &mut Linker<CallState>, kind: Kind) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    for interface in kind.imports() {
        match *interface {
            "log" => super::log::link(linker)?,
            "settings" => settings::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?,
            "clock" => clock::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?,
            "random" => random::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?,
            "progress" => progress::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?,
            _ => {}
        }
    }
    Ok(())
}

impl types::Host for CallState {}

impl clock::Host for CallState {
    async fn now(&mut self) -> wasmtime::Result<i64> {
        Ok(self.clock.now().timestamp_millis())
    }
}

impl random::Host for CallState {
    async fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        if length > MOST_RANDOM_BYTES {
            wasmtime::bail!("random.bytes gives at most {MOST_RANDOM_BYTES} bytes at once, not {length}");
        }
        let mut bytes = vec![0; length as usize];
        rand::rng().fill(&mut bytes[..]);
        Ok(bytes)
    }

    async fn fraction(&mut self) -> wasmtime::Result<f64> {
        Ok(rand::rng().random())
    }

    async fn uuid(&mut self) -> wasmtime::Result<String> {
        Ok(uuid::Uuid::now_v7().to_string())
    }
}

impl progress::Host for CallState {
    async fn update(&mut self, done: u64, total: u64, message: String) -> wasmtime::Result<()> {
        if let Some(sink) = self.logger.sink() {
            sink.progress(Progress { done, total, message: one_line(&message, LONGEST_PROGRESS) });
        }
        Ok(())
    }
}

type Setting<T> = wasmtime::Result<Result<Option<T>, SettingError>>;

fn answer<T>(read: Result<Option<T>, WrongType>) -> Setting<T> {
    Ok(read.map_err(|WrongType(reason)| SettingError::WrongType(reason)))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

impl settings::Host for CallState {
    async fn document(&mut self) -> wasmtime::Result<String> {
        Ok(self.settings.document().to_owned())
    }

    async fn text(&mut self, name: String) -> Setting<String> {
        answer(self.settings.read(&name, "text", text))
    }

    async fn texts(&mut self, name: String) -> Setting<Vec<String>> {
        answer(self.settings.read_list(&name, "a list of texts", text))
    }

    async fn integer(&mut self, name: String) -> Setting<i64> {
        answer(self.settings.read(&name, "a whole number", Value::as_i64))
    }

    async fn integers(&mut self, name: String) -> Setting<Vec<i64>> {
        answer(self.settings.read_list(&name, "a list of whole numbers", Value::as_i64))
    }

    async fn number(&mut self, name: String) -> Setting<f64> {
        answer(self.settings.read(&name, "a number", Value::as_f64))
    }

    async fn boolean(&mut self, name: String) -> Setting<bool> {
        answer(self.settings.read(&name, "true or false", Value::as_bool))
    }

    async fn duration_of(&mut self, name: String) -> Setting<u64> {
        answer(self.settings.read(&name, "a duration such as `15m`", duration_ms))
    }

    async fn durations_of(&mut self, name: String) -> Setting<Vec<u64>> {
        answer(self.settings.read_list(&name, "a list of durations such as `15m`", duration_ms))
    }
}
