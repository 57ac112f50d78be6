//! `meta` and `env`: text that a jail is given to keep, whole or line by line (`meta.KEY`).
//!
//! Source: `sys/kern/kern_jailmeta.c` of FreeBSD 15.

use bstr::{BString, ByteSlice};

use super::options::Options;
use super::prison::Prison;
use super::state::State;
use crate::kernel::Errno;

/// The most that either takes, its NUL included (`security.jail.meta_maxbufsize`).
pub(super) const META_LEN: usize = 4096;

/// The parameters, in the order of [`Prison::meta`].
pub(super) const META: [&str; 2] = ["meta", "env"];

/// Takes note of the parameters: none is refused before the jail is there.
pub(super) fn check(state: &State, options: &mut Options) {
    if state.rest().release.has(15) {
        for name in META {
            options.family(name).for_each(|opt| opt.seen = true);
        }
    }
}

/// Sets them. `EFBIG` for too much, `EINVAL` for what does not end with a NUL and for a key of nothing.
pub(super) fn set(state: &mut State, jid: i32, options: &mut Options) -> Result<(), Errno> {
    if !state.rest().release.has(15) {
        return Ok(());
    }
    for (index, name) in META.iter().enumerate() {
        let Some(old) = state.prison(jid).map(|prison| prison.meta[index].clone()) else { continue };
        let new = changed(name, &old, options)?;
        if new != old
            && let Some(prison) = state.prison_mut(jid)
        {
            prison.meta[index] = new;
        }
    }
    Ok(())
}

fn changed(name: &str, old: &BString, options: &mut Options) -> Result<BString, Errno> {
    let mut text = old.clone();
    for opt in options.family(name) {
        if opt.len > META_LEN {
            return Err(Errno::EFBIG);
        }
        if opt.value.as_ref().is_some_and(|value| value.last() != Some(&0)) {
            return Err(Errno::EINVAL);
        }
        let value = opt.value.as_deref().map(|value| value.split(|&byte| byte == 0).next().unwrap_or_default());
        let Some(key) = opt.name.get(name.len() + 1..) else {
            text = value.unwrap_or_default().into();
            continue;
        };
        if key.is_empty() {
            return Err(Errno::EINVAL);
        }
        let begins = [key, b"="].concat();
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !text.is_empty() && !line.starts_with(&begins));
        // A new line comes first.
        let own = value.map(|value| [begins.as_slice(), value].concat());
        let lines = own.as_deref().into_iter().chain(lines);
        text = bstr::join("\n", lines).into();
    }
    if text.len() >= META_LEN { Err(Errno::EFBIG) } else { Ok(text) }
}

/// Answers with them; a key that is not there is answered with nothing.
pub(super) fn get(state: &State, prison: &Prison, options: &mut Options) -> Result<(), Errno> {
    if !state.rest().release.has(15) {
        return Ok(());
    }
    for (name, text) in META.iter().zip(&prison.meta) {
        for opt in options.family(name) {
            opt.seen = true;
            let Some(key) = opt.name.get(name.len() + 1..) else {
                opt.answer_text(text)?;
                continue;
            };
            let begins = [key, b"="].concat();
            let starts = text.find_iter(&begins).filter(|&at| at == 0 || text.get(at - 1) == Some(&b'\n'));
            let Some(at) = starts.last().map(|at| at + begins.len()) else {
                (opt.value, opt.len) = (None, 0);
                continue;
            };
            // There must be room for all that comes after the key, though one line is written.
            let rest = text.get(at..).unwrap_or_default();
            if rest.len() >= opt.len {
                return Err(Errno::EINVAL);
            }
            opt.answer_text(rest.split(|&byte| byte == b'\n').next().unwrap_or_default())?;
        }
    }
    Ok(())
}
