//! Writing into a jail's tree, which whoever is root in the jail may have filled with traps.
//!
//! Everything goes through one directory handle, below which each path is walked part by part (cap-std): a symbolic
//! link that leads out of the tree, absolute or by `..`, is an error and never followed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, MetadataExt, OpenOptions, OpenOptionsExt};

use super::files::{FileError, FileKind, Files, Stat, absent_as_none, is_half_written};
use super::host_path;
use crate::stack::Owner;

/// The most that is read of one file of a jail: what jailkit edits there is small, and the jail may make it huge.
const MAX_LEN: u64 = 1 << 20;

/// The tree of one jail. Paths are as the jail sees them; errors name them as the host does.
pub(super) struct JailTree<'a, F: ?Sized> {
    files: &'a F,
    root: PathBuf,
    dir: Dir,
}

impl<'a, F: Files + ?Sized> JailTree<'a, F> {
    /// Opens the root directory of a jail.
    ///
    /// # Errors
    /// Where it is not there or no directory.
    pub(super) fn open(files: &'a F, root: &Path) -> Result<Self, FileError> {
        let real = files.locate(root)?;
        let dir = Dir::open_ambient_dir(real, ambient_authority()).map_err(FileError::new("open", root))?;
        Ok(Self { files, root: root.to_owned(), dir })
    }

    /// The whole file; none where there is no such file.
    ///
    /// # Errors
    /// What the system failed with; a link that leads out of the jail; a file over one megabyte.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        absent_as_none(self.read_whole(path).map_err(|error| self.failed("read", path, error)))
    }

    fn read_whole(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Not blocking: the jail may have put a pipe there.
        let nonblocking = nix::fcntl::OFlag::O_NONBLOCK.bits();
        let file = self.dir.open_with(below(path), OpenOptions::new().read(true).custom_flags(nonblocking))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_LEN + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_LEN {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// What lies at a path, through a link that stays in the jail; none where there is nothing.
    ///
    /// # Errors
    /// What the system failed with; a link that leads out of the jail.
    pub(super) fn stat(&self, path: &Path) -> Result<Option<Stat>, FileError> {
        let look = || {
            let found = self.dir.metadata(below(path))?;
            let kind = match found.file_type() {
                kind if kind.is_dir() => FileKind::Dir,
                kind if kind.is_file() => FileKind::File,
                _ => FileKind::Other,
            };
            let owner = self.files.owner(&self.host_path(path), Owner { uid: found.uid(), gid: found.gid() })?;
            Ok(Stat { kind, mode: found.mode() & 0o7777, owner })
        };
        absent_as_none(look().map_err(|error| self.failed("look at", path, error)))
    }

    /// Makes a directory with its mode and owner, which it has from the first moment it is seen; its parent exists.
    ///
    /// # Errors
    /// Where it exists, or its parent does not or is reached through a link that leads out of the jail.
    pub(super) fn make_dir(&self, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        let make = || {
            let (parent, name) = self.parent(path)?;
            let staged = staged_name(name);
            discard(&parent, &staged)?;
            parent.create_dir_with(&staged, DirBuilder::new().mode(0o700))?;
            let place = || {
                let handle = open_made(&parent, &staged)?;
                self.files.set_owner(&self.host_path(path), &handle, owner)?;
                handle.set_permissions(std::fs::Permissions::from_mode(mode))?;
                if parent.symlink_metadata(name).is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                parent.rename(&staged, &parent, name)?;
                sync(&parent)
            };
            place().inspect_err(|_| parent.remove_dir(&staged).unwrap_or_default())
        };
        make().map_err(|error| self.failed("create", path, error))
    }

    /// Replaces a file's contents, keeping mode and owner, or creates it as root's with `mode_if_new`.
    ///
    /// # Errors
    /// What the system failed with; a link that leads out of the jail. The old file stands.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8], mode_if_new: u32) -> Result<(), FileError> {
        let old = self.stat(path)?;
        let write = || {
            let (parent, name) = self.parent(path)?;
            if parent.symlink_metadata(name).is_ok_and(|found| !found.is_file()) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
            }
            let staged = staged_name(name);
            discard(&parent, &staged)?;
            let mut options = OpenOptions::new();
            let mut file: File =
                parent.open_with(&staged, options.write(true).create_new(true).mode(0o600))?.into_std();
            let place = |file: &mut File| {
                file.write_all(bytes)?;
                let owner = old.map_or(Owner::ROOT, |old| old.owner);
                self.files.set_owner(&self.host_path(path), file, owner)?;
                file.set_permissions(std::fs::Permissions::from_mode(old.map_or(mode_if_new, |old| old.mode)))?;
                file.sync_all()?;
                parent.rename(&staged, &parent, name)?;
                sync(&parent)
            };
            place(&mut file).inspect_err(|_| parent.remove_file(&staged).unwrap_or_default())
        };
        write().map_err(|error| self.failed("replace", path, error))
    }

    /// Removes what a run that was killed left half written in a directory of the jail.
    ///
    /// # Errors
    /// What the system failed with.
    pub(super) fn sweep(&self, dir: &Path) -> Result<(), FileError> {
        let sweep = || {
            let dir = self.dir.open_dir(below(dir))?;
            for entry in dir.entries()? {
                let name = entry?.file_name();
                if is_half_written(&name) {
                    discard(&dir, Path::new(&name))?;
                }
            }
            Ok(())
        };
        absent_as_none(sweep().map_err(|error| self.failed("sweep", dir, error))).map(|_| ())
    }

    /// The directory that `path` lies in, and its name there.
    fn parent<'p>(&self, path: &'p Path) -> io::Result<(Dir, &'p Path)> {
        let path = below(path);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is the jail's own root directory"));
        };
        let parent = if parent.as_os_str().is_empty() { self.dir.try_clone()? } else { self.dir.open_dir(parent)? };
        Ok((parent, Path::new(name)))
    }

    fn host_path(&self, path: &Path) -> PathBuf {
        host_path(&self.root, path)
    }

    fn failed(&self, action: &'static str, path: &Path, error: io::Error) -> FileError {
        let source = match error.kind() {
            // What cap-std says of a link that leads out speaks of sandboxes.
            io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => io::Error::new(
                io::ErrorKind::PermissionDenied,
                "a symbolic link on the way leads out of the jail; look at who put it there, and remove it",
            ),
            _ => error,
        };
        FileError::new(action, &self.host_path(path))(source)
    }
}

/// The path without its leading slash: a directory handle takes relative paths only.
fn below(path: &Path) -> &Path {
    let path = path.strip_prefix("/").unwrap_or(path);
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// The name a file or directory has until it is whole.
fn staged_name(name: &Path) -> PathBuf {
    format!(".jailkit-{}.tmp", name.display()).into()
}

/// A handle on a directory that was just made. The jail may have put a link or a pipe in its place since, which is
/// neither followed nor waited for.
fn open_made(parent: &Dir, name: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let directory = nix::fcntl::OFlag::O_DIRECTORY.bits();
    options.read(true).custom_flags(directory).follow(FollowSymlinks::No);
    Ok(parent.open_with(name, &options)?.into_std())
}

/// Removes what a killed run, or the jail, has left under a staged name.
fn discard(dir: &Dir, staged: &Path) -> io::Result<()> {
    match dir.symlink_metadata(staged) {
        Ok(found) if found.is_dir() => dir.remove_dir(staged),
        Ok(_) => dir.remove_file(staged),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Flushes a directory through a handle that can be flushed: the one for walking may be a mere path.
fn sync(dir: &Dir) -> io::Result<()> {
    dir.open(".")?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_the_place_of_a_new_directory_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let parent = Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap();
        parent.create_dir("made").unwrap();
        parent.symlink("made", "link").unwrap();
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let is_opened = |name: &str| open_made(&parent, Path::new(name)).is_ok_and(|made| made.sync_all().is_ok());
        assert_eq!(["made", "link", "pipe"].map(is_opened), [true, false, false]);
    }
}
