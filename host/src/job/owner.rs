//! Who holds a run: this process, named so that another process of the same host can tell whether it still lives.

use std::fs;
use std::path::Path;

/// A process, unmistakable as long as the host is up: host name, boot, PID namespace, PID and start time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Host, boot and PID namespace: within one place a PID and its start time mean one process.
    place: String,
    pid: u32,
    started: String,
}

impl Owner {
    /// This process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self { place: this_place(), pid, started: start_time(pid).unwrap_or_default() }
    }

    /// Whether the process that `text` names is known to be dead. One of another place is never known to be: its
    /// lease has to run out.
    pub fn is_known_dead(text: &str) -> bool {
        Self::parse(text).is_some_and(|owner| {
            owner.place == this_place()
                && start_time(owner.pid).is_none_or(|started| started != owner.started)
        })
    }

    /// The name of this host.
    pub fn host_name() -> String {
        proc("sys/kernel/hostname")
    }

    /// What follows a blank is somebody's note on what the process holds. A text that is not wholly understood names
    /// nobody: a living process must never be taken for a dead one.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_ascii_whitespace().next()?.rsplitn(3, '/');
        let started =
            parts.next().filter(|ticks| ticks.bytes().all(|digit| digit.is_ascii_digit()))?.to_owned();
        let pid = parts.next()?.parse().ok()?;
        Some(Self { place: parts.next()?.to_owned(), pid, started })
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.place, self.pid, self.started)
    }
}

/// Without one of the parts the place is still safe: it then matches only processes that lack it too.
fn this_place() -> String {
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let namespace = namespace.to_string_lossy().replace(|c: char| !c.is_ascii_digit(), "");
    format!("{}/{}/{namespace}", Owner::host_name(), proc("sys/kernel/random/boot_id"))
}

fn proc(name: &str) -> String {
    fs::read_to_string(Path::new("/proc").join(name)).unwrap_or_default().trim().to_owned()
}

/// When a process started, in clock ticks since the boot: the 22nd field of `/proc/PID/stat` (proc(5)). The second,
/// the program's name, may hold anything, so fields are counted from its closing parenthesis.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    // A zombie holds nothing any more.
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_survives_being_written_down() {
        let owner = Owner::this_process();
        assert_eq!(Owner::parse(&owner.to_string()).unwrap(), owner);
        assert!(!Owner::is_known_dead(&owner.to_string()));
        assert!(!Owner::is_known_dead(&format!("{owner} (a note)")));
        assert!(!Owner::is_known_dead(&format!("{owner}(a note)")));
    }

    #[test]
    fn a_process_that_ended_is_known_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let owner = Owner { pid: child.id(), ..Owner::this_process() };
        child.wait().unwrap();
        assert!(Owner::is_known_dead(&owner.to_string()));
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let owner = Owner { started: "1".into(), ..Owner::this_process() };
        assert!(Owner::is_known_dead(&owner.to_string()));
    }

    #[test]
    fn a_process_of_another_host_is_never_known_dead() {
        let owner = Owner { place: "elsewhere/boot/1".into(), pid: 1, started: "1".into() };
        assert!(!Owner::is_known_dead(&owner.to_string()));
        assert!(!Owner::is_known_dead("garbage"));
    }
}
