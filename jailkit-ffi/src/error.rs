//! How calls end, and the error they leave.

use crate::bytes::Bytes;
use crate::failure::Failure;
use crate::findings::Findings;
use crate::guard;
use crate::handle::{self, Handle, Kind};

/// How a call ended. The numbers stay as they are; further ones may come.
#[repr(C)]
#[allow(non_camel_case_types, reason = "C's names, as the header has them")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    JK_OK = 0,
    /// An argument that cannot be: NULL where something must be, a number out of range.
    JK_ERROR_ARGUMENT = 1,
    /// A handle of another kind than the function takes.
    JK_ERROR_HANDLE = 2,
    /// Text that is not UTF-8, where it must be.
    JK_ERROR_UTF8 = 3,
    /// A file that is refused; the findings say where and why.
    JK_ERROR_FILE = 4,
    /// What was named is not there.
    JK_ERROR_NOT_FOUND = 5,
    /// The system could not read or write.
    JK_ERROR_IO = 6,
    /// The kernel refused; `jk_error_errno` has FreeBSD's number.
    JK_ERROR_KERNEL = 7,
    /// This process may not.
    JK_ERROR_RIGHTS = 8,
    /// Another jailkit is at work on the host.
    JK_ERROR_BUSY = 9,
    /// Something else is there already, or has been changed meanwhile.
    JK_ERROR_CONFLICT = 10,
    /// The program's own callback called it off.
    JK_ERROR_CANCELLED = 11,
    /// Not on this system.
    JK_ERROR_UNSUPPORTED = 12,
    /// It was tried and failed.
    JK_ERROR_FAILED = 13,
    /// A fault of jailkit itself. The handles of the call can be freed; free them.
    JK_ERROR_PANIC = 14,
}

/// What went wrong. It never changes, and may be read by several threads.
pub struct Error {
    _opaque: (),
}

impl Handle for Error {
    const KIND: Kind = Kind::Error;
    const NAME: &'static str = "jk_error";
    type Value = Told;
}

/// A failure with the handle of its findings, which C borrows.
pub(crate) struct Told {
    failure: Failure,
    findings: *mut Findings,
}

// SAFETY: the handle is owned, never changed, and its value is `Send` and `Sync`.
unsafe impl Send for Told {}
// SAFETY: as above.
unsafe impl Sync for Told {}

impl From<Failure> for Told {
    fn from(mut failure: Failure) -> Self {
        let findings = handle::new(std::mem::take(&mut failure.findings));
        Self { failure, findings }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        // SAFETY: made in `from`, freed only here.
        unsafe { handle::free(self.findings) };
    }
}

/// How the call ended that left the error; `JK_OK` for NULL.
///
/// # Safety
/// `error` is NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_status(error: *const Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { handle::peek(error) }.map_or(Status::JK_OK, |told| told.failure.status)
}

/// What went wrong, in one line of English, with the errors behind it after colons; nothing for NULL.
///
/// The bytes are the error's.
///
/// # Safety
/// `error` is NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_message(error: *const Error) -> Bytes {
    // SAFETY: as the section above says.
    unsafe { look(error, |failure| Some(Bytes::of(failure.message.as_bytes()))) }
}

/// The file that the error is about; nothing where it is about none.
///
/// The bytes are the error's.
///
/// # Safety
/// `error` is NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_file(error: *const Error) -> Bytes {
    // SAFETY: as the section above says.
    unsafe { look(error, |failure| failure.file.as_deref().map(Bytes::of)) }
}

/// The line of that file, from 1; 0 where it is about none.
///
/// # Safety
/// `error` is NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_line(error: *const Error) -> usize {
    // SAFETY: as the section above says.
    unsafe { look(error, |failure| Some(failure.line)) }
}

/// The column of that line, from 1, in characters; 0 where it is about none.
///
/// # Safety
/// `error` is NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_column(error: *const Error) -> usize {
    // SAFETY: as the section above says.
    unsafe { look(error, |failure| Some(failure.column)) }
}

/// How to mend it; nothing where there is no advice.
///
/// The bytes are the error's.
///
/// # Safety
/// `error` is NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_hint(error: *const Error) -> Bytes {
    // SAFETY: as the section above says.
    unsafe { look(error, |failure| failure.hint.as_ref().map(|hint| Bytes::of(hint.as_bytes()))) }
}

/// FreeBSD's error number, where the kernel refused; 0 elsewhere. Off FreeBSD too it is FreeBSD's.
///
/// # Safety
/// `error` is NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_errno(error: *const Error) -> i32 {
    // SAFETY: as the section above says.
    unsafe { look(error, |failure| Some(failure.errno)) }
}

/// Everything that was found wrong with a file, warnings with it; an empty list where the error is of another kind,
/// NULL for NULL. The first of them that is an error is the error's own message, file, line, column and hint.
///
/// The list is the error's: it is not freed, and is there until the error is freed.
///
/// # Safety
/// `error` is NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_findings(error: *const Error) -> *const Findings {
    // SAFETY: as the section above says.
    unsafe { handle::peek(error) }.map_or(std::ptr::null(), |told| told.findings.cast_const())
}

/// Frees an error. NULL is fine.
///
/// # Safety
/// `error` is NULL or an error, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_error_free(error: *mut Error) {
    // SAFETY: as the section above says.
    unsafe { handle::free(error) };
}

/// # Safety
/// `error` is NULL or an error.
unsafe fn look<T: Default>(error: *const Error, part: impl FnOnce(&Failure) -> Option<T>) -> T {
    // SAFETY: the caller's word.
    guard::look(|| unsafe { handle::peek(error) }.and_then(|told| part(&told.failure)))
}
