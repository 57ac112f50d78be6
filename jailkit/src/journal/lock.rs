//! One jailkit at a time changes a host.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::STATE_DIR;
use crate::host::{FileError, Files};
use crate::stack::Owner;

/// The right to change a host, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The lock was not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("another jailkit is at work on this host: {holder}; wait for it with --wait")]
    Held {
        /// Who, as they say themselves: `jailkit up, process 4711`.
        holder: String,
    },
    /// The lock's file could not be opened.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Lock {
    /// Takes the lock of a host; `purpose` is what others are told it is held for, such as `up`. Where somebody holds
    /// it, waits for them if `wait` is set.
    ///
    /// # Errors
    /// [`LockError::Held`] with who holds it.
    pub fn take(files: &dyn Files, purpose: &str, wait: bool) -> Result<Self, LockError> {
        let path = PathBuf::from(STATE_DIR).join("lock");
        make_state_dir(files)?;
        let real = files.locate(&path)?;
        let failed = || FileError::new("lock", &path);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(real)
            .map_err(failed())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if wait => file.lock().map_err(failed())?,
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(failed())?;
                return Err(LockError::Held { holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(failed()(error).into()),
        }
        let mut sign = || -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "jailkit {purpose}, process {}", std::process::id())
        };
        sign().map_err(failed())?;
        Ok(Self { _file: file })
    }
}

/// The state directory is made before there is a journal to claim it in, and is nobody's but root's.
fn make_state_dir(files: &dyn Files) -> Result<(), FileError> {
    let dir = PathBuf::from(STATE_DIR);
    let missing: Vec<_> = dir.ancestors().take_while(|dir| !matches!(files.stat(dir), Ok(Some(_)))).collect();
    for dir in missing.into_iter().rev() {
        let mode = if dir == STATE_DIR { 0o700 } else { 0o755 };
        match files.make_dir(dir, mode, Owner::ROOT) {
            Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    Ok(())
}
