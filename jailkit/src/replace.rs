//! Replacing a file so that nobody ever sees half of it.
//!
//! The new bytes go to a temporary file beside the old one, are flushed to the disk, and take its name in one rename.
//! A crash leaves the old file or the new one; mode and owner stay.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why a file could not be replaced. The old one stands as it was.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}", path = path.display())]
pub struct ReplaceError {
    /// What was being done, as a verb: `create`, `write`, `rename`.
    pub action: &'static str,
    /// The file it was done to.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Replaces the contents of `path`, or creates it with `mode_if_new`.
///
/// A symbolic link is followed, so that the link stays and the file it names is replaced. Mode and owner of an
/// existing file are kept; where the owner cannot be given back (not root), the file is not replaced.
///
/// # Errors
/// [`ReplaceError`] with the step that failed; the old file is untouched and no temporary file is left.
///
/// # Example
/// ```
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("rc.conf");
/// jailkit::replace::replace_file(&path, b"jail_enable=\"YES\"\n", 0o644)?;
/// assert_eq!(std::fs::read(&path)?, b"jail_enable=\"YES\"\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn replace_file(path: &Path, bytes: &[u8], mode_if_new: u32) -> Result<(), ReplaceError> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| ReplaceError { action, path, source }
    };
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(failed("resolve", path)(error)),
    };
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temp = tempfile::Builder::new()
        .prefix(".jailkit-")
        .suffix(".tmp")
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(dir)
        .map_err(failed("create a temporary file in", dir))?;
    temp.write_all(bytes).map_err(failed("write", temp.path()))?;
    let mode = match std::fs::metadata(&target) {
        Ok(old) => {
            let new = temp.as_file().metadata().map_err(failed("read the owner of", temp.path()))?;
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                std::os::unix::fs::fchown(temp.as_file(), Some(old.uid()), Some(old.gid()))
                    .map_err(failed("keep the owner of", &target))?;
            }
            old.mode() & 0o7777
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => mode_if_new,
        Err(error) => return Err(failed("read the mode of", &target)(error)),
    };
    temp.as_file()
        .set_permissions(std::fs::Permissions::from_mode(mode))
        .map_err(failed("set the mode of", temp.path()))?;
    temp.as_file().sync_all().map_err(failed("flush", temp.path()))?;
    temp.persist(&target).map_err(|error| failed("rename to", &target)(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("flush", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_mode_and_follows_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace_file(&link, b"new", 0o600).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_failure_names_the_step_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing/file");
        let error = replace_file(&path, b"new", 0o600).unwrap_err();
        assert_eq!(error.action, "create a temporary file in");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
