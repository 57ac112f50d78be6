//! Access control lists, as archives carry them in `SCHILY.acl.access`, `.default` and `.ace`: those of POSIX.1e, and
//! on FreeBSD those of NFSv4 too.
//!
//! Names of users mean something to the system the archive was made on; only numbers are taken.

use std::fs::File;
use std::io;

use crate::base::error::Fault;

/// Which of its lists a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Who may do what (POSIX.1e).
    Access,
    /// What is made in a directory gets this (POSIX.1e).
    Default,
    /// Who may do what (NFSv4).
    Nfs4,
}

/// A list, as text with numbers for names, an entry a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acl {
    kind: Kind,
    lines: Vec<String>,
}

const MALFORMED: Fault = Fault::Header("an access control list is malformed");

impl Acl {
    /// Reads `user::rwx,user:www:r-x:80,group::r-x`; none where a user or group has a name alone.
    pub(super) fn parse(kind: Kind, text: &[u8]) -> Result<Option<Self>, Fault> {
        let text = str::from_utf8(text).map_err(|_| MALFORMED)?;
        if text.contains('\0') {
            return Err(MALFORMED);
        }
        let mut lines = Vec::new();
        for entry in text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty()) {
            let mut fields: Vec<&str> = entry.split(':').collect();
            // POSIX.1e: tag, who, what. NFSv4: tag, who (not for owner@ and its like), what, flags, type. Then the number.
            let special = kind == Kind::Nfs4 && fields[0].ends_with('@');
            let len = if kind == Kind::Nfs4 { 5 - usize::from(special) } else { 3 };
            if fields.len() < len || fields.len() > len + 1 {
                return Err(MALFORMED);
            }
            let number = (fields.len() > len).then(|| fields.pop()).flatten();
            if !special && !fields[1].is_empty() {
                let is_number = |text: &&str| text.parse::<u32>().is_ok();
                let Some(id) = number.filter(is_number).or(Some(fields[1]).filter(is_number)) else { return Ok(None) };
                fields[1] = id;
            }
            lines.push(fields.join(":"));
        }
        Ok(Some(Self { kind, lines }))
    }

    /// Gives an open file or directory the list; a file system without lists of this kind is left alone.
    pub(super) fn set(&self, file: &File) -> Result<(), Fault> {
        match self.apply(file) {
            Err(error) if error.kind() != io::ErrorKind::Unsupported => {
                Err(Fault::System { action: "set its access control list", source: error })
            }
            _ => Ok(()),
        }
    }

    #[cfg(target_os = "freebsd")]
    fn apply(&self, file: &File) -> io::Result<()> {
        use std::os::fd::AsFd;

        use crate::kernel::native::{AclType, acl_set_fd};

        let kind = match self.kind {
            Kind::Access => AclType::Access,
            Kind::Default => AclType::Default,
            Kind::Nfs4 => AclType::Nfs4,
        };
        let text = std::ffi::CString::new(self.lines.join("\n"))?;
        match acl_set_fd(file.as_fd(), &text, kind) {
            // Each file system has lists of one kind.
            Err(nix::errno::Errno::EINVAL) => Err(io::ErrorKind::Unsupported.into()),
            set => Ok(set?),
        }
    }

    /// Linux keeps them in extended attributes.
    #[cfg(target_os = "linux")]
    fn apply(&self, file: &File) -> io::Result<()> {
        use xattr::FileExt;

        let name = match self.kind {
            Kind::Access => "system.posix_acl_access",
            Kind::Default => "system.posix_acl_default",
            Kind::Nfs4 => return Err(io::ErrorKind::Unsupported.into()),
        };
        let value = self.linux().ok_or(io::ErrorKind::InvalidInput)?;
        file.set_xattr(name, &value)
    }

    #[cfg(not(any(target_os = "freebsd", target_os = "linux")))]
    fn apply(&self, _file: &File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Version 2, then tag, permissions and number of each entry, in order (acl(5) of Linux).
    #[cfg(target_os = "linux")]
    fn linux(&self) -> Option<Vec<u8>> {
        const NOBODY: u32 = u32::MAX;
        let mut entries = Vec::new();
        for line in &self.lines {
            let mut fields = line.split(':');
            let (tag, who, what) = (fields.next()?, fields.next()?, fields.next()?);
            let tag: u16 = match (tag, who.is_empty()) {
                ("user" | "u", true) => 0x01,
                ("user" | "u", false) => 0x02,
                ("group" | "g", true) => 0x04,
                ("group" | "g", false) => 0x08,
                ("mask" | "m", true) => 0x10,
                ("other" | "o", true) => 0x20,
                _ => return None,
            };
            let bit = |letter: char, bit: u16| if what.contains(letter) { bit } else { 0 };
            let id = if who.is_empty() { NOBODY } else { who.parse().ok()? };
            entries.push((tag, id, bit('r', 4) | bit('w', 2) | bit('x', 1)));
        }
        entries.sort_unstable();
        let mut value = 2_u32.to_le_bytes().to_vec();
        for (tag, id, what) in entries {
            value.extend_from_slice(&tag.to_le_bytes());
            value.extend_from_slice(&what.to_le_bytes());
            value.extend_from_slice(&id.to_le_bytes());
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_for_names() {
        let lines = |kind, text: &str| Acl::parse(kind, text.as_bytes()).unwrap().map(|acl| acl.lines.join(" "));
        for (kind, text, expected) in [
            (Kind::Access, "user::rwx,user:www:r-x:80,mask::rwx", Some("user::rwx user:80:r-x mask::rwx")),
            (Kind::Access, "user:80:r--", Some("user:80:r--")),
            (Kind::Access, "user:www:r--", None),
            (
                Kind::Nfs4,
                "owner@:rwxp--aARWcCos:-------:allow,user:www:r:-------:allow:80",
                Some("owner@:rwxp--aARWcCos:-------:allow user:80:r:-------:allow"),
            ),
        ] {
            assert_eq!(lines(kind, text).as_deref(), expected, "{text}");
        }
        for (kind, text) in [(Kind::Access, "user"), (Kind::Access, "a:b:c:d:e"), (Kind::Nfs4, "owner@:r")] {
            assert!(Acl::parse(kind, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_takes_them_in_order() {
        let text = b"other::r--,user:www:r-x:80,user::rwx,group::r-x,mask::rwx";
        let acl = Acl::parse(Kind::Access, text).unwrap().unwrap();
        let tags: Vec<u8> = acl.linux().unwrap()[4..].chunks_exact(8).map(|entry| entry[0]).collect();
        assert_eq!(tags, [1, 2, 4, 0x10, 0x20]);
    }
}
