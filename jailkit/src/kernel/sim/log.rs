//! The file the simulated kernel keeps its state in: a line for each change, the first of them the whole state.
//!
//! A call reads what others have added since and adds its own line, all under a lock, so that several processes share
//! one kernel and a call costs what it changes. A process killed while it writes leaves a line without an end, which
//! the next one takes away. Where the lines have grown to several times the state, it is written anew beside the old
//! file and takes its name in one rename.

use std::fs::File;
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
    /// Device and inode of the file that was read; none before the first.
    file: Option<(u64, u64)>,
    read: u64,
    /// How long the file was when it was written anew.
    anew: u64,
}

/// The kernel's lock, held while this lives.
#[derive(Debug)]
pub(super) struct Lock {
    /// Closing it lets go.
    _file: File,
}

impl Lock {
    pub(super) fn take(root: &Path) -> io::Result<Self> {
        let path = root.join(SIM_DIR).join("kernel.lock");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        file.lock()?;
        Ok(Self { _file: file })
    }
}

fn path(root: &Path) -> PathBuf {
    root.join(SIM_DIR).join("kernel.log")
}

impl Log {
    /// The state as it is now; a kernel is booted where there is none.
    pub(super) fn state(&mut self, root: &Path, _lock: &Lock) -> io::Result<&mut State> {
        let mut file = match File::options().read(true).write(true).open(path(root)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.state = State::boot(Release::default());
                self.write_anew(root)?;
                return Ok(&mut self.state);
            }
            Err(error) => return Err(error),
        };
        let found = file.metadata()?;
        let id = Some((found.dev(), found.ino()));
        if self.file != id || found.len() < self.read {
            *self = Self { file: id, ..Self::default() };
        }
        if found.len() > self.read {
            self.catch_up(&mut file)?;
        }
        Ok(&mut self.state)
    }

    fn catch_up(&mut self, file: &mut File) -> io::Result<()> {
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
    pub(super) fn store(&mut self, root: &Path, _lock: &Lock) -> io::Result<()> {
        let Some(change) = self.state.take_change() else { return Ok(()) };
        let mut line = serde_json::to_vec(&change)?;
        line.push(b'\n');
        if self.read + line.len() as u64 > SMALL.max(4 * self.anew) {
            return self.write_anew(root);
        }
        File::options().append(true).open(path(root))?.write_all(&line)?;
        self.read += line.len() as u64;
        Ok(())
    }

    /// Boots a kernel of this release in place of whatever there was.
    pub(super) fn boot(&mut self, root: &Path, release: Release, _lock: &Lock) -> io::Result<()> {
        self.state = State::boot(release);
        self.write_anew(root)
    }

    fn write_anew(&mut self, root: &Path) -> io::Result<()> {
        let staged = root.join(SIM_DIR).join("kernel.log.new");
        let mut line = serde_json::to_vec(&self.state.whole())?;
        line.push(b'\n');
        let mut file = File::create(&staged)?;
        file.write_all(&line)?;
        let found = file.metadata()?;
        std::fs::rename(staged, path(root))?;
        self.state.take_change();
        self.file = Some((found.dev(), found.ino()));
        self.read = line.len() as u64;
        self.anew = self.read;
        Ok(())
    }
}
