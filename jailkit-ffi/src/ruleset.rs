//! A pf.conf(5), expanded into rules, and the interfaces that it is expanded with.

use std::sync::Arc;

use jailkit::pf::{self, Environment, HostFiles, MAX_RULES, NoFiles};
use jailkit::source::{Diagnostics, Source};

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::text::Text;

/// The interfaces of a host, for pf.conf(5) to be expanded with.
pub struct Interfaces {
    _opaque: (),
}

impl Handle for Interfaces {
    const KIND: Kind = Kind::Interfaces;
    const NAME: &'static str = "jk_interfaces";
    type Value = pf::Interfaces;
}

/// The rules that a pf.conf(5) comes to. It never changes, and may be read by several threads.
pub struct Ruleset {
    _opaque: (),
}

impl Handle for Ruleset {
    const KIND: Kind = Kind::Ruleset;
    const NAME: &'static str = "jk_ruleset";
    type Value = Arc<Read>;
}

/// What is behind the handle: the rules, and what they were read with.
pub(crate) struct Read {
    pub(crate) set: pf::Ruleset,
    pub(crate) interfaces: pf::Interfaces,
}

impl Read {
    pub(crate) fn new(source: &Source, interfaces: pf::Interfaces, files: bool) -> Result<Arc<Self>, Diagnostics> {
        let files: &dyn pf::Files = if files { &HostFiles } else { &NoFiles };
        let env = Environment { interfaces: &interfaces, files, max_rules: MAX_RULES };
        let set = pf::Ruleset::read(source, &env)?;
        Ok(Arc::new(Self { set, interfaces }))
    }
}

/// The interfaces of a host with `lo0` alone, which has `::1`, `fe80::1` and `127.0.0.1`.
///
/// On success a new handle is in `interfaces`; free it with `jk_interfaces_free`. Else NULL is.
///
/// Errors: `JK_ERROR_ARGUMENT` only.
///
/// # Safety
/// `interfaces` and `error` are NULL or places. A NULL `interfaces` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_interfaces_new(interfaces: *mut *mut Interfaces, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, interfaces, "interfaces", || Ok(pf::Interfaces::default())) }
}

/// Adds an interface, in place of one of its name: `igb0=203.0.113.5/24,2001:db8::5/64`. Nothing is kept of the bytes.
///
/// Errors: `JK_ERROR_ARGUMENT` for other text.
///
/// # Safety
/// `interfaces` is NULL or interfaces that nobody else uses meanwhile; `error` is NULL or a place; the bytes are
/// there. NULL `interfaces` are refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_interfaces_add(
    interfaces: *mut Interfaces,
    interface: Bytes,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let text = interface.str("interface")?;
            let added = handle::get_mut(interfaces, "interfaces")?.add(text);
            added.map_err(|error| Failure::of(Status::JK_ERROR_ARGUMENT, &error))
        })
    }
}

/// Frees interfaces. NULL is fine.
///
/// # Safety
/// `interfaces` is NULL or interfaces, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_interfaces_free(interfaces: *mut Interfaces) {
    // SAFETY: as the section above says.
    unsafe { handle::free(interfaces) };
}

/// How many rules there are, those of inline anchors with them; 0 for NULL.
///
/// # Safety
/// `ruleset` is NULL or a ruleset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_ruleset_len(ruleset: *const Ruleset) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(ruleset) }.map(|read| read.set.len()))
}

/// The ruleset as `pfctl -nv` prints it.
///
/// On success a new text is in `text`; free it with `jk_text_free`. Else NULL is.
///
/// Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
///
/// # Safety
/// `ruleset` is NULL or a ruleset; `text` and `error` are NULL or places. A NULL `ruleset` or `text` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_ruleset_print(
    ruleset: *const Ruleset,
    text: *mut *mut Text,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, text, "text", || Ok(handle::get(ruleset, "ruleset")?.set.print())) }
}

/// Frees a ruleset. NULL is fine. Tracers and traces made with it stay.
///
/// # Safety
/// `ruleset` is NULL or a ruleset, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_ruleset_free(ruleset: *mut Ruleset) {
    // SAFETY: as the section above says.
    unsafe { handle::free(ruleset) };
}
