//! Base systems: a release's `base.txz`, checked against its MANIFEST and unpacked whole or not at all.
//!
//! [`Manifest`] reads what the release says of its archives, [`extract`] turns an archive into one tree or several in
//! one pass. An archive is hostile until its digest says otherwise, and the digest is known only at its end: so
//! everything is written below a directory handle of its own that no link leads out of, and gets its name last.
//!
//! # Example
//! ```no_run
//! use std::ops::ControlFlow;
//! use std::path::{Path, PathBuf};
//! use jailkit::base::{self, Expect, Extract, Manifest};
//!
//! let manifest = Manifest::read(Path::new("/usr/freebsd-dist/MANIFEST"))?;
//! let archive = Path::new("/usr/freebsd-dist/base.txz");
//! let targets = [PathBuf::from("/srv/jail/www/fs")];
//! let job = Extract { expect: manifest.expect_of(archive)?, ..Extract::new(archive, &targets) };
//! let done = base::extract(&job, &mut |_| ControlFlow::Continue(()))?;
//! println!("{} entries, sha256 {}", done.entries, done.sha256);
//! # Ok::<(), base::BaseError>(())
//! ```

mod cache;
mod check;
mod error;
mod fetch;
mod manifest;
mod release;
mod unpack;

pub use cache::{Cache, Cached};
pub use check::check_digest;
pub use error::{BaseError, Fault, Place};
pub use fetch::{Fetch, FetchError, FetchEvent, FetchProgress, Fetched, Mirror, Patience, fetch};
pub use manifest::{Dist, Manifest, NotSha256, Sha256};
pub use release::{Arch, NotArch, NotRelease, Release};
pub(crate) use unpack::clear_flags;
pub use unpack::{
    Event, Expect, Extract, Extracted, Limits, Ownership, Progress, RecordOwner, ThinJail, extract, thin_mounts,
};
