//! What can be wrong with a base system, its MANIFEST or the place it is to go to.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::Sha256;
use crate::source::printable;

/// Why a base system could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file it was done to.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of a MANIFEST is not one.
    #[error("{path}:{line}: {reason}", path = path.display())]
    Manifest {
        /// The MANIFEST.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A MANIFEST says nothing of an archive.
    #[error("{manifest} has no line for {archive}; it names: {known}", manifest = manifest.display())]
    NotInManifest {
        /// The MANIFEST.
        manifest: PathBuf,
        /// The archive's file name.
        archive: String,
        /// The names it has.
        known: String,
    },
    /// The archive is another one than was expected, or has been damaged.
    #[error(
        "{archive} is not the archive that was asked for: its sha256 is {found}, not {expected}; fetch it again",
        archive = archive.display()
    )]
    Digest {
        /// The archive.
        archive: PathBuf,
        /// What was expected.
        expected: Sha256,
        /// What it is.
        found: Sha256,
    },
    /// The archive has another number of entries than MANIFEST says.
    #[error(
        "{archive} has {found} entries, but {expected} were expected; fetch it and its MANIFEST again",
        archive = archive.display()
    )]
    Entries {
        /// The archive.
        archive: PathBuf,
        /// What was expected.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// Something in the archive is damaged, hostile, or more than was allowed.
    #[error("{archive}{place}: {fault}", archive = archive.display())]
    Archive {
        /// The archive.
        archive: PathBuf,
        /// Where in it.
        place: Place,
        /// What is wrong there.
        #[source]
        fault: Fault,
    },
    /// There is something where the tree is to go.
    #[error("{target} is there already and is not an empty directory; remove it, or extract elsewhere", target = target.display())]
    Occupied {
        /// Where the tree was to go.
        target: PathBuf,
    },
    /// Another process extracts to the same place.
    #[error("another process extracts to {target} right now", target = target.display())]
    Busy {
        /// Where the tree was to go.
        target: PathBuf,
    },
    /// A path that no tree can be at, such as `/`.
    #[error("no tree can be made at {target}: name a directory below another one", target = target.display())]
    NoPlace {
        /// The path.
        target: PathBuf,
    },
    /// A pattern of what to leave out cannot be read.
    #[error("the pattern '{pattern}' cannot be read: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Who watches the progress has called it off. Nothing has been left.
    #[error("called off; nothing has been left behind")]
    Cancelled,
}

impl BaseError {
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

/// Where in an archive something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the first entry.
    Start,
    /// In an entry; its name as the archive spells it.
    In(Vec<u8>),
    /// Between an entry and the next, or after the last one.
    After(Vec<u8>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => Ok(()),
            Self::In(name) => write!(f, ": {}", shown(name)),
            Self::After(name) => write!(f, ", after {}", shown(name)),
        }
    }
}

/// A name that is safe to print and no longer than a person wants to read.
fn shown(name: &[u8]) -> String {
    const MOST: usize = 300;
    if name.is_empty() {
        return "an entry without a name".to_owned();
    }
    let text = printable(&name[..name.len().min(MOST)]);
    if name.len() > MOST { format!("{text}… ({} bytes)", name.len()) } else { text }
}

/// What is wrong with an archive or one of its entries.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The archive itself cannot be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// Not xz at all.
    #[error("not an .xz file")]
    NotXz,
    /// The compressed data is damaged.
    #[error("the compressed data is damaged")]
    Damaged,
    /// The compressed data ends too early.
    #[error("the archive ends too early")]
    Truncated,
    /// Zero bytes or another .xz stream were expected after the first one.
    #[error("something that is not .xz follows the compressed data")]
    Trailing,
    /// Needs more memory to decompress than is sane.
    #[error("needs more than {limit} MiB of memory to decompress; no release does")]
    Memory {
        /// What is allowed.
        limit: u64,
    },
    /// Options of xz that this build does not have.
    #[error("compressed in a way that is not supported")]
    Unsupported,
    /// Unpacks to more than allowed.
    #[error("unpacks to more than {limit} bytes; raise the limit if that is right")]
    TooLarge {
        /// What is allowed.
        limit: u64,
    },
    /// More entries than allowed or expected.
    #[error("that is one entry more than the {limit} that were expected or allowed")]
    TooMany {
        /// What is allowed.
        limit: u64,
    },
    /// A tar header that is not one.
    #[error("the tar header is damaged: {0}")]
    Header(&'static str),
    /// The marks at the end of a tar archive are missing.
    #[error("the archive has no end mark: it was cut off between two entries")]
    NoEnd,
    /// A name that begins with a slash.
    #[error("an absolute name; names in an archive start at its top")]
    Absolute,
    /// A name with `..` in it.
    #[error("a name with '..' in it")]
    Parent,
    /// A name with a NUL or newline.
    #[error("a name with a NUL or a newline in it")]
    Control,
    /// A name too long for FreeBSD, or none.
    #[error("a name of {0} bytes; 1 to 1023 are possible")]
    NameLength(usize),
    /// A path through a symbolic link.
    #[error("its path leads through the symbolic link {}", shown(.0))]
    ThroughLink(Vec<u8>),
    /// A path through what is no directory.
    #[error("its path leads through {}, which is no directory", shown(.0))]
    ThroughFile(Vec<u8>),
    /// A name given twice, as different things.
    #[error("was a {before} before and is a {now} now")]
    Changed {
        /// What it was.
        before: &'static str,
        /// What it is now.
        now: &'static str,
    },
    /// A hard link to what does not lie in the tree.
    #[error("a hard link to {}: {reason}", shown(.target))]
    HardLink {
        /// What it would link to.
        target: Vec<u8>,
        /// Why it cannot.
        reason: &'static str,
    },
    /// A symbolic link that leads nowhere.
    #[error("a symbolic link without a target, or with a NUL in it")]
    LinkTarget,
    /// A device, a pipe or a socket.
    #[error("a {0}; a base system has none, devfs(4) makes them")]
    Special(&'static str),
    /// A kind of entry that base systems do not have.
    #[error("an entry of type {}, which base systems do not have", shown(&[*.0]))]
    Kind(u8),
    /// A link or directory that carries data.
    #[error("carries {0} bytes of data, which its type cannot")]
    Data(u64),
    /// An owner beyond 32 bits.
    #[error("an owner or group id beyond 32 bits")]
    Owner,
    /// Could not be made here.
    #[error("cannot {action}: {source}")]
    System {
        /// What was being done, as a verb.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Fault {
    pub(super) fn system<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { action, source: source.into() }
    }
}
