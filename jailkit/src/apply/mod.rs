//! Carrying a plan out, so that it can be broken off anywhere and taken up again.
//!
//! A [`Session`] is the right to change a host: it holds the lock, and has cleared away what a killed run left half
//! written. Each step is written into the journal before its effect, so a run that is killed between any two effects
//! and started again ends where an unbroken one does.
//!
//! # Example
//! ```no_run
//! use jailkit::apply::{Quiet, Session};
//! use jailkit::host::SimHost;
//! use jailkit::source::Source;
//! use jailkit::stack;
//!
//! let (stack, _warnings) = stack::read(&Source::read("jailkit.toml")?)?;
//! let host = SimHost::open("/tmp/host".as_ref())?;
//! let mut session = Session::open(&host, "up", false)?;
//! let plan = session.plan_up(&stack)?;
//! session.carry_out(&plan, &Quiet)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod effect;
mod sweep;

use std::ops::ControlFlow;

use crate::base::BaseError;
use crate::host::{FileError, Host, PfError, RightsError};
use crate::journal::{Journal, JournalError, Lock, LockError};
use crate::kernel::KernelError;
use crate::life;
use crate::plan::{self, Plan, PlanError, Purge, Step};
use crate::source::Diagnostics;
use crate::stack::Stack;

/// Who is told how far a plan is, and may stop it between two steps.
pub trait Watch: life::Observer {
    /// A step begins: `number` of `total`, from 1.
    fn step(&self, number: usize, total: usize, step: &Step) -> ControlFlow<()>;

    /// A long step is so far: bytes read of the archive, of how many.
    fn bytes(&self, done: u64, total: u64) -> ControlFlow<()>;

    /// Something that is not as it should be and does not stop the plan.
    fn warn(&self, message: &str);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Watch for Quiet {
    fn step(&self, _number: usize, _total: usize, _step: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn bytes(&self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn warn(&self, _message: &str) {}
}

impl life::Observer for Quiet {
    fn happens(&self, _event: &life::Event<'_>) {}
}

/// A host cannot be changed now.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// By nobody but root.
    #[error(transparent)]
    Rights(#[from] RightsError),
    /// Somebody else is at it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What a killed run left cannot be cleared away.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A plan was not carried out to its end. What was done is in the journal, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A step failed.
    #[error("cannot {step}")]
    Step {
        /// The step, as a plan prints it.
        step: String,
        /// Why.
        source: Box<StepError>,
    },
    /// [`Watch`] called it off.
    #[error(
        "called off before it was done; run the command again to go on, or 'jailkit down' to take back what was made"
    )]
    Cancelled,
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A file of the host.
    #[error(transparent)]
    File(#[from] FileError),
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// pf refused.
    #[error(transparent)]
    Pf(#[from] PfError),
    /// The base archive.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// A file that cannot be read.
    #[error(transparent)]
    Found(#[from] Diagnostics),
    /// The life of a jail.
    #[error(transparent)]
    Life(#[from] life::LifeError),
    /// Jails that could not be started or stopped.
    #[error("{}", failures(.0))]
    Jails(Vec<(String, life::JailError)>),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Somebody changed a file between the plan and its step.
    #[error("{path} has been changed since the plan was made; look at it, and run the command again", path = path.display())]
    Changed {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A jail runs where a tree is to be removed.
    #[error("the jail {jail} runs in it; nothing has been removed: stop the jail and run the command again")]
    StillRuns {
        /// The jail.
        jail: crate::kernel::JailName,
    },
    /// Something is mounted where a tree is to be removed.
    #[error(
        "{mount} is still mounted below it; nothing has been removed: unmount it and run the command again",
        mount = mount.display()
    )]
    StillMounted {
        /// The mount point.
        mount: std::path::PathBuf,
    },
}

/// The failures of several jails, on one line.
fn failures(failed: &[(String, life::JailError)]) -> String {
    failed.iter().map(|(jail, error)| format!("jail {jail}: {error}")).collect::<Vec<_>>().join("; ")
}

/// The right to change a host, until it is dropped.
#[derive(Debug)]
pub struct Session<'h> {
    host: HostRef<'h>,
    journal: Journal,
    _lock: Lock,
}

struct HostRef<'h>(&'h dyn Host);

impl std::fmt::Debug for HostRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.describe())
    }
}

impl<'h> Session<'h> {
    /// Takes the right to change a host. `purpose` is what others are told the lock is held for, such as `up`; where
    /// somebody holds it, waits for them if `wait` is set.
    ///
    /// # Errors
    /// [`SessionError`] where this process may not, or not now.
    pub fn open(host: &'h dyn Host, purpose: &str, wait: bool) -> Result<Self, SessionError> {
        host.check_rights()?;
        let lock = Lock::take(host.files(), purpose, wait)?;
        let journal = Journal::open(host.files())?;
        sweep::sweep(host, &journal)?;
        Ok(Self { host: HostRef(host), journal, _lock: lock })
    }

    /// The journal as it now is.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// [`plan::up`] for this host.
    ///
    /// # Errors
    /// [`PlanError`]
    pub fn plan_up(&self, stack: &Stack) -> Result<Plan, PlanError> {
        plan::up(stack, self.host.0, &self.journal)
    }

    /// [`plan::down`] for this host.
    ///
    /// # Errors
    /// [`PlanError`]
    pub fn plan_down(&self, purge: Purge) -> Result<Plan, PlanError> {
        plan::down(self.host.0, &self.journal, purge)
    }

    /// Carries out a plan that was made in this session.
    ///
    /// # Errors
    /// [`ApplyError`] with the step that failed; run again, the command goes on from there.
    pub fn carry_out(&mut self, plan: &Plan, watch: &dyn Watch) -> Result<(), ApplyError> {
        if plan.steps.is_empty() {
            return Ok(());
        }
        self.journal.begin(self.host.0.files(), &plan.stack)?;
        let mut effects = effect::Effects { host: self.host.0, journal: &mut self.journal, watch };
        for (index, step) in plan.steps.iter().enumerate() {
            if watch.step(index + 1, plan.steps.len(), step).is_break() {
                return Err(ApplyError::Cancelled);
            }
            effects.run(step).map_err(|source| match source {
                StepError::Base(BaseError::Cancelled) => ApplyError::Cancelled,
                source => ApplyError::Step { step: step.to_string(), source: Box::new(source) },
            })?;
        }
        if self.journal.claims().is_empty() {
            self.journal.end(self.host.0.files())?;
        }
        Ok(())
    }
}
