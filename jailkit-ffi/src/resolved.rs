//! The jails of a jail.conf(5), resolved: every part is reached by its number, at no cost but the call's.

use std::collections::HashMap;
use std::sync::OnceLock;

use bstr::BString;
use jailkit::jailconf;

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::findings::Finding;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::text::Text;

/// The jails of a jail.conf(5), in its order, with all that it says of them. It never changes, and may be read by
/// several threads.
pub struct Resolved {
    _opaque: (),
}

impl Handle for Resolved {
    const KIND: Kind = Kind::Resolved;
    const NAME: &'static str = "jk_resolved";
    type Value = ResolvedConf;
}

/// The number that stands for none.
pub const JK_NONE: usize = usize::MAX;

/// What is behind the handle: the jails, and where each name is, once somebody has asked.
pub(crate) struct ResolvedConf {
    pub(crate) conf: jailconf::Resolved,
    by_name: OnceLock<HashMap<BString, usize>>,
}

impl ResolvedConf {
    pub(crate) fn new(conf: jailconf::Resolved) -> Self {
        Self { conf, by_name: OnceLock::new() }
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        let jails = || self.conf.jails.iter().enumerate().rev();
        let by_name = self.by_name.get_or_init(|| jails().map(|(index, jail)| (jail.name.clone(), index)).collect());
        by_name.get(bstr::BStr::new(name)).copied()
    }

    fn jail(&self, index: usize) -> Option<&jailconf::ResolvedJail> {
        self.conf.jails.get(index)
    }
}

/// How many jails there are; 0 for NULL.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_len(resolved: *const Resolved) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(resolved) }.map(|resolved| resolved.conf.jails.len()))
}

/// The name of a jail, or its number where that is how the file calls it; nothing where there is no such jail.
///
/// The bytes are the handle's.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_name(resolved: *const Resolved, jail: usize) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(resolved) }?.jail(jail).map(|jail| Bytes::of(&jail.name)))
}

/// The names of up to `len` jails from the jail `first` on, written to `names`; how many there were. One call lists a
/// whole file.
///
/// The bytes are the handle's.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf; `names` has room for `len`, and is NULL only where `len` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_names(
    resolved: *const Resolved,
    first: usize,
    names: *mut Bytes,
    len: usize,
) -> usize {
    guard::look(|| {
        // SAFETY: as the section above says.
        let jails = unsafe { handle::peek(resolved) }?.conf.jails.get(first..)?;
        if names.is_null() || !names.is_aligned() {
            return None;
        }
        let jails = &jails[..jails.len().min(len)];
        for (index, jail) in jails.iter().enumerate() {
            // SAFETY: `index` is less than `len`.
            unsafe { names.add(index).write(Bytes::of(&jail.name)) };
        }
        Some(jails.len())
    })
}

/// The number of the jail of a name; `JK_NONE` where there is none. The first search makes an index, so that each
/// later one takes the same time however many jails there are.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf; the bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_find(resolved: *const Resolved, name: Bytes) -> usize {
    // SAFETY: as the section above says.
    let found = guard::look(|| unsafe { Some(handle::peek(resolved)?.find(name.slice("name").ok()?)) });
    found.unwrap_or(JK_NONE)
}

/// Why jail(8) would not start a jail, at its place in the file: a variable that is not there, a loop. Where it would,
/// a finding with line 0 and no bytes.
///
/// The bytes are the handle's.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_failed(resolved: *const Resolved, jail: usize) -> Finding {
    guard::look(|| {
        // SAFETY: as the section above says.
        let jail = unsafe { handle::peek(resolved) }?.jail(jail)?;
        jail.failed.as_ref().map(|found| Finding::of(found))
    })
}

/// How many parameters a jail has; 0 where there is no such jail.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_params(resolved: *const Resolved, jail: usize) -> usize {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(resolved) }?.jail(jail).map(|jail| jail.params.len()))
}

/// The name of a parameter of a jail; nothing where there is none of that number.
///
/// The bytes are the handle's.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_param(resolved: *const Resolved, jail: usize, param: usize) -> Bytes {
    guard::look(|| {
        // SAFETY: as the section above says.
        let jail = unsafe { handle::peek(resolved) }?.jail(jail)?;
        jail.params.get(param).map(|param| Bytes::of(&param.name))
    })
}

/// The number of a jail's parameter of this name, whether in its plain form or its `no` form; `JK_NONE` where the jail
/// does not have it.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf; the bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_find_param(resolved: *const Resolved, jail: usize, name: Bytes) -> usize {
    let found = guard::look(|| {
        // SAFETY: as the section above says.
        let (resolved, name) = unsafe { (handle::peek(resolved)?, name.str("name").ok()?) };
        let jail = resolved.jail(jail)?;
        let found = jail.param(name)?;
        Some(jail.params.iter().position(|param| std::ptr::eq(param, found)))
    });
    found.unwrap_or(JK_NONE)
}

/// How many values a parameter of a jail has; 0 for a bare one, and where there is none of that number.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_values(resolved: *const Resolved, jail: usize, param: usize) -> usize {
    guard::look(|| {
        // SAFETY: as the section above says.
        let jail = unsafe { handle::peek(resolved) }?.jail(jail)?;
        jail.params.get(param).map(|param| param.values.len())
    })
}

/// A value of a parameter of a jail; nothing where there is none of that number.
///
/// The bytes are the handle's.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_value(
    resolved: *const Resolved,
    jail: usize,
    param: usize,
    value: usize,
) -> Bytes {
    guard::look(|| {
        // SAFETY: as the section above says.
        let jail = unsafe { handle::peek(resolved) }?.jail(jail)?;
        jail.params.get(param)?.values.get(value).map(|value| Bytes::of(value))
    })
}

/// The last value of a jail's parameter of this name, which is the one that counts where there can be only one;
/// nothing where the jail does not have it, or has it bare.
///
/// The bytes are the handle's.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf; the bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_get(resolved: *const Resolved, jail: usize, name: Bytes) -> Bytes {
    guard::look(|| {
        // SAFETY: as the section above says.
        let (resolved, name) = unsafe { (handle::peek(resolved)?, name.str("name").ok()?) };
        resolved.jail(jail)?.value(name).map(|value| Bytes::of(value))
    })
}

/// Whether a jail's boolean parameter is there and true, as jail(8) reads it: bare, `true`, or a number that is not 0;
/// the `no` form the other way round.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf; the bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_is_true(resolved: *const Resolved, jail: usize, name: Bytes) -> bool {
    guard::look(|| {
        // SAFETY: as the section above says.
        let (resolved, name) = unsafe { (handle::peek(resolved)?, name.str("name").ok()?) };
        resolved.jail(jail).map(|jail| jail.is_true(name))
    })
}

/// Everything as JSON: `[{"jail": ..., "failed": ..., "params": [["name", "value", ...], ...]}, ...]`. Bytes that are
/// not UTF-8 are replaced there.
///
/// On success a new text is in `json`; free it with `jk_text_free`. Else NULL is.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf; `json` and `error` are NULL or places. A NULL `resolved` or `json` is
/// refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_json(
    resolved: *const Resolved,
    json: *mut *mut Text,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, json, "json", || {
            let resolved = handle::get(resolved, "resolved")?;
            Failure::json(&resolved.conf)
        })
    }
}

/// Frees a resolved jail.conf. NULL is fine.
///
/// # Safety
/// `resolved` is NULL or a resolved jail.conf, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_resolved_free(resolved: *mut Resolved) {
    // SAFETY: as the section above says.
    unsafe { handle::free(resolved) };
}
