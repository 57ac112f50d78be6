//! Removing a directory with all that is in it, and nothing else.
//!
//! Jail managers have deleted their host's data through a nullfs mount that was still there. So this looks at the whole
//! tree before it removes the first file, and looks at each directory again, through a handle, before it goes in.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};

use super::files::FileError;
use crate::base::clear_flags;

/// Removes the tree at `real`, which the host calls `path`.
pub(super) fn remove_tree(path: &Path, real: &Path) -> Result<(), FileError> {
    let (Some(parent), Some(name)) = (real.parent(), real.file_name().map(Path::new)) else {
        let refused = io::Error::new(io::ErrorKind::InvalidInput, "that is the root directory");
        return Err(FileError::new("remove", path)(refused));
    };
    let parent = Dir::open_ambient_dir(parent, ambient_authority()).map_err(FileError::new("open", path))?;
    match parent.symlink_metadata(name) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            let refused = io::Error::new(io::ErrorKind::NotADirectory, "it is no directory");
            return Err(FileError::new("remove", path)(refused));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(FileError::new("look at", path)(error)),
    }
    let device = parent.dir_metadata().map_err(FileError::new("look at", path))?.dev();
    let walk = Walk { device };
    walk.each(&parent, name, path, Visit::Look)?;
    walk.each(&parent, name, path, Visit::Remove)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Look,
    Remove,
}

struct Walk {
    device: u64,
}

/// A directory being walked: a handle on its parent, and what it is called there.
struct Level {
    parent: Dir,
    name: PathBuf,
    dir: Dir,
    left: Vec<PathBuf>,
    shown: PathBuf,
}

impl Walk {
    /// Walks the tree without recursion: a jail may have nested directories deeper than a stack goes.
    fn each(&self, parent: &Dir, name: &Path, shown: &Path, visit: Visit) -> Result<(), FileError> {
        let parent = parent.try_clone().map_err(FileError::new("open", shown))?;
        let mut levels = vec![self.enter(parent, name, shown.to_owned(), visit)?];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.left.pop() else {
                if visit == Visit::Remove {
                    let removed = level.parent.remove_dir(&level.name);
                    removed.map_err(FileError::new("remove", &level.shown))?;
                }
                levels.pop();
                continue;
            };
            let shown = level.shown.join(&name);
            let found = level.dir.symlink_metadata(&name).map_err(FileError::new("look at", &shown))?;
            if found.is_dir() {
                let parent = level.dir.try_clone().map_err(FileError::new("open", &shown))?;
                let below = self.enter(parent, &name, shown, visit)?;
                levels.push(below);
            } else if visit == Visit::Remove {
                remove_file(&level.dir, &name).map_err(FileError::new("remove", &shown))?;
            }
        }
        Ok(())
    }

    fn enter(&self, parent: Dir, name: &Path, shown: PathBuf, visit: Visit) -> Result<Level, FileError> {
        let open = || {
            let dir = parent.open_dir_nofollow(name)?;
            if dir.dir_metadata()?.dev() != self.device {
                return Err(io::Error::new(
                    io::ErrorKind::CrossesDevices,
                    "something is mounted there; unmount it first, nothing has been removed below it",
                ));
            }
            if visit == Visit::Remove {
                open_up(&dir)?;
            }
            let left = dir.entries()?.map(|entry| Ok(entry?.file_name().into())).collect::<io::Result<Vec<_>>>()?;
            Ok((dir, left))
        };
        let action = if visit == Visit::Look { "look into" } else { "remove" };
        let (dir, left) = open().map_err(FileError::new(action, &shown))?;
        Ok(Level { parent, name: name.to_owned(), dir, left, shown })
    }
}

/// Takes away what keeps even the owner from removing what is in a directory: its flags, as `/var/empty` has them, and
/// its mode.
fn open_up(dir: &Dir) -> io::Result<()> {
    let handle = dir.open(".")?.into_std();
    clear_flags(handle.as_fd())?;
    let mode = handle.metadata()?.permissions().mode();
    if mode & 0o700 == 0o700 { Ok(()) } else { handle.set_permissions(std::fs::Permissions::from_mode(mode | 0o700)) }
}

/// Removes a file, whatever its flags say: a base system has some that are `schg`.
fn remove_file(dir: &Dir, name: &Path) -> io::Result<()> {
    match dir.remove_file(name) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let nonblocking = nix::fcntl::OFlag::O_NONBLOCK.bits();
            let mut options = OpenOptions::new();
            options.read(true).custom_flags(nonblocking).follow(FollowSymlinks::No);
            let Ok(file) = dir.open_with(name, &options) else { return Err(error) };
            clear_flags(file.as_fd())?;
            dir.remove_file(name)
        }
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn links_are_removed_and_what_they_name_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, kept) = (dir.path().join("tree"), dir.path().join("kept"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("data"), "x").unwrap();
        std::os::unix::fs::symlink(&kept, tree.join("a/link")).unwrap();
        std::os::unix::fs::symlink("../../..", tree.join("a/b/up")).unwrap();
        remove_tree(Path::new("/srv/tree"), &tree).unwrap();
        assert!(!tree.exists());
        assert_eq!(fs::read(kept.join("data")).unwrap(), b"x");
    }

    #[test]
    fn a_directory_that_lets_nobody_write_goes_too() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("tree/var/empty");
        fs::create_dir_all(empty.join("full")).unwrap();
        fs::set_permissions(&empty, fs::Permissions::from_mode(0o555)).unwrap();
        remove_tree(Path::new("/srv/tree"), &dir.path().join("tree")).unwrap();
        assert!(!dir.path().join("tree").exists());
    }

    #[test]
    fn a_link_in_place_of_the_tree_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("kept")).unwrap();
        std::os::unix::fs::symlink("kept", dir.path().join("tree")).unwrap();
        let error = remove_tree(Path::new("/srv/tree"), &dir.path().join("tree")).unwrap_err();
        assert_eq!(error.to_string(), "cannot remove /srv/tree: it is no directory");
        assert!(dir.path().join("kept").exists());
    }

    #[test]
    fn a_mount_below_stops_it_before_anything_is_gone() {
        // Where /proc is a file system of its own, as on every Linux; a walk from / never gets to remove anything.
        let root = Dir::open_ambient_dir("/", ambient_authority()).unwrap();
        let device = root.dir_metadata().unwrap().dev();
        if root.metadata("proc").unwrap().dev() == device {
            return;
        }
        let error = Walk { device }.enter(root, Path::new("proc"), "/proc".into(), Visit::Look).err().unwrap();
        assert_eq!(error.source.kind(), io::ErrorKind::CrossesDevices);
    }
}
