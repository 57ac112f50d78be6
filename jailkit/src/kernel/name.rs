//! What names a jail, and where it lies: types apart from other text, checked as `kern_jail_set` checks them.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::str::FromStr;

use bstr::{BStr, BString, ByteSlice};

use super::{Jid, Param, Value};

/// The most a jail's whole name takes, its NUL included (`MAXHOSTNAMELEN`).
const NAME_LEN: usize = 256;
/// The most a prison path takes, its NUL included (`MAXPATHLEN`).
const PATH_LEN: usize = 1024;

/// Why a name or a path is none that a jail can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing where a name, or a part of one, has to be.
    #[error("'{0}' has an empty part: a jail's name is NAME, or PARENT.NAME for a jail below another")]
    Empty(BString),
    /// A NUL, with which the kernel ends text.
    #[error("'{0}' has a NUL in it")]
    Nul(BString),
    /// It is longer than the kernel has room for.
    #[error("'{text}' takes {} bytes: there is room for {most}", .text.len())]
    Long {
        /// The name or the path.
        text: BString,
        /// How many bytes there is room for.
        most: usize,
    },
    /// A path that does not begin with a slash.
    #[error("'{0}' is not an absolute path")]
    Relative(BString),
}

/// A jail's name as its host sees it: bytes, the names of the jails above it before it, each with a dot.
///
/// # Example
/// ```
/// use jailkit::kernel::JailName;
/// let name: JailName = "db.replica".parse()?;
/// assert_eq!(name.last(), "replica");
/// assert_eq!(name.parent().as_deref(), Some("db".into()));
/// assert!("db..replica".parse::<JailName>().is_err());
/// # Ok::<(), jailkit::kernel::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "BString", into = "BString")]
pub struct JailName(BString);

/// A jail's root directory as its host sees it: an absolute path of bytes.
///
/// # Example
/// ```
/// use jailkit::kernel::PrisonPath;
/// let path = PrisonPath::new("/jails/www")?;
/// assert_eq!(path, "/jails/www");
/// assert!(PrisonPath::new("jails/www").is_err());
/// # Ok::<(), jailkit::kernel::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "BString", into = "BString")]
pub struct PrisonPath(BString);

fn checked(text: &[u8], most: usize) -> Result<BString, NameError> {
    let text = BString::from(text);
    match text {
        text if text.contains(&0) => Err(NameError::Nul(text)),
        text if text.len() >= most => Err(NameError::Long { text, most: most - 1 }),
        text => Ok(text),
    }
}

impl JailName {
    /// The name that these bytes are.
    ///
    /// # Errors
    /// [`NameError`] where the kernel would refuse it for any jail. A name that is a number is only the jail's of that
    /// jid; that shows when it is used.
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let name = checked(name.as_ref(), NAME_LEN)?;
        match name.split_str(".").any(<[u8]>::is_empty) {
            true => Err(NameError::Empty(name)),
            false => Ok(Self(name)),
        }
    }

    /// A name that the kernel itself has told.
    pub(crate) fn from_kernel(name: BString) -> Self {
        Self(name)
    }

    /// The names of the jails on the way down to it, its own the last.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &BStr> {
        self.0.split(|&byte| byte == b'.').map(BStr::new)
    }

    /// Its name as its parent sees it.
    pub fn last(&self) -> &BStr {
        self.parts().next_back().unwrap_or_default()
    }

    /// The whole name of its parent; none for a jail of the host itself.
    pub fn parent(&self) -> Option<Self> {
        self.0.rfind_byte(b'.').map(|dot| Self(self.0[..dot].into()))
    }
}

impl PrisonPath {
    /// The path that these bytes are.
    ///
    /// # Errors
    /// [`NameError`] where it is not absolute, too long, or has a NUL in it.
    pub fn new(path: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let path = checked(path.as_ref(), PATH_LEN)?;
        if path.starts_with(b"/") { Ok(Self(path)) } else { Err(NameError::Relative(path)) }
    }

    /// A path that the kernel itself has told.
    pub(crate) fn from_kernel(path: BString) -> Self {
        Self(path)
    }

    /// It as a path of the host.
    pub fn as_path(&self) -> &Path {
        use std::os::unix::ffi::OsStrExt;
        Path::new(std::ffi::OsStr::from_bytes(&self.0))
    }
}

/// A name or a path is text to whoever reads it, and compared with text.
macro_rules! reads_as_text {
    ($($name:ident)*) => {$(
        impl Deref for $name {
            type Target = BStr;

            fn deref(&self) -> &BStr {
                self.0.as_bstr()
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<BString> for $name {
            type Error = NameError;

            fn try_from(text: BString) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for BString {
            fn from(named: $name) -> Self {
                named.0
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

reads_as_text!(JailName PrisonPath);

impl From<Jid> for Param {
    /// The key or parameter `jid`.
    fn from(jid: Jid) -> Self {
        Self::new("jid", Value::Int(jid.0))
    }
}

impl From<JailName> for Param {
    /// The key or parameter `name`.
    fn from(name: JailName) -> Self {
        Self::new("name", Value::String(name.0.into()))
    }
}

impl From<PrisonPath> for Param {
    /// The parameter `path`.
    fn from(path: PrisonPath) -> Self {
        Self::new("path", Value::String(path.0.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_jail_can_have_is_refused_by_name() {
        let long = "x".repeat(256);
        for (name, reason) in [
            ("", "has an empty part"),
            (".www", "has an empty part"),
            ("www.", "has an empty part"),
            ("a..b", "has an empty part"),
            ("a\0b", "has a NUL in it"),
            (&long, "takes 256 bytes: there is room for 255"),
        ] {
            let error = JailName::new(name).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(JailName::new(&long[1..]).is_ok());
        assert!(JailName::new(b"caf\xe9").is_ok());
        for (path, reason) in [("", "not an absolute path"), ("jails", "not an absolute path"), ("/a\0", "a NUL")] {
            let error = PrisonPath::new(path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(PrisonPath::new("/".repeat(1024)).is_err());
    }

    #[test]
    fn a_name_tells_its_family() {
        let name = JailName::new("a.b.c").unwrap();
        assert_eq!(name.parts().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((name.last(), name.parent().unwrap().to_string()), ("c".into(), "a.b".to_owned()));
        assert_eq!(JailName::new("a").unwrap().parent(), None);
    }
}
