//! A look at an archive before anything is made of it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256 as Sha256Digest};

use super::{BaseError, Expect, Sha256};

/// Reads a file and compares its digest with the expected one; nothing is unpacked.
///
/// # Errors
/// [`BaseError::File`] where it cannot be read, [`BaseError::Digest`] where it is another one.
pub fn check_digest(archive: &Path, expect: Expect) -> Result<(), BaseError> {
    let mut file = File::open(archive).map_err(BaseError::file("open", archive))?;
    let mut digest = Digester(Sha256Digest::new());
    io::copy(&mut file, &mut digest).map_err(BaseError::file("read", archive))?;
    let found = Sha256(digest.0.finalize().into());
    match expect.sha256 {
        Some(expected) if expected != found => Err(BaseError::Digest { archive: archive.to_owned(), expected, found }),
        _ => Ok(()),
    }
}

struct Digester(Sha256Digest);

impl Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
