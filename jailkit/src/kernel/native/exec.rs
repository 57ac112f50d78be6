//! Processes: how one enters a jail before it executes a program, and which there are.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::NativeKernel;
use super::syscalls::{jail_attach, jail_attach_jd};
use crate::kernel::{Jail, Jid, abi};
use crate::process::{Context, Cpus};

/// What a process does between fork and exec, all of it made ready before the fork.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// Leave the caller's session: a program in the background.
    pub(crate) new_session: bool,
    /// Give up the cpus that jailkit was confined to, for all that the jail may have: jail(8) does, jexec(8) does not.
    pub(crate) all_cpus: bool,
    /// The routing table.
    pub(crate) fib: Option<i32>,
    /// The jail to enter: by its descriptor, which is closed on exec, or by its number.
    pub(crate) jail: Option<Arc<Jail>>,
    /// All groups, and the first of them as the group id.
    pub(crate) groups: Option<(Vec<u32>, u32)>,
    /// The login class, for resource accounting.
    pub(crate) class: Option<CString>,
    /// What the login class makes of the process.
    pub(crate) context: Option<Context>,
    /// Whom to become.
    pub(crate) uid: Option<u32>,
    /// Where to be, as the jail sees it.
    pub(crate) directory: Option<CString>,
    /// The program gets no open file but the first three.
    pub(crate) only_standard_files: bool,
}

// SAFETY: as setfib(2) and setloginclass(2) declare them; the libc crate does not.
unsafe extern "C" {
    fn setfib(fib: libc::c_int) -> libc::c_int;
    fn setloginclass(class: *const libc::c_char) -> libc::c_int;
}

/// A call between fork and exec that may fail.
#[derive(Clone, Copy, Debug)]
enum Call {
    Setfib,
    JailAttach,
    Setgroups,
    Setuid,
    Chdir,
}

impl Call {
    const ALL: [(Self, &str); 5] = [
        (Self::Setfib, "setfib"),
        (Self::JailAttach, "jail_attach"),
        (Self::Setgroups, "setgroups"),
        (Self::Setuid, "setuid"),
        (Self::Chdir, "chdir"),
    ];

    /// With this call, a failure of which it is to be told.
    fn failed(self) -> impl FnOnce(Errno) -> (Self, Errno) {
        move |errno| (self, errno)
    }
}

/// Tells which call failed in a child on its way to its program, of which the system tells the number of the error only.
#[derive(Debug)]
pub(crate) struct Way {
    failed: OwnedFd,
    directory: Option<CString>,
}

impl Way {
    /// The error that running the command failed with, with the call it is of.
    pub(crate) fn explain(&self, error: io::Error) -> io::Error {
        let mut byte = [0];
        // Nothing was written where it was the exec itself.
        let Ok(1) = nix::unistd::read(&self.failed, &mut byte) else { return error };
        match Call::ALL.get(usize::from(byte[0])) {
            Some((Call::Chdir, name)) => {
                let directory = self.directory.as_deref().unwrap_or(c"/").to_string_lossy();
                io::Error::new(error.kind(), format!("{name} {directory}: {error}"))
            }
            Some((_, name)) => io::Error::new(error.kind(), format!("{name}: {error}")),
            None => error,
        }
    }
}

/// Lets a command take these steps in the child, right before exec. Not through the command's own `uid`: that would
/// come first, and only root may attach.
///
/// # Errors
/// Where there is no room for another open file.
pub(crate) fn enter_before_exec(command: &mut Command, entry: Entry) -> io::Result<Way> {
    let (failed, tell) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    let way = Way { failed, directory: entry.directory.clone() };
    let enter = move || {
        entry.enter().map_err(|(call, errno)| {
            // Where that fails too, there is an error all the same.
            let _ = nix::unistd::write(&tell, &[call as u8]);
            io::Error::from(errno)
        })
    };
    // SAFETY: between fork and exec the closure makes system calls only, over what was made ready in `entry`; it
    // allocates and frees nothing and takes no lock, whatever other threads held at the fork.
    unsafe { command.pre_exec(enter) };
    Ok(way)
}

impl Entry {
    fn enter(&self) -> Result<(), (Call, Errno)> {
        if self.new_session {
            // SAFETY: takes nothing. It fails only where the process leads a session already, which is as good.
            unsafe { libc::setsid() };
        }
        if let Some(fib) = self.fib {
            // SAFETY: takes a number.
            Errno::result(unsafe { setfib(fib) }).map_err(Call::Setfib.failed())?;
        }
        if let Some(jail) = &self.jail {
            if self.all_cpus {
                use_all_cpus();
            }
            let attached = match jail.descriptor() {
                Some(descriptor) => jail_attach_jd(descriptor),
                None => jail_attach(jail.jid),
            };
            attached.map_err(Call::JailAttach.failed())?;
            // SAFETY: "/" is a C string that lives forever.
            Errno::result(unsafe { libc::chdir(c"/".as_ptr()) }).map_err(Call::JailAttach.failed())?;
        }
        if let Some((groups, gid)) = &self.groups {
            let count = libc::c_int::try_from(groups.len()).map_err(|_| (Call::Setgroups, Errno::EINVAL))?;
            // SAFETY: a pointer to as many groups as said, alive in `self`.
            Errno::result(unsafe { libc::setgroups(count, groups.as_ptr()) }).map_err(Call::Setgroups.failed())?;
            // SAFETY: takes a number.
            Errno::result(unsafe { libc::setgid(*gid) }).map_err(Call::Setgroups.failed())?;
        }
        if let Some(class) = &self.class {
            // SAFETY: a C string, alive in `self`. Kernels without the call go without the class.
            unsafe { setloginclass(class.as_ptr()) };
        }
        if let Some(context) = &self.context {
            set_context(context);
        }
        if let Some(uid) = self.uid {
            // SAFETY: takes a number.
            Errno::result(unsafe { libc::setuid(uid) }).map_err(Call::Setuid.failed())?;
        }
        if let Some(directory) = &self.directory {
            // SAFETY: a C string, alive in `self`.
            Errno::result(unsafe { libc::chdir(directory.as_ptr()) }).map_err(Call::Chdir.failed())?;
        }
        if self.only_standard_files {
            close_others_on_exec();
        }
        Ok(())
    }
}

/// Lets every open file but the first three be closed by exec, as jail(8) closes them: a directory of the host that was
/// handed down to us would be a way out of the jail. Not closed at once, for one of them tells the parent of a failure.
fn close_others_on_exec() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: takes numbers.
    if unsafe { libc::close_range(FIRST, libc::c_uint::MAX, abi::CLOSE_RANGE_CLOEXEC) } == 0 {
        return;
    }
    // A FreeBSD 13 that knows no flags.
    // SAFETY: takes nothing.
    let end = unsafe { libc::getdtablesize() };
    for file in FIRST.cast_signed()..end {
        // SAFETY: takes numbers; what is not open is refused.
        unsafe { libc::fcntl(file, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Limits, umask, priority and cpus. What the kernel refuses of them stays as it is, as under setusercontext(3).
fn set_context(context: &Context) {
    if let Some(priority) = context.priority {
        // SAFETY: takes numbers.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, priority) };
    }
    for limit in &context.limits {
        let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: takes a number and a pointer to a record that is written.
        if unsafe { libc::getrlimit(limit.resource.0, &raw mut now) } != 0 {
            continue;
        }
        now.rlim_cur = limit.soft.unwrap_or(now.rlim_cur);
        now.rlim_max = limit.hard.unwrap_or(now.rlim_max);
        // SAFETY: takes a number and a pointer to a record that is read.
        unsafe { libc::setrlimit(limit.resource.0, &raw const now) };
    }
    if let Some(umask) = context.umask {
        // SAFETY: takes a number.
        unsafe { libc::umask(umask) };
    }
    if let Some(cpus) = &context.cpus {
        set_cpus(cpus);
    }
}

/// Joins the set that all the cpus of the system are in, as well as it can; a jail confines it further.
fn use_all_cpus() {
    let (which, mut root) = (libc::CPU_WHICH_PID, 0);
    // SAFETY: a pointer to a number that is written.
    if unsafe { libc::cpuset_getid(libc::CPU_LEVEL_ROOT, which, -1, &raw mut root) } == 0 {
        // SAFETY: takes numbers.
        unsafe { libc::cpuset_setid(which, -1, root) };
    }
}

/// Gives the process a set of cpus of its own.
fn set_cpus(Cpus(mask): &Cpus) {
    let mut set: libc::cpusetid_t = 0;
    // SAFETY: a pointer to a number that is written.
    if unsafe { libc::cpuset(&raw mut set) } != 0 {
        return;
    }
    // As large as the kernel may have it; FreeBSD 13 has a quarter, and takes no more.
    for len in [size_of_val(mask), 32] {
        let (level, which) = (libc::CPU_LEVEL_CPUSET, libc::CPU_WHICH_PID);
        // SAFETY: a pointer to `len` bytes, which the mask has.
        if unsafe { libc::cpuset_setaffinity(level, which, -1, len, mask.as_ptr().cast()) } == 0 {
            return;
        }
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
        // SAFETY: `len` is at most the capacity in bytes, and the kernel has filled in that many of them; any bytes make
        // a record.
        unsafe { table.set_len(len / size_of::<libc::kinfo_proc>()) };
        if table.iter().any(|process| process.ki_structsize as usize != size_of::<libc::kinfo_proc>()) {
            return Err(io::Error::other("this kernel lists processes in another layout than FreeBSD 13 to 15"));
        }
        // A zombie has ended, whoever has not asked for its status yet.
        let lives = |process: &&libc::kinfo_proc| process.ki_jid == jid.0 && process.ki_stat != libc::SZOMB;
        return Ok(table.iter().filter(lives).map(|process| process.ki_pid).collect());
    }
}

/// The processes of a jail; none where the jail is gone.
fn processes_of(jail: &Jail) -> io::Result<Option<Vec<libc::pid_t>>> {
    let found = processes(jail.jid)?;
    Ok(jail.is_there(&NativeKernel).map_err(io::Error::other)?.then_some(found))
}

/// Asks every process of a jail to end (`SIGTERM`), and waits at most `patience` until the kernel has told that they
/// have (`NOTE_EXIT`); whether they have.
///
/// A process tells its jail by number only. That the jail is there after each look at the table says that the number
/// was its own during the look; a process's own number may change hands before the signal, as with any kill(2).
pub(crate) fn terminate(jail: &Jail, patience: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + patience;
    let queue = Kqueue::new()?;
    let Some(mut asked) = processes_of(jail)? else { return Ok(true) };
    let mut watched = watch(&queue, &asked)?;
    for &pid in &asked {
        match kill(Pid::from_raw(pid), Signal::SIGTERM) {
            // It has ended since.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut ended = [KEvent::new(0, EventFilter::EVFILT_PROC, EvFlags::empty(), FilterFlag::empty(), 0, 0); 16];
    loop {
        while watched > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = libc::timespec {
                tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            match queue.kevent(&[], &mut ended, Some(timeout)) {
                Ok(0) => return Ok(false),
                Ok(count) => watched = watched.saturating_sub(count),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Those that have been started meanwhile are waited for, too.
        asked = processes_of(jail)?.unwrap_or_default();
        if asked.is_empty() {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        watched = watch(&queue, &asked)?;
        // A process that is about to end is listed still, and the queue tells of its end at once.
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Lets the queue tell when these processes end; how many of them there still are.
fn watch(queue: &Kqueue, pids: &[libc::pid_t]) -> io::Result<usize> {
    let mut watched = 0;
    for &pid in pids {
        let id = usize::try_from(pid).map_err(|_| Errno::EINVAL)?;
        let flags = EvFlags::EV_ADD | EvFlags::EV_ONESHOT;
        let event = KEvent::new(id, EventFilter::EVFILT_PROC, flags, FilterFlag::NOTE_EXIT, 0, 0);
        match queue.kevent(&[event], &mut [], None) {
            Ok(_) => watched += 1,
            Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(watched)
}
