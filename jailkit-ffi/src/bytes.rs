//! FreeBSD's strings: bytes with a length, of no encoding.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::failure::Failure;

/// Bytes with their length. They may hold a NUL, and no NUL is behind them.
///
/// Given to a function they are read during the call only. Got from one they are the handle's that they were asked
/// of, and are there until that handle is changed or freed. NULL with length 0 are no bytes at all.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// Where the first byte is.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

impl Bytes {
    pub(crate) const NONE: Self = Self { data: std::ptr::null(), len: 0 };

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), len: bytes.len() }
    }

    pub(crate) fn is_none(self) -> bool {
        self.data.is_null()
    }

    /// The bytes themselves; `what` is what a message calls them.
    ///
    /// # Safety
    /// Where `data` is not NULL, `len` bytes are there for as long as the result is used.
    pub(crate) unsafe fn slice<'a>(self, what: &str) -> Result<&'a [u8], Failure> {
        if self.data.is_null() {
            return if self.len == 0 {
                Ok(&[])
            } else {
                Err(Failure::argument(format!("'{what}' is NULL and has a length of {}", self.len)))
            };
        }
        if self.len > isize::MAX as usize {
            return Err(Failure::argument(format!("'{what}' is longer than memory: {} bytes", self.len)));
        }
        // SAFETY: not NULL, of a length that memory can have, and there by the caller's word.
        Ok(unsafe { std::slice::from_raw_parts(self.data, self.len) })
    }

    /// The bytes as UTF-8.
    ///
    /// # Safety
    /// As for [`Bytes::slice`].
    pub(crate) unsafe fn str<'a>(self, what: &str) -> Result<&'a str, Failure> {
        // SAFETY: the caller's word, as for `slice`.
        let bytes = unsafe { self.slice(what) }?;
        std::str::from_utf8(bytes).map_err(|error| Failure::utf8(what, error.valid_up_to()))
    }

    /// The bytes as a path, which is not empty.
    ///
    /// # Safety
    /// As for [`Bytes::slice`].
    pub(crate) unsafe fn path<'a>(self, what: &str) -> Result<&'a Path, Failure> {
        // SAFETY: the caller's word, as for `slice`.
        let bytes = unsafe { self.slice(what) }?;
        match bytes {
            [] => Err(Failure::argument(format!("'{what}' is empty"))),
            bytes if bytes.contains(&0) => Err(Failure::argument(format!("'{what}' has a NUL in it"))),
            bytes => Ok(Path::new(OsStr::from_bytes(bytes))),
        }
    }

    /// A list of texts in UTF-8.
    ///
    /// # Safety
    /// As for [`list`], each as for [`Bytes::slice`].
    pub(crate) unsafe fn strs<'a>(first: *const Self, len: usize, what: &str) -> Result<Vec<&'a str>, Failure> {
        // SAFETY: the caller's word.
        let list = unsafe { list(first, len, what) }?;
        // SAFETY: the caller's word for each of them.
        list.iter().map(|bytes| unsafe { bytes.str(what) }).collect()
    }
}

/// A list that C gives by its first entry and its length.
///
/// # Safety
/// Where `first` is not NULL, `len` entries are there for as long as the result is used.
pub(crate) unsafe fn list<'a, T>(first: *const T, len: usize, what: &str) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(Failure::argument(format!("'{what}' is NULL and has a length of {len}")));
    }
    if !first.is_aligned() || len > isize::MAX as usize / size_of::<T>() {
        return Err(Failure::argument(format!("'{what}' is no list of {len}")));
    }
    // SAFETY: not NULL, aligned, of a length that memory can have, and there by the caller's word.
    Ok(unsafe { std::slice::from_raw_parts(first, len) })
}

impl Default for Bytes {
    fn default() -> Self {
        Self::NONE
    }
}
