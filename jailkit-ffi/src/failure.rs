//! Why a call failed, on its way to becoming an error of C's.

use std::error::Error;
use std::io;
use std::os::unix::ffi::OsStrExt;

use jailkit::edit::EditError;
use jailkit::kernel::{Errno, KernelError};
use jailkit::source::{Diagnostic, Diagnostics, Severity};

use crate::error::Status;

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) message: String,
    pub(crate) file: Option<Vec<u8>>,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) hint: Option<String>,
    pub(crate) errno: i32,
    pub(crate) findings: Vec<Diagnostic>,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message, file: None, line: 0, column: 0, hint: None, errno: 0, findings: Vec::new() }
    }

    /// An error of the library with those behind it.
    pub(crate) fn of(status: Status, error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            message = format!("{message}: {error}");
            source = error.source();
        }
        Self::new(status, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(Status::JK_ERROR_ARGUMENT, message)
    }

    pub(crate) fn handle(message: impl Into<String>) -> Self {
        Self::new(Status::JK_ERROR_HANDLE, message)
    }

    pub(crate) fn utf8(what: &str, valid: usize) -> Self {
        Self::new(Status::JK_ERROR_UTF8, format!("'{what}' is not UTF-8 from byte {valid} on"))
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Status::JK_ERROR_NOT_FOUND, message)
    }

    pub(crate) fn panic(message: String) -> Self {
        let hint = "this is a fault of jailkit: please report it with what was done".to_owned();
        Self { hint: Some(hint), ..Self::new(Status::JK_ERROR_PANIC, message) }
    }

    /// A value as JSON.
    pub(crate) fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Self> {
        serde_json::to_vec(value).map_err(|error| Self::of(Status::JK_ERROR_FAILED, &error))
    }

    /// A file that could not be read.
    pub(crate) fn unreadable(path: &std::path::Path, error: &io::Error) -> Self {
        let file = Some(path.as_os_str().as_bytes().to_vec());
        Self { file, ..Self::from_io(error, format!("cannot read {}: {error}", path.display())) }
    }

    pub(crate) fn from_io(error: &io::Error, message: String) -> Self {
        let status = match error.kind() {
            io::ErrorKind::NotFound => Status::JK_ERROR_NOT_FOUND,
            io::ErrorKind::PermissionDenied => Status::JK_ERROR_RIGHTS,
            _ => Status::JK_ERROR_IO,
        };
        Self::new(status, message)
    }
}

impl From<Diagnostics> for Failure {
    fn from(found: Diagnostics) -> Self {
        let found: Vec<Diagnostic> = found.into_iter().collect();
        let is_error = |one: &&Diagnostic| one.severity == Severity::Error;
        let Some(first) = found.iter().find(is_error).or(found.first()) else {
            return Self::new(Status::JK_ERROR_FILE, "refused");
        };
        let position = first.position();
        Self {
            status: Status::JK_ERROR_FILE,
            message: first.message.clone(),
            file: Some(first.source.name().as_os_str().as_bytes().to_vec()),
            line: position.line,
            column: position.column,
            hint: first.help.clone(),
            errno: 0,
            findings: found,
        }
    }
}

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Self {
        let status = match error.errno {
            Errno::ENOENT => Status::JK_ERROR_NOT_FOUND,
            Errno::EPERM => Status::JK_ERROR_RIGHTS,
            Errno::EOPNOTSUPP => Status::JK_ERROR_UNSUPPORTED,
            _ => Status::JK_ERROR_KERNEL,
        };
        Self { errno: error.errno.0, ..Self::of(status, &error) }
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Found(found) => found.into(),
            error => Self::of(Status::JK_ERROR_CONFLICT, &error),
        }
    }
}
