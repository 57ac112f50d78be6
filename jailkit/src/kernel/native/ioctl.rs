//! ioctl(2) with a value.

use std::ffi::c_ulong;
use std::os::fd::AsRawFd;

use nix::errno::Errno;

/// Makes a request of `abi`, with the value that it is about.
pub(super) fn ask<T>(file: &impl AsRawFd, request: c_ulong, value: &mut T) -> Result<(), Errno> {
    // SAFETY: each request is made with the type whose size is part of it (see `abi`), all of it initialised and of a
    // type that any bytes make a value of; the kernel writes at most that size back, and reads nothing in it as a
    // pointer other than NULL.
    Errno::result(unsafe { libc::ioctl(file.as_raw_fd(), request, std::ptr::from_mut(value)) }).map(drop)
}
