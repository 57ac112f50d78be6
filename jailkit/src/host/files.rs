//! The host's files: what jailkit reads and changes of them, every change whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::jail_tree::JailTree;
use super::remove_tree;
use crate::base::{BaseError, Expect, Extracted, Progress};
use crate::replace;
use crate::stack::Owner;

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}", path = path.display())]
pub struct FileError {
    /// What was being done, as a verb: `read`, `create`, `remove`.
    pub action: &'static str,
    /// The file, as the host calls it.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn new(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Dir,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A device, a socket or a pipe.
    Other,
}

impl From<fs::FileType> for FileKind {
    fn from(kind: fs::FileType) -> Self {
        match kind {
            kind if kind.is_dir() => Self::Dir,
            kind if kind.is_file() => Self::File,
            kind if kind.is_symlink() => Self::Link,
            _ => Self::Other,
        }
    }
}

/// What stat(2) tells of a file, as far as jailkit asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Permissions, with the setuid, setgid and sticky bits.
    pub mode: u32,
    /// Who owns it.
    pub owner: Owner,
}

/// The files of a host. Paths are absolute and as the host sees them.
///
/// Reads and changes alike go through here; each method that changes something is one effect: after a crash it has
/// happened whole or not at all.
pub trait Files: Send + Sync {
    /// Where the system that jailkit runs on keeps `path`: the path itself on a native host, a path below the root
    /// directory of a simulated one, through its links and mounts.
    ///
    /// # Errors
    /// Where a part of the path but the last is missing or no directory.
    fn locate(&self, path: &Path) -> Result<PathBuf, FileError>;

    /// Where the symbolic link at `path` points; none where something else or nothing lies there.
    ///
    /// # Errors
    /// What the system failed with.
    fn read_link(&self, path: &Path) -> Result<Option<PathBuf>, FileError>;

    /// Who owns what lies at `path`, where the system that jailkit runs on says `actual`.
    ///
    /// # Errors
    /// Where a simulated host cannot read its records.
    fn owner(&self, path: &Path, actual: Owner) -> io::Result<Owner>;

    /// Gives an open file or directory to somebody; `path` is where it lies, or will lie a moment later.
    ///
    /// # Errors
    /// Where it may not be given away.
    fn set_owner(&self, path: &Path, file: &File, owner: Owner) -> io::Result<()>;

    /// The whole file; none where there is no such file.
    ///
    /// # Errors
    /// What the system failed with.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        absent_as_none(self.locate(path).and_then(|real| fs::read(real).map_err(FileError::new("read", path))))
    }

    /// What lies at `path`, through a link; none where there is nothing.
    ///
    /// # Errors
    /// What the system failed with.
    fn stat(&self, path: &Path) -> Result<Option<Stat>, FileError> {
        absent_as_none(self.locate(path).and_then(|real| {
            let found = fs::metadata(&real).map_err(FileError::new("look at", path))?;
            let actual = Owner { uid: found.uid(), gid: found.gid() };
            let owner = self.owner(path, actual).map_err(FileError::new("look at", path))?;
            Ok(Stat { kind: found.file_type().into(), mode: found.mode() & 0o7777, owner })
        }))
    }

    /// Makes a directory with its mode and owner, which it has from the first moment it is seen.
    ///
    /// # Errors
    /// Where it exists, or its parent does not.
    fn make_dir(&self, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        let failed = || FileError::new("create", path);
        let real = self.locate(path)?;
        let parent = real.parent().unwrap_or(Path::new("/"));
        let staged = tempfile::Builder::new().prefix(".jailkit-").suffix(".tmp").tempdir_in(parent).map_err(failed())?;
        let handle = File::open(staged.path()).map_err(failed())?;
        self.set_owner(path, &handle, owner).map_err(failed())?;
        handle.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed())?;
        if real.symlink_metadata().is_ok() {
            return Err(failed()(io::ErrorKind::AlreadyExists.into()));
        }
        fs::rename(staged.path(), &real).map_err(failed())?;
        // It has its name now; there is nothing left to clean up.
        drop(staged.keep());
        sync_dir(parent).map_err(failed())
    }

    /// Sets mode and owner of a directory or file that is there.
    ///
    /// # Errors
    /// What the system failed with.
    fn set_access(&self, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        let real = self.locate(path)?;
        let failed = || FileError::new("set mode and owner of", path);
        let handle = File::open(real).map_err(failed())?;
        self.set_owner(path, &handle, owner).map_err(failed())?;
        handle.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed())
    }

    /// Replaces a file's contents, keeping mode and owner, or creates it with `mode_if_new`.
    ///
    /// # Errors
    /// What the system failed with; the old file stands.
    fn replace(&self, path: &Path, bytes: &[u8], mode_if_new: u32) -> Result<(), FileError> {
        let real = self.locate(path)?;
        replace::replace_file(&real, bytes, mode_if_new).map_err(|error| FileError {
            action: "replace",
            path: path.to_owned(),
            source: error.source,
        })
    }

    /// Adds bytes to the end of a file, flushed to the disk when this returns; creates the file with mode 600.
    ///
    /// # Errors
    /// What the system failed with; a part of the bytes may have been written.
    fn append(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        let real = self.locate(path)?;
        let write = |mut file: File| file.write_all(bytes).and_then(|()| file.sync_all());
        let opened = File::options().append(true).create(true).mode(0o600).open(real);
        opened.and_then(write).map_err(FileError::new("append to", path))
    }

    /// Removes a file or link; no error where there is none.
    ///
    /// # Errors
    /// What the system failed with.
    fn remove_file(&self, path: &Path) -> Result<(), FileError> {
        let removed = self.locate(path).and_then(|real| fs::remove_file(real).map_err(FileError::new("remove", path)));
        absent_as_none(removed).map(|_| ())
    }

    /// Removes an empty directory; false where it is not empty. No error where there is none.
    ///
    /// # Errors
    /// What the system failed with.
    fn remove_dir(&self, path: &Path) -> Result<bool, FileError> {
        let removed = self.locate(path).and_then(|real| fs::remove_dir(real).map_err(FileError::new("remove", path)));
        match removed {
            Err(error) if error.source.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            other => absent_as_none(other).map(|_| true),
        }
    }

    /// Removes a directory with all that is in it. It follows no link, and stops before anything changes at a
    /// directory of another file system, which is what a live mount is.
    ///
    /// The caller has looked at the mount table; this is the second look, at the files themselves.
    ///
    /// # Errors
    /// [`io::ErrorKind::CrossesDevices`] with the path of the mount; what the system failed with.
    fn remove_tree(&self, path: &Path) -> Result<(), FileError> {
        match absent_as_none(self.locate(path))? {
            Some(real) => remove_tree::remove_tree(path, &real),
            None => Ok(()),
        }
    }

    /// The names in a directory; none where there is no such directory.
    ///
    /// # Errors
    /// What the system failed with.
    fn list(&self, path: &Path) -> Result<Option<Vec<OsString>>, FileError> {
        let list = |real: PathBuf| fs::read_dir(real)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>();
        absent_as_none(self.locate(path).and_then(|real| list(real).map_err(FileError::new("list", path))))
    }

    /// Extracts an archive of the system that jailkit runs on into each of the directories `targets`, which are not
    /// there yet; each is whole once it is there.
    ///
    /// # Errors
    /// [`BaseError`]; nothing half done stays.
    fn extract(
        &self,
        archive: &Path,
        expect: Expect,
        targets: &[PathBuf],
        progress: &mut Progress<'_>,
    ) -> Result<Extracted, BaseError>;

    /// Removes what a run that was killed left half written in a directory; the caller holds the lock that says no
    /// other jailkit writes there now.
    ///
    /// # Errors
    /// What the system failed with.
    fn sweep(&self, dir: &Path) -> Result<(), FileError> {
        let Some(real) = absent_as_none(self.locate(dir))? else { return Ok(()) };
        let entries = match fs::read_dir(&real) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(FileError::new("list", dir)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(FileError::new("list", dir))?;
            if is_half_written(&entry.file_name()) {
                let path = dir.join(entry.file_name());
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    remove_tree::remove_tree(&path, &entry.path())?;
                } else {
                    fs::remove_file(entry.path()).map_err(FileError::new("remove", &path))?;
                }
            }
        }
        Ok(())
    }

    /// The whole of a file in the jail whose root directory is `root`; none where there is no such file.
    ///
    /// # Errors
    /// What the system failed with; a link that leads out of the jail; a file over one megabyte.
    fn read_in_jail(&self, root: &Path, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        match self.stat(root)? {
            Some(_) => JailTree::open(self, root)?.read(path),
            None => Ok(None),
        }
    }

    /// What lies at a path of the jail, through a link that stays in it; none where there is nothing.
    ///
    /// # Errors
    /// What the system failed with; a link that leads out of the jail.
    fn stat_in_jail(&self, root: &Path, path: &Path) -> Result<Option<Stat>, FileError> {
        match self.stat(root)? {
            Some(_) => JailTree::open(self, root)?.stat(path),
            None => Ok(None),
        }
    }

    /// [`Files::make_dir`] in a jail.
    ///
    /// # Errors
    /// Likewise; a link on the way that leads out of the jail.
    fn make_dir_in_jail(&self, root: &Path, path: &Path, mode: u32, owner: Owner) -> Result<(), FileError> {
        JailTree::open(self, root)?.make_dir(path, mode, owner)
    }

    /// [`Files::replace`] in a jail; a new file is root's.
    ///
    /// # Errors
    /// Likewise; a link on the way that leads out of the jail.
    fn replace_in_jail(&self, root: &Path, path: &Path, bytes: &[u8], mode_if_new: u32) -> Result<(), FileError> {
        JailTree::open(self, root)?.replace(path, bytes, mode_if_new)
    }

    /// [`Files::sweep`] in a jail.
    ///
    /// # Errors
    /// Likewise; a link on the way that leads out of the jail.
    fn sweep_in_jail(&self, root: &Path, dir: &Path) -> Result<(), FileError> {
        match self.stat(root)? {
            Some(_) => JailTree::open(self, root)?.sweep(dir),
            None => Ok(()),
        }
    }
}

/// Where the link at `real` points, which the host calls `path`.
pub(super) fn link_at(real: &Path, path: &Path) -> Result<Option<PathBuf>, FileError> {
    match fs::read_link(real) {
        Ok(target) => Ok(Some(target)),
        // EINVAL is how readlink(2) says that it is no link.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(FileError::new("look at", path)(error)),
    }
}

/// A result where what is not there is no failure.
pub(super) fn absent_as_none<T>(result: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a name is one that files and directories have while they are written.
pub(super) fn is_half_written(name: &std::ffi::OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".jailkit-") && name.ends_with(b".tmp")
}

/// Flushes a directory, so that a name just given in it survives a crash.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
