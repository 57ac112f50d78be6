//! Programs that jailkit runs: the hooks of jail.conf(5), on the host and in jails.

mod sim;

#[cfg(target_os = "freebsd")]
mod native;

#[cfg(target_os = "freebsd")]
pub use native::NativeProcesses;
pub use sim::{Recorded, SimProcesses};

use std::path::PathBuf;
use std::time::Duration;

use bstr::BString;

use crate::kernel::Jid;

/// A program to run, as a value: what jail.conf(5) says of one of its commands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Program {
    /// The command line, for sh(1).
    pub command: BString,
    /// The jail to run it in; none for the host. By name too, for those who read what was run.
    pub jail: Option<(Jid, String)>,
    /// `exec.clean`: no environment but `HOME`, `SHELL`, `TERM`, `USER` and `PATH`.
    pub clean: bool,
    /// `exec.jail_user` or `exec.system_user`: whom to run it as; none for root.
    pub user: Option<String>,
    /// `exec.consolelog`: the host's file that takes what it prints.
    pub console_log: Option<PathBuf>,
    /// `exec.timeout`: how long it may take.
    pub timeout: Option<Duration>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status; 0 is well.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// It took longer than it was given and was killed.
    TimedOut,
}

/// A program that could not be run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run '{command}': {source}")]
pub struct ProgramError {
    /// Its command line.
    pub command: BString,
    /// Why.
    pub source: std::io::Error,
}

/// Where programs run: a FreeBSD system, or a simulated host, which writes down what it is told to run.
pub trait Processes: Send + Sync {
    /// Runs a program and waits for its end.
    ///
    /// # Errors
    /// [`ProgramError`] where it cannot be started.
    fn run(&self, program: &Program) -> Result<Exit, ProgramError>;

    /// Asks every process of a jail to end (`SIGTERM`), and waits at most `patience` until they have; whether they
    /// have.
    ///
    /// # Errors
    /// What the system failed with.
    fn terminate(&self, jail: Jid, patience: Duration) -> std::io::Result<bool>;
}
