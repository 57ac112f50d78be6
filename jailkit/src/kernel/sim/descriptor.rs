//! Jail descriptors: files that name one jail and no later one of its number.
//!
//! A descriptor is a file that says which jail of all since the boot it names, and which prison its opener was in:
//! those are the rights it has. A descriptor that removes its jail when it is closed is, besides, locked, and has a name
//! in `.jailkit-sim/jail-owners`: the lock goes with the last process that has the file open, killed or not. A directory
//! cannot act by itself, so whoever enters the kernel next removes the jails whose lock has gone; nobody can see the
//! difference.
//!
//! Not modelled: that a descriptor opened of a dying jail keeps it from going.
//!
//! Source: `sys/kern/kern_jaildesc.c`, and kern_jail_set, kern_jail_get, sys_jail_attach_jd and sys_jail_remove_jd in
//! `sys/kern/kern_jail.c` of FreeBSD 15.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::options::Options;
use super::prison::{Prison, has_privileges, may_enter_root};
use super::state::State;
use super::{Refusal, SIM_DIR, SimKernel};
use crate::kernel::{
    Closing, Descriptors, Errno, GetFlags, Jid, KernelError, Param, ParamType, Reach, SetFlags, Value,
};

/// What a descriptor's file begins with.
const MAGIC: &[u8; 8] = b"jaildesc";

/// What a call of jail_set(2) or jail_get(2) says besides its parameters.
#[derive(Clone, Copy)]
pub(super) struct Call<'fd, Flags> {
    pub(super) flags: Flags,
    pub(super) reach: Reach<'fd>,
    /// The descriptor that it opens.
    opens: Option<Closing>,
}

impl<'fd, Flags> Call<'fd, Flags> {
    pub(super) fn of(flags: Flags, reach: Reach<'fd>) -> Self {
        Self { flags, reach, opens: None }
    }

    fn opening(flags: Flags, reach: Reach<'fd>, closing: Closing) -> Self {
        Self { flags, reach, opens: Some(closing) }
    }

    /// The prison below which the call looks for jails.
    pub(super) fn prison(&self, state: &State, mine: i32, options: &mut Options) -> Result<i32, Refusal> {
        let said = if state.rest().release.has(15) { options.int("desc")? } else { None };
        if said.is_some() && matches!(self.reach, Reach::Own) && self.opens.is_none() {
            return Err(Refusal::new(Errno::EINVAL, "unexpected desc"));
        }
        match self.reach {
            Reach::At(descriptor) => Ok(Described::find(state, descriptor)?.prison.jid),
            Reach::Own | Reach::Use(_) => Ok(mine),
        }
    }

    /// Whether the call may open the descriptor that it asks for: one that removes is for those who may remove.
    pub(super) fn may_open(&self, state: &State, mine: i32) -> Result<(), Errno> {
        if self.opens == Some(Closing::Removes) { has_privileges(state, mine) } else { Ok(()) }
    }

    /// Opens what the call asks for.
    pub(super) fn open(&self, host: &Path, mine: i32, serial: u64, dying: bool) -> Result<Option<OwnedFd>, Errno> {
        let Some(closing) = self.opens else { return Ok(None) };
        let text = [MAGIC.as_slice(), &serial.to_ne_bytes(), &mine.to_ne_bytes(), &[u8::from(dying)]].concat();
        let write = || -> io::Result<OwnedFd> {
            let file = match closing {
                Closing::Leaves => tempfile::tempfile()?,
                Closing::Removes => {
                    fs::create_dir_all(owners(host))?;
                    let (file, _) = tempfile::Builder::new().tempfile_in(owners(host))?.keep()?;
                    file.lock()?;
                    file
                }
            };
            file.write_all_at(&text, 0)?;
            Ok(file.into())
        };
        write().map(Some).map_err(|_| Errno::EIO)
    }
}

/// What a descriptor names.
pub(super) struct Described<'a> {
    pub(super) prison: &'a Prison,
    /// The prison of its opener, whose rights it has.
    pub(super) opener: i32,
}

impl<'a> Described<'a> {
    /// Reads a descriptor. One of a jail that was alive when it was opened names nothing as soon as that is dying.
    pub(super) fn find(state: &'a State, descriptor: BorrowedFd<'_>) -> Result<Self, Refusal> {
        let file = File::from(descriptor.try_clone_to_owned().map_err(|_| Errno::EBADF)?);
        let Some((serial, opener, was_dying)) = read(&file) else {
            return Err(Refusal::new(Errno::EINVAL, "not a jail descriptor"));
        };
        let names = |prison: &&Prison| prison.jid != 0 && prison.serial == serial && (was_dying || !prison.dying);
        let prison = state.prisons().find(names);
        let prison = prison.ok_or_else(|| Refusal::new(Errno::ENOENT, "descriptor to dead jail"))?;
        Ok(Self { prison, opener })
    }
}

fn read(file: &File) -> Option<(u64, i32, bool)> {
    let mut text = [0; 21];
    file.read_exact_at(&mut text, 0).ok()?;
    let rest = text.strip_prefix(MAGIC.as_slice())?;
    let (serial, rest) = rest.split_first_chunk()?;
    let (opener, rest) = rest.split_first_chunk()?;
    Some((u64::from_ne_bytes(*serial), i32::from_ne_bytes(*opener), rest == [1]))
}

fn owners(host: &Path) -> PathBuf {
    host.join(SIM_DIR).join("jail-owners")
}

/// Removes the jails whose owners are gone.
pub(super) fn sweep(host: &Path, state: &mut State) -> io::Result<()> {
    let dir = owners(host);
    let files = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        files => files?,
    };
    let mut is_empty = true;
    for entry in files {
        let path = entry?.path();
        let file = File::options().read(true).write(true).open(&path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                is_empty = false;
                continue;
            }
            locked => locked?,
        }
        let owned = read(&file).and_then(|(serial, ..)| {
            state.prisons().find(|prison| prison.jid != 0 && prison.serial == serial && !prison.dying)
        });
        if let Some(jid) = owned.map(|prison| prison.jid) {
            state.kill(jid);
        }
        fs::remove_file(&path)?;
    }
    // Each call looks here, and a folder that is not there is the quickest to look into.
    if is_empty { fs::remove_dir(&dir) } else { Ok(()) }
}

/// A kernel that was booted anew knows of no owners.
pub(super) fn forget(host: &Path) -> io::Result<()> {
    match fs::remove_dir_all(owners(host)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Descriptors for SimKernel {
    fn set(&self, reach: Reach<'_>, params: &[Param], flags: SetFlags) -> Result<Jid, KernelError> {
        self.set(params, Call::of(flags, reach)).map(|(jid, _)| jid)
    }

    fn set_and_open(
        &self,
        reach: Reach<'_>,
        params: &[Param],
        flags: SetFlags,
        closing: Closing,
    ) -> Result<(Jid, OwnedFd), KernelError> {
        let (jid, opened) = self.set(params, Call::opening(flags, reach, closing))?;
        opened.map(|opened| (jid, opened)).ok_or_else(|| Refusal::from(Errno::EIO).of("jail_set"))
    }

    fn get(
        &self,
        reach: Reach<'_>,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
    ) -> Result<(Jid, Vec<Value>), KernelError> {
        self.get(keys, wanted, Call::of(flags, reach)).map(|(jid, values, _)| (jid, values))
    }

    fn get_and_open(
        &self,
        at: Option<BorrowedFd<'_>>,
        keys: &[Param],
        wanted: &[ParamType],
        flags: GetFlags,
        closing: Closing,
    ) -> Result<(Jid, Vec<Value>, OwnedFd), KernelError> {
        let reach = at.map_or(Reach::Own, Reach::At);
        let (jid, values, opened) = self.get(keys, wanted, Call::opening(flags, reach, closing))?;
        opened.map(|opened| (jid, values, opened)).ok_or_else(|| Refusal::from(Errno::EIO).of("jail_get"))
    }

    fn attach(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError> {
        let attach = self.read(|state| {
            let Described { prison, opener } = Described::find(state, jail)?;
            has_privileges(state, opener)?;
            if prison.dying {
                return Err(Errno::EINVAL.into());
            }
            may_enter_root(state, prison.jid)?;
            Ok(prison.jid)
        });
        let jid = attach.map_err(|refusal| refusal.of("jail_attach_jd"))?;
        self.prison.store(jid, Ordering::Relaxed);
        Ok(())
    }

    fn remove(&self, jail: BorrowedFd<'_>) -> Result<(), KernelError> {
        let removed = self.change(|state| {
            let Described { prison, opener } = Described::find(state, jail)?;
            let (jid, dying) = (prison.jid, prison.dying);
            has_privileges(state, opener)?;
            if !dying {
                state.kill(jid);
            }
            Ok(())
        });
        removed.map_err(|refusal| refusal.of("jail_remove_jd"))
    }
}
