//! What it takes to make a host run a stack, or to take it back: a value that can be printed, compared and carried out.
//!
//! [`up`] and [`down`] look at a host and change nothing; [`apply`](crate::apply) carries a plan out.
//!
//! # Example
//! ```
//! use jailkit::host::SimHost;
//! use jailkit::journal::Journal;
//! use jailkit::host::Host;
//! use jailkit::plan;
//!
//! let dir = tempfile::tempdir()?;
//! let host = SimHost::open(dir.path())?;
//! let journal = Journal::open(host.files())?;
//! assert!(plan::down(&host, &journal, plan::Purge::Keep)?.steps.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compare;
mod desired;
mod jail_file;
mod jails;
mod pf;
mod step;
mod teardown;

pub use jail_file::JailFile;
pub use step::{FileChange, StartedJail, Step, Tree};

pub(crate) use compare::expectation;
pub(crate) use desired::{JAIL_CONF, PF_CONF, jail_path, mounts};

use crate::base::BaseError;
use crate::edit::EditError;
use crate::host::{FileError, Host, PfError};
use crate::journal::{Journal, JournalError};
use crate::kernel::KernelError;
use crate::source::{Diagnostic, Diagnostics};
use crate::stack::Stack;

/// The steps, in their order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// The stack that the plan is about.
    pub stack: String,
    /// The steps; none where the host is as it is to be.
    pub steps: Vec<Step>,
    /// Directories that stay because somebody's files are in them.
    pub kept: Vec<std::path::PathBuf>,
}

impl Plan {
    /// The changes of files among the steps.
    pub fn files(&self) -> impl Iterator<Item = &FileChange> {
        self.steps.iter().filter_map(|step| match step {
            Step::File(change) => Some(change),
            _ => None,
        })
    }
}

/// Whether `down` removes the jails' data too: their trees, their logs, and the directories they share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// It stays.
    Keep,
    /// It goes.
    Purge,
}

/// A plan that cannot be made. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// What is wrong with the stack file on this host.
    #[error(transparent)]
    Found(#[from] Diagnostics),
    /// A configuration file of the host is broken, or says something else.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The base archive is not what it is to be.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// A file of the host cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The journal cannot be read, or is another stack's.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The kernel does not answer.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// pf does not answer.
    #[error(transparent)]
    Pf(#[from] PfError),
    /// A jail of a stack's name runs, and jailkit has not started it.
    #[error(
        "a jail '{name}' runs on {host} already and is not this stack's; stop it, or give the stack's jail another name"
    )]
    ForeignJail {
        /// Its name.
        name: String,
        /// The host.
        host: String,
    },
}

impl From<Diagnostic> for PlanError {
    fn from(found: Diagnostic) -> Self {
        Self::Found(found.into())
    }
}

/// What makes the host run the stack.
///
/// # Errors
/// [`PlanError`]: what is wrong with the stack on this host, with its place in the stack file where it has one.
pub fn up(stack: &Stack, host: &dyn Host, journal: &Journal) -> Result<Plan, PlanError> {
    compare::up(stack, host, journal)
}

/// What takes back everything that the journal claims, but for the jails' data unless that is to be purged.
///
/// # Errors
/// [`PlanError`] where the host cannot be looked at.
pub fn down(host: &dyn Host, journal: &Journal, purge: Purge) -> Result<Plan, PlanError> {
    compare::down(host, journal, purge)
}
