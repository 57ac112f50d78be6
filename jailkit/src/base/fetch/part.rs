//! A download that is not whole yet, beside the place it is for.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use sha2::Digest;

use super::FetchError;
use crate::base::error::BaseError;
use crate::base::manifest::Sha256;

/// A file that only grows, locked, and the digest of what is in it.
pub(super) struct Part {
    path: PathBuf,
    file: Flock<File>,
    len: u64,
    digest: sha2::Sha256,
}

impl Part {
    /// The part of `place`, with what an earlier run left in it.
    pub(super) fn open(place: &Path) -> Result<Self, FetchError> {
        let mut name = std::ffi::OsString::from(".jailkit-");
        name.push(place.file_name().unwrap_or_default());
        name.push(".tmp");
        let path = place.with_file_name(name);
        let file = File::options().read(true).append(true).create(true).open(&path);
        let file = file.map_err(BaseError::file("open", &path))?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => return Err(FetchError::Busy { path: place.to_owned() }),
            Err((_, errno)) => return Err(BaseError::file("lock", &path)(errno.into()).into()),
        };
        let mut part = Self { path, file, len: 0, digest: sha2::Sha256::new() };
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match part.file.read(&mut buffer) {
                Ok(0) => return Ok(part),
                Ok(len) => {
                    part.digest.update(&buffer[..len]);
                    part.len += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(BaseError::file("read", &part.path)(error).into()),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn digest(&self) -> Sha256 {
        Sha256(self.digest.clone().finalize().into())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), BaseError> {
        self.file.write_all(bytes).map_err(BaseError::file("write", &self.path))?;
        self.digest.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) -> Result<(), BaseError> {
        self.file.set_len(0).map_err(BaseError::file("empty", &self.path))?;
        self.digest = sha2::Sha256::new();
        self.len = 0;
        Ok(())
    }

    /// Gives it its name, flushed to the disk.
    pub(super) fn place(self, place: &Path) -> Result<(), BaseError> {
        self.file.sync_all().map_err(BaseError::file("flush", &self.path))?;
        fs::rename(&self.path, place).map_err(BaseError::file("rename to", place))?;
        let dir = place.parent().unwrap_or(Path::new("/"));
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(BaseError::file("flush", dir))
    }

    /// Removes it.
    pub(super) fn discard(self) -> Result<(), BaseError> {
        fs::remove_file(&self.path).map_err(BaseError::file("remove", &self.path))
    }
}
