//! Rulesets of devfs(8), which say what devices a devfs shows.

use std::fmt;

/// A ruleset of devfs(8), by its number.
///
/// # Example
/// ```
/// use jailkit::kernel::{DevfsRuleset, Kernel, sim::SimKernel};
/// let host = tempfile::tempdir()?;
/// let kernel = SimKernel::open(host.path())?;
/// let loaded = kernel.devfs_rulesets().unwrap();
/// assert!(loaded.contains(&DevfsRuleset::JAIL) && !loaded.contains(&DevfsRuleset(99)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct DevfsRuleset(pub u16);

impl DevfsRuleset {
    /// No ruleset: every device is shown.
    pub const NONE: Self = Self(0);
    /// `devfsrules_jail` of `/etc/defaults/devfs.rules`: what a jail needs and no more.
    pub const JAIL: Self = Self(4);
}

impl fmt::Display for DevfsRuleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
