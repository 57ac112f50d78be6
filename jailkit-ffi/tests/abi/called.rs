//! Calls and their results, for tests.

use std::ptr::null_mut;

use jailkit_ffi::Status;
use jailkit_ffi::bytes::Bytes;
use jailkit_ffi::error::{Error, jk_error_free, jk_error_message};

/// The bytes of a text.
pub(crate) fn bytes(text: &(impl AsRef<[u8]> + ?Sized)) -> Bytes {
    let text = text.as_ref();
    Bytes { data: text.as_ptr(), len: text.len() }
}

/// No bytes.
pub(crate) const NONE: Bytes = Bytes { data: std::ptr::null(), len: 0 };

/// Bytes of the library as text.
pub(crate) fn text(bytes: Bytes) -> String {
    if bytes.data.is_null() {
        return "(none)".to_owned();
    }
    // SAFETY: the library's bytes, read while their handle is there.
    String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(bytes.data, bytes.len) }).into_owned()
}

/// What a call left: its status, and the message of its error.
pub(crate) fn told(call: impl FnOnce(*mut *mut Error) -> Status) -> (Status, String) {
    let mut error = null_mut();
    let status = call(&raw mut error);
    // SAFETY: the error is NULL or a handle, which is freed once.
    unsafe {
        let message = text(jk_error_message(error));
        assert_eq!(error.is_null(), status == Status::JK_OK, "{message}");
        jk_error_free(error);
        (status, message)
    }
}

/// What a call that succeeds leaves in its place.
pub(crate) fn made<H>(call: impl FnOnce(*mut *mut H, *mut *mut Error) -> Status) -> *mut H {
    let mut handle = null_mut();
    let (status, message) = told(|error| call(&raw mut handle, error));
    assert_eq!((status, message.as_str()), (Status::JK_OK, "(none)"));
    assert!(!handle.is_null());
    handle
}

/// A call that succeeds.
pub(crate) fn done(call: impl FnOnce(*mut *mut Error) -> Status) {
    assert_eq!(told(call), (Status::JK_OK, "(none)".to_owned()));
}
