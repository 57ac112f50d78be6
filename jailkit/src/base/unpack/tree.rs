//! Making the tree: every name is made in a directory that is held open, and no symbolic link is ever followed.
//!
//! A directory is opened part by part, each part refused where it is a link. The handles along the last path stay
//! open: the entries of an archive come directory by directory, so that most need no opening at all.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, fchmod, fstatat, futimens, mkdirat, utimensat};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat};

use super::archive::Entry;
use super::name::TreePath;
use crate::base::error::Fault;

/// A directory while the tree grows; its own mode comes last.
const WORK_MODE: Mode = Mode::S_IRWXU;
/// A directory the archive only implies.
const IMPLIED_MODE: u32 = 0o755;

/// What is set of an entry once it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: Option<(i64, u32)>,
}

impl Attributes {
    pub(super) const IMPLIED: Self = Self { mode: IMPLIED_MODE, uid: 0, gid: 0, mtime: None };

    pub(super) fn of(entry: &Entry) -> Self {
        Self { mode: entry.mode, uid: entry.uid, gid: entry.gid, mtime: Some(entry.mtime) }
    }

    /// Access stays as it is, modification as the archive says.
    fn times(&self) -> Option<(TimeSpec, TimeSpec)> {
        let (seconds, nanos) = self.mtime?;
        // The fields' types are those of the platform.
        let mtime = TimeSpec::seconds(seconds) + TimeSpec::nanoseconds(i64::from(nanos));
        Some((TimeSpec::UTIME_OMIT, mtime))
    }
}

/// A tree being made.
pub(super) struct Tree {
    root: OwnedFd,
    /// The directories along the last path, with their names.
    open: Vec<(Vec<u8>, OwnedFd)>,
    /// Whether numeric owners are set.
    chown: bool,
}

impl Tree {
    pub(super) fn new(root: OwnedFd, chown: bool) -> Self {
        Self { root, open: Vec::new(), chown }
    }

    /// The directory at `path`, made with what is above it where it is missing; those made are told to `made`.
    fn dir(&mut self, path: &[u8], made: &mut dyn FnMut(&[u8])) -> Result<BorrowedFd<'_>, Fault> {
        let mut end = 0;
        let mut depth = 0;
        for part in parts(path) {
            let start = if end == 0 { 0 } else { end + 1 };
            end = start + part.len();
            if self.open.get(depth).is_none_or(|(name, _)| name != part) {
                self.open.truncate(depth);
                let parent = self.open.last().map_or(self.root.as_fd(), |(_, dir)| dir.as_fd());
                let (dir, new) = enter(parent, part, &path[..end])?;
                if new {
                    made(&path[..end]);
                }
                self.open.push((part.to_owned(), dir));
            }
            depth += 1;
        }
        self.open.truncate(depth);
        Ok(self.open.last().map_or(self.root.as_fd(), |(_, dir)| dir.as_fd()))
    }

    /// Makes a directory, or finds it there.
    pub(super) fn make_dir(&mut self, path: &TreePath, made: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
        if let Some((parent, name)) = path.split() {
            let parent = self.dir(parent, made)?;
            match mkdirat(parent, name, WORK_MODE) {
                Ok(()) => {}
                Err(Errno::EEXIST) => drop(same_kind(parent, name, SFlag::S_IFDIR)?),
                Err(errno) => return Err(Fault::system("create it")(errno)),
            }
        }
        Ok(())
    }

    /// Sets what a directory has, once nothing more is made in it.
    pub(super) fn finish_dir(&mut self, path: &[u8], attributes: &Attributes) -> Result<(), Fault> {
        let chown = self.chown;
        set(self.dir(path, &mut |_| ())?, attributes, chown)
    }

    /// Makes a new, empty file; one of the same name is gone.
    pub(super) fn make_file(&mut self, path: &TreePath, made: &mut dyn FnMut(&[u8])) -> Result<File, Fault> {
        let (parent, name) = split(path, "file")?;
        let parent = self.dir(parent, made)?;
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let made = match openat(parent, name, flags, mode) {
            Err(Errno::EEXIST) => {
                replace(parent, name, SFlag::S_IFREG)?;
                openat(parent, name, flags, mode)
            }
            made => made,
        };
        made.map(File::from).map_err(Fault::system("create it"))
    }

    /// Sets what a file has, once its data is there.
    pub(super) fn finish_file(&self, file: &File, attributes: &Attributes) -> Result<(), Fault> {
        set(file.as_fd(), attributes, self.chown)
    }

    pub(super) fn make_symlink(
        &mut self,
        path: &TreePath,
        target: &[u8],
        attributes: &Attributes,
        made: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Fault> {
        let chown = self.chown;
        let (parent, name) = split(path, "symbolic link")?;
        let parent = self.dir(parent, made)?;
        match symlinkat(target, parent, name) {
            Ok(()) => {}
            Err(Errno::EEXIST) => {
                replace(parent, name, SFlag::S_IFLNK)?;
                symlinkat(target, parent, name).map_err(Fault::system("create it"))?;
            }
            Err(errno) => return Err(Fault::system("create it")(errno)),
        }
        if chown {
            let (uid, gid) = (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid));
            fchownat(parent, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)
                .map_err(Fault::system("set its owner"))?;
        }
        if let Some((atime, mtime)) = attributes.times() {
            utimensat(parent, name, &atime, &mtime, UtimensatFlags::NoFollowSymlink)
                .map_err(Fault::system("set its times"))?;
        }
        Ok(())
    }

    /// Gives a file that is in the tree another name; `spelled` is its first one as an error names it.
    pub(super) fn make_hard_link(
        &mut self,
        path: &TreePath,
        (target, spelled): (&TreePath, &[u8]),
        made: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Fault> {
        let refused = |reason| Fault::HardLink { target: spelled.to_owned(), reason };
        let (from_parent, from_name) = target.split().ok_or_else(|| refused("that is the top directory"))?;
        let (parent, name) = split(path, "hard link")?;
        let parent = self.dir(parent, made)?.try_clone_to_owned().map_err(Fault::system("open its directory"))?;
        let from_parent = self.find_dir(from_parent).map_err(|_| refused("no such file in the archive before it"))?;
        let Ok(kind) = kind_of(from_parent.as_fd(), from_name) else {
            return Err(refused("no such file in the archive before it"));
        };
        if kind == SFlag::S_IFDIR {
            return Err(refused("that is a directory"));
        }
        let link = || linkat(&from_parent, from_name, &parent, name, LinkatFlags::empty());
        let linked = match link() {
            // A link to itself would remove what it links to.
            Err(Errno::EEXIST) if path != target => {
                replace(parent.as_fd(), name, kind)?;
                link()
            }
            Err(Errno::EEXIST) => Ok(()),
            linked => linked,
        };
        linked.map_err(Fault::system("link it"))
    }

    /// A directory that is there, without the handles along the last path giving way to it.
    fn find_dir(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let known = parts(path).zip(&self.open).take_while(|(part, (name, _))| part == name).count();
        let start = known.checked_sub(1).map_or(self.root.as_fd(), |last| self.open[last].1.as_fd());
        let mut dir = start.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
        for part in parts(path).skip(known) {
            dir = openat(&dir, part, DIR_FLAGS, Mode::empty())?;
        }
        Ok(dir)
    }
}

/// A directory held open; never through a link.
const DIR_FLAGS: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty())
}

/// The parent and the name; the top itself can only be a directory.
fn split<'a>(path: &'a TreePath, now: &'static str) -> Result<(&'a [u8], &'a [u8]), Fault> {
    path.split().ok_or(Fault::Changed { before: "directory", now })
}

/// Opens a directory, or makes it; the flag tells which. `path` is what an error names.
fn enter(parent: BorrowedFd<'_>, name: &[u8], path: &[u8]) -> Result<(OwnedFd, bool), Fault> {
    match openat(parent, name, DIR_FLAGS, Mode::empty()) {
        Ok(dir) => Ok((dir, false)),
        Err(Errno::ENOENT) => {
            mkdirat(parent, name, WORK_MODE).map_err(Fault::system("create its directory"))?;
            let dir = openat(parent, name, DIR_FLAGS, Mode::empty()).map_err(Fault::system("open its directory"))?;
            Ok((dir, true))
        }
        Err(errno) => Err(match kind_of(parent, name) {
            Ok(SFlag::S_IFLNK) => Fault::ThroughLink(path.to_owned()),
            Ok(SFlag::S_IFDIR) | Err(_) => Fault::system("open its directory")(errno),
            Ok(_) => Fault::ThroughFile(path.to_owned()),
        }),
    }
}

/// Sets owner, then mode, as chown(2) takes setuid away, then times.
fn set(file: BorrowedFd<'_>, attributes: &Attributes, chown: bool) -> Result<(), Fault> {
    if chown {
        let (uid, gid) = (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid));
        fchown(file, Some(uid), Some(gid)).map_err(Fault::system("set its owner"))?;
    }
    fchmod(file, mode(attributes.mode)).map_err(Fault::system("set its mode"))?;
    if let Some((atime, mtime)) = attributes.times() {
        futimens(file, &atime, &mtime).map_err(Fault::system("set its times"))?;
    }
    Ok(())
}

/// The type differs by platform: 16 bits on FreeBSD.
fn mode(bits: u32) -> Mode {
    Mode::from_bits_truncate(bits as nix::libc::mode_t)
}

/// What a name is, without following it.
fn kind_of(parent: BorrowedFd<'_>, name: &[u8]) -> Result<SFlag, Errno> {
    let found = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    Ok(SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT)
}

/// Fails where a name is there as something else.
fn same_kind(parent: BorrowedFd<'_>, name: &[u8], now: SFlag) -> Result<(), Fault> {
    let before = kind_of(parent, name).map_err(Fault::system("look at it"))?;
    if before == now {
        return Ok(());
    }
    Err(Fault::Changed { before: called(before), now: called(now) })
}

/// Removes what an entry of the same name and kind made before.
fn replace(parent: BorrowedFd<'_>, name: &[u8], now: SFlag) -> Result<(), Fault> {
    same_kind(parent, name, now)?;
    unlinkat(parent, name, UnlinkatFlags::NoRemoveDir).map_err(Fault::system("replace it"))
}

fn called(kind: SFlag) -> &'static str {
    match kind {
        SFlag::S_IFDIR => "directory",
        SFlag::S_IFREG => "file",
        SFlag::S_IFLNK => "symbolic link",
        _ => "special file",
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::System { action: "create it", source: io::Error::from(errno) }
    }
}
