//! What library this is.

use crate::bytes::Bytes;

/// The number of the ABI that this header describes; the soname ends with it.
pub const JK_ABI_VERSION: u32 = 0;

/// The number of the ABI of the library that runs. A program that finds another number than its `JK_ABI_VERSION` has
/// been built for another library.
#[unsafe(no_mangle)]
pub extern "C" fn jk_abi_version() -> u32 {
    JK_ABI_VERSION
}

/// The version of jailkit, such as `0.1.0`. The bytes are there as long as the library is.
#[unsafe(no_mangle)]
pub extern "C" fn jk_version() -> Bytes {
    Bytes::of(env!("CARGO_PKG_VERSION").as_bytes())
}
