//! Why a command failed, and the exit code that says so.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use jailkit::edit::EditError;
use jailkit::jailconf::MoveError;
use jailkit::plan::PlanError;
use jailkit::source::{Diagnostic, Diagnostics};

/// What ends a command.
pub(crate) enum Failure {
    /// Findings in files, to be shown with carets.
    Found(Vec<Diagnostic>),
    /// An error of the library, with its causes.
    Error(Box<dyn Error>),
    /// A command line that clap takes and the command does not: exit code 2.
    Usage(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Found(_) | Self::Error(_) => ExitCode::FAILURE,
        }
    }

    /// Whether standard output was closed by its reader, as `jailkit ls | head -1` does: no failure worth a word.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        let Self::Error(error) = self else { return false };
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<Diagnostics> for Failure {
    fn from(found: Diagnostics) -> Self {
        Self::Found(found.into_iter().collect())
    }
}

impl<E: Error + 'static> From<E> for Failure
where
    E: NotDiagnostics,
{
    fn from(error: E) -> Self {
        Self::Error(Box::new(error))
    }
}

/// Every error but [`Diagnostics`], which are shown with carets.
pub(crate) trait NotDiagnostics {}

impl NotDiagnostics for io::Error {}
impl NotDiagnostics for serde_json::Error {}
impl NotDiagnostics for jailkit::apply::ApplyError {}
impl NotDiagnostics for jailkit::apply::SessionError {}
impl NotDiagnostics for jailkit::host::FileError {}
impl NotDiagnostics for jailkit::journal::JournalError {}
impl NotDiagnostics for jailkit::base::BaseError {}
impl NotDiagnostics for jailkit::base::FetchError {}
impl NotDiagnostics for jailkit::replace::ReplaceError {}
impl NotDiagnostics for jailkit::kernel::KernelError {}
impl NotDiagnostics for jailkit::life::LifeError {}
impl NotDiagnostics for jailkit::life::ListError {}
impl NotDiagnostics for jailkit::process::ProgramError {}
impl NotDiagnostics for jailkit::whereis::WhereError {}
impl NotDiagnostics for crate::host::HostError {}
impl NotDiagnostics for crate::stack::StackError {}

impl From<MoveError> for Failure {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Found(found) => found.into(),
            error => Self::Error(Box::new(error)),
        }
    }
}

/// What is wrong with a file is shown with carets, wherever it came from.
impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Found(found) | PlanError::Edit(EditError::Found(found)) => found.into(),
            error => Self::Error(Box::new(error)),
        }
    }
}
