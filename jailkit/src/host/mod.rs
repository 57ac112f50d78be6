//! The host: the only thing in jailkit with effects.
//!
//! A [`Host`] is a file tree, a kernel, processes and a packet filter behind one seam. Two stand behind it: this
//! FreeBSD system, and a simulated one in a directory. What is above plans and decides; it does not know which host
//! it works on.

mod files;
mod includes;
mod jail_tree;
mod native;
mod remove_tree;
mod sim;

pub use files::{FileError, FileKind, Files, Stat};
pub use includes::Includes;
#[cfg(target_os = "freebsd")]
pub use native::NativeHost;
pub use native::{NativeFiles, Pfctl};
pub use sim::SimHost;

use std::path::{Path, PathBuf};

use crate::kernel::Kernel;
use crate::process::Processes;

/// A host and everything jailkit does to one.
pub trait Host: Send + Sync {
    /// What the host calls itself in messages: `this host`, `the simulated host in DIR`.
    fn describe(&self) -> String;

    /// Whether it is a simulated one, on which nothing is at stake.
    fn is_simulated(&self) -> bool;

    /// Whether this process may change it.
    ///
    /// # Errors
    /// [`RightsError`] where it may not.
    fn check_rights(&self) -> Result<(), RightsError>;

    /// Its files.
    fn files(&self) -> &dyn Files;

    /// Its kernel.
    fn kernel(&self) -> &dyn Kernel;

    /// The programs it runs, on the host and in jails.
    fn processes(&self) -> &dyn Processes;

    /// Its packet filter.
    fn packet_filter(&self) -> &dyn PacketFilter;
}

/// This process may not change the host.
#[derive(Debug, thiserror::Error)]
#[error("only root changes {host}; run jailkit as root, or try it out with --host sim")]
pub struct RightsError {
    /// The host, as [`Host::describe`] calls it.
    pub host: String,
}

/// pf(4) as pfctl(8) drives it.
pub trait PacketFilter: Send + Sync {
    /// Whether packets are filtered.
    ///
    /// # Errors
    /// [`PfError`] where pf cannot be asked.
    fn is_enabled(&self) -> Result<bool, PfError>;

    /// Begins to filter; no error where it already does.
    ///
    /// # Errors
    /// [`PfError`] with what pfctl(8) said.
    fn enable(&self) -> Result<(), PfError>;

    /// Stops filtering; no error where it already has.
    ///
    /// # Errors
    /// [`PfError`] with what pfctl(8) said.
    fn disable(&self) -> Result<(), PfError>;

    /// Replaces the rules by those of a file, in one transaction; states stay.
    ///
    /// # Errors
    /// [`PfError`] with what pfctl(8) said; the old rules stand.
    fn load(&self, rules: &Path) -> Result<(), PfError>;
}

/// The packet filter could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}: {reason}")]
pub struct PfError {
    /// What was asked, with the file it was about: `load /etc/pf.conf`.
    pub action: String,
    /// What was said.
    pub reason: String,
}

/// The path with which a jail's root directory `root` and a path that the jail sees make one of the host.
///
/// # Example
/// ```
/// use std::path::Path;
/// use jailkit::host::host_path;
/// assert_eq!(host_path(Path::new("/srv/jail/www/fs"), Path::new("/var/run")), Path::new("/srv/jail/www/fs/var/run"));
/// ```
pub fn host_path(root: &Path, in_jail: &Path) -> PathBuf {
    root.join(in_jail.strip_prefix("/").unwrap_or(in_jail))
}
