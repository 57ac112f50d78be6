//! How jail(8) reads a line of a `mount.fstab` file, or a value of `mount`: `usr.sbin/jail/{config,command}.c`.

use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};

use super::options::MountOptions;
use super::vis;

/// A mount as jail(8) hands it to mount(8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JailMount {
    /// What is mounted, escapes undone.
    pub spec: BString,
    /// Where, escapes undone.
    pub file: BString,
    /// The type of the file system.
    pub vfstype: BString,
    /// The options, between commas; empty where there are none.
    pub mntops: BString,
}

/// A line that keeps jail(8) from starting the jail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JailMountError {
    /// There are fewer than three fields.
    #[error("missing information: it takes what, where, and the type at least")]
    Missing,
    /// An escape in a name means nothing to strunvis(3).
    #[error("an escape that cannot be read")]
    Escape,
}

/// What jail(8) takes for blanks: strtok(3) with `" \t\f\v\r\n"`.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c' | '\x0b' | '\r' | '\n')
}

impl JailMount {
    /// Reads a value of the parameter `mount`; none where it is blank.
    ///
    /// # Errors
    /// [`JailMountError`] where jail(8) would not start the jail.
    ///
    /// # Example
    /// ```
    /// use jailkit::fstab::JailMount;
    /// let mount = JailMount::read(b"/home/my\\040files  /srv/jail/www/home nullfs ro").unwrap().unwrap();
    /// assert_eq!(mount.spec, "/home/my files");
    /// assert!(mount.options().is_read_only());
    /// assert!(JailMount::read(b"/home /srv/jail/www/home").is_err());
    /// ```
    pub fn read(value: &[u8]) -> Result<Option<Self>, JailMountError> {
        // A string of C ends at a NUL.
        let value = &value[..memchr::memchr(0, value).unwrap_or(value.len())];
        let mut fields = value.fields_with(is_blank);
        let Some(spec) = fields.next() else { return Ok(None) };
        let decoded = |field| vis::decode(field).map(BString::from).ok_or(JailMountError::Escape);
        let spec = decoded(spec)?;
        let file = decoded(fields.next().ok_or(JailMountError::Missing)?)?;
        let vfstype = fields.next().ok_or(JailMountError::Missing)?.into();
        Ok(Some(Self { spec, file, vfstype, mntops: fields.next().unwrap_or_default().into() }))
    }

    /// Reads a line of a file; none where it is blank or a comment.
    pub(super) fn read_line(line: &[u8]) -> Result<Option<Self>, JailMountError> {
        Self::read(&line[..memchr::memchr(b'#', line).unwrap_or(line.len())])
    }

    /// The options one by one.
    pub fn options(&self) -> MountOptions<'_> {
        MountOptions::new(&self.mntops)
    }
}
