//! The release whose kernel is simulated, and what differs between releases.
//!
//! | rule | until | from | source |
//! |---|---|---|---|
//! | nmount(2) turns `ENOENT` and `ENODEV` into `EINVAL` with `Invalid fstype` | 13 | 14: as they are | recorded on 13.2; vfs_donmount |
//! | a nullfs may show a file on a file | 13: `ENOTDIR` | 14 | vfs_domount_first, nullfs_mount |
//! | `JAIL_DYING` lets jail_set(2) revive a dying jail | 14 | 15: a dying jail stays dead | kern_jail_set |
//! | a jid that a dying jail has | 14: `already exists` | 15: the dying jail is given another jid | kern_jail_set |
//! | a jail changed by its jid | 14: measured by its parent | 15: measured by the caller's prison, whose name comes before its new one | kern_jail_set |
//! | a caller without privileges | 14: `EPERM` before all else | 15: after `no valid operation` | kern_jail_set |
//! | `allow.unprivileged_parent_tampering` | | 15: as `allow.unprivileged_proc_debug`, may be had where the parent has it not; the host has it not | `PR_ALLOW_DIFFERENCES` in jail.h |
//! | `zfs`, `zfs.mount_snapshot` with the module zfs | 13: none | 14 | zfs_vfsops.c |
//! | `security.jail.children.{cur,max}`, `security.jail.mlock_allowed` | 14: none | 15 | kern_jail.c |
//! | text kept with a jail | 14: none | 15: `meta`, `env`, `meta.KEY`, `env.KEY` | kern_jailmeta.c |
//! | `linux.osrelease` of the host | 13: 3.17.0; 14: 4.4.0 | 15: 5.15.0 | linux_mib.h |
//! | jail descriptors | 14: none | 15: `JAIL_GET_DESC`, jail_attach_jd(2), jail_remove_jd(2) | kern_jaildesc.c |
//! | parameters | 13.2's list | 14: `allow.nfsd`; 15: `allow.extattr`, `allow.adjtime`, `allow.settime`, `allow.routing`, `allow.setaudit`, `allow.unprivileged_parent_tampering` | pr_flag_allow |

use std::fmt;
use std::str::FromStr;

use super::param::ALLOW;

/// A FreeBSD release: `13.2`. A major number alone means its newest release that the simulated kernel knows.
///
/// # Example
/// ```
/// use jailkit::kernel::sim::Release;
/// let release: Release = "13".parse()?;
/// assert_eq!(release.to_string(), "13.5");
/// assert!(release < Release::default());
/// # Ok::<(), jailkit::kernel::sim::UnknownRelease>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Release {
    major: u8,
    minor: u8,
}

/// A release that the simulated kernel does not model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated kernel models FreeBSD 13.0 to 15.0, not '{0}'")]
pub struct UnknownRelease(String);

/// The newest minor release of each major one.
const NEWEST: &[(u8, u8)] = &[(13, 5), (14, 3), (15, 0)];

impl Default for Release {
    fn default() -> Self {
        Self { major: 15, minor: 0 }
    }
}

impl Release {
    /// `kern.osreldate` (`__FreeBSD_version` of the release).
    pub(super) fn osreldate(self) -> i32 {
        let patch = match (self.major, self.minor) {
            (13, 2) => 1,
            (15, 0) => 68,
            _ => 0,
        };
        i32::from(self.major) * 100_000 + i32::from(self.minor) * 1_000 + patch
    }

    /// Whether this release, or an earlier one, has what came with the major release `major`.
    pub(super) fn has(self, major: u8) -> bool {
        self.major >= major
    }

    /// Whether `JAIL_DYING` lets jail_set(2) change a dying jail, which may live again by that.
    pub(super) fn revives(self) -> bool {
        !self.has(15)
    }

    /// The bits of every `allow.` parameter that the host of this release has.
    pub(super) fn allow_all(self) -> u64 {
        let known = ALLOW
            .iter()
            .enumerate()
            .filter(|(_, allow)| self.has(allow.since) && allow.name != "allow.unprivileged_parent_tampering");
        known.fold(0, |bits, (bit, _)| bits | 1 << bit)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownRelease(text.to_owned());
        let number = |text: &str| text.parse().map_err(|_| unknown());
        let (major, minor) = match text.split_once('.') {
            Some((major, minor)) => (number(major)?, Some(number(minor)?)),
            None => (number(text)?, None),
        };
        let &(_, newest) = NEWEST.iter().find(|(known, _)| *known == major).ok_or_else(unknown)?;
        match minor.unwrap_or(newest) {
            minor if minor <= newest => Ok(Self { major, minor }),
            _ => Err(unknown()),
        }
    }
}
