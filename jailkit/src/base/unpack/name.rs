//! Names in an archive, and which of them stay in the tree.

use crate::base::error::Fault;

/// FreeBSD's PATH_MAX has 1024 bytes with the NUL.
const MOST: usize = 1023;

/// A path in the tree, its parts joined by single slashes; empty for the top.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TreePath(Vec<u8>);

impl TreePath {
    /// The path an archive means by `name`: `./bin/sh`, `bin//sh` and `bin/sh/` are `bin/sh`.
    ///
    /// # Errors
    /// Where the name is none, or is meant to lead out of the tree.
    pub(super) fn new(name: &[u8]) -> Result<Self, Fault> {
        if name.is_empty() || name.len() > MOST {
            return Err(Fault::NameLength(name.len()));
        }
        if name.iter().any(|byte| matches!(byte, 0 | b'\n')) {
            return Err(Fault::Control);
        }
        if name[0] == b'/' {
            return Err(Fault::Absolute);
        }
        let mut path = Vec::with_capacity(name.len());
        for part in name.split(|&byte| byte == b'/') {
            match part {
                b"" | b"." => continue,
                b".." => return Err(Fault::Parent),
                _ => {}
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(part);
        }
        Ok(Self(path))
    }

    /// The bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its directory and its name there; none for the top.
    pub(super) fn split(&self) -> Option<(&[u8], &[u8])> {
        if self.0.is_empty() {
            return None;
        }
        Some(match self.0.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (&self.0[..at], &self.0[at + 1..]),
            None => (b"", &self.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_one() {
        for name in ["bin/sh", "./bin/sh", "bin//./sh", "bin/sh/", ".//bin/sh/."] {
            assert_eq!(TreePath::new(name.as_bytes()).unwrap().as_bytes(), b"bin/sh", "{name}");
        }
        assert_eq!(TreePath::new(b"./").unwrap().split(), None);
        assert_eq!(TreePath::new(b"./bin").unwrap().split(), Some((&b""[..], &b"bin"[..])));
        assert_eq!(TreePath::new(b"usr/bin/..a").unwrap().split(), Some((&b"usr/bin"[..], &b"..a"[..])));
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        for (name, fault) in [
            (&b"/etc/passwd"[..], "an absolute name; names in an archive start at its top"),
            (b"..", "a name with '..' in it"),
            (b"a/../../b", "a name with '..' in it"),
            (b"./a/..", "a name with '..' in it"),
            (b"a\0b", "a name with a NUL or a newline in it"),
            (b"a\nb", "a name with a NUL or a newline in it"),
            (b"", "a name of 0 bytes; 1 to 1023 are possible"),
            (&[b'a'; 1024], "a name of 1024 bytes; 1 to 1023 are possible"),
        ] {
            assert_eq!(TreePath::new(name).unwrap_err().to_string(), fault, "{name:?}");
        }
    }
}
