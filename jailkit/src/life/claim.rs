//! One run at a time for each jail, and what a start has made for it on the host.
//!
//! A file `/var/run/jailkit.NAME` is locked while a jail is started or stopped. It says how far the run is and what the
//! start makes, and stays until that is taken back: by a stop, or by the next run where this one was killed or the jail
//! has ended by itself. Whatever jail.conf says by then, a stop takes back what the start has made.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bstr::BStr;

use super::JailError;
use super::spec::OnHost;
use crate::host::{FileError, Host};
use crate::kernel::Jid;

/// Whether there is something on the host that a start has made for the jail: it runs, or a run on it is under way or was
/// killed, or it has ended by itself.
///
/// # Errors
/// Where `/var/run` cannot be looked at.
pub fn has_left(host: &dyn Host, name: &BStr) -> Result<bool, FileError> {
    Ok(peek(host, name)?.is_some())
}

fn note_path(name: &BStr) -> PathBuf {
    Path::new(NOTES).join(format!("{PREFIX}{}", file_name(name)))
}

const NOTES: &str = "/var/run";
const PREFIX: &str = "jailkit.";

/// The sole right to start or stop a jail.
pub(super) struct Claim {
    file: File,
    /// The file as the host calls it, and where it lies.
    path: PathBuf,
    real: PathBuf,
    left: Option<Left>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Note {
    /// On the way up, and there is no jail yet.
    Preparing,
    /// The jail is about to be created.
    Creating,
    /// On the way up with the jail of this number.
    Starting(Jid),
    /// Up.
    Running(Jid),
    /// On the way down.
    Stopping(Jid),
}

/// What an earlier run has left.
#[derive(Clone, Debug)]
pub(super) struct Left {
    pub(super) note: Note,
    /// What the jail has on the host; nothing where the run was killed before it could say so, and so before it made any.
    pub(super) on_host: OnHost,
}

impl Left {
    /// None of a file that nothing was written to.
    fn read(text: &[u8]) -> Option<Self> {
        let (note, on_host) = text.split_at_checked(NOTE_LEN).unwrap_or((text, b""));
        // What comes after the line is of a longer one that was there before.
        let on_host = on_host.split(|&byte| byte == b'\n').next().unwrap_or_default();
        // A note that was cut short by a kill was the first one of a run.
        let note = serde_json::from_slice(note).unwrap_or(Note::Preparing);
        (!text.is_empty()).then(|| Self { note, on_host: serde_json::from_slice(on_host).unwrap_or_default() })
    }
}

/// Room for the longest note, which stands before what was made.
const NOTE_LEN: usize = 32;

/// What the last run on a jail has left, or says so far where one is under way.
///
/// # Errors
/// Where `/var/run` cannot be looked at.
pub(super) fn peek(host: &dyn Host, name: &BStr) -> Result<Option<Left>, FileError> {
    Ok(host.files().read(&note_path(name))?.and_then(|text| Left::read(&text)))
}

/// What is noted for all jails.
///
/// # Errors
/// Where `/var/run` cannot be looked at.
pub(super) fn all_made(host: &dyn Host) -> Result<Vec<OnHost>, FileError> {
    let dir = Path::new(NOTES);
    let mut made = Vec::new();
    for name in host.files().list(dir)?.unwrap_or_default() {
        if name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            let text = host.files().read(&dir.join(name))?.unwrap_or_default();
            made.extend(Left::read(&text).map(|left| left.on_host));
        }
    }
    Ok(made)
}

impl Claim {
    /// Waits until no other run works on the jail; `waits` is told where one does.
    pub(super) fn take(host: &dyn Host, name: &BStr, waits: impl Fn()) -> Result<Self, JailError> {
        let wait = |file: &File| {
            waits();
            file.lock().map(|()| true)
        };
        let busy = |path| FileError { action: "lock", path, source: io::ErrorKind::WouldBlock.into() };
        Self::open(host, name, wait)?.ok_or_else(|| busy(note_path(name)).into())
    }

    /// None where another run works on the jail.
    pub(super) fn try_take(host: &dyn Host, name: &BStr) -> Result<Option<Self>, JailError> {
        Self::open(host, name, |_| Ok(false))
    }

    /// `wait` is asked for the lock where another run has it, and says whether it has come by it.
    fn open(host: &dyn Host, name: &BStr, wait: impl Fn(&File) -> io::Result<bool>) -> Result<Option<Self>, JailError> {
        let path = note_path(name);
        let real = host.files().locate(&path)?;
        let open = || -> io::Result<Option<(File, Option<Left>)>> {
            loop {
                let options = File::options().read(true).write(true).create(true).mode(0o600).clone();
                let mut file = options.open(&real)?;
                match file.try_lock() {
                    Err(TryLockError::WouldBlock) if !wait(&file)? => return Ok(None),
                    Err(TryLockError::Error(error)) => return Err(error),
                    _ => {}
                }
                // Whoever had it may have removed it meanwhile.
                let held = file.metadata()?;
                let is_current =
                    fs::metadata(&real).is_ok_and(|now| (now.dev(), now.ino()) == (held.dev(), held.ino()));
                if is_current {
                    let mut text = Vec::new();
                    file.read_to_end(&mut text)?;
                    return Ok(Some((file, Left::read(&text))));
                }
            }
        };
        let opened = open().map_err(|source| FileError { action: "lock", path: path.clone(), source })?;
        Ok(opened.map(|(file, left)| Self { file, path, real, left }))
    }

    /// What an earlier run has left.
    pub(super) fn left(&self) -> Option<&Left> {
        self.left.as_ref()
    }

    /// Says how far this run is, and what it makes or is to take back.
    pub(super) fn begin(&mut self, note: Note, on_host: &OnHost) -> Result<(), JailError> {
        let on_host = serde_json::to_string(on_host).map_err(|error| self.failed()(error.into()))?;
        self.write(&format!("{}{on_host}\n", line(note)))
    }

    /// Says how far this run is by now.
    pub(super) fn note(&mut self, note: Note) -> Result<(), JailError> {
        self.write(&line(note))
    }

    /// Over what is there: some file systems write a file out at once that is cut and written again.
    fn write(&self, text: &str) -> Result<(), JailError> {
        self.file.write_all_at(text.as_bytes(), 0).map_err(self.failed())
    }

    fn failed(&self) -> impl Fn(io::Error) -> JailError + use<> {
        let path = self.path.clone();
        move |source| FileError { action: "write", path: path.clone(), source }.into()
    }

    /// Nothing has been done: what an earlier run has left stays said.
    pub(super) fn release(self) -> Result<(), JailError> {
        if self.left.is_none() { self.finish() } else { Ok(()) }
    }

    /// Nothing is left on the host to mind.
    pub(super) fn finish(self) -> Result<(), JailError> {
        let removed = fs::remove_file(&self.real);
        removed.map_err(|source| FileError { action: "remove", path: self.path.clone(), source }.into())
    }
}

fn line(note: Note) -> String {
    format!("{:<NOTE_LEN$}", serde_json::json!(note).to_string())
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
    if text.len() > LONGEST_NAME { crate::journal::digest(name) } else { text }
}

/// Names of jails may be longer than names of files.
const LONGEST_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::host::SimHost;

    #[test]
    fn a_note_keeps_what_is_no_text_and_what_comes_after_it_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let host = SimHost::open(dir.path()).unwrap();
        let take = || Claim::try_take(&host, "www".into()).unwrap().unwrap();
        let root = Path::new(std::ffi::OsStr::from_bytes(b"/srv/caf\xe9/with/a/long/name")).to_owned();
        for root in [root, "/srv".into()] {
            let mut claim = take();
            claim.begin(Note::Preparing, &OnHost { root: Some(root.clone()), ..OnHost::default() }).unwrap();
            claim.note(Note::Starting(Jid(i32::MAX))).unwrap();
            drop(claim);
            let left = take().left().cloned().unwrap();
            assert_eq!((left.note, left.on_host.root), (Note::Starting(Jid(i32::MAX)), Some(root)));
        }
        take().finish().unwrap();
        assert!(take().left().is_none());
    }
}
