//! The system calls, each behind a safe function.

use std::ffi::{CStr, OsStr};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use nix::errno::Errno;

use super::c_path;
use crate::kernel::abi;
use crate::kernel::marshal::{self, Buffer};
use crate::kernel::{Closing, GetFlags, Jid, Mount, MountFlags, Param, Reach, SetFlags, Value};

/// The room that jail(8) gives the kernel for its words.
const ERRMSG_LEN: usize = 1024;

/// What jail_set(2) and jail_get(2) answer.
pub(super) struct Answer {
    pub(super) jid: Result<i32, Errno>,
    /// The descriptor that was asked for, where all went well.
    pub(super) opened: Option<OwnedFd>,
    pub(super) message: Option<String>,
}

/// chflags(2) on an open file.
pub(crate) fn fchflags(file: BorrowedFd<'_>, flags: libc::c_ulong) -> Result<(), Errno> {
    // SAFETY: the descriptor is open as long as it is borrowed, and the call takes no pointers.
    Errno::result(unsafe { libc::fchflags(file.as_raw_fd(), flags) }).map(drop)
}

/// The lists that acl(3) tells apart, by the numbers of `sys/acl.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AclType {
    Access = 2,
    Default = 3,
    Nfs4 = 4,
}

unsafe extern "C" {
    fn acl_from_text(text: *const libc::c_char) -> *mut libc::c_void;
    fn acl_set_fd_np(fd: libc::c_int, acl: *mut libc::c_void, kind: libc::c_int) -> libc::c_int;
    fn acl_free(acl: *mut libc::c_void) -> libc::c_int;
}

/// acl_set_fd_np(3), of a list as acl_from_text(3) reads it.
pub(crate) fn acl_set_fd(file: BorrowedFd<'_>, text: &CStr, kind: AclType) -> Result<(), Errno> {
    // SAFETY: the text ends with a NUL and outlives the call.
    let acl = unsafe { acl_from_text(text.as_ptr()) };
    if acl.is_null() {
        return Err(Errno::last());
    }
    // SAFETY: the list is one that acl_from_text has made, and the descriptor is open as long as it is borrowed.
    let set = Errno::result(unsafe { acl_set_fd_np(file.as_raw_fd(), acl, kind as libc::c_int) });
    // SAFETY: the list is not used any more.
    unsafe { acl_free(acl) };
    set.map(drop)
}

pub(super) fn jail_set(buffers: &mut [Buffer], flags: SetFlags, desc: Desc<'_>) -> Answer {
    let bit = |set: bool, bit| if set { bit } else { 0 };
    let bits = bit(flags.create, libc::JAIL_CREATE)
        | bit(flags.update, libc::JAIL_UPDATE)
        | bit(flags.attach, libc::JAIL_ATTACH)
        | bit(flags.dying, libc::JAIL_DYING);
    desc_call(buffers, bits, desc, libc::jail_set)
}

pub(super) fn jail_get(buffers: &mut [Buffer], flags: GetFlags, desc: Desc<'_>) -> Answer {
    desc_call(buffers, if flags.dying { libc::JAIL_DYING } else { 0 }, desc, libc::jail_get)
}

/// Whether the kernel knows jail descriptors, which it is asked by a call that is refused either way: `EINVAL` for a flag
/// that an older one does not know, before all else, and `ENOENT` for the missing `desc`. A release says less: a jail may
/// have been given another one, and a kernel without jail_attach_jd(2) ends the process that calls it.
pub(super) fn has_descriptors() -> bool {
    let (asked, _) = jail_call(&mut [], None, abi::JAIL_GET_DESC, libc::jail_get);
    asked == Err(Errno::ENOENT)
}

/// What a call says of descriptors. The kernel has one parameter, `desc`, for the one it takes and the one it gives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Desc<'fd> {
    pub(super) reach: Reach<'fd>,
    pub(super) opens: Option<Closing>,
}

/// Hands the parameters over with `desc` among them, where the call has to do with descriptors.
fn desc_call(buffers: &mut [Buffer], flags: libc::c_int, desc: Desc<'_>, call: JailCall) -> Answer {
    let (reach, given) = match desc.reach {
        Reach::Own => (0, -1),
        Reach::At(jail) => (abi::JAIL_AT_DESC, jail.as_raw_fd()),
        Reach::Use(jail) => (abi::JAIL_USE_DESC, jail.as_raw_fd()),
    };
    let opens = match desc.opens {
        None => 0,
        Some(Closing::Leaves) => abi::JAIL_GET_DESC,
        Some(Closing::Removes) => abi::JAIL_OWN_DESC,
    };
    let mut desc = (reach | opens != 0).then(|| marshal::given(&Param::new("desc", Value::Int(given))));
    let (jid, message) = jail_call(buffers, desc.as_mut(), flags | reach | opens, call);
    let opened = desc.and_then(|desc| desc.value).filter(|_| opens != 0 && jid.is_ok());
    let opened = opened.and_then(|bytes| bytes.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes)));
    let opened = opened.filter(|&descriptor| descriptor >= 0).map(|descriptor| {
        // SAFETY: the kernel has just opened it for this call, and nobody else knows of it.
        unsafe { OwnedFd::from_raw_fd(descriptor) }
    });
    let jid = jid.and_then(|jid| match opens != 0 && opened.is_none() {
        true => Err(Errno::EINVAL),
        false => Ok(jid),
    });
    // The kernel leaves it open for programs. One that another thread starts between the two calls still has it.
    let jid = jid.and_then(|jid| opened.as_ref().map_or(Ok(()), close_on_exec).map(|()| jid));
    Answer { jid, opened, message }
}

fn close_on_exec(descriptor: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: the descriptor is open, and the call takes no pointers.
    Errno::result(unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

type JailCall = unsafe extern "C" fn(*mut libc::iovec, libc::c_uint, libc::c_int) -> libc::c_int;

/// Hands the parameters over, and `errmsg` as the last of them.
fn jail_call(
    buffers: &mut [Buffer],
    desc: Option<&mut Buffer>,
    flags: libc::c_int,
    call: JailCall,
) -> (Result<i32, Errno>, Option<String>) {
    let mut message = vec![0u8; ERRMSG_LEN];
    let mut name = *b"errmsg\0";
    let mut vectors = Vec::with_capacity(buffers.len() * 2 + 4);
    for buffer in buffers.iter_mut().chain(desc) {
        vectors.push(vector(Some(&mut buffer.name)));
        vectors.push(vector(buffer.value.as_mut()));
    }
    vectors.push(libc::iovec { iov_base: name.as_mut_ptr().cast(), iov_len: name.len() });
    vectors.push(vector(Some(&mut message)));
    // SAFETY: each vector points at a live buffer of the length it says, or is NULL of length 0; the kernel writes at
    // most that length into a value, and nothing else touches the buffers meanwhile.
    let answer = unsafe { call(vectors.as_mut_ptr(), vectors.len() as libc::c_uint, flags) };
    let answer = Errno::result(answer);
    for (buffer, value) in buffers.iter_mut().zip(vectors.iter().skip(1).step_by(2)) {
        buffer.needed = value.iov_len;
    }
    let end = message.iter().position(|&byte| byte == 0).unwrap_or(message.len());
    let message = Some(String::from_utf8_lossy(&message[..end]).into_owned()).filter(|text| !text.is_empty());
    (answer, message)
}

fn vector(buffer: Option<&mut Vec<u8>>) -> libc::iovec {
    match buffer {
        Some(bytes) => libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() },
        None => libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 },
    }
}

pub(super) fn jail_attach(jid: Jid) -> Result<(), Errno> {
    // SAFETY: takes a number and touches no memory of ours.
    Errno::result(unsafe { libc::jail_attach(jid.0) }).map(drop)
}

pub(super) fn jail_remove(jid: Jid) -> Result<(), Errno> {
    // SAFETY: takes a number and touches no memory of ours.
    Errno::result(unsafe { libc::jail_remove(jid.0) }).map(drop)
}

pub(super) fn jail_attach_jd(jail: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: takes a descriptor that is open as long as it is borrowed, and touches no memory of ours.
    Errno::result(unsafe { libc::syscall(abi::SYS_JAIL_ATTACH_JD, jail.as_raw_fd()) }).map(drop)
}

pub(super) fn jail_remove_jd(jail: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: takes a descriptor that is open as long as it is borrowed, and touches no memory of ours.
    Errno::result(unsafe { libc::syscall(abi::SYS_JAIL_REMOVE_JD, jail.as_raw_fd()) }).map(drop)
}

pub(super) fn mounts() -> Result<Vec<Mount>, Errno> {
    Ok(mount_table()?.iter().map(mount).collect())
}

/// How unmount(2) is told by its id (`MNT_BYFSID`) of what the mount table has at this path, topmost; none where it has
/// nothing, or keeps the ids to itself, as in a jail.
pub(super) fn id_at(path: &Path) -> Result<Option<String>, Errno> {
    let is_there = |found: &libc::statfs| text(&found.f_mntonname) == path.as_os_str().as_bytes();
    // The table is long where there are many jails, and searched only where the path leads elsewhere by now.
    let found = match statfs(path) {
        Ok(found) if is_there(&found) => Some(found),
        _ => mount_table()?.into_iter().rfind(is_there),
    };
    let id = found.as_ref().map(id).filter(|&id| id != [0, 0]);
    Ok(id.map(|[first, second]| format!("FSID:{first}:{second}")))
}

fn id(found: &libc::statfs) -> [i32; 2] {
    // SAFETY: an fsid_t is these two numbers, which the libc crate keeps private; their size is checked in `abi`.
    unsafe { ptr::from_ref(&found.f_fsid).cast::<[i32; 2]>().read() }
}

fn mount_table() -> Result<Vec<libc::statfs>, Errno> {
    let mut table: Vec<libc::statfs> = Vec::new();
    loop {
        // SAFETY: no buffer, so only the number of mounts is returned.
        let count = Errno::result(unsafe { libc::getfsstat(ptr::null_mut(), 0, libc::MNT_NOWAIT) })?;
        let room = usize::try_from(count).unwrap_or(0) + 16;
        table.reserve(room);
        let len = (room * size_of::<libc::statfs>()) as libc::c_long;
        // SAFETY: the buffer has room for `len` bytes, and the kernel writes at most that many.
        let read = Errno::result(unsafe { libc::getfsstat(table.as_mut_ptr(), len, libc::MNT_NOWAIT) })?;
        let read = usize::try_from(read).unwrap_or(0);
        if read < room {
            // SAFETY: the kernel has filled in this many whole records.
            unsafe { table.set_len(read) };
            return Ok(table);
        }
    }
}

pub(super) fn file_system(path: &Path) -> Result<Mount, Errno> {
    statfs(path).as_ref().map(mount).map_err(|&error| error)
}

fn statfs(path: &Path) -> Result<libc::statfs, Errno> {
    let path = c_path(path)?;
    let mut found = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the path ends with a NUL, and the buffer has room for the one record that the kernel writes.
    Errno::result(unsafe { libc::statfs(path.as_ptr(), found.as_mut_ptr()) })?;
    // SAFETY: all of its fields are numbers, for which zeroes are values, and the kernel has filled them in.
    Ok(unsafe { found.assume_init() })
}

fn mount(found: &libc::statfs) -> Mount {
    let has = |flag: libc::c_int| found.f_flags & flag as u64 != 0;
    Mount {
        fstype: String::from_utf8_lossy(text(&found.f_fstypename)).into_owned(),
        source: OsStr::from_bytes(text(&found.f_mntfromname)).into(),
        target: OsStr::from_bytes(text(&found.f_mntonname)).into(),
        flags: MountFlags {
            read_only: has(libc::MNT_RDONLY),
            nosuid: has(libc::MNT_NOSUID),
            noexec: has(libc::MNT_NOEXEC),
            noatime: has(libc::MNT_NOATIME),
            update: false,
            force: false,
        },
    }
}

/// The bytes of a C string in an array of fixed size.
fn text(array: &[libc::c_char]) -> &[u8] {
    // SAFETY: c_char and u8 have the same size and alignment, and every bit pattern is a u8.
    let bytes = unsafe { std::slice::from_raw_parts(array.as_ptr().cast::<u8>(), array.len()) };
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

pub(super) fn load_module(name: &str) -> Result<(), Errno> {
    // What is compiled in may have no file, and a process in a jail may load none.
    if has_module(name)? {
        return Ok(());
    }
    let name = c_path(name.as_ref())?;
    // SAFETY: a C string that outlives the call.
    Errno::result(unsafe { libc::kld_load(name.as_ptr()) }).map(drop)
}

// SAFETY: as kldfind(2) and kldunload(2) declare them; the libc crate does not.
unsafe extern "C" {
    fn kldfind(name: *const libc::c_char) -> libc::c_int;
    fn kldunload(file: libc::c_int) -> libc::c_int;
}

pub(super) fn unload_module(name: &str) -> Result<(), Errno> {
    let name = c_path(name.as_ref())?;
    // SAFETY: a C string that outlives the call.
    let file = unsafe { kldfind(name.as_ptr()) };
    match Errno::result(file) {
        Err(Errno::ENOENT) => return Ok(()),
        found => found?,
    };
    // SAFETY: takes a number and touches no memory of ours.
    Errno::result(unsafe { kldunload(file) }).map(drop)
}

pub(super) fn has_module(name: &str) -> Result<bool, Errno> {
    let name = c_path(name.as_ref())?;
    // SAFETY: a C string that outlives the call.
    Ok(unsafe { libc::kld_isloaded(name.as_ptr()) } != 0)
}
