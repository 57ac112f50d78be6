//! Thin jails: one base system that all of them see read-only, and what each has of its own mounted over it.
//!
//! The parts that a jail changes are mounted where they belong with nullfs(4), so that no path of the base system
//! changes: a relative link such as `/etc/rmt` still leads where it should.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::name::TreePath;
use crate::fstab::Entry;

/// What a jail has of its own.
const OWN: [&str; 7] = ["etc", "home", "root", "tmp", "usr/home", "usr/local", "var"];

/// Which part of a thin jail a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The same for all jails.
    Shared,
    /// Where a part of the jail's own is mounted, if it is a directory.
    Mount,
    /// The jail's own.
    Own,
}

pub(super) fn part_of(path: &TreePath) -> Part {
    let path = Path::new(OsStr::from_bytes(path.as_bytes()));
    let found = OWN.iter().find(|own| path.starts_with(own));
    found.map_or(Part::Shared, |own| if path == Path::new(own) { Part::Mount } else { Part::Own })
}

/// A thin jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThinJail<'a> {
    /// The base system it shares: the first target of a thin extraction.
    pub shared: &'a Path,
    /// What it has of its own: another target of it.
    pub own: &'a Path,
    /// Its root directory, an empty directory outside the two.
    pub root: &'a Path,
}

/// The mounts that make a jail's root directory of what it shares and what is its own, in their order: the lines of
/// its fstab(5).
///
/// # Example
/// ```
/// use std::path::Path;
/// use jailkit::base::{ThinJail, thin_mounts};
///
/// let [shared, own, root] = ["/srv/base/14.2", "/srv/jail/www/own", "/srv/jail/www/fs"].map(Path::new);
/// // Only directories that are there are mounted.
/// let lines = thin_mounts(&ThinJail { shared, own, root });
/// assert_eq!(lines[0].line(), b"/srv/base/14.2\t/srv/jail/www/fs\tnullfs\tro\t0\t0\n");
/// ```
pub fn thin_mounts(jail: &ThinJail<'_>) -> Vec<Entry> {
    let is_dir = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_dir());
    let own = OWN.iter().filter(|own| is_dir(&jail.shared.join(own)) && is_dir(&jail.own.join(own)));
    let own = own.map(|own| Entry::nullfs(jail.own.join(own), jail.root.join(own), "rw"));
    std::iter::once(Entry::nullfs(jail.shared, jail.root, "ro")).chain(own).collect()
}
