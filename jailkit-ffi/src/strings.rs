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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    /// Under Miri this holds that no byte is read which is not the list's, and that all of it is freed.
    #[test]
    fn a_list_is_read_and_freed_by_its_own_handle_only() {
        let list = handle::new::<Strings>(vec!["one".into(), "two\0three".into()]);
        // SAFETY: `list` is a handle that is freed once, at the end; freeing it as another kind leaves it alone.
        unsafe {
            assert_eq!(jk_strings_len(list), 2);
            assert_eq!(jk_strings_get(list, 1).slice("text").ok(), Some(&b"two\0three"[..]));
            assert!(jk_strings_get(list, 2).is_none());
            let other = list.cast::<Text>();
            assert!(handle::peek(other).is_none() && handle::get_mut(other, "text").is_err());
            handle::free(other);
            handle::get_mut(list, "list").ok().unwrap().push("four".into());
            assert_eq!(jk_strings_len(list), 3);
            jk_strings_free(list);
            jk_strings_free(std::ptr::null_mut());
            assert_eq!(jk_strings_len(std::ptr::null()), 0);
        }
    }

    #[test]
    fn a_place_holds_null_until_there_is_a_handle() {
        let mut at = std::ptr::dangling_mut::<Strings>();
        // SAFETY: `at` is a place, and the handle that it gets is freed once.
        unsafe {
            let place = handle::place(&raw mut at, "at").ok().unwrap();
            assert!(at.is_null());
            place.put(handle::new::<Strings>(Vec::new()));
            assert_eq!(jk_strings_len(at), 0);
            jk_strings_free(at);
            assert!(handle::place::<Strings>(std::ptr::null_mut(), "at").is_err());
        }
    }
}
