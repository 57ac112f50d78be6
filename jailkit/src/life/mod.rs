//! The life of a jail: started and stopped in jail(8)'s order, and undone where a step fails.
//!
//! A jail is what its jail.conf(5) resolves to. Its mounts, its creation and its removal are calls of the host's
//! kernel; the `exec.*` commands are run by the host's [`Processes`](crate::process::Processes).

mod mounts;
mod order;
mod params;
mod start;
mod stop;

pub use start::start;
pub use stop::stop;

use std::path::PathBuf;
use std::time::Duration;

use bstr::ByteSlice;

use crate::host::{FileError, Host};
use crate::jailconf::ResolvedJail;
use crate::kernel::{Jid, KernelError};
use crate::process::{Exit, Program, ProgramError};

/// What happens to a jail, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A file system is mounted.
    Mount {
        /// The jail.
        jail: &'a str,
        /// Where.
        target: &'a std::path::Path,
    },
    /// The jail is created.
    Created {
        /// The jail.
        jail: &'a str,
        /// Its number.
        jid: Jid,
    },
    /// A command of its `exec` parameters is run.
    Command {
        /// The jail.
        jail: &'a str,
        /// The parameter: `exec.start`.
        hook: &'static str,
        /// The command.
        command: &'a bstr::BStr,
    },
    /// The jail is gone.
    Removed {
        /// The jail.
        jail: &'a str,
    },
}

/// Who is told what happens.
pub trait Observer: Sync {
    /// Something happens.
    fn happens(&self, event: &Event<'_>);
}

/// A jail that could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// The file does not have it.
    #[error("jail.conf has no jail '{0}'")]
    Unknown(String),
    /// A parameter or variable of it cannot be resolved.
    #[error("{0}")]
    Unresolved(String),
    /// A parameter is missing or has a value that cannot be read.
    #[error("{param}: {reason}")]
    Param {
        /// The parameter.
        param: String,
        /// What is wrong.
        reason: String,
    },
    /// Jails depend on each other in a circle.
    #[error("it depends on itself, by way of '{0}'")]
    Circle(String),
    /// A jail it depends on does not run.
    #[error("it depends on '{0}', which does not run")]
    Dependency(String),
    /// A mount point that is no plain directory of the jail.
    #[error("{path}: {reason}", path = path.display())]
    MountPoint {
        /// The mount point, as the host sees it.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// A command failed.
    #[error("{hook} '{command}' {ended}")]
    Command {
        /// The parameter.
        hook: &'static str,
        /// The command.
        command: bstr::BString,
        /// How it ended.
        ended: String,
    },
    /// A command could not be run.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The jail's processes could not be ended.
    #[error("cannot end the processes of the jail: {0}")]
    Processes(std::io::Error),
}

/// A jail on a host.
struct Living<'a> {
    host: &'a dyn Host,
    jail: &'a ResolvedJail,
    name: String,
    observer: &'a dyn Observer,
}

impl<'a> Living<'a> {
    fn new(host: &'a dyn Host, jail: &'a ResolvedJail, observer: &'a dyn Observer) -> Result<Self, LifeError> {
        match &jail.failed {
            Some(reason) => Err(LifeError::Unresolved(reason.clone())),
            None => Ok(Self { host, jail, name: jail.name.to_string(), observer }),
        }
    }

    fn text(&self, param: &str) -> Option<String> {
        self.jail.value(param).map(ToString::to_string)
    }

    fn seconds(&self, param: &str) -> Result<Option<Duration>, LifeError> {
        let Some(value) = self.text(param) else { return Ok(None) };
        let seconds = value.parse().map_err(|_| LifeError::Param {
            param: param.to_owned(),
            reason: format!("'{value}' is no number of seconds"),
        })?;
        Ok(Some(Duration::from_secs(seconds)))
    }

    /// Runs the commands of a hook, on the host or in the jail; the first that fails ends it.
    fn run(&self, hook: &'static str, jid: Option<Jid>) -> Result<(), LifeError> {
        for command in self.jail.values(hook) {
            self.observer.happens(&Event::Command { jail: &self.name, hook, command: command.as_bstr() });
            let inside = jid.is_some();
            let user = if inside { self.text("exec.jail_user") } else { None };
            let program = Program {
                command: command.clone(),
                jail: jid.map(|jid| (jid, self.name.clone())),
                clean: inside && self.jail.is_true("exec.clean"),
                user: user.or_else(|| if inside { self.text("exec.system_user") } else { None }),
                console_log: self.text("exec.consolelog").filter(|_| inside).map(PathBuf::from),
                timeout: self.seconds("exec.timeout")?.filter(|limit| !limit.is_zero()),
            };
            let ended = match self.host.processes().run(&program)? {
                Exit::Status(0) => continue,
                Exit::Status(status) => format!("failed with status {status}"),
                Exit::Signal(signal) => format!("was ended by signal {signal}"),
                Exit::TimedOut => "took longer than exec.timeout allows".to_owned(),
            };
            return Err(LifeError::Command { hook, command: command.clone(), ended });
        }
        Ok(())
    }
}
