//! One run at a time for each jail, and what a run that was killed has left.
//!
//! While a jail is started or stopped, a file `/var/run/jailkit.NAME` is locked and says how far the run is. It goes
//! when the jail is done; one that is there and not locked is a killed run's.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use bstr::BStr;

use super::JailError;
use crate::host::{FileError, Host};
use crate::kernel::Jid;

/// Whether a run on the jail is under way, or was killed and has left something.
///
/// # Errors
/// Where `/var/run` cannot be looked at.
pub fn is_unfinished(host: &dyn Host, name: &BStr) -> Result<bool, FileError> {
    Ok(host.files().stat(&note_path(name))?.is_some())
}

fn note_path(name: &BStr) -> PathBuf {
    PathBuf::from(format!("/var/run/jailkit.{}", file_name(name)))
}

/// The sole right to start or stop a jail.
pub(super) struct Claim {
    file: File,
    /// The file as the host calls it, and where it lies.
    path: PathBuf,
    real: PathBuf,
    left: Option<Note>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Note {
    /// On the way up; with the number of the jail, once it has one.
    Starting(Option<Jid>),
    /// On the way down.
    Stopping,
}

/// Room for the longest note.
const NOTE_LEN: usize = 32;

impl Claim {
    /// Waits until no other run works on the jail.
    pub(super) fn take(host: &dyn Host, name: &BStr) -> Result<Self, JailError> {
        let path = note_path(name);
        let real = host.files().locate(&path)?;
        let open = || -> io::Result<(File, Option<Note>)> {
            loop {
                let options = File::options().read(true).write(true).create(true).mode(0o600).clone();
                let mut file = options.open(&real)?;
                file.lock()?;
                // Whoever had it may have removed it meanwhile.
                let held = file.metadata()?;
                let is_current =
                    fs::metadata(&real).is_ok_and(|now| (now.dev(), now.ino()) == (held.dev(), held.ino()));
                if is_current {
                    let mut text = Vec::new();
                    file.read_to_end(&mut text)?;
                    // A note that was cut short by a kill says as much as none with a number.
                    let cut_short = (!text.is_empty()).then_some(Note::Starting(None));
                    return Ok((file, serde_json::from_slice(&text).ok().or(cut_short)));
                }
            }
        };
        let (file, left) = open().map_err(|source| FileError { action: "lock", path: path.clone(), source })?;
        Ok(Self { file, path, real, left })
    }

    /// What a killed run has left.
    pub(super) fn left(&self) -> Option<Note> {
        self.left
    }

    /// Says how far this run is.
    pub(super) fn note(&mut self, note: Note) -> Result<(), JailError> {
        let write = || -> io::Result<()> {
            // Each note over the last one, and as long: some file systems write a file out that is cut and written again.
            let text = format!("{:<NOTE_LEN$}", serde_json::to_string(&note)?);
            self.file.write_all_at(text.as_bytes(), 0)
        };
        let written = write();
        written.map_err(|source| FileError { action: "write", path: self.path.clone(), source }.into())
    }

    /// The run is done, and nothing is left of it to mind.
    pub(super) fn finish(self) -> Result<(), JailError> {
        let removed = fs::remove_file(&self.real);
        removed.map_err(|source| FileError { action: "remove", path: self.path.clone(), source }.into())
    }
}

/// A jail's name as a part of a file's name.
fn file_name(name: &[u8]) -> String {
    let mut text = String::new();
    for &byte in name {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => text.push(char::from(byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
