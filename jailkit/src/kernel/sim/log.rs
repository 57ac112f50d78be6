//! The file the simulated kernel keeps its state in: a line for each change, the first of them the whole state.
//!
//! A call reads what others have added since and adds its own line, all under a lock, so that several processes share
//! one kernel and a call costs what it changes. A process killed while it writes leaves a line without an end, which
//! the next one takes away. Where the lines have grown to several times the state, it is written anew beside the old
//! file and takes its name in one rename.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::SIM_DIR;
use super::release::Release;
use super::state::{Change, State};

/// Below this the file is not worth writing anew.
const SMALL: u64 = 256 * 1024;

/// The state, and how much of which file it comes from.
#[derive(Debug, Default)]
pub(super) struct Log {
    state: State,
    /// Locked by whoever is in the kernel.
    lock: Option<File>,
    /// The file that was read; none before the first.
    file: Option<Kept>,
    read: u64,
    /// How long the file was when it was written anew.
    anew: u64,
}

/// A file that is kept open.
#[derive(Debug)]
struct Kept {
    file: File,
    /// Device and inode, by which it is known to be still the one of its name.
    id: (u64, u64),
}

fn lock_path(root: &Path) -> PathBuf {
    root.join(SIM_DIR).join("kernel.lock")
}

fn path(root: &Path) -> PathBuf {
    root.join(SIM_DIR).join("kernel.log")
}

fn id(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

impl Log {
    /// Lets `act` see and change the state as it is now, while all others wait, and writes down what it has changed.
    pub(super) fn enter<T>(&mut self, root: &Path, act: impl FnOnce(&mut State) -> T) -> io::Result<T> {
        self.locked(root, |log| {
            log.catch_up(root)?;
            let result = act(&mut log.state);
            log.store(root)?;
            Ok(result)
        })
    }

    /// Boots a kernel of this release in place of whatever there was.
    pub(super) fn boot(&mut self, root: &Path, release: Release) -> io::Result<()> {
        self.locked(root, |log| {
            log.state = State::boot(release);
            log.write_anew(root)
        })
    }

    fn locked<T>(&mut self, root: &Path, act: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        let lock = match self.lock.take() {
            Some(lock) => lock,
            None => File::options().read(true).write(true).create(true).truncate(false).open(lock_path(root))?,
        };
        lock.lock()?;
        let result = act(self);
        lock.unlock()?;
        // Kept for the next call; where something is wrong with the host's directory, it is opened again.
        self.lock = Some(lock).filter(|_| result.is_ok());
        result
    }

    /// Reads what others have added; a kernel is booted where there is none.
    fn catch_up(&mut self, root: &Path) -> io::Result<()> {
        let found = match std::fs::metadata(path(root)) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.state = State::boot(Release::default());
                return self.write_anew(root);
            }
            Err(error) => return Err(error),
        };
        let is_kept = self.file.as_ref().is_some_and(|kept| kept.id == id(&found));
        if is_kept && found.len() == self.read {
            return Ok(());
        }
        let mut kept = match self.file.take() {
            Some(kept) if is_kept && found.len() > self.read => kept,
            _ => {
                (self.state, self.read, self.anew) = (State::default(), 0, 0);
                let file = File::options().read(true).append(true).open(path(root))?;
                let id = id(&file.metadata()?);
                Kept { file, id }
            }
        };
        self.read_on(&mut kept.file)?;
        self.file = Some(kept);
        Ok(())
    }

    fn read_on(&mut self, file: &mut File) -> io::Result<()> {
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            // Its writer was killed; we hold the lock, so nobody is about to end this line.
            file.set_len(self.read + whole as u64)?;
        }
        for line in text[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            self.state.apply(serde_json::from_slice::<Change>(line)?);
            if self.anew == 0 {
                self.anew = line.len() as u64;
            }
        }
        self.read += whole as u64;
        Ok(())
    }

    /// Writes down what has changed.
    fn store(&mut self, root: &Path) -> io::Result<()> {
        let Some(change) = self.state.take_change() else { return Ok(()) };
        let mut line = serde_json::to_vec(&change)?;
        line.push(b'\n');
        let is_long = self.read + line.len() as u64 > SMALL.max(4 * self.anew);
        match &mut self.file {
            Some(kept) if !is_long => {
                kept.file.write_all(&line)?;
                self.read += line.len() as u64;
                Ok(())
            }
            _ => self.write_anew(root),
        }
    }

    fn write_anew(&mut self, root: &Path) -> io::Result<()> {
        let staged = root.join(SIM_DIR).join("kernel.log.new");
        let mut line = serde_json::to_vec(&self.state.whole())?;
        line.push(b'\n');
        match std::fs::remove_file(&staged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().read(true).append(true).create_new(true).open(&staged)?;
        file.write_all(&line)?;
        let id = id(&file.metadata()?);
        std::fs::rename(staged, path(root))?;
        self.state.take_change();
        self.file = Some(Kept { file, id });
        self.read = line.len() as u64;
        self.anew = self.read;
        Ok(())
    }
}
