//! The file calls that a process of the simulated host makes: mkdir(2), rmdir(2), open(2), unlink(2), symlink(2).

use std::fs;
use std::path::Path;

use super::devfs;
use super::namei::{self, Located};
use super::{Refusal, SimKernel, State};
use crate::kernel::Errno;

impl SimKernel {
    fn on_file<T>(
        &self,
        path: &Path,
        follow: bool,
        act: impl FnOnce(&mut State, Located) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let acted = self.change(|state| {
            let found = namei::locate(state, &self.view(state)?, path, follow)?;
            act(state, found).map_err(Refusal::from)
        });
        acted.map_err(|refusal| refusal.errno)
    }

    /// mkdir(2)
    pub(crate) fn make_dir(&self, path: &Path) -> Result<(), Errno> {
        self.on_file(path, false, |state, found| create(state, &found, Makes::Node, |real| fs::create_dir(real)))
    }

    /// rmdir(2)
    pub(crate) fn remove_dir(&self, path: &Path) -> Result<(), Errno> {
        self.on_file(path, false, |state, found| {
            if is_mount_point(state, &found) {
                return Err(Errno::EBUSY);
            }
            removable(state, &found)?;
            if found.real.symlink_metadata().is_ok_and(|real| !real.is_dir()) {
                return Err(Errno::ENOTDIR);
            }
            fs::remove_dir(&found.real).map_err(|error| namei::errno(&error))
        })
    }

    /// open(2) with `O_CREAT | O_WRONLY`
    pub(crate) fn touch(&self, path: &Path) -> Result<(), Errno> {
        self.on_file(path, true, |state, found| {
            if found.real.is_dir() {
                return Err(Errno::EISDIR);
            }
            writable(&found)?;
            if found.real.symlink_metadata().is_err() {
                may_make(state, &found, Makes::Node)?;
            }
            let opened = fs::File::options().create(true).truncate(false).write(true).open(&found.real);
            opened.map(drop).map_err(|error| namei::errno(&error))
        })
    }

    /// unlink(2)
    pub(crate) fn remove_file(&self, path: &Path) -> Result<(), Errno> {
        self.on_file(path, false, |state, found| {
            if !is_mount_point(state, &found) {
                removable(state, &found)?;
            }
            if found.real.symlink_metadata().is_ok_and(|real| real.is_dir()) {
                return Err(Errno::EPERM);
            }
            if devfs::remove(state, &found.place) {
                return Ok(());
            }
            fs::remove_file(&found.real).map_err(|error| namei::errno(&error))
        })
    }

    /// symlink(2)
    pub(crate) fn link(&self, target: &Path, path: &Path) -> Result<(), Errno> {
        self.on_file(path, false, |state, found| {
            create(state, &found, Makes::Link, |real| std::os::unix::fs::symlink(target, real))
        })
    }
}

/// What is made anew.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Makes {
    /// A file or a directory.
    Node,
    Link,
}

fn create(
    state: &State,
    found: &Located,
    makes: Makes,
    make: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<(), Errno> {
    if found.real.symlink_metadata().is_ok() {
        return Err(Errno::EEXIST);
    }
    writable(found)?;
    may_make(state, found, makes)?;
    make(&found.real).map_err(|error| namei::errno(&error))
}

/// What a file system lets nobody make: in a devfs all but links, in those of processes everything.
fn may_make(state: &State, found: &Located, makes: Makes) -> Result<(), Errno> {
    let Some(mounted) = state.showing(found.place.mount) else { return Ok(()) };
    match mounted.mount.fstype.as_str() {
        "devfs" if makes == Makes::Node => Err(Errno::EOPNOTSUPP),
        "fdescfs" | "linprocfs" | "linsysfs" | "procfs" => Err(Errno::ENOENT),
        _ => Ok(()),
    }
}

fn writable(found: &Located) -> Result<(), Errno> {
    if found.read_only { Err(Errno::EROFS) } else { Ok(()) }
}

/// A name is looked up with the wish to remove it: a read-only nullfs refuses that whether it is there or not, other
/// file systems where it is there.
fn removable(state: &State, found: &Located) -> Result<(), Errno> {
    let is_nullfs = state.mounted(found.place.mount).is_some_and(|mounted| mounted.lower.is_some());
    if !is_nullfs && found.real.symlink_metadata().is_err() {
        return Err(Errno::ENOENT);
    }
    writable(found)
}

/// Whether something is mounted here: then this is its root directory.
fn is_mount_point(state: &State, found: &Located) -> bool {
    state.mounted(found.place.mount).is_some_and(|mounted| mounted.backing == found.place.at)
}
