//! What stands around every call: no panic leaves the library, and what fails is told.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::handle::{self, Handle};

/// Makes a call that may fail. Where it does, and `error` is a place for it, an error is put there, else NULL.
///
/// # Safety
/// `error` is NULL, or there is a place for a pointer.
pub(crate) unsafe fn call(error: *mut *mut Error, work: impl FnOnce() -> Result<(), Failure>) -> Status {
    if !error.is_null() {
        // SAFETY: not NULL, so a place by the caller's word.
        unsafe { error.write_unaligned(std::ptr::null_mut()) };
    }
    // What a panic leaves behind is the handle it happened to, which is memory-safe to look at and to free.
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return Status::JK_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure::panic(words(panic)),
    };
    let status = failure.status;
    if !error.is_null() {
        // SAFETY: as above.
        unsafe { error.write_unaligned(handle::new(failure.into())) };
    }
    status
}

/// Makes a call that gives a new handle in `at`: NULL is there where it fails.
///
/// # Safety
/// `error` and `at` are NULL, or there are places for a pointer.
pub(crate) unsafe fn give<H: Handle>(
    error: *mut *mut Error,
    at: *mut *mut H,
    what: &str,
    work: impl FnOnce() -> Result<H::Value, Failure>,
) -> Status {
    // SAFETY: the caller's word.
    unsafe {
        call(error, || {
            let place = handle::place(at, what)?;
            place.put(handle::new(work()?));
            Ok(())
        })
    }
}

/// Makes a call that looks something up; where it is not there, or the call panics, the default is the answer.
pub(crate) fn look<T: Default>(work: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten().unwrap_or_default()
}

/// What a panic says of itself. It is consumed here: dropping it could panic again.
fn words(panic: Box<dyn Any + Send>) -> String {
    let words = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(other) => {
                // What is dropped may panic in its turn; what that leaves is not tried again.
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(other)));
                dropped.unwrap_or_else(std::mem::forget);
                "of an unknown kind".to_owned()
            }
        },
    };
    format!("panic: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{jk_error_free, jk_error_message};

    type Falling = fn() -> Result<(), Failure>;

    #[test]
    fn a_panic_becomes_an_error() {
        let cases: [(Falling, &[u8]); 3] = [
            (|| std::panic::panic_any("plain"), b"panic: plain"),
            (|| std::panic::panic_any(format!("with {}", 1)), b"panic: with 1"),
            (|| std::panic::panic_any(7), b"panic: of an unknown kind"),
        ];
        for (work, message) in cases {
            let mut error = std::ptr::null_mut();
            // SAFETY: `error` is a place, and then a handle that is freed once.
            unsafe {
                assert_eq!(call(&raw mut error, work), Status::JK_ERROR_PANIC);
                let found = jk_error_message(error);
                assert_eq!(found.slice("message").ok(), Some(message));
                jk_error_free(error);
                assert_eq!(call(std::ptr::null_mut(), work), Status::JK_ERROR_PANIC);
            }
        }
        assert_eq!(look(|| -> Option<usize> { std::panic::panic_any("none") }), 0);
    }
}
