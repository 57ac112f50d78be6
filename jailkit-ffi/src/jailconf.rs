//! jail.conf(5): parsed, printed, edited, checked and resolved.

use jailkit::jailconf;
use jailkit::source::Source;

use crate::bytes::Bytes;
use crate::error::{Error, Status};
use crate::failure::Failure;
use crate::findings::Findings;
use crate::guard;
use crate::handle::{self, Handle, Kind};
use crate::resolved::{Resolved, ResolvedConf};
use crate::strings::Strings;
use crate::text::Text;

/// A jail.conf(5), byte for byte, that can be edited.
pub struct JailConf {
    _opaque: (),
}

impl Handle for JailConf {
    const KIND: Kind = Kind::JailConf;
    const NAME: &'static str = "jk_jailconf";
    type Value = jailconf::JailConf;
}

/// Parses the text of a jail.conf(5). `name` is what messages call it; files that it includes are looked for from the
/// directory of that name. Neither is kept.
///
/// On success a new handle is in `conf`; free it with `jk_jailconf_free`. Else NULL is.
///
/// Errors: `JK_ERROR_FILE` with a finding for every fault that jail(8) would refuse the file for.
///
/// # Safety
/// `conf` and `error` are NULL or places; the bytes are there. A NULL `conf` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_parse(
    name: Bytes,
    text: Bytes,
    conf: *mut *mut JailConf,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, conf, "conf", || {
            let source = Source::new(name.path("name")?, text.slice("text")?);
            Ok(jailconf::JailConf::parse(&source)?)
        })
    }
}

/// Reads a jail.conf(5) from the disk of the system that the program runs on.
///
/// On success a new handle is in `conf`; free it with `jk_jailconf_free`. Else NULL is.
///
/// Errors: `JK_ERROR_NOT_FOUND`, `JK_ERROR_RIGHTS` and `JK_ERROR_IO` where the file cannot be read; `JK_ERROR_FILE` as
/// `jk_jailconf_parse` has it.
///
/// # Safety
/// `conf` and `error` are NULL or places; the bytes are there. A NULL `conf` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_read(path: Bytes, conf: *mut *mut JailConf, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, conf, "conf", || {
            let path = path.path("path")?;
            let source = Source::read(path).map_err(|error| Failure::unreadable(path, &error))?;
            Ok(jailconf::JailConf::parse(&source)?)
        })
    }
}

/// The file as it now is; nothing for NULL.
///
/// The bytes are the handle's, and are there until it is edited or freed.
///
/// # Safety
/// `conf` is NULL or a jail.conf.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_text(conf: *const JailConf) -> Bytes {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { handle::peek(conf) }.map(|conf| Bytes::of(conf.text())))
}

/// Whether there is a block of this name, `parent.child` for one that stands in another; false for NULL.
///
/// # Safety
/// `conf` is NULL or a jail.conf; the bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_has_jail(conf: *const JailConf, jail: Bytes) -> bool {
    // SAFETY: as the section above says.
    guard::look(|| unsafe { Some(handle::peek(conf)?.has_jail(jail.str("jail").ok()?)) })
}

/// The values that a block itself gives a parameter, as `jk_jailconf_set` takes them. No bytes (NULL) as `jail` stand
/// for the top level of the file.
///
/// On success a new list is in `values`, empty for a bare parameter; free it with `jk_strings_free`. Else NULL is.
///
/// Errors: `JK_ERROR_NOT_FOUND` where there is no such block, or it does not have the parameter.
///
/// # Safety
/// `conf` is NULL or a jail.conf; `values` and `error` are NULL or places; the bytes are there. A NULL `conf` or
/// `values` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_get(
    conf: *const JailConf,
    jail: Bytes,
    param: Bytes,
    values: *mut *mut Strings,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, values, "values", || {
            let conf = handle::get(conf, "conf")?;
            let (block, param) = (block(conf, jail)?, param.str("param")?);
            let values = conf.own(block, param);
            let values = values.ok_or_else(|| Failure::not_found(format!("the block does not have '{param}'")))?;
            Ok(values)
        })
    }
}

/// Gives a parameter its values in a block: in place where the block has it, else on a line of its own. Everything
/// else in the file stays as it is. No bytes (NULL) as `jail` stand for the top level; no values make the parameter
/// bare. In a value `$name` is a variable and `\$` a dollar sign. Nothing is kept of the bytes.
///
/// Errors: `JK_ERROR_NOT_FOUND` where there is no such block; `JK_ERROR_FILE` where the file could not be read any
/// more; it is left as it was.
///
/// # Safety
/// `conf` is NULL or a jail.conf that nobody else uses meanwhile; `values` has `len` entries, and is NULL only where
/// `len` is 0; `error` is NULL or a place; the bytes are there. A NULL `conf` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_set(
    conf: *mut JailConf,
    jail: Bytes,
    param: Bytes,
    values: *const Bytes,
    len: usize,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let values = Bytes::strs(values, len, "values")?;
            let values: Vec<_> = values.into_iter().map(str::to_owned).collect();
            let conf = handle::get_mut(conf, "conf")?;
            let block = block(conf, jail)?;
            Ok(conf.set(block, param.str("param")?, &values)?)
        })
    }
}

/// Takes a parameter out of a block; its line goes with it where nothing else stands there. No bytes (NULL) as `jail`
/// stand for the top level. A parameter that is not there is no error.
///
/// Errors: `JK_ERROR_NOT_FOUND` where there is no such block; `JK_ERROR_FILE` where the file could not be read any
/// more; it is left as it was.
///
/// # Safety
/// `conf` is NULL or a jail.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `conf` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_unset(
    conf: *mut JailConf,
    jail: Bytes,
    param: Bytes,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let conf = handle::get_mut(conf, "conf")?;
            let block = block(conf, jail)?;
            Ok(conf.unset(block, param.str("param")?)?)
        })
    }
}

/// Adds a jail without parameters at the end of the file, a blank line before it; `jk_jailconf_set` gives it some.
///
/// Errors: `JK_ERROR_CONFLICT` where there is a block of the name; `JK_ERROR_FILE` where the file could not be read
/// any more; it is left as it was.
///
/// # Safety
/// `conf` is NULL or a jail.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `conf` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_add_jail(conf: *mut JailConf, jail: Bytes, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let conf = handle::get_mut(conf, "conf")?;
            let jail = jail.str("jail")?;
            if jail.is_empty() {
                return Err(Failure::argument("'jail' is empty"));
            }
            if conf.has_jail(jail) {
                return Err(Failure::new(Status::JK_ERROR_CONFLICT, format!("there is a block '{jail}' already")));
            }
            Ok(conf.add_jail(jail, &[])?)
        })
    }
}

/// Removes a jail's block, with the comment right above it. A jail that is not there is no error.
///
/// Errors: `JK_ERROR_FILE` where the file could not be read any more; it is left as it was.
///
/// # Safety
/// `conf` is NULL or a jail.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
/// NULL `conf` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_remove_jail(conf: *mut JailConf, jail: Bytes, error: *mut *mut Error) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::call(error, || Ok(handle::get_mut(conf, "conf")?.remove_jail(jail.str("jail")?)?)) }
}

/// The file laid out evenly, and saying what it said.
///
/// On success a new text is in `text`; free it with `jk_text_free`. Else NULL is.
///
/// Errors: `JK_ERROR_FILE` where the file could not be read any more.
///
/// # Safety
/// `conf` is NULL or a jail.conf; `text` and `error` are NULL or places. A NULL `conf` or `text` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_formatted(
    conf: *const JailConf,
    text: *mut *mut Text,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe { guard::give(error, text, "text", || Ok(handle::get(conf, "conf")?.formatted()?)) }
}

/// Says whether jail(8) and the kernel would take the file and its jails. Where it would, the warnings are in `findings`, if that is not NULL;
/// free them with `jk_findings_free`.
///
/// Errors: `JK_ERROR_FILE` with everything that is wrong, in the error's own findings; `findings` is NULL then.
///
/// # Safety
/// `conf` is NULL or a jail.conf; `findings` and `error` are NULL or places. A NULL `conf` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_check(
    conf: *const JailConf,
    findings: *mut *mut Findings,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::call(error, || {
            let place = handle::wanted_place(findings, "findings")?;
            let found = handle::get(conf, "conf")?.check(None)?;
            if let Some(place) = place {
                place.put(handle::new(found));
            }
            Ok(())
        })
    }
}

/// What the file comes to, jail by jail, with the files that it includes and the variables replaced, as jail(8) reads
/// it. Later edits of `conf` do not change it.
///
/// On success a new handle is in `resolved`; free it with `jk_resolved_free`. Else NULL is.
///
/// Errors: `JK_ERROR_FILE` where jail(8) would refuse the file or one that it includes.
///
/// # Safety
/// `conf` is NULL or a jail.conf; `resolved` and `error` are NULL or places. A NULL `conf` or `resolved` is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_resolve(
    conf: *const JailConf,
    resolved: *mut *mut Resolved,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the section above says.
    unsafe {
        guard::give(error, resolved, "resolved", || {
            let resolved = handle::get(conf, "conf")?.resolve()?;
            Ok(ResolvedConf::new(resolved))
        })
    }
}

/// Frees a jail.conf. NULL is fine.
///
/// # Safety
/// `conf` is NULL or a jail.conf, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jk_jailconf_free(conf: *mut JailConf) {
    // SAFETY: as the section above says.
    unsafe { handle::free(conf) };
}

/// The block that C means: one that is there, or the top level.
///
/// # Safety
/// The bytes are there.
unsafe fn block<'a>(conf: &jailconf::JailConf, jail: Bytes) -> Result<Option<&'a str>, Failure> {
    if jail.is_none() {
        return Ok(None);
    }
    // SAFETY: the caller's word.
    let jail = unsafe { jail.str("jail") }?;
    if conf.has_jail(jail) {
        Ok(Some(jail))
    } else {
        Err(Failure::not_found(format!("the file has no block '{jail}'")))
    }
}
