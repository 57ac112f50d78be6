//! A list of strings that a call has made, and that is the caller's.

use bstr::BString;

use crate::bytes::Bytes;
use crate::guard;
use crate::handle::{self, Handle, Kind};

/// A list of strings.
pub struct Strings {
    _opaque: (),
}

impl Handle for Strings {
    const KIND: Kind = Kind::Strings;
    const NAME: &'static str = "jk_strings";
    type Value = Vec<BString>;
}

/// How many strings there are; 0 for NULL.
///
/// # Safety
/// `strings` is NULL or a list of strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_strings_len(strings: *const Strings) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(strings) }.map(Vec::len))
}

/// The string of a number, from 0; nothing where there is none.
///
/// The bytes are the list's.
///
/// # Safety
/// `strings` is NULL or a list of strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_strings_get(strings: *const Strings, index: usize) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(strings) }?.get(index).map(|text| Bytes::of(text)))
}

/// Frees a list of strings. NULL is fine.
///
/// # Safety
/// `strings` is NULL or a list of strings, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_strings_free(strings: *mut Strings) {
    // SAFETY: as the section above says.
    unsafe { handle::free(strings) };
}
