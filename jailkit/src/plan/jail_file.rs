//! Files of a jail that jailkit writes from the host's.

use std::net::Ipv4Addr;
use std::path::Path;

use bstr::BString;
use serde::{Serialize, Serializer};

use super::desired::PORTS_DIRS;
use crate::rcconf::{Dialect, Settings};
use crate::resolvconf::without_loopback;
use crate::source::{Diagnostics, Source};

/// A file for a jail, as far as it can be known before the jail's own is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JailFile {
    /// `/etc/make.conf`: the jail's own, or else the host's, with the directories that a read-only ports tree needs.
    MakeConf {
        /// The host's.
        #[serde(serialize_with = "lossy")]
        host: BString,
    },
    /// `/etc/resolv.conf`: the host's, with a nameserver that the jail reaches.
    ResolvConf {
        /// What is written.
        #[serde(serialize_with = "lossy")]
        text: BString,
    },
}

fn lossy<S: Serializer>(text: &BString, serializer: S) -> Result<S::Ok, S::Error> {
    text.to_string().serialize(serializer)
}

impl JailFile {
    /// The resolv.conf for a jail of the host that has this one.
    pub(super) fn resolv_conf(host: &[u8], nameserver: Ipv4Addr) -> Self {
        Self::ResolvConf { text: without_loopback(host, nameserver.into()).into() }
    }

    /// The file, as the jail sees it.
    pub fn path(&self) -> &'static Path {
        Path::new(match self {
            Self::MakeConf { .. } => "/etc/make.conf",
            Self::ResolvConf { .. } => "/etc/resolv.conf",
        })
    }

    /// What is to be written where the jail has `current`; none where that is to stay. `is_ours` says that it is what
    /// jailkit wrote, unchanged.
    ///
    /// # Errors
    /// A make.conf that cannot be read.
    pub fn text(&self, current: Option<&[u8]>, is_ours: bool) -> Result<Option<Vec<u8>>, Diagnostics> {
        let wanted = match self {
            Self::ResolvConf { text } => match current {
                // The jail's administrator knows better.
                Some(_) if !is_ours => return Ok(None),
                _ => text.to_vec(),
            },
            Self::MakeConf { host } => {
                let text = current.unwrap_or(host);
                let mut settings = Settings::parse(&Source::new(self.path(), text), Dialect::Make)?;
                for (name, dir) in PORTS_DIRS {
                    if !settings.has(name) {
                        settings.set(name, dir);
                    }
                }
                settings.text().to_vec()
            }
        };
        Ok(if current == Some(&wanted) { None } else { Some(wanted) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;

    #[test]
    fn a_make_conf_keeps_what_the_jail_says_itself() {
        let file = JailFile::MakeConf { host: "CPUTYPE?=native\n".into() };
        let fresh = file.text(None, false).unwrap().unwrap();
        assert_eq!(
            fresh.as_bstr(),
            "CPUTYPE?=native\nWRKDIRPREFIX= /var/ports\nDISTDIR= /var/ports/distfiles\nPACKAGES= /var/ports/packages\n"
        );
        assert_eq!(file.text(Some(&fresh), true).unwrap(), None);
        let own = b"DISTDIR= /mine\n";
        let text = file.text(Some(own), false).unwrap().unwrap();
        assert!(text.starts_with(own) && !text.contains_str("DISTDIR= /var") && text.contains_str("PACKAGES="));
    }

    #[test]
    fn a_resolv_conf_is_written_until_the_jail_changes_it() {
        let file = JailFile::resolv_conf(b"nameserver ::1\n", Ipv4Addr::new(203, 0, 113, 10));
        assert_eq!(file.text(None, false).unwrap().unwrap().as_bstr(), "nameserver 203.0.113.10\n");
        assert_eq!(file.text(Some(b"nameserver 9.9.9.9\n"), false).unwrap(), None);
        assert!(file.text(Some(b"nameserver 192.0.2.1\n"), true).unwrap().is_some());
    }
}
