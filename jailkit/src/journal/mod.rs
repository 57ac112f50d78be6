//! What jailkit has made of a host, written down before it makes it.
//!
//! `up` writes a [`Claim`] into the journal before each effect, and `down` takes back what the journal claims and
//! nothing else. A run that is killed leaves at most one claim whose effect never came; taking that one back finds
//! nothing to do. So an unbroken run and a broken one that is run again end in the same state.
//!
//! The journal is a file of JSON lines, appended to and flushed; a last line that was cut short by a crash was never
//! acted on and is dropped.

mod claim;
mod lock;

pub use claim::{Claim, FileClaim, digest};
pub use lock::{Lock, LockError};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::{FileError, Files};

/// Where jailkit keeps what it must remember on a host.
pub const STATE_DIR: &str = "/var/db/jailkit";

/// The journal of a host.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    stack: Option<String>,
    claims: Vec<Claim>,
    /// Whether the file ends in a line that was cut short, or says much that does not hold any more: it is written anew
    /// before it is appended to.
    stale: bool,
}

/// One line of the journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first line: whose the journal is, and the version of its format.
    Stack { name: String, format: u32 },
    /// Something is about to be made.
    Claimed(Claim),
    /// Something has been taken back.
    Released(Claim),
}

const FORMAT: u32 = 1;

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It says what this jailkit does not understand.
    #[error("{path}:{line}: the journal cannot be read ({reason}); restore it, or use the jailkit that wrote it", path = path.display())]
    Unreadable {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// It belongs to another stack.
    #[error(
        "this host is the stack '{other}'s, or has its data: one stack a host; take it down, or go on under that name"
    )]
    OtherStack {
        /// That stack.
        other: String,
    },
}

impl Journal {
    /// Reads the journal of a host; an empty one where there is none.
    ///
    /// # Errors
    /// [`JournalError`] where it cannot be read or understood.
    pub fn open(files: &dyn Files) -> Result<Self, JournalError> {
        let path = Path::new(STATE_DIR).join("journal");
        let text = files.read(&path)?.unwrap_or_default();
        let mut journal = Self { path, stack: None, claims: Vec::new(), stale: false };
        let lines: Vec<_> = text.split_inclusive(|&byte| byte == b'\n').collect();
        for (index, line) in lines.iter().enumerate() {
            match serde_json::from_slice(line) {
                Ok(line) => journal.take(line),
                Err(_) if index + 1 == lines.len() && !line.ends_with(b"\n") => journal.stale = true,
                Err(error) => {
                    let (path, reason) = (journal.path, error.to_string());
                    return Err(JournalError::Unreadable { path, line: index + 1, reason });
                }
            }
        }
        journal.stale |= lines.len() > 2 * journal.claims.len() + 64;
        Ok(journal)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Stack { name, .. } => self.stack = Some(name),
            Line::Claimed(claim) => match self.claims.iter_mut().find(|old| old.is_about_same(&claim)) {
                Some(old) => *old = claim,
                None => self.claims.push(claim),
            },
            Line::Released(claim) => self.claims.retain(|old| !old.is_about_same(&claim)),
        }
    }

    /// The stack that is up, or was coming up; none where the journal is empty.
    pub fn stack(&self) -> Option<&str> {
        self.stack.as_deref()
    }

    /// What is claimed, in the order it was first made.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// What is claimed of a file.
    pub fn file(&self, path: &Path) -> Option<&FileClaim> {
        self.claims.iter().find_map(|claim| match claim {
            Claim::File(file) if file.path == path => Some(file),
            _ => None,
        })
    }

    /// Makes the journal that of a stack, before its first claim.
    ///
    /// # Errors
    /// [`JournalError::OtherStack`] where another one's claims are in it.
    pub fn begin(&mut self, files: &dyn Files, stack: &str) -> Result<(), JournalError> {
        match &self.stack {
            Some(own) if own == stack && !self.stale => return Ok(()),
            Some(other) if other != stack => return Err(JournalError::OtherStack { other: other.clone() }),
            _ => self.stack = Some(stack.to_owned()),
        }
        let stack = Line::Stack { name: stack.to_owned(), format: FORMAT };
        let claims = self.claims.iter().cloned().map(Line::Claimed);
        let mut text = Vec::new();
        for line in std::iter::once(stack).chain(claims) {
            text.extend(self.encode(&line)?);
        }
        files.replace(&self.path, &text, 0o600)?;
        self.stale = false;
        Ok(())
    }

    /// Writes down that something is about to be made or changed; a claim on the same thing is replaced by this one.
    ///
    /// # Errors
    /// [`JournalError`] where it cannot be written; then it must not be made.
    pub fn claim(&mut self, files: &dyn Files, claim: Claim) -> Result<(), JournalError> {
        if self.claims.contains(&claim) {
            return Ok(());
        }
        self.write(files, Line::Claimed(claim))
    }

    /// Writes down that something has been taken back.
    ///
    /// # Errors
    /// [`JournalError`] where it cannot be written.
    pub fn release(&mut self, files: &dyn Files, claim: &Claim) -> Result<(), JournalError> {
        self.write(files, Line::Released(claim.clone()))
    }

    fn write(&mut self, files: &dyn Files, line: Line) -> Result<(), JournalError> {
        files.append(&self.path, &self.encode(&line)?)?;
        self.take(line);
        Ok(())
    }

    /// Removes the journal, once everything in it has been taken back.
    ///
    /// # Errors
    /// [`JournalError`] where it cannot be removed.
    pub fn end(&mut self, files: &dyn Files) -> Result<(), JournalError> {
        files.remove_file(&self.path)?;
        self.stack = None;
        Ok(())
    }

    fn encode(&self, line: &Line) -> Result<Vec<u8>, FileError> {
        let mut text = serde_json::to_vec(line).map_err(|error| FileError {
            action: "append to",
            path: self.path.clone(),
            source: error.into(),
        })?;
        text.push(b'\n');
        Ok(text)
    }
}
