//! Why jails could not be started, stopped or changed.

use std::path::PathBuf;
use std::time::Duration;

use bstr::BString;

use crate::host::{FileError, RightsError};
use crate::kernel::{KernelError, NameError};
use crate::process::{Exit, ProgramError};

/// Nothing could be begun.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// This process may not.
    #[error(transparent)]
    Rights(#[from] RightsError),
    /// A name that is no jail's.
    #[error("there is no jail '{name}'; 'jailkit ls' shows what runs, and jail.conf what could")]
    NoJail {
        /// The name.
        name: BString,
    },
    /// A jail that does not run.
    #[error("jail '{name}' does not run")]
    NotRunning {
        /// The name or number.
        name: BString,
    },
    /// The kernel does not tell what there is.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// Why one jail could not be started, stopped or changed.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// jail.conf cannot be resolved for this jail.
    #[error("jail.conf: {0}")]
    Conf(String),
    /// A parameter with a value it cannot have.
    #[error("{param}: {reason}")]
    Param {
        /// The parameter.
        param: BString,
        /// What is wrong.
        reason: String,
    },
    /// A name that no jail can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It depends on a jail that the file does not have.
    #[error("depends on the jail '{0}', which is nowhere in jail.conf")]
    NoDependency(BString),
    /// It is in a jail that does not run.
    #[error("is in the jail '{0}', which does not run")]
    NoParent(BString),
    /// It depends on itself; by way of these others, where there are any.
    #[error("depends on itself{}", by_way_of(.0))]
    Loop(String),
    /// There is no jail of that name, neither in the file nor running.
    #[error("there is no such jail; 'jailkit ls' shows what runs, and jail.conf what could")]
    NoJail,
    /// It runs already.
    #[error("runs already; 'jailkit restart' or 'jailkit modify' change a running jail")]
    Running,
    /// It does not run.
    #[error("does not run")]
    NotRunning,
    /// It was not started, as a jail that it depends on failed.
    #[error("skipped (depends on {0}, which failed)")]
    Skipped(BString),
    /// It was not stopped, as a jail that depends on it failed.
    #[error("skipped ({0} depends on it, and failed)")]
    Kept(BString),
    /// A path that must not be used.
    #[error("{param}: {path}: {reason}", path = path.display())]
    Path {
        /// The parameter that gave the path.
        param: String,
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A file of the host.
    #[error(transparent)]
    File(#[from] FileError),
    /// A command that could not be run.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A command that failed.
    #[error("{param}: {command}: {}", ended(*.exit))]
    Command {
        /// The parameter with the command.
        param: &'static str,
        /// What was executed.
        command: BString,
        /// How it ended.
        exit: Exit,
    },
    /// It did not get ready in time.
    #[error("runs, but is not ready: waited {} s until {waited_for}", patience.as_secs())]
    NotReady {
        /// What was waited for.
        waited_for: String,
        /// How long.
        patience: Duration,
    },
    /// Parameters that a running jail cannot change.
    #[error("{} cannot be changed while the jail runs; 'jailkit restart' applies what jail.conf says", .params.join(", "))]
    NeedsRestart {
        /// The parameters.
        params: Vec<String>,
    },
    /// It was stopped, and this failed besides.
    #[error("{0}")]
    Stopped(Box<JailError>),
    /// It could not be stopped.
    #[error("{0}; the jail still runs, and 'jailkit remove' ends it without its commands")]
    StillRuns(Box<JailError>),
    /// A run that was killed has left it half made, and it is only needed by another.
    #[error("a run that was killed has left it half made; 'jailkit restart' makes it whole")]
    HalfMade,
    /// The jail of that name is not the one that was started.
    #[error("the jail that had the number {jid} is gone, and the number may be another's by now")]
    Replaced {
        /// The number.
        jid: crate::kernel::Jid,
    },
    /// Something failed on the way back, after another failure or in a jail that is gone.
    #[error("{first}; and {then}")]
    Both {
        /// What failed first.
        first: Box<JailError>,
        /// What failed then.
        then: Box<JailError>,
    },
}

fn by_way_of(others: &str) -> String {
    if others.is_empty() { String::new() } else { format!(", by way of {others}") }
}

fn ended(exit: Exit) -> String {
    match exit {
        Exit::Status(status) => format!("failed with status {status}"),
        Exit::Signal(signal) => format!("ended by signal {signal}"),
        Exit::TimedOut => "timed out (exec.timeout)".to_owned(),
    }
}

impl JailError {
    /// Well where there are no faults; all of them as one otherwise.
    pub(super) fn none_of(faults: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        faults.into_iter().reduce(|first, then| first.and(Some(then))).map_or(Ok(()), Err)
    }

    /// This failure, and what of another one it does not tell of yet.
    pub(super) fn and_new(self, then: Option<Self>) -> Self {
        let told = self.texts();
        let new = then.and_then(|then| then.without(&told));
        self.and(new)
    }

    fn texts(&self) -> Vec<String> {
        match self {
            Self::Both { first, then } => [first.texts(), then.texts()].concat(),
            failure => vec![failure.to_string()],
        }
    }

    fn without(self, told: &[String]) -> Option<Self> {
        match self {
            Self::Both { first, then } => match (first.without(told), then.without(told)) {
                (Some(first), then) => Some(first.and(then)),
                (None, then) => then,
            },
            failure => (!told.contains(&failure.to_string())).then_some(failure),
        }
    }

    /// Whether nothing was done to the jail, as another one failed.
    pub fn is_skip(&self) -> bool {
        matches!(self, Self::Skipped(_) | Self::Kept(_))
    }

    /// This failure, and what failed later on the way back.
    pub(super) fn and(self, then: Option<Self>) -> Self {
        match then {
            Some(then) => Self::Both { first: Box::new(self), then: Box::new(then) },
            None => self,
        }
    }
}
