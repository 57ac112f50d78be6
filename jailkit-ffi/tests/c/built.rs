//! Where cargo has put the libraries that these tests are about.

use std::path::PathBuf;

/// The folder with the libraries: the tests' own, or the one above.
pub(crate) fn directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let found = test.ancestors().skip(1).find(|dir| dir.join("libjailkit_ffi.so").exists());
    found.unwrap_or_else(|| panic!("no libjailkit_ffi.so beside {}", test.display())).to_owned()
}

/// The shared library.
pub(crate) fn shared_library() -> PathBuf {
    directory().join("libjailkit_ffi.so")
}
