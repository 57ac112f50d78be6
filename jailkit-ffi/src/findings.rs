//! What was found in a file: errors and warnings, each at its place.

use std::os::unix::ffi::OsStrExt;

use jailkit::source::{Diagnostic, Severity};

use crate::bytes::Bytes;
use crate::guard;
use crate::handle::{self, Handle, Kind};

/// What was found in a file, in the order it was found.
pub struct Findings {
    _opaque: (),
}

impl Handle for Findings {
    const KIND: Kind = Kind::Findings;
    const NAME: &'static str = "jk_findings";
    type Value = Vec<Found>;
}

/// One finding, kept for C.
#[derive(Debug)]
pub(crate) struct Found {
    is_error: bool,
    message: String,
    file: Vec<u8>,
    line: usize,
    column: usize,
    hint: Option<String>,
}

impl From<&Diagnostic> for Found {
    fn from(found: &Diagnostic) -> Self {
        let position = found.position();
        Self {
            is_error: found.severity == Severity::Error,
            message: found.message.clone(),
            file: found.source.name().as_os_str().as_bytes().to_vec(),
            line: position.line,
            column: position.column,
            hint: found.help.clone(),
        }
    }
}

/// One finding. Its bytes are the list's.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Finding {
    /// Whether the file is refused for it; else it is a warning.
    pub is_error: bool,
    /// What was found: lower case, no full stop.
    pub message: Bytes,
    /// The file.
    pub file: Bytes,
    /// The line, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
    /// How to mend it; nothing where there is no advice.
    pub hint: Bytes,
}

/// How many findings there are; 0 for NULL.
///
/// # Safety
/// `findings` is NULL or a list of findings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_findings_len(findings: *const Findings) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(findings) }.map(Vec::len))
}

/// The finding of a number, from 0; line 0 and no bytes where there is none.
///
/// The bytes are the list's.
///
/// # Safety
/// `findings` is NULL or a list of findings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_findings_get(findings: *const Findings, index: usize) -> Finding {
    guard::look(|| {
        // SAFETY: as the section above says.
        let found = unsafe { handle::peek(findings) }?.get(index)?;
        Some(Finding {
            is_error: found.is_error,
            message: Bytes::of(found.message.as_bytes()),
            file: Bytes::of(&found.file),
            line: found.line,
            column: found.column,
            hint: found.hint.as_ref().map_or(Bytes::NONE, |hint| Bytes::of(hint.as_bytes())),
        })
    })
}

/// Frees a list of findings. NULL is fine. The list of an error is the error's, and is not freed.
///
/// # Safety
/// `findings` is NULL or a list of findings that is the caller's, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_findings_free(findings: *mut Findings) {
    // SAFETY: as the section above says.
    unsafe { handle::free(findings) };
}
