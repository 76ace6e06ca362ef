//! The daemon of the demo, as a process.

use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::home::Home;
use crate::run::say;

/// The first start compiles the plugins.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the daemon and the signals are looked at.
const POLL: Duration = Duration::from_millis(50);

/// A running daemon. Dropped without [`Daemon::stop`], it is killed.
pub struct Daemon {
    process: Child,
    signals: Signals,
}

impl Daemon {
    /// Starts `zelador run` and waits until it listens.
    pub fn start(home: &Home) -> Result<Self> {
        let signals = Signals::new([SIGINT, SIGTERM]).context("cannot wait for Ctrl-C")?;
        say("$ zelador run");
        let process = home
            .command()
            .arg("--config")
            .arg(home.configuration())
            .arg("run")
            // Ctrl-C is for the demo, which tells the daemon.
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start the daemon")?;
        let mut daemon = Self { process, signals };
        let started = Instant::now();
        while TcpStream::connect(home.address()).is_err() {
            if let Some(status) = daemon.process.try_wait()? {
                bail!("the daemon ended while it started ({status}); its log is above");
            }
            ensure!(started.elapsed() < START_TIMEOUT, "the daemon does not listen on {}", home.address());
            std::thread::sleep(POLL);
        }
        Ok(daemon)
    }

    /// Returns at Ctrl-C; an error if the daemon ends by itself.
    pub fn wait_for_interrupt(&mut self) -> Result<()> {
        while self.signals.pending().next().is_none() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the daemon ended by itself ({status}); its log is above");
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Lets it finish what it does, and waits for its end.
    pub fn stop(mut self) -> Result<()> {
        let pid =
            i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).context("a process has an id")?;
        kill_process(pid, Signal::TERM).context("the daemon has ended by itself")?;
        let status = self.process.wait()?;
        ensure!(status.success(), "the daemon did not end well ({status})");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already where `stop` was called; otherwise the demo has failed and says so.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
