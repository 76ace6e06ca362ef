//! The kinds of harm, one function or line each.

use std::hint::black_box;
use std::sync::Mutex;

use crate::exports::zelador::plugin::runs::Failure;
use crate::zelador::plugin::log::{self, Level};
use crate::zelador::plugin::{clock, progress, random, settings};
use crate::{amount, text};

const MIB: usize = 1 << 20;

/// Does what `mode` says. Returns the summary of the report, where it gets that far.
pub fn inflict(mode: &str) -> Result<String, Failure> {
    match mode {
        // Time.
        "spin" => spin(),
        "host-calls" => call_for_ever(),
        "recursion" => Ok(format!("came back from {}", descend(0))),
        // Memory.
        "memory" => eat(usize::MAX),
        "allocate" => eat(amount("bytes", 64 * MIB)?),
        "huge-result" => Ok("r".repeat(amount("bytes", 64 * MIB)?)),
        // What the host holds or writes for the guest.
        "huge-log" => huge_log(amount("bytes", 200 * MIB)?),
        "many-fields" => many_fields(amount("count", 1_000_000)?),
        "log-flood" => {
            flood(amount("count", 1_000_000)?, |i| log::write(Level::Error, &format!("line {i}"), &[]))
        }
        "progress-flood" => {
            flood(amount("count", 1_000_000)?, |i| progress::update(i as u64, 0, "still at it"))
        }
        "settings-flood" => flood(amount("count", 1_000_000)?, |_| drop(black_box(settings::document()))),
        "huge-random" => Ok(format!("{} bytes", random::bytes(u32::MAX).len())),
        "huge-name" => Ok(format!("{:?}", settings::text(&"n".repeat(amount("bytes", 200 * MIB)?)))),
        "control-characters" => control_characters(),
        // Ends.
        "trap" => std::process::abort(),
        "panic" => panic!("{}", text("message")?.unwrap_or_default()),
        "fail" => Err(failure(text("class")?.as_deref(), text("message")?.unwrap_or_default())),
        // What one call may leave for the next: nothing.
        "remember" => remember(text("message")?.unwrap_or_default()),
        _ => Err(Failure::InvalidSettings(format!("mode: `{mode}` is not known"))),
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn call_for_ever() -> ! {
    loop {
        black_box(clock::now());
    }
}

/// Each level keeps a frame that the compiler cannot remove.
fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(true) { descend(depth + 1) + frame[0] } else { depth }
}

/// Takes memory and touches every page of it.
fn eat(bytes: usize) -> Result<String, Failure> {
    let mut held: Vec<Vec<u8>> = Vec::new();
    let mut taken = 0;
    while taken < bytes {
        let block = MIB.min(bytes - taken);
        held.push(black_box(vec![1; block]));
        taken += block;
    }
    Ok(format!("holds {taken} bytes in {} blocks", black_box(held).len()))
}

fn huge_log(bytes: usize) -> Result<String, Failure> {
    log::write(Level::Info, &"l".repeat(bytes), &[]);
    Ok(format!("logged {bytes} bytes"))
}

fn many_fields(count: usize) -> Result<String, Failure> {
    let fields: Vec<_> =
        (0..count).map(|i| log::Field { name: format!("n{i}"), value: "v".into() }).collect();
    log::write(Level::Info, "many fields", &fields);
    Ok(format!("logged {count} fields"))
}

/// What could forge a line or command a terminal.
fn control_characters() -> Result<String, Failure> {
    log::write(Level::Info, "one\nERROR forged line\r\u{1b}[31mred\u{0}\u{202e}", &[]);
    Ok("wrote\ncontrol\u{1b}[31m characters".into())
}

fn flood(count: usize, once: impl Fn(usize)) -> Result<String, Failure> {
    (0..count).for_each(once);
    Ok(format!("did it {count} times"))
}

fn failure(class: Option<&str>, message: String) -> Failure {
    match class {
        Some("invalid-settings") => Failure::InvalidSettings(message),
        Some("invalid-input") => Failure::InvalidInput(message),
        Some("unavailable") => Failure::Unavailable(message),
        Some("denied") => Failure::Denied(message),
        _ => Failure::Other(message),
    }
}

/// Keeps the message in a static and returns what was there.
fn remember(message: String) -> Result<String, Failure> {
    static KEPT: Mutex<String> = Mutex::new(String::new());
    let mut kept = KEPT.lock().map_err(|_| Failure::Other("the lock is poisoned".into()))?;
    Ok(format!("found `{}`", std::mem::replace(&mut *kept, message)))
}
