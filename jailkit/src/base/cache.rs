//! Where fetched archives are kept: each under its own digest, so that what is there is what it is called.
//!
//! `archives/SHA256/base.txz` are the archives, `releases/14.2-RELEASE/amd64/amd64/MANIFEST` what names them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::Digest;

use super::error::BaseError;
use super::manifest::{Dist, Manifest, Sha256};
use super::release::{Arch, Release};
use crate::replace::replace_file;

/// A cache of base archives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    dir: PathBuf,
}

/// An archive that a release in the cache has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cached {
    /// The release.
    pub release: Release,
    /// The architecture.
    pub arch: Arch,
    /// The archive, as MANIFEST has it.
    pub dist: Dist,
    /// Where it is, or would be.
    pub path: PathBuf,
    /// Its length in bytes; none where it has not been fetched.
    pub len: Option<u64>,
}

impl Cache {
    /// The cache in a directory, which is made when something is kept.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Where the cache is unless somebody says otherwise: `/var/cache/jailkit` for root, else the user's own cache
    /// directory as the XDG base directories have it; none where there is no home directory.
    pub fn standard() -> Option<Self> {
        if nix::unistd::geteuid().is_root() {
            return Some(Self::new("/var/cache/jailkit"));
        }
        let absolute = |path: PathBuf| path.is_absolute().then_some(path);
        let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
        let dir = named.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(".cache")));
        dir.map(|dir| Self::new(dir.join("jailkit")))
    }

    /// The directory it is in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where an archive is, once it has been fetched.
    pub fn path(&self, dist: &Dist) -> PathBuf {
        self.dir.join("archives").join(dist.sha256.to_string()).join(&dist.file)
    }

    fn manifest_path(&self, release: &Release, arch: &Arch) -> PathBuf {
        let (machine, processor) = arch.folders();
        self.dir.join("releases").join(release.to_string()).join(machine).join(processor).join("MANIFEST")
    }

    /// What a release says of its archives, as it was when it was fetched.
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    pub fn manifest(&self, release: &Release, arch: &Arch) -> Result<Option<Manifest>, BaseError> {
        match Manifest::read(&self.manifest_path(release, arch)) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(BaseError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn keep_manifest(&self, release: &Release, arch: &Arch, bytes: &[u8]) -> Result<(), BaseError> {
        let path = self.manifest_path(release, arch);
        make_parent(&path)?;
        replace_file(&path, bytes, 0o644).map_err(|error| BaseError::File {
            action: error.action,
            path: error.path,
            source: error.source,
        })
    }

    /// All archives of all releases it knows, fetched or not, by release.
    ///
    /// # Errors
    /// Where the directory or a MANIFEST in it cannot be read.
    pub fn list(&self) -> Result<Vec<Cached>, BaseError> {
        let mut found = Vec::new();
        for release in names(&self.dir.join("releases"))? {
            let dir = self.dir.join("releases").join(&release);
            let Ok(release) = release.parse::<Release>() else { continue };
            for machine in names(&dir)? {
                for processor in names(&dir.join(&machine))? {
                    let Ok(arch) = format!("{machine}/{processor}").parse::<Arch>() else { continue };
                    let Some(manifest) = self.manifest(&release, &arch)? else { continue };
                    found.extend(manifest.dists.into_iter().map(|dist| {
                        let path = self.path(&dist);
                        let len = fs::metadata(&path).ok().map(|found| found.len());
                        Cached { release: release.clone(), arch: arch.clone(), dist, path, len }
                    }));
                }
            }
        }
        Ok(found)
    }

    /// Forgets a release, and removes the archives that no other release has; the bytes that were freed.
    ///
    /// # Errors
    /// What the system failed with.
    pub fn remove(&self, release: &Release, arch: &Arch) -> Result<u64, BaseError> {
        let (mine, others): (Vec<_>, Vec<_>) =
            self.list()?.into_iter().partition(|cached| (&cached.release, &cached.arch) == (release, arch));
        let mut freed = 0;
        for cached in mine {
            if others.iter().any(|other| other.dist.sha256 == cached.dist.sha256) {
                continue;
            }
            let Some(dir) = cached.path.parent() else { continue };
            match fs::remove_dir_all(dir) {
                Ok(()) => freed += cached.len.unwrap_or(0),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(BaseError::file("remove", dir)(error)),
            }
        }
        let manifest = self.manifest_path(release, arch);
        match fs::remove_file(&manifest) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BaseError::file("remove", &manifest)(error)),
            _ => Ok(freed),
        }
    }

    /// Whether an archive is there and has its digest; false where it is not there.
    ///
    /// # Errors
    /// [`BaseError::Digest`] where it is another one; where it cannot be read.
    pub fn check(&self, dist: &Dist) -> Result<bool, BaseError> {
        let path = self.path(dist);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(BaseError::file("open", &path)(error)),
        };
        let mut digest = sha2::Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => digest.update(&buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(BaseError::file("read", &path)(error)),
            }
        }
        let found = Sha256(digest.finalize().into());
        if found == dist.sha256 {
            return Ok(true);
        }
        Err(BaseError::Digest { archive: path, expected: dist.sha256, found })
    }
}

pub(super) fn make_parent(path: &Path) -> Result<(), BaseError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(BaseError::file("create", parent))
}

/// The names in a directory, sorted; none where it is not there.
fn names(dir: &Path) -> Result<Vec<String>, BaseError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(BaseError::file("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(BaseError::file("list", dir))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}
