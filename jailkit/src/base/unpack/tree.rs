//! Making the tree: every name is made in a directory that is held open, and no symbolic link is ever followed.
//!
//! A directory is opened part by part, each part refused where it is a link. The handles along the last path stay
//! open: the entries of an archive come directory by directory, so that most need no opening at all.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, fchmod, fstatat, futimens, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat};

use xattr::FileExt;

use super::acl::Acl;
use super::archive::{Entry, Kind};
use super::flags;
use super::name::TreePath;
use crate::base::error::Fault;
use crate::stack::Owner;

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
        let mtime = TimeSpec::new(seconds as _, nanos as _);
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
    /// What directories get when nothing more is made in them.
    dirs: BTreeMap<Vec<u8>, Attributes>,
    /// The access control lists of directories, which what is made in them would inherit.
    acls: BTreeMap<Vec<u8>, Vec<Acl>>,
    /// File flags, which come last of all: most of them keep even root from changing anything.
    flags: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Who owns what is not root's.
    owners: BTreeMap<Vec<u8>, Owner>,
}

impl Tree {
    pub(super) fn new(root: OwnedFd, chown: bool) -> Self {
        let dirs = BTreeMap::from([(Vec::new(), Attributes::IMPLIED)]);
        Self {
            root,
            open: Vec::new(),
            chown,
            dirs,
            acls: BTreeMap::new(),
            flags: BTreeMap::new(),
            owners: BTreeMap::new(),
        }
    }

    /// The directory at `path`, made with what is above it where it is missing.
    fn dir(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>, Fault> {
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
                    self.dirs.insert(path[..end].to_owned(), Attributes::IMPLIED);
                }
                self.open.push((part.to_owned(), dir));
            }
            depth += 1;
        }
        self.open.truncate(depth);
        Ok(self.open.last().map_or(self.root.as_fd(), |(_, dir)| dir.as_fd()))
    }

    /// Makes a directory, or finds it there.
    pub(super) fn make_dir(&mut self, path: &TreePath, entry: &Entry) -> Result<(), Fault> {
        if let Some((parent, name)) = path.split() {
            let parent = self.dir(parent)?;
            match mkdirat(parent, name, WORK_MODE) {
                Ok(()) => {}
                Err(Errno::EEXIST) => drop(same_kind(parent, name, SFlag::S_IFDIR)?),
                Err(errno) => return Err(Fault::system("create it")(errno)),
            }
        }
        if !entry.xattrs.is_empty() {
            let dir = self.dir(path.as_bytes())?.try_clone_to_owned().map_err(Fault::system("open it"))?;
            set_xattrs(&dir.into(), entry)?;
        }
        self.dirs.insert(path.as_bytes().to_owned(), Attributes::of(entry));
        self.acls.insert(path.as_bytes().to_owned(), entry.acls.clone());
        self.note(path, entry);
        Ok(())
    }

    /// Sets what comes last: directories, those below before those above, and flags.
    pub(super) fn finish(&mut self) -> Result<(), (Vec<u8>, Fault)> {
        for (path, acls) in std::mem::take(&mut self.acls).into_iter().filter(|(_, acls)| !acls.is_empty()) {
            let dir = self.open_any(&path).map(File::from);
            let done = dir.and_then(|dir| acls.iter().try_for_each(|acl| acl.set(&dir)));
            done.map_err(|fault| (path, fault))?;
        }
        for (path, attributes) in std::mem::take(&mut self.dirs).into_iter().rev() {
            let chown = self.chown;
            let done = self.dir(&path).and_then(|dir| set(dir, &attributes, chown));
            done.map_err(|fault| (path, fault))?;
        }
        for (path, names) in std::mem::take(&mut self.flags) {
            let done = self.open_any(&path).and_then(|file| flags::set(file.as_fd(), &names));
            done.map_err(|fault| (path, fault))?;
        }
        Ok(())
    }

    /// Who owns what is not root's, by path.
    pub(super) fn owners(&self) -> impl Iterator<Item = (&[u8], Owner)> {
        self.owners.iter().map(|(path, &owner)| (path.as_slice(), owner))
    }

    /// Remembers what an entry says that comes later, or that is told.
    fn note(&mut self, path: &TreePath, entry: &Entry) {
        let (path, owner) = (path.as_bytes(), Owner { uid: entry.uid, gid: entry.gid });
        self.owners.remove(path);
        if owner != Owner::ROOT {
            self.owners.insert(path.to_owned(), owner);
        }
        self.flags.remove(path);
        if !entry.fflags.is_empty() && entry.kind != Kind::Symlink {
            self.flags.insert(path.to_owned(), entry.fflags.clone());
        }
    }

    /// Opens a file or directory that is there, for what needs no more than a handle.
    fn open_any(&self, path: &[u8]) -> Result<OwnedFd, Fault> {
        let (parent, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None if path.is_empty() => return self.root.try_clone().map_err(Fault::system("open it")),
            None => (&b""[..], path),
        };
        let parent = self.find_dir(parent).map_err(Fault::system("open its directory"))?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        openat(parent, name, flags, Mode::empty()).map_err(Fault::system("open it"))
    }

    /// Opens a regular file that is there, and what it has.
    pub(super) fn open_file(&self, path: &TreePath) -> Result<(File, Attributes), Fault> {
        let file = File::from(self.open_any(path.as_bytes())?);
        let found = file.metadata().map_err(Fault::system("look at it"))?;
        if !found.is_file() {
            return Err(Fault::Changed { before: "special file", now: "file" });
        }
        let actual = Owner { uid: found.uid(), gid: found.gid() };
        let owner = if self.chown { actual } else { self.owners.get(path.as_bytes()).copied().unwrap_or_default() };
        let mtime = (found.mtime(), u32::try_from(found.mtime_nsec()).unwrap_or(0));
        let attributes = Attributes { mode: found.mode() & 0o7777, uid: owner.uid, gid: owner.gid, mtime: Some(mtime) };
        Ok((file, attributes))
    }

    /// Makes a new, empty file; one of the same name is gone.
    pub(super) fn make_file(&mut self, path: &TreePath) -> Result<File, Fault> {
        let (parent, name) = split(path, "file")?;
        let parent = self.dir(parent)?;
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
    pub(super) fn finish_file(&mut self, path: &TreePath, file: &File, entry: &Entry) -> Result<(), Fault> {
        set_xattrs(file, entry)?;
        entry.acls.iter().try_for_each(|acl| acl.set(file))?;
        set(file.as_fd(), &Attributes::of(entry), self.chown)?;
        self.note(path, entry);
        Ok(())
    }

    /// Sets what a copy of another tree's file has.
    pub(super) fn finish_copy(&mut self, path: &TreePath, file: &File, attributes: &Attributes) -> Result<(), Fault> {
        let owner = Owner { uid: attributes.uid, gid: attributes.gid };
        if owner != Owner::ROOT {
            self.owners.insert(path.as_bytes().to_owned(), owner);
        }
        set(file.as_fd(), attributes, self.chown)
    }

    pub(super) fn make_symlink(&mut self, path: &TreePath, entry: &Entry) -> Result<(), Fault> {
        let (chown, target, attributes) = (self.chown, entry.link.as_slice(), Attributes::of(entry));
        let (parent, name) = split(path, "symbolic link")?;
        let parent = self.dir(parent)?;
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
        self.note(path, entry);
        Ok(())
    }

    /// Gives a file that is in the tree another name; `spelled` is its first one as an error names it.
    pub(super) fn make_hard_link(
        &mut self,
        path: &TreePath,
        (target, spelled): (&TreePath, &[u8]),
    ) -> Result<(), Fault> {
        let refused = |reason| Fault::HardLink { target: spelled.to_owned(), reason };
        let (from_parent, from_name) = target.split().ok_or_else(|| refused("that is the top directory"))?;
        let (parent, name) = split(path, "hard link")?;
        let parent = self.dir(parent)?.try_clone_to_owned().map_err(Fault::system("open its directory"))?;
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

/// Sets the attributes that are the user's own, where the file system has such; those of other namespaces mean
/// something to another system only.
fn set_xattrs(file: &File, entry: &Entry) -> Result<(), Fault> {
    for (name, value) in entry.xattrs.iter().filter(|(name, _)| name.starts_with(b"user.")) {
        match file.set_xattr(OsStr::from_bytes(name), value) {
            Err(error) if error.kind() != io::ErrorKind::Unsupported => {
                return Err(Fault::system("set an extended attribute of it")(error));
            }
            _ => {}
        }
    }
    Ok(())
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
