//! Processes: how one enters a jail before it executes a program, and which there are.

use std::ffi::CString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;

use nix::errno::Errno;

use super::syscalls::jail_attach;
use crate::kernel::Jid;

/// What a process does between fork and exec, all of it made ready before the fork.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// Leave the caller's session: a program in the background.
    pub(crate) new_session: bool,
    /// The routing table.
    pub(crate) fib: Option<i32>,
    /// The jail to enter.
    pub(crate) jail: Option<Jid>,
    /// All groups, and the first of them as the group id.
    pub(crate) groups: Option<(Vec<u32>, u32)>,
    /// The login class, for resource accounting.
    pub(crate) class: Option<CString>,
    /// Whom to become.
    pub(crate) uid: Option<u32>,
    /// Where to be, as the jail sees it.
    pub(crate) directory: Option<CString>,
}

// SAFETY: as setfib(2) and setloginclass(2) declare them; the libc crate does not.
unsafe extern "C" {
    fn setfib(fib: libc::c_int) -> libc::c_int;
    fn setloginclass(class: *const libc::c_char) -> libc::c_int;
}

/// Lets a command take these steps in the child, right before exec. Not through the command's own `uid`: that would
/// come first, and only root may attach.
pub(crate) fn enter_before_exec(command: &mut Command, entry: Entry) {
    let enter = move || entry.enter().map_err(io::Error::from);
    // SAFETY: between fork and exec the closure makes system calls only; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(enter) };
}

impl Entry {
    fn enter(&self) -> Result<(), Errno> {
        if self.new_session {
            // SAFETY: takes nothing. It fails only where the process leads a session already, which is as good.
            unsafe { libc::setsid() };
        }
        if let Some(fib) = self.fib {
            // SAFETY: takes a number.
            Errno::result(unsafe { setfib(fib) })?;
        }
        if let Some(jid) = self.jail {
            jail_attach(jid)?;
            // SAFETY: "/" is a C string that lives forever.
            Errno::result(unsafe { libc::chdir(c"/".as_ptr()) })?;
        }
        if let Some((groups, gid)) = &self.groups {
            let count = libc::c_int::try_from(groups.len()).map_err(|_| Errno::EINVAL)?;
            // SAFETY: a pointer to as many groups as said, alive in `self`.
            Errno::result(unsafe { libc::setgroups(count, groups.as_ptr()) })?;
            // SAFETY: takes a number.
            Errno::result(unsafe { libc::setgid(*gid) })?;
        }
        if let Some(class) = &self.class {
            // SAFETY: a C string, alive in `self`. Kernels without the call go without the class.
            unsafe { setloginclass(class.as_ptr()) };
        }
        if let Some(uid) = self.uid {
            // SAFETY: takes a number.
            Errno::result(unsafe { libc::setuid(uid) })?;
        }
        if let Some(directory) = &self.directory {
            // SAFETY: a C string, alive in `self`.
            Errno::result(unsafe { libc::chdir(directory.as_ptr()) })?;
        }
        Ok(())
    }
}

/// The processes of a jail.
fn processes(jid: Jid) -> io::Result<Vec<libc::pid_t>> {
    let mut mib = [libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_PROC];
    loop {
        let mut len = 0;
        // SAFETY: a name of the length said; no buffer, so only the length needed is written.
        let sized = unsafe { libc::sysctl(mib.as_mut_ptr(), 3, ptr::null_mut(), &raw mut len, ptr::null(), 0) };
        Errno::result(sized)?;
        // Some more may have been started by the time of the second call.
        let room = len / size_of::<libc::kinfo_proc>() + 64;
        let mut table: Vec<libc::kinfo_proc> = Vec::with_capacity(room);
        len = room * size_of::<libc::kinfo_proc>();
        // SAFETY: the buffer has room for `len` bytes, and the kernel writes at most that many.
        let read =
            unsafe { libc::sysctl(mib.as_mut_ptr(), 3, table.as_mut_ptr().cast(), &raw mut len, ptr::null(), 0) };
        match Errno::result(read) {
            Err(Errno::ENOMEM) => continue,
            read => read?,
        };
        // SAFETY: the kernel has filled in whole records, as many as fit in the length it returned.
        unsafe { table.set_len(len / size_of::<libc::kinfo_proc>()) };
        return Ok(table.iter().filter(|process| process.ki_jid == jid.0).map(|process| process.ki_pid).collect());
    }
}

/// Whether anything runs in a jail.
pub(crate) fn has_processes(jid: Jid) -> io::Result<bool> {
    Ok(!processes(jid)?.is_empty())
}

/// Sends a signal to every process of a jail.
pub(crate) fn signal_processes(jid: Jid, signal: nix::sys::signal::Signal) -> io::Result<()> {
    for pid in processes(jid)? {
        match nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal) {
            // It has ended since.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
