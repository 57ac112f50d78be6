//! Clearing away what a killed run left half written.

use std::collections::BTreeSet;
use std::path::Path;

use crate::host::{FileError, Host};
use crate::journal::{Claim, Journal, STATE_DIR};

/// Removes jailkit's temporary files beside everything that is claimed. The lock says that none of them is in use.
pub(super) fn sweep(host: &dyn Host, journal: &Journal) -> Result<(), FileError> {
    let mut dirs = BTreeSet::from([Path::new(STATE_DIR)]);
    for claim in journal.claims() {
        let path = match claim {
            Claim::Dir { path, .. } | Claim::Tree { path, .. } => path,
            Claim::File(file) => &file.path,
            // Files in a jail are written under a name that the next try finds.
            _ => continue,
        };
        dirs.extend(path.parent());
    }
    dirs.into_iter().try_for_each(|dir| host.files().sweep(dir))
}
