//! Where a tree grows: a directory beside its place, which gets its name when it is whole.
//!
//! `/srv/jail/www/fs` grows at `/srv/jail/www/.jailkit-fs.tmp`. Whoever extracts holds a lock on that directory; one
//! without a lock was left by a run that was killed, and is emptied and used again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::flags;
use crate::base::error::BaseError;

/// A place for a tree; what has not been placed is removed when this is dropped.
pub(super) struct Staging {
    target: PathBuf,
    parent: File,
    name: OsString,
    staged: OsString,
    dir: Flock<OwnedFd>,
    placed: bool,
}

const DIR_FLAGS: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

impl Staging {
    /// Begins a tree for `target`, which must not be there, or be an empty directory. Its parent is there.
    pub(super) fn new(target: &Path) -> Result<Self, BaseError> {
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(BaseError::NoPlace { target: target.to_owned() });
        };
        let parent_path = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        is_free(target)?;
        let parent = File::open(parent_path).map_err(BaseError::file("open", parent_path))?;
        let mut staged = OsString::from(".jailkit-");
        staged.push(name);
        staged.push(".tmp");
        let shown = parent_path.join(&staged);
        let failed = |action| {
            let failed = BaseError::file(action, &shown);
            move |errno: Errno| failed(errno.into())
        };
        match mkdirat(&parent, staged.as_os_str(), Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(failed("create")(errno)),
        }
        let dir = openat(&parent, staged.as_os_str(), DIR_FLAGS, Mode::empty()).map_err(failed("open"))?;
        let busy = || BaseError::Busy { target: target.to_owned() };
        let dir = match Flock::lock(dir, FlockArg::LockExclusiveNonblock) {
            Ok(dir) => dir,
            Err((_, Errno::EWOULDBLOCK)) => return Err(busy()),
            Err((_, errno)) => return Err(failed("lock")(errno)),
        };
        // Who held the lock may have given the directory its name, or removed it, a moment ago.
        let locked = dir.try_clone().map(File::from).and_then(|dir| dir.metadata());
        let locked = locked.map_err(BaseError::file("look at", &shown))?;
        match fs::symlink_metadata(&shown) {
            Ok(named) if (named.dev(), named.ino()) == (locked.dev(), locked.ino()) => {}
            _ => return Err(busy()),
        }
        let staging = Self { target: target.to_owned(), parent, name: name.to_owned(), staged, dir, placed: false };
        fchmod(&*staging.dir, Mode::S_IRWXU).map_err(failed("make room in"))?;
        empty(&staging.dir).map_err(BaseError::file("remove what an interrupted run left in", &shown))?;
        Ok(staging)
    }

    /// A handle on the directory the tree grows in.
    pub(super) fn dir(&self) -> Result<OwnedFd, BaseError> {
        self.dir.try_clone().map_err(BaseError::file("open", &self.target))
    }

    /// Where the tree is to go.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Has the disk take all that was made.
    pub(super) fn flush(&self) -> Result<(), BaseError> {
        #[cfg(target_os = "linux")]
        let flushed = nix::unistd::syncfs(&*self.dir).map_err(io::Error::from);
        // There is no call for one file system; ZFS writes in order anyway.
        #[cfg(not(target_os = "linux"))]
        let flushed = {
            nix::unistd::sync();
            Ok(())
        };
        flushed.map_err(BaseError::file("flush", &self.target))
    }

    /// Gives the tree its name.
    pub(super) fn place(mut self) -> Result<(), BaseError> {
        is_free(&self.target)?;
        renameat(&self.parent, self.staged.as_os_str(), &self.parent, self.name.as_os_str())
            .map_err(|errno| BaseError::file("put the tree at", &self.target)(errno.into()))?;
        self.placed = true;
        self.parent.sync_all().map_err(BaseError::file("flush the directory of", &self.target))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.placed {
            return;
        }
        let removed = empty(&self.dir)
            .and_then(|()| Ok(unlinkat(&self.parent, self.staged.as_os_str(), UnlinkatFlags::RemoveDir)?));
        if let Err(error) = removed {
            tracing::warn!("cannot remove what was extracted for {}: {error}", self.target.display());
        }
    }
}

fn is_free(target: &Path) -> Result<(), BaseError> {
    let occupied = || BaseError::Occupied { target: target.to_owned() };
    match fs::symlink_metadata(target) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(occupied()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BaseError::file("look at", target)(error)),
    }
    let mut entries = fs::read_dir(target).map_err(BaseError::file("look into", target))?;
    if entries.next().is_some() { Err(occupied()) } else { Ok(()) }
}

/// Removes all that is in a directory, following no link. It needs no recursion: a tree may be deeper than a stack.
fn empty(dir: &OwnedFd) -> io::Result<()> {
    let mut levels = vec![Level::new(dir.try_clone()?)?];
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.left.pop() else {
            levels.pop();
            if let Some(parent) = levels.last_mut()
                && let Some(name) = parent.entered.take()
            {
                unlinkat(&parent.dir, name.as_os_str(), UnlinkatFlags::RemoveDir)?;
            }
            continue;
        };
        match openat(&level.dir, name.as_os_str(), DIR_FLAGS, Mode::empty()) {
            Ok(dir) => {
                // Its own mode may keep what is in it from being removed.
                flags::clear(dir.as_fd())?;
                fchmod(&dir, Mode::S_IRWXU)?;
                level.let_in = false;
                level.entered = Some(name);
                levels.push(Level::new(dir)?);
            }
            Err(Errno::EACCES) if !level.let_in => {
                // Its own mode keeps even its owner out.
                fchmodat(&level.dir, name.as_os_str(), Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)?;
                level.let_in = true;
                level.left.push(name);
            }
            Err(Errno::ENOTDIR | Errno::ELOOP | Errno::EMLINK) => {
                remove_file(&level.dir, &name)?;
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Removes a file, whatever its flags say.
fn remove_file(dir: &OwnedFd, name: &OsString) -> io::Result<()> {
    let remove = || unlinkat(dir, name.as_os_str(), UnlinkatFlags::NoRemoveDir);
    match remove() {
        Err(Errno::EPERM) => {
            let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            let file = openat(dir, name.as_os_str(), flags, Mode::empty()).map_err(|_| Errno::EPERM)?;
            flags::clear(file.as_fd())?;
            Ok(remove()?)
        }
        removed => Ok(removed?),
    }
}

/// A directory being emptied.
struct Level {
    dir: OwnedFd,
    left: Vec<OsString>,
    entered: Option<OsString>,
    /// Whether the mode of the directory that is next has been changed already.
    let_in: bool,
}

impl Level {
    fn new(dir: OwnedFd) -> io::Result<Self> {
        let mut left = Vec::new();
        for entry in Dir::openat(dir.as_fd(), ".", DIR_FLAGS, Mode::empty())?.iter() {
            let name = entry?.file_name().to_bytes().to_owned();
            if name != b"." && name != b".." {
                left.push(os_string(name));
            }
        }
        Ok(Self { dir, left, entered: None, let_in: false })
    }
}

fn os_string(bytes: Vec<u8>) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_directory_of_mode_0_can_be_emptied_and_links_keep_what_they_name() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, kept) = (dir.path().join("tree"), dir.path().join("kept"));
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("data"), "x").unwrap();
        symlink(&kept, tree.join("a/link")).unwrap();
        fs::set_permissions(tree.join("a/b"), fs::Permissions::from_mode(0o000)).unwrap();
        empty(&File::open(&tree).unwrap().into()).unwrap();
        assert_eq!(fs::read_dir(&tree).unwrap().count(), 0);
        assert_eq!(fs::read(kept.join("data")).unwrap(), b"x");
    }

    #[test]
    fn two_at_once_is_one_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("fs");
        let first = Staging::new(&target).unwrap();
        let error = Staging::new(&target).err().unwrap();
        assert!(matches!(error, BaseError::Busy { .. }), "{error}");
        first.place().unwrap();
        assert!(Staging::new(&target).is_ok(), "an empty directory is a place");
        fs::write(target.join("file"), "").unwrap();
        assert!(matches!(Staging::new(&target), Err(BaseError::Occupied { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
