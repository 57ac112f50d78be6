//! Unpacking an archive: one pass from the file to whole trees.
//!
//! One thread reads the file and digests it, liblzma's threads decompress its blocks, and the caller's thread makes
//! the trees. What is made waits in a directory beside its place until the digest and the number of entries are
//! known to be right.

mod acl;
mod archive;
mod decode;
mod exclude;
mod flags;
mod name;
mod pax;
mod share;
mod sparse;
mod staging;
mod thin;
mod tree;

pub(crate) use flags::clear as clear_flags;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use self::archive::{Archive, Entry, Kind, Misplaced};
use self::decode::{Resources, Signals};
use self::exclude::Exclude;
use self::name::TreePath;
use self::share::Way;
use self::sparse::{Holes, Piece};
use self::staging::Staging;
pub use self::thin::{ThinJail, thin_mounts};
use self::tree::Tree;
use super::error::{BaseError, Fault, Place};
use super::manifest::Sha256;
use crate::stack::Owner;

/// The memory that blocks in work may take together.
const MEMORY: u64 = 128 << 20;
/// The memory that decompressing one block may take: `xz -9` takes 65 MiB.
const MEMORY_STOP: u64 = 256 << 20;
/// What is allowed where nobody has said how much an archive unpacks to.
const FREE_BYTES: u64 = 64 << 20;
const BYTES_PER_ENTRY: u64 = 1 << 20;
const BYTES_PER_PACKED: u64 = 64;
const ENTRIES: u64 = 1_000_000;

/// What an archive is expected to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// Its digest; none where any archive will do.
    pub sha256: Option<Sha256>,
    /// How many entries it has.
    pub entries: Option<u64>,
}

/// The most an archive may unpack to; beyond it, it is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, headers included. Default: 1 MiB for each entry that is expected, or 64 times what the archive itself
    /// has, and 64 MiB.
    pub bytes: Option<u64>,
    /// Entries, where it is not known how many to expect. Default: a million.
    pub entries: Option<u64>,
}

/// Takes down who owns what below a target, by path below it; only what is not root's.
pub type RecordOwner<'a> = dyn Fn(&Path, &[(PathBuf, Owner)]) -> io::Result<()> + 'a;

/// What becomes of the numeric owners in the archive.
#[derive(Clone, Copy)]
pub enum Ownership<'a> {
    /// They are set, as only root may.
    Chown,
    /// Everything belongs to whoever runs this.
    Keep,
    /// Everything belongs to whoever runs this, and the owners are told: once for each target, with the target and
    /// all that is not root's, right before the tree is put there.
    Record(&'a RecordOwner<'a>),
}

/// An archive to unpack, and how.
#[derive(Clone)]
pub struct Extract<'a> {
    /// The archive, such as `base.txz`.
    pub archive: &'a Path,
    /// What it is expected to be.
    pub expect: Expect,
    /// Where the trees go: each must not be there yet, or be an empty directory; their parents are there. Without
    /// any, the archive is only checked.
    pub targets: &'a [PathBuf],
    /// What becomes of the owners.
    pub ownership: Ownership<'a>,
    /// The most it may unpack to.
    pub limits: Limits,
    /// What is left out of the trees: `usr/share/doc` and `usr/tests/*` are paths, `*.a` and `doc` names at any
    /// depth; what is below a directory that is left out is left out too. It is checked all the same.
    pub exclude: &'a [String],
    /// Whether the first target gets what jails share read-only, and each further one what a jail has of its own; see
    /// [`thin_mounts`].
    pub thin: bool,
    /// Whether the trees are flushed to the disk before they get their names, so that they are whole even after the
    /// power fails.
    pub flush: bool,
    /// How many threads decompress.
    pub threads: usize,
}

impl<'a> Extract<'a> {
    /// An archive of which nothing is expected; owners are set where this process is root.
    pub fn new(archive: &'a Path, targets: &'a [PathBuf]) -> Self {
        let ownership = if nix::unistd::geteuid().is_root() { Ownership::Chown } else { Ownership::Keep };
        let threads = available_parallelism().map_or(1, usize::from);
        let (expect, limits) = (Expect::default(), Limits::default());
        Self { archive, expect, targets, ownership, limits, exclude: &[], thin: false, flush: true, threads }
    }
}

/// How far an extraction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Bytes of the archive that have been read.
    pub read: u64,
    /// Bytes it has.
    pub len: u64,
    /// Entries that have been made.
    pub entries: u64,
    /// Entries there will be, where that is known.
    pub entries_expected: Option<u64>,
    /// Bytes of files that have been unpacked.
    pub unpacked: u64,
}

/// Is told how far an extraction is, many times a second, and may call it off.
pub type Progress<'a> = dyn FnMut(&Event) -> ControlFlow<()> + 'a;

/// What has been extracted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Extracted {
    /// The archive's digest.
    pub sha256: Sha256,
    /// How many entries it has.
    pub entries: u64,
    /// Bytes of files it unpacks to.
    pub bytes: u64,
}

/// Reads an archive once, checks it, and makes a tree of it at each of the targets.
///
/// A target is there whole, or not at all: on an error, nothing that was made is left. What a run that was killed
/// has left is removed by the next one for the same target.
///
/// # Errors
/// [`BaseError`]: the archive is not the expected one, is damaged or hostile, a target is not free, the disk is full.
pub fn extract(job: &Extract<'_>, progress: &mut Progress<'_>) -> Result<Extracted, BaseError> {
    let file = File::open(job.archive).map_err(BaseError::file("open", job.archive))?;
    let found = file.metadata().map_err(BaseError::file("look at", job.archive))?;
    if !found.is_file() {
        let refused = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(BaseError::file("read", job.archive)(refused));
    }
    let exclude = Exclude::new(job.exclude)?;
    let stagings: Vec<Staging> = job.targets.iter().map(|target| Staging::new(target)).collect::<Result<_, _>>()?;
    let chown = matches!(job.ownership, Ownership::Chown);
    let trees = stagings.iter().map(|staging| Ok(Tree::new(staging.dir()?, chown)));
    let trees = trees.collect::<Result<Vec<_>, BaseError>>()?;
    let mut unpacking = Unpacking::new(job, found.len(), trees, exclude, progress);
    let resources = Resources {
        threads: u32::try_from(job.threads.max(1)).unwrap_or(u32::MAX),
        memory: MEMORY,
        memory_stop: MEMORY_STOP,
    };
    let signals = Signals::default();
    let (unpacked, digest) = decode::decoded(file, resources, job.byte_limit(found.len()), &signals, |input| {
        let mut archive = Archive::new(input, job.entry_limit());
        let result = unpacking.run(&mut archive);
        if result.is_err() && (job.expect.sha256.is_none() || matches!(result, Err(Ended::Cancelled))) {
            archive.input().abandon();
        }
        result.map(|()| archive.entries())
    });
    let misplaced = |(place, fault)| BaseError::Archive { archive: job.archive.to_owned(), place, fault };
    // A wrong digest tells more than what the wrong archive led to.
    if let (Some(expected), Ok(found)) = (job.expect.sha256, &digest)
        && expected != *found
        && !matches!(unpacked, Err(Ended::Cancelled))
    {
        return Err(BaseError::Digest { archive: job.archive.to_owned(), expected, found: *found });
    }
    let entries = match unpacked {
        Ok(entries) => entries,
        Err(Ended::Cancelled) => return Err(BaseError::Cancelled),
        Err(Ended::At(at)) => return Err(misplaced(at)),
    };
    let sha256 = digest.map_err(BaseError::file("read", job.archive))?;
    if let Some(expected) = job.expect.entries.filter(|&expected| expected != entries) {
        return Err(BaseError::Entries { archive: job.archive.to_owned(), expected, found: entries });
    }
    for tree in &mut unpacking.trees {
        tree.finish().map_err(|(path, fault)| misplaced((Place::In(path), fault)))?;
    }
    let bytes = unpacking.event.unpacked;
    for (staging, tree) in stagings.into_iter().zip(&unpacking.trees) {
        if job.flush {
            staging.flush()?;
        }
        if let Ownership::Record(record) = job.ownership {
            let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_owned()));
            let owners: Vec<_> = tree.owners().map(|(bytes, owner)| (path(bytes), owner)).collect();
            record(staging.target(), &owners).map_err(BaseError::file("record the owners in", staging.target()))?;
        }
        staging.place()?;
    }
    Ok(Extracted { sha256, entries, bytes })
}

impl Extract<'_> {
    fn byte_limit(&self, len: u64) -> u64 {
        let most = self.limits.bytes.unwrap_or_else(|| {
            let likely = match self.expect.entries {
                Some(entries) => entries.saturating_mul(BYTES_PER_ENTRY),
                None => len.saturating_mul(BYTES_PER_PACKED),
            };
            likely.saturating_add(FREE_BYTES)
        });
        // The size of a file is signed to the system.
        most.min(i64::MAX as u64)
    }

    fn entry_limit(&self) -> u64 {
        self.expect.entries.or(self.limits.entries).unwrap_or(ENTRIES)
    }
}

/// Why unpacking ended early.
enum Ended {
    At(Misplaced),
    Cancelled,
}

impl From<Misplaced> for Ended {
    fn from(at: Misplaced) -> Self {
        Self::At(at)
    }
}

/// Trees on their way from an archive.
struct Unpacking<'a> {
    trees: Vec<Tree>,
    /// How each tree gets its data from the first one that has it.
    ways: Vec<Way>,
    thin: bool,
    exclude: Exclude,
    event: Event,
    progress: &'a mut Progress<'a>,
}

impl<'a> Unpacking<'a> {
    fn new(job: &Extract<'_>, len: u64, trees: Vec<Tree>, exclude: Exclude, progress: &'a mut Progress<'a>) -> Self {
        let event = Event { read: 0, len, entries: 0, entries_expected: job.expect.entries, unpacked: 0 };
        let thin = job.thin && !trees.is_empty();
        Self { ways: vec![Way::Clone; trees.len()], trees, thin, exclude, event, progress }
    }

    fn run(&mut self, archive: &mut Archive<'_, '_>) -> Result<(), Ended> {
        while let Some(entry) = archive.next()? {
            match self.make(&entry, archive) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Err(Ended::Cancelled),
                Err(fault) => return Err(Ended::At((Place::In(entry.name), fault))),
            }
            self.event.entries = archive.entries();
            if self.tell(archive).is_break() {
                return Err(Ended::Cancelled);
            }
        }
        Ok(())
    }

    fn tell(&mut self, archive: &Archive<'_, '_>) -> ControlFlow<()> {
        self.event.read = archive.input().archive_read();
        (self.progress)(&self.event)
    }

    /// The trees that a path belongs to.
    fn trees_of(&self, path: &TreePath, kind: Kind) -> Range<usize> {
        match (self.thin, thin::part_of(path)) {
            (false, _) => 0..self.trees.len(),
            // Where it is mounted, and what is mounted there.
            (true, thin::Part::Mount) if kind == Kind::Dir => 0..self.trees.len(),
            (true, thin::Part::Own) => 1..self.trees.len(),
            (true, thin::Part::Shared | thin::Part::Mount) => 0..1,
        }
    }

    fn make(&mut self, entry: &Entry, archive: &mut Archive<'_, '_>) -> Result<ControlFlow<()>, Fault> {
        let path = TreePath::new(&entry.name)?;
        if self.exclude.covers(&path) {
            return Ok(ControlFlow::Continue(()));
        }
        let range = self.trees_of(&path, entry.kind);
        match entry.kind {
            Kind::Dir => self.trees[range].iter_mut().try_for_each(|tree| tree.make_dir(&path, entry))?,
            Kind::Symlink if entry.link.is_empty() || entry.link.contains(&0) => return Err(Fault::LinkTarget),
            Kind::Symlink => self.trees[range].iter_mut().try_for_each(|tree| tree.make_symlink(&path, entry))?,
            Kind::HardLink => self.make_hard_link(&path, entry, range)?,
            Kind::File => return self.make_file(&path, entry, range, archive),
        }
        Ok(ControlFlow::Continue(()))
    }

    fn make_hard_link(&mut self, path: &TreePath, entry: &Entry, range: Range<usize>) -> Result<(), Fault> {
        let refused = |reason| Fault::HardLink { target: entry.link.clone(), reason };
        let target = TreePath::new(&entry.link).map_err(|fault| match fault {
            Fault::Absolute | Fault::Parent => refused("that is not in the archive"),
            _ => refused("that is no name"),
        })?;
        if self.exclude.covers(&target) {
            return Err(refused("that is left out; leave this out as well"));
        }
        let source = self.trees_of(&target, Kind::File);
        if source == range {
            let target = (&target, entry.link.as_slice());
            return self.trees[range].iter_mut().try_for_each(|tree| tree.make_hard_link(path, target));
        }
        // What is shared and what is a jail's own are two file systems to the jail: each gets its file.
        let Some(source) = self.trees.get(source.start) else { return Ok(()) };
        let missing = |_| refused("no such file in the archive before it");
        let (from, attributes) = source.open_file(&target).map_err(missing)?;
        let len = from.metadata().map_err(Fault::system("look at what it links to"))?.len();
        for at in range {
            let to = self.trees[at].make_file(path)?;
            self.ways[at].share(&from, &to, len, None).map_err(Fault::system("copy what it links to"))?;
            self.trees[at].finish_copy(path, &to, &attributes)?;
        }
        Ok(())
    }

    fn make_file(
        &mut self,
        path: &TreePath,
        entry: &Entry,
        range: Range<usize>,
        archive: &mut Archive<'_, '_>,
    ) -> Result<ControlFlow<()>, Fault> {
        let files = self.trees[range.clone()].iter_mut().map(|tree| tree.make_file(path));
        let files = files.collect::<Result<Vec<_>, Fault>>()?;
        let before = self.event.unpacked;
        let filled = self.fill(files.first(), entry.holes.as_ref(), archive)?;
        if filled.is_break() {
            return Ok(filled);
        }
        let len = self.event.unpacked - before;
        for (nth, (at, file)) in range.zip(&files).enumerate() {
            if nth > 0 {
                let shared = self.ways[at].share(&files[0], file, len, entry.holes.as_ref());
                shared.map_err(Fault::system("write it"))?;
            }
            self.trees[at].finish_file(path, file, entry)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Writes an entry's data to a file, or reads past it where there is none.
    fn fill(
        &mut self,
        file: Option<&File>,
        holes: Option<&Holes>,
        archive: &mut Archive<'_, '_>,
    ) -> Result<ControlFlow<()>, Fault> {
        let whole = [Piece { offset: 0, len: u64::MAX }];
        for piece in holes.map_or(&whole[..], |holes| &holes.pieces) {
            let mut done = 0;
            while done < piece.len {
                let data = archive.data()?;
                let len = usize::try_from(piece.len - done).unwrap_or(usize::MAX).min(data.len());
                if len == 0 {
                    break;
                }
                if let Some(file) = file {
                    file.write_all_at(&data[..len], piece.offset + done).map_err(Fault::system("write it"))?;
                }
                archive.consume(len);
                done += len as u64;
                self.event.unpacked += len as u64;
                if self.tell(archive).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        if let (Some(file), Some(holes)) = (file, holes) {
            file.set_len(holes.len).map_err(Fault::system("set its length"))?;
        }
        Ok(ControlFlow::Continue(()))
    }
}
