//! Jail descriptors: files that name one jail and no later one of its number.
//!
//! Source: `sys/kern/kern_jaildesc.c`, sys_jail_attach_jd and sys_jail_remove_jd of FreeBSD 15.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use super::Refusal;
use super::state::State;
use crate::kernel::{Errno, Jid};

/// What a descriptor's file begins with.
const MAGIC: &[u8; 8] = b"jaildesc";

/// Opens a descriptor of a jail that a process in the prison `mine` sees.
pub(super) fn open(state: &State, mine: i32, jid: Jid) -> Result<OwnedFd, Refusal> {
    let found = state.prison(jid.0).filter(|_| state.is_below(mine, jid.0));
    let found = found.ok_or_else(|| Refusal::new(Errno::ENOENT, format!("jail {jid} not found")))?;
    if found.dying {
        return Err(Refusal::new(Errno::ENOENT, format!("jail {jid} is dying")));
    }
    let write = || -> io::Result<OwnedFd> {
        let file = tempfile::tempfile()?;
        file.write_all_at(&[*MAGIC, found.serial.to_ne_bytes()].concat(), 0)?;
        Ok(file.into())
    };
    write().map_err(|_| Errno::EIO.into())
}

/// The jail of a descriptor: `EBADF` where it is none, `ENOENT` where the jail is gone.
pub(super) fn jail_of(state: &State, descriptor: BorrowedFd<'_>) -> Result<Jid, Errno> {
    let mut text = [0; 16];
    let read = descriptor.try_clone_to_owned().and_then(|file| File::from(file).read_exact_at(&mut text, 0));
    let (magic, serial) = text.split_at(MAGIC.len());
    if read.is_err() || magic != MAGIC {
        return Err(Errno::EBADF);
    }
    let serial = serial.first_chunk().map_or(0, |serial| u64::from_ne_bytes(*serial));
    let found = state.prisons().find(|prison| prison.jid != 0 && prison.serial == serial);
    found.map(|prison| Jid(prison.jid)).ok_or(Errno::ENOENT)
}
