//! File systems, mounted and unmounted.

use jailkit::kernel::{Mount as Mounted, mount};
use jailkit::life::mount_request;
use std::os::unix::ffi::OsStrExt;

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::host::Host;

/// What was mounted when it was listed. It never changes, and may be read by several threads.
pub struct Mounts {
    _opaque: (),
}

impl Handle for Mounts {
    const KIND: Kind = Kind::Mounts;
    const NAME: &'static str = "jk_mounts";
    type Value = Vec<Mounted>;
}

/// One mounted file system. Its bytes are the list's.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct MountEntry {
    /// The type of the file system.
    pub fstype: Bytes,
    /// What is mounted (`f_mntfromname`).
    pub source: Bytes,
    /// Where (`f_mntonname`).
    pub target: Bytes,
    /// Whether it may only be read.
    pub read_only: bool,
}

/// Mounts a file system: nmount(2), with the checks that mount(8) and mount_nullfs(8) make before it. `options` are
/// those of fstab(5), commas between them: `ro,nosuid`. `source` and `target` are absolute paths of the host; types
/// that take no source are given their name. Nothing is kept of the bytes.
///
/// Errors: `JK_ERROR_NOT_FOUND` where a path leads nowhere; `JK_ERROR_KERNEL` for what the kernel refuses or would not
/// survive; `JK_ERROR_RIGHTS`.
///
/// # Safety
/// `host` is NULL or a host; `error` is NULL or a place; the bytes are there. A NULL `host` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_mount(
    host: *const Host,
    fstype: Bytes,
    source: Bytes,
    target: Bytes,
    options: Bytes,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let (fstype, options) = (fstype.str("fstype")?, options.str("options")?);
            let (source, target) = (source.path("source")?, target.path("target")?);
            let request = mount_request(fstype, source.to_owned(), target.to_owned(), options);
            Ok(mount(handle::get(host, "host")?.host.kernel(), &request)?)
        })
    }
}

/// Unmounts the topmost file system at a path: unmount(2); one in use too, where `force` is true.
///
/// Errors: `JK_ERROR_KERNEL` with the errno `EINVAL` where nothing is mounted there, `EBUSY` where it is in use;
/// `JK_ERROR_RIGHTS`.
///
/// # Safety
/// `host` is NULL or a host; `error` is NULL or a place; the bytes are there. A NULL `host` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_unmount(host: *const Host, target: Bytes, force: bool, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let target = target.path("target")?;
            Ok(handle::get(host, "host")?.host.kernel().unmount(target, force)?)
        })
    }
}

/// Lists what is mounted, in the order it was mounted: getmntinfo(3).
///
/// On success a new handle is in `mounts`; free it with `jk_mounts_free`. Else NULL is.
///
/// Errors: `JK_ERROR_KERNEL` where the kernel cannot be asked.
///
/// # Safety
/// `host` is NULL or a host; `mounts` and `error` are NULL or places. A NULL `host` or `mounts` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_mounts_list(host: *const Host, mounts: *mut *mut Mounts, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, mounts, "mounts", || Ok(handle::get(host, "host")?.host.kernel().mounts()?)) }
}

/// How many file systems there are; 0 for NULL.
///
/// # Safety
/// `mounts` is NULL or a list of mounts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_mounts_len(mounts: *const Mounts) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(mounts) }.map(Vec::len))
}

/// The file system of a number, from 0; one without bytes where there is none.
///
/// The bytes are the list's.
///
/// # Safety
/// `mounts` is NULL or a list of mounts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_mounts_get(mounts: *const Mounts, index: usize) -> MountEntry {
    guard::look(|| {
        // SAFETY: as the section above says.
        let mount = unsafe { handle::peek(mounts) }?.get(index)?;
        Some(MountEntry {
            fstype: Bytes::of(mount.fstype.as_bytes()),
            source: Bytes::of(mount.source.as_os_str().as_bytes()),
            target: Bytes::of(mount.target.as_os_str().as_bytes()),
            read_only: mount.flags.read_only,
        })
    })
}

/// Frees a list of mounts. NULL is fine.
///
/// # Safety
/// `mounts` is NULL or a list of mounts, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_mounts_free(mounts: *mut Mounts) {
    // SAFETY: as the section above says.
    unsafe { handle::free(mounts) };
}
