//! The file calls that a process of the simulated host makes: mkdir(2), rmdir(2), open(2), unlink(2), symlink(2).
//!
//! Source: kern_mkdirat, kern_frmdirat, kern_funlinkat and kern_symlinkat in `sys/kern/vfs_syscalls.c`, lookup in
//! `sys/kern/vfs_lookup.c`, and the look-up of each file system.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::devfs;
use super::namei::{self, Located};
use super::unionfs;
use super::{Refusal, SimKernel, State};
use crate::kernel::Errno;

/// What a path is looked up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Open,
    MakeDir,
    MakeLink,
    Unlink,
    RemoveDir,
}

impl For {
    fn removes(self) -> bool {
        matches!(self, Self::Unlink | Self::RemoveDir)
    }
}

impl SimKernel {
    fn on_file<T>(
        &self,
        path: &Path,
        what: For,
        act: impl FnOnce(&mut State, &Located) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let acted = self.change(|state| {
            let text = path.as_os_str().as_bytes();
            let plain = text.iter().rposition(|&byte| byte != b'/').map_or(&[][..], |last| &text[..=last]);
            let last = plain.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            let names_dir = plain.len() < text.len() || last == b".";
            let found = namei::locate(state, &self.view(state)?, path, what == For::Open || names_dir)?;
            if plain.is_empty() {
                return Err(Errno::EISDIR.into());
            }
            if what.removes() && last == b".." || what == For::RemoveDir && last == b"." {
                return Err(Errno::EINVAL.into());
            }
            if names_dir {
                match found.real.symlink_metadata() {
                    Ok(real) if !real.is_dir() => return Err(Errno::ENOTDIR.into()),
                    Err(_) if what != For::MakeDir || last == b"." => return Err(Errno::ENOENT.into()),
                    _ => {}
                }
            }
            act(state, &found).map_err(Refusal::from)
        });
        acted.map_err(|refusal| refusal.errno)
    }

    /// mkdir(2)
    pub(crate) fn make_dir(&self, path: &Path) -> Result<(), Errno> {
        self.on_file(path, For::MakeDir, |state, found| {
            self.make(state, found, For::MakeDir, |real| fs::create_dir(real))
        })
    }

    /// rmdir(2)
    pub(crate) fn remove_dir(&self, path: &Path) -> Result<(), Errno> {
        self.on_file(path, For::RemoveDir, |state, found| {
            removable(state, found)?;
            if found.real.symlink_metadata().is_ok_and(|real| !real.is_dir()) {
                return Err(Errno::ENOTDIR);
            }
            // Something is mounted here, whose root directory this is.
            if state.rooted_at(&found.place).is_some() {
                return Err(Errno::EBUSY);
            }
            if devfs::device(state, &found.place).is_some() {
                return Err(Errno::EOPNOTSUPP);
            }
            if unionfs::is_in(state, &found.place) {
                if !unionfs::is_empty(state, self.root(), &found.place) {
                    return Err(Errno::ENOTEMPTY);
                }
                return self.remove_layered(state, found, |real| fs::remove_dir(real));
            }
            self.take_away(state, found, |real| fs::remove_dir(real))
        })
    }

    /// open(2) with `O_CREAT | O_WRONLY`
    pub(crate) fn touch(&self, path: &Path) -> Result<(), Errno> {
        self.on_file(path, For::Open, |state, found| {
            if found.real.is_dir() {
                return Err(Errno::EISDIR);
            }
            if devfs::device(state, &found.place).is_some() {
                return Ok(());
            }
            let open = |real: &Path| fs::File::options().create(true).truncate(false).write(true).open(real).map(drop);
            if found.real.symlink_metadata().is_err() {
                return self.make(state, found, For::Open, open);
            }
            writable(found)?;
            let real = unionfs::raise(state, self.root(), &found.place);
            real.and_then(|real| open(&real)).map_err(|error| namei::errno(&error))
        })
    }

    /// unlink(2)
    pub(crate) fn remove_file(&self, path: &Path) -> Result<(), Errno> {
        self.on_file(path, For::Unlink, |state, found| {
            removable(state, found)?;
            if found.real.symlink_metadata().is_ok_and(|real| real.is_dir()) {
                return Err(Errno::EPERM);
            }
            // Something is mounted here, whose root directory this is.
            if state.rooted_at(&found.place).is_some() {
                return Err(Errno::EBUSY);
            }
            if devfs::remove(state, &found.place) {
                return Ok(());
            }
            if unionfs::is_in(state, &found.place) {
                return self.remove_layered(state, found, |real| fs::remove_file(real));
            }
            self.take_away(state, found, |real| fs::remove_file(real))
        })
    }

    /// symlink(2)
    pub(crate) fn link(&self, target: &Path, path: &Path) -> Result<(), Errno> {
        self.on_file(path, For::MakeLink, |state, found| {
            self.make(state, found, For::MakeLink, |real| std::os::unix::fs::symlink(target, real))
        })
    }

    fn make(
        &self,
        state: &mut State,
        found: &Located,
        what: For,
        make: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Errno> {
        // A unionfs that is read-only does not even look.
        if unionfs::is_in(state, &found.place) {
            writable(found)?;
        }
        if found.real.symlink_metadata().is_ok() {
            return Err(Errno::EEXIST);
        }
        may_make(state, found, what)?;
        writable(found)?;
        let real = unionfs::raise(state, self.root(), &found.place);
        real.and_then(|real| make(&real)).map_err(|error| namei::errno(&error))?;
        unionfs::made(state, &found.place, what == For::MakeDir);
        Ok(())
    }

    fn take_away(
        &self,
        state: &mut State,
        found: &Located,
        remove: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Errno> {
        remove(&found.real).map_err(|error| namei::errno(&error))?;
        unionfs::unlinked(state, &found.place);
        Ok(())
    }

    /// Removes a name of a unionfs: what the upper directory has of it, and what the lower one shows.
    fn remove_layered(
        &self,
        state: &mut State,
        found: &Located,
        remove: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Errno> {
        let above = unionfs::raise(state, self.root(), &found.place).map_err(|error| namei::errno(&error))?;
        if above.symlink_metadata().is_ok() {
            remove(&above).map_err(|error| namei::errno(&error))?;
        }
        unionfs::removed(state, self.root(), &found.place);
        Ok(())
    }
}

/// What a file system lets nobody make: in a devfs all but links, among processes everything.
fn may_make(state: &State, found: &Located, what: For) -> Result<(), Errno> {
    let Some(mounted) = state.showing(found.place.mount) else { return Ok(()) };
    match mounted.mount.fstype.as_str() {
        "devfs" if what != For::MakeLink => writable(found).and(Err(Errno::EOPNOTSUPP)),
        "fdescfs" | "linprocfs" | "linsysfs" | "procfs" => Err(Errno::ENOENT),
        _ => Ok(()),
    }
}

fn writable(found: &Located) -> Result<(), Errno> {
    if found.read_only { Err(Errno::EROFS) } else { Ok(()) }
}

/// The mount that the directory of a name is on, which is another one where something is mounted on the name.
fn mount_of_name(state: &State, found: &Located) -> u32 {
    let mut place = &found.place;
    while let Some(covered) = state.rooted_at(place).and_then(|mounted| mounted.covers.as_ref()) {
        place = covered;
    }
    place.mount
}

/// A name is looked up with the wish to remove it: a read-only nullfs or unionfs refuses that whether it is there or
/// not, other file systems where it is there.
fn removable(state: &State, found: &Located) -> Result<(), Errno> {
    let dir = mount_of_name(state, found);
    let mut at = state.mounted(dir);
    while let Some(layer) = at.filter(|mounted| mounted.lower.is_some()) {
        if layer.mount.flags.read_only {
            return Err(Errno::EROFS);
        }
        at = if layer.union.is_some() { None } else { layer.lower.and_then(|lower| state.mounted(lower)) };
    }
    match at.map_or("", |mounted| mounted.mount.fstype.as_str()) {
        "fdescfs" => return Err(Errno::EROFS),
        "linprocfs" | "linsysfs" | "procfs" => return Err(Errno::EOPNOTSUPP),
        _ => {}
    }
    if found.real.symlink_metadata().is_err() {
        return Err(Errno::ENOENT);
    }
    if namei::is_read_only(state, dir) { Err(Errno::EROFS) } else { Ok(()) }
}
