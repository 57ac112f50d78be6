//! The host that jails run on: this FreeBSD system, or a simulated one.

use std::sync::Arc;

use jailkit::host::{self, SimHost};

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::guard;
use crate::handle::{self, Handle, Kind};

/// A host that jails run on. It may be used by several threads at once.
pub struct Host {
    _opaque: (),
}

impl Handle for Host {
    const KIND: Kind = Kind::Host;
    const NAME: &'static str = "jk_host";
    type Value = Opened;
}

/// What is behind the handle: the host, shared with the sessions on it, and what it calls itself.
pub(crate) struct Opened {
    pub(crate) host: Arc<dyn host::Host>,
    described: String,
}

impl Opened {
    fn new(host: Arc<dyn host::Host>) -> Self {
        let described = host.describe();
        Self { host, described }
    }
}

/// The FreeBSD system that the program runs on.
///
/// On success a new handle is in `host`; free it with `jk_host_free`. Else NULL is.
///
/// Errors: `JK_ERROR_UNSUPPORTED` on any other system.
///
/// # Safety
/// `host` and `error` are NULL or places. A NULL `host` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_host_native(host: *mut *mut Host, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, host, "host", native) }
}

#[cfg(target_os = "freebsd")]
fn native() -> Result<Opened, Failure> {
    Ok(Opened::new(Arc::new(host::NativeHost)))
}

#[cfg(not(target_os = "freebsd"))]
fn native() -> Result<Opened, Failure> {
    let hint = Some("open a simulated host with jk_host_simulated".to_owned());
    Err(Failure {
        hint,
        ..Failure::new(Status::JK_ERROR_UNSUPPORTED, "the native host is a FreeBSD system, and this is none")
    })
}

/// The simulated host in a directory, installed there where the directory is empty or missing. Everything it is lies
/// in that directory and outlives the process. Nothing is kept of the bytes.
///
/// On success a new handle is in `host`; free it with `jk_host_free`. Else NULL is.
///
/// Errors: `JK_ERROR_IO` and `JK_ERROR_RIGHTS` where the directory cannot be made, or holds other files.
///
/// # Safety
/// `host` and `error` are NULL or places; the bytes are there. A NULL `host` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_host_simulated(directory: Bytes, host: *mut *mut Host, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, host, "host", || {
            let path = directory.path("directory")?;
            let opened = SimHost::open(path).map_err(|error| {
                Failure::from_io(&error, format!("cannot open a simulated host in {}: {error}", path.display()))
            })?;
            Ok(Opened::new(Arc::new(opened)))
        })
    }
}

/// What the host calls itself in messages; nothing for NULL.
///
/// The bytes are the handle's.
///
/// # Safety
/// `host` is NULL or a host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_host_describe(host: *const Host) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(host) }.map(|opened| Bytes::of(opened.described.as_bytes())))
}

/// Whether the host is a simulated one, on which nothing is at stake; false for NULL.
///
/// # Safety
/// `host` is NULL or a host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_host_is_simulated(host: *const Host) -> bool {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(host) }.map(|opened| opened.host.is_simulated()))
}

/// Closes a host. NULL is fine. Sessions on it stay, and what runs there goes on.
///
/// # Safety
/// `host` is NULL or a host, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_host_free(host: *mut Host) {
    // SAFETY: as the section above says.
    unsafe { handle::free(host) };
}
