//! Getting a release's archives into the cache: MANIFEST first, then what it names.
//!
//! A download is kept beside its place until its digest is right: what broke off is continued there, by this run or
//! the next one, and what turns out to be something else is thrown away.

mod http;
mod part;

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use self::http::Http;
use self::part::Part;
use super::cache::{Cache, make_parent};
use super::error::BaseError;
use super::manifest::{Dist, Manifest, Sha256};
use super::release::{Arch, Release};
use super::unpack::{Expect, Extract, extract};

/// The most a MANIFEST may have.
const MANIFEST_LEN: u64 = 1 << 20;
/// The most an archive may have, where a server would send without end.
const ARCHIVE_LEN: u64 = 16 << 30;

/// Why a release could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A file of the cache or the mirror, or an archive that is not what MANIFEST says.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// The server has no such file, or does not give it.
    #[error("{url}: the server answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status code of HTTP.
        status: u16,
    },
    /// The network or the server failed, again and again.
    #[error("cannot fetch {url}, tried {attempts} times: {reason}")]
    Network {
        /// What was asked for.
        url: String,
        /// How often it failed without any bytes gained.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// What was downloaded is not what MANIFEST says, twice.
    #[error("{url} is not the archive that MANIFEST names: its sha256 is {found}, not {expected}; nothing was kept")]
    Digest {
        /// What was asked for.
        url: String,
        /// What MANIFEST says.
        expected: Sha256,
        /// What the server sent.
        found: Sha256,
    },
    /// More than any archive has.
    #[error("{url} has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// What is allowed.
        limit: u64,
    },
    /// MANIFEST has no such archive.
    #[error("{release} has no {set}; it has: {known}")]
    NoSet {
        /// The release.
        release: Release,
        /// What was asked for.
        set: String,
        /// What there is.
        known: String,
    },
    /// Nothing may be fetched, and the cache does not have it.
    #[error("{what} is not in the cache {cache}; fetch it without --offline", cache = cache.display())]
    Offline {
        /// What was asked for.
        what: String,
        /// The cache.
        cache: PathBuf,
    },
    /// A mirror that is no URL of a kind that can be fetched.
    #[error("'{0}' is no mirror: give an http://, https:// or file:// URL, or a directory")]
    Mirror(String),
    /// Another process downloads the same.
    #[error("another process fetches {path} right now", path = path.display())]
    Busy {
        /// What it writes.
        path: PathBuf,
    },
    /// Who watches the progress has called it off. What has been downloaded is kept, to be continued.
    #[error("called off; what has been downloaded will be continued")]
    Cancelled,
}

/// Where releases come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// A server, by the URL that `releases/` is below.
    Url(String),
    /// A directory, such as that of a mounted medium.
    Dir(PathBuf),
}

impl Default for Mirror {
    /// FreeBSD's own.
    fn default() -> Self {
        Self::Url("https://download.freebsd.org/ftp".to_owned())
    }
}

impl FromStr for Mirror {
    type Err = FetchError;

    fn from_str(text: &str) -> Result<Self, FetchError> {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("http://") || lower.starts_with("https://") {
            return Ok(Self::Url(text.trim_end_matches('/').to_owned()));
        }
        if lower.starts_with("file:") {
            let path = &text["file:".len()..];
            // file:///path, file://localhost/path and file:/path, as RFC 8089 has them.
            let path = path.strip_prefix("//").map_or(path, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
            if path.starts_with('/') {
                return Ok(Self::Dir(path.into()));
            }
        } else if !text.is_empty() && !text.contains("://") {
            return Ok(Self::Dir(text.into()));
        }
        Err(FetchError::Mirror(text.to_owned()))
    }
}

/// How patient a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often it may fail in a row without a byte gained.
    pub attempts: u32,
    /// The pause after the first failure; each further one doubles it, up to half a minute.
    pub pause: Duration,
    /// How long a server may send nothing.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 6, pause: Duration::from_secs(1), stall: Duration::from_secs(30) }
    }
}

/// A release to fetch.
#[derive(Clone, Debug)]
pub struct Fetch<'a> {
    /// Which.
    pub release: &'a Release,
    /// For which machines.
    pub arch: &'a Arch,
    /// Which of its archives: `base`, `lib32`, `ports`.
    pub sets: &'a [String],
    /// Where from.
    pub mirror: &'a Mirror,
    /// Where to.
    pub cache: &'a Cache,
    /// A MANIFEST one has already and trusts, such as that of a signed medium; else that of the mirror.
    pub manifest: Option<&'a Path>,
    /// Whether the cache alone is used.
    pub offline: bool,
    /// How patient it is.
    pub patience: Patience,
}

/// What happens during a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchEvent {
    /// An archive is in the cache already.
    Cached {
        /// Its file name.
        file: String,
    },
    /// A download begins, or goes on where it had broken off.
    Begin {
        /// The file name.
        file: String,
        /// The bytes that are there.
        have: u64,
    },
    /// Bytes have come.
    Bytes {
        /// The bytes that are there.
        have: u64,
        /// The bytes there will be, where the server says so.
        len: Option<u64>,
    },
    /// It has failed, and is tried again after a pause.
    Retry {
        /// What failed.
        reason: String,
        /// The pause.
        pause: Duration,
    },
    /// The entries of what has been downloaded are counted.
    Check {
        /// The file name.
        file: String,
    },
}

/// Is told what happens, and may call it off.
pub type FetchProgress<'a> = dyn FnMut(&FetchEvent) -> ControlFlow<()> + 'a;

/// An archive that is in the cache now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fetched {
    /// What MANIFEST says of it.
    #[serde(flatten)]
    pub dist: Dist,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it had to be fetched.
    pub fetched: bool,
}

/// Fetches archives of a release into the cache, those that are not there yet.
///
/// # Errors
/// [`FetchError`]; nothing that is not what MANIFEST says is left where it could be used.
pub fn fetch(job: &Fetch<'_>, progress: &mut FetchProgress<'_>) -> Result<Vec<Fetched>, FetchError> {
    let source = Source { http: Http::new(job.patience), mirror: job.mirror };
    let (manifest, folder) = job.manifest(&source, progress)?;
    let dists = job.sets.iter().map(|set| job.dist(&manifest, set)).collect::<Result<Vec<_>, _>>()?;
    let mut fetched = Vec::new();
    for dist in dists {
        let path = job.cache.path(&dist);
        let cached = match job.cache.check(&dist) {
            // It has been damaged since: it makes room for a sound one.
            Err(BaseError::Digest { .. }) if !job.offline => {
                fs::remove_file(&path).map_err(BaseError::file("remove", &path))?;
                false
            }
            found => found?,
        };
        if cached {
            told(progress, FetchEvent::Cached { file: dist.file.clone() })?;
        } else if job.offline {
            return Err(job.not_cached(&format!("{} of {} for {}", dist.file, job.release, job.arch)));
        } else {
            job.get(&source, &folder, &dist, &path, progress)?;
        }
        fetched.push(Fetched { dist, path, fetched: !cached });
    }
    Ok(fetched)
}

impl Fetch<'_> {
    /// MANIFEST, and the folder of the mirror that it is in.
    fn manifest(
        &self,
        source: &Source<'_>,
        progress: &mut FetchProgress<'_>,
    ) -> Result<(Manifest, String), FetchError> {
        if self.offline {
            let cached = self.cache.manifest(self.release, self.arch)?;
            let missing = || self.not_cached(&format!("{} for {}", self.release, self.arch));
            return cached.map(|manifest| (manifest, String::new())).ok_or_else(missing);
        }
        let mut missing = None;
        for folder in self.folders() {
            let (name, found) = source.small(&folder, "MANIFEST", progress);
            match found {
                Ok(bytes) => {
                    let bytes = match self.manifest {
                        Some(path) => fs::read(path).map_err(BaseError::file("read", path))?,
                        None => bytes,
                    };
                    let manifest = Manifest::parse(self.manifest.unwrap_or(Path::new(&name)), &bytes)?;
                    self.cache.keep_manifest(self.release, self.arch, &bytes)?;
                    return Ok((manifest, folder));
                }
                // The first folder is the one that mirrors have: its error says the most.
                Err(error) if is_missing(&error) => drop(missing.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        Err(missing.unwrap_or(FetchError::Cancelled))
    }

    /// Where a mirror may have it: as FreeBSD's do, in a folder of the release's name, or at its top.
    fn folders(&self) -> [String; 4] {
        let (machine, processor) = self.arch.folders();
        let (kind, release) = (self.release.folder(), self.release);
        [
            format!("{kind}/{machine}/{processor}/{release}"),
            format!("{kind}/{machine}/{release}"),
            release.to_string(),
            String::new(),
        ]
    }

    fn dist(&self, manifest: &Manifest, set: &str) -> Result<Dist, FetchError> {
        let named = |dist: &&Dist| dist.file == set || dist.file.strip_suffix(".txz") == Some(set) || dist.name == set;
        manifest.dists.iter().find(named).cloned().ok_or_else(|| {
            let known: Vec<_> = manifest.dists.iter().map(|dist| dist.file.trim_end_matches(".txz")).collect();
            FetchError::NoSet { release: self.release.clone(), set: set.to_owned(), known: known.join(", ") }
        })
    }

    fn get(
        &self,
        source: &Source<'_>,
        folder: &str,
        dist: &Dist,
        path: &Path,
        progress: &mut FetchProgress<'_>,
    ) -> Result<(), FetchError> {
        make_parent(path)?;
        let mut part = Part::open(path)?;
        told(progress, FetchEvent::Begin { file: dist.file.clone(), have: part.len() })?;
        if let Err(error) = source.large(folder, dist, &mut part, progress) {
            if matches!(error, FetchError::Digest { .. }) {
                part.discard()?;
            }
            return Err(error);
        }
        told(progress, FetchEvent::Check { file: dist.file.clone() })?;
        let expect = Expect { sha256: Some(dist.sha256), entries: Some(dist.entries) };
        let checked = extract(&Extract { expect, ..Extract::new(part.path(), &[]) }, &mut |event| {
            progress(&FetchEvent::Bytes { have: event.read, len: Some(event.len) })
        });
        match checked {
            Ok(_) => Ok(part.place(path)?),
            Err(BaseError::Cancelled) => Err(FetchError::Cancelled),
            Err(error) => {
                part.discard()?;
                Err(error.into())
            }
        }
    }

    fn not_cached(&self, what: &str) -> FetchError {
        FetchError::Offline { what: what.to_owned(), cache: self.cache.dir().to_owned() }
    }
}

fn is_missing(error: &FetchError) -> bool {
    match error {
        FetchError::Status { status, .. } => matches!(status, 403 | 404 | 410),
        FetchError::Base(BaseError::File { source, .. }) => {
            matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        }
        _ => false,
    }
}

fn told(progress: &mut FetchProgress<'_>, event: FetchEvent) -> Result<(), FetchError> {
    if progress(&event).is_break() { Err(FetchError::Cancelled) } else { Ok(()) }
}

/// A mirror and what reads from it.
struct Source<'a> {
    http: Http,
    mirror: &'a Mirror,
}

impl Source<'_> {
    /// A small file as a whole, and what it is called in messages.
    fn small(
        &self,
        folder: &str,
        file: &str,
        progress: &mut FetchProgress<'_>,
    ) -> (String, Result<Vec<u8>, FetchError>) {
        match self.mirror {
            Mirror::Url(base) => {
                let url = url(base, folder, file);
                let found = self.http.small(&url, MANIFEST_LEN, progress);
                (url, found)
            }
            Mirror::Dir(dir) => {
                let path = dir.join(folder).join(file);
                let found = fs::read(&path).map_err(BaseError::file("read", &path)).map_err(FetchError::from);
                (path.display().to_string(), found)
            }
        }
    }

    /// An archive, into its part; right when this returns.
    fn large(
        &self,
        folder: &str,
        dist: &Dist,
        part: &mut Part,
        progress: &mut FetchProgress<'_>,
    ) -> Result<(), FetchError> {
        match self.mirror {
            Mirror::Url(base) => self.http.large(&url(base, folder, &dist.file), dist.sha256, part, progress),
            Mirror::Dir(dir) => copy(&dir.join(folder).join(&dist.file), dist.sha256, part, progress),
        }
    }
}

fn url(base: &str, folder: &str, file: &str) -> String {
    if folder.is_empty() { format!("{base}/{file}") } else { format!("{base}/{folder}/{file}") }
}

fn copy(from: &Path, expected: Sha256, part: &mut Part, progress: &mut FetchProgress<'_>) -> Result<(), FetchError> {
    part.clear()?;
    let mut file = File::open(from).map_err(BaseError::file("open", from))?;
    let len = file.metadata().map_err(BaseError::file("look at", from))?.len();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => part.append(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(BaseError::file("read", from)(error).into()),
        }
        told(progress, FetchEvent::Bytes { have: part.len(), len: Some(len) })?;
    }
    let found = part.digest();
    if found == expected {
        return Ok(());
    }
    part.clear()?;
    Err(FetchError::Digest { url: from.display().to_string(), expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_urls_or_directories() {
        let dir = |path: &str| Mirror::Dir(path.into());
        for (text, mirror) in [
            ("https://mirror.example.org/FreeBSD/", Mirror::Url("https://mirror.example.org/FreeBSD".to_owned())),
            ("HTTP://127.0.0.1:8080", Mirror::Url("HTTP://127.0.0.1:8080".to_owned())),
            ("file:///cdrom/usr/freebsd-dist", dir("/cdrom/usr/freebsd-dist")),
            ("file:/cdrom", dir("/cdrom")),
            ("file://localhost/cdrom", dir("/cdrom")),
            ("/usr/freebsd-dist", dir("/usr/freebsd-dist")),
            ("dist", dir("dist")),
        ] {
            assert_eq!(text.parse::<Mirror>().unwrap(), mirror, "{text}");
        }
        for text in ["", "ftp://ftp.freebsd.org", "file://host/path", "file:relative"] {
            assert!(matches!(text.parse::<Mirror>(), Err(FetchError::Mirror(_))), "{text}");
        }
    }
}
