//! Jails that run: listed, created, changed, removed, attached to.

use bstr::{BStr, BString};
use jailkit::kernel::{GetFlags, JailKey, Jid, SetFlags, find_jail};
use jailkit::life::{Format, JailError, List, ListError, Selection, set_jail};

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::host::Host;

/// The jails that ran when they were listed, with the parameters that were asked for. It never changes, and may be
/// read by several threads.
pub struct Jails {
    _opaque: (),
}

impl Handle for Jails {
    const KIND: Kind = Kind::Jails;
    const NAME: &'static str = "jk_jails";
    type Value = Vec<Vec<BString>>;
}

/// A parameter of a jail, as jail_setv(3) of libjail takes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct JailParam {
    /// Its name, in the `no` form where that is meant: `host.hostname`, `allow.noraw_sockets`.
    pub name: Bytes,
    /// The text of its value, commas between the items of a list; no bytes (NULL) for a bare one.
    pub value: Bytes,
}

/// Lists the jails that run, dying ones too where `dying` is true, with the parameters named in `params`; a row of
/// values each, in that order, as jls(8) writes them, but bytes are as the jail has them and not made safe for a
/// terminal.
///
/// On success a new handle is in `jails`; free it with `jk_jails_free`. Else NULL is.
///
/// Errors: `JK_ERROR_NOT_FOUND` for a parameter that the kernel does not know; `JK_ERROR_KERNEL` where it refuses.
///
/// # Safety
/// `host` is NULL or a host; `params` has `len` entries, and is NULL only where `len` is 0; `jails` and `error` are
/// NULL or places; the bytes are there. A NULL `host` or `jails` is refused, and so is a `len` of 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jails_list(
    host: *const Host,
    params: *const Bytes,
    len: usize,
    dying: bool,
    jails: *mut *mut Jails,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, jails, "jails", || {
            let params: Vec<_> = Bytes::strs(params, len, "params")?.into_iter().map(str::to_owned).collect();
            if params.is_empty() {
                return Err(Failure::argument("'params' names no parameter"));
            }
            let host = &*handle::get(host, "host")?.host;
            let mut list = List::new(host, Format { params, ..Format::default() })?;
            list.read(host, &Selection { jail: None, dying })?;
            Ok(list.rows().collect())
        })
    }
}

/// How many jails there are; 0 for NULL.
///
/// # Safety
/// `jails` is NULL or a list of jails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jails_len(jails: *const Jails) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(jails) }.map(Vec::len))
}

/// The value of the parameter that was asked for as number `param`, of the jail of number `jail`, both from 0; nothing
/// where there is none.
///
/// The bytes are the list's.
///
/// # Safety
/// `jails` is NULL or a list of jails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jails_get(jails: *const Jails, jail: usize, param: usize) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(jails) }?.get(jail)?.get(param).map(|value| Bytes::of(value)))
}

/// Frees a list of jails. NULL is fine.
///
/// # Safety
/// `jails` is NULL or a list of jails, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jails_free(jails: *mut Jails) {
    // SAFETY: as the section above says.
    unsafe { handle::free(jails) };
}

/// The number of the jail of a name; text that is a number above 0 is taken for one, as jail(8) does. Written to `jid`;
/// 0 is there on failure.
///
/// Errors: `JK_ERROR_NOT_FOUND` where no such jail runs.
///
/// # Safety
/// `host` is NULL or a host; `jid` and `error` are NULL or places; the bytes are there. A NULL `host` or `jid` is
/// refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jail_find(host: *const Host, name: Bytes, jid: *mut i32, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let place = handle::place_of(jid, "jid", 0)?;
            let name = BStr::new(name.slice("name")?);
            let missing = || Failure::not_found(format!("no jail '{name}' runs"));
            let key = JailKey::new(name).map_err(|_| missing())?;
            let found = find_jail(handle::get(host, "host")?.host.kernel(), &key, GetFlags::default())?;
            place.put(found.ok_or_else(missing)?.0);
            Ok(())
        })
    }
}

/// Creates a jail: jail_set(2) with `JAIL_CREATE`. Without `persist` a jail goes at once where no process is in it.
/// Its number is written to `jid`; 0 is there on failure. Nothing is kept of the bytes.
///
/// What a jail.conf(5) has beyond the kernel's parameters (`exec.start`, `mount.devfs`, `interface`) is no parameter
/// here: `jk_session_apply` does that for a stack.
///
/// Errors: `JK_ERROR_ARGUMENT` for an unknown parameter or a value that it cannot have; `JK_ERROR_RIGHTS`,
/// `JK_ERROR_NOT_FOUND` and `JK_ERROR_KERNEL` where the kernel refuses.
///
/// # Safety
/// `host` is NULL or a host; `params` has `len` entries, and is NULL only where `len` is 0; `jid` and `error` are NULL
/// or places; the bytes are there. A NULL `host` or `jid` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jail_create(
    host: *const Host,
    params: *const JailParam,
    len: usize,
    jid: *mut i32,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let place = handle::place_of(jid, "jid", 0)?;
            let words = words(params, len)?;
            let create = SetFlags { create: true, ..SetFlags::default() };
            place.put(set_jail(handle::get(host, "host")?.host.kernel(), &words, create)?.0);
            Ok(())
        })
    }
}

/// Changes a jail that runs: jail_set(2) with `JAIL_UPDATE`. Nothing is kept of the bytes.
///
/// Errors: as `jk_jail_create` has them; `JK_ERROR_NOT_FOUND` where there is no such jail.
///
/// # Safety
/// `host` is NULL or a host; `params` has `len` entries, and is NULL only where `len` is 0; `error` is NULL or a place;
/// the bytes are there. A NULL `host` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jail_modify(
    host: *const Host,
    jid: i32,
    params: *const JailParam,
    len: usize,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let number = jid.to_string();
            let mut words = words(params, len)?;
            words.insert(0, (b"jid", Some(number.as_bytes())));
            let update = SetFlags { update: true, ..SetFlags::default() };
            set_jail(handle::get(host, "host")?.host.kernel(), &words, update)?;
            Ok(())
        })
    }
}

/// Removes a jail and those in it: jail_remove(2). Their processes are killed without a word; what is mounted in them
/// stays.
///
/// Errors: `JK_ERROR_KERNEL` with the errno `EINVAL` where there is no such jail; `JK_ERROR_RIGHTS`.
///
/// # Safety
/// `host` is NULL or a host; `error` is NULL or a place. A NULL `host` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jail_remove(host: *const Host, jid: i32, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::call(error, || Ok(handle::get(host, "host")?.host.kernel().jail_remove(Jid(jid))?)) }
}

/// Moves this process into a jail, for good: jail_attach(2). On a simulated host it is the host's handle that moves,
/// with every session on it: what it does from then on it does in the jail.
///
/// Errors: `JK_ERROR_KERNEL` with the errno `EINVAL` where there is no such jail; `JK_ERROR_RIGHTS`.
///
/// # Safety
/// `host` is NULL or a host; `error` is NULL or a place. A NULL `host` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jail_attach(host: *const Host, jid: i32, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::call(error, || Ok(handle::get(host, "host")?.host.kernel().jail_attach(Jid(jid))?)) }
}

/// A parameter's name, and the text of its value; none for a bare one.
type Word<'a> = (&'a [u8], Option<&'a [u8]>);

/// # Safety
/// As for [`Bytes::strs`].
unsafe fn words<'a>(params: *const JailParam, len: usize) -> Result<Vec<Word<'a>>, Failure> {
    // SAFETY: the caller's word.
    let params = unsafe { crate::bytes::list(params, len, "params") }?;
    let word = |param: &JailParam| {
        // SAFETY: the caller's word for each of them.
        let (name, value) = unsafe { (param.name.slice("name")?, param.value.slice("value")?) };
        Ok((name, Some(value).filter(|_| !param.value.is_none())))
    };
    params.iter().map(word).collect()
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Kernel(error) => error.into(),
            error => Self::of(Status::JK_ERROR_NOT_FOUND, &error),
        }
    }
}

impl From<JailError> for Failure {
    fn from(error: JailError) -> Self {
        match error {
            JailError::Kernel(error) => error.into(),
            error @ JailError::Param { .. } => Self::of(Status::JK_ERROR_ARGUMENT, &error),
            error => Self::of(Status::JK_ERROR_FAILED, &error),
        }
    }
}
