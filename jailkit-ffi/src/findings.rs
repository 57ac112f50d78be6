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
    type Value = Vec<Diagnostic>;
}

/// One finding. Its bytes are those of the handle that it was asked of.
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

impl Finding {
    pub(crate) fn of(found: &Diagnostic) -> Self {
        let position = found.position();
        Self {
            is_error: found.severity == Severity::Error,
            message: Bytes::of(found.message.as_bytes()),
            file: Bytes::of(found.source.name().as_os_str().as_bytes()),
            line: position.line,
            column: position.column,
            hint: found.help.as_ref().map_or(Bytes::NONE, |help| Bytes::of(help.as_bytes())),
        }
    }
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
        unsafe { handle::peek(findings) }?.get(index).map(Finding::of)
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
