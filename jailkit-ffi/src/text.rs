//! Text that a call has made, and that is the caller's.

use crate::bytes::Bytes;
use crate::guard;
use crate::handle::{self, Handle, Kind};

/// Text that a call has made.
pub struct Text {
    _opaque: (),
}

impl Handle for Text {
    const KIND: Kind = Kind::Text;
    const NAME: &'static str = "jk_text";
    type Value = Vec<u8>;
}

/// The bytes of a text; nothing for NULL.
///
/// The bytes are the text's.
///
/// # Safety
/// `text` is NULL or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_text_bytes(text: *const Text) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(text) }.map(|text| Bytes::of(text)))
}

/// Frees a text. NULL is fine.
///
/// # Safety
/// `text` is NULL or a text, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_text_free(text: *mut Text) {
    // SAFETY: as the section above says.
    unsafe { handle::free(text) };
}
