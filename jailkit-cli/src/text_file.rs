//! What the commands on single files share: errors that name the file, and bytes as JSON.

use std::io;
use std::path::Path;

use serde::{Serialize, Serializer};

/// The error of reading a file, with its name.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))
}

/// Bytes as JSON: a string where they are UTF-8, else an array of their values.
pub(crate) struct JsonBytes<'a>(pub(crate) &'a [u8]);

impl Serialize for JsonBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => self.0.serialize(serializer),
        }
    }
}
