//! What Linux programs in a jail are told: `linux` and `linux.*`, while a module of linux(4) is loaded.
//!
//! Source: linux_prison_check, linux_prison_create, linux_prison_set and linux_prison_get in
//! `sys/compat/linux/linux_mib.c`.

use bstr::{BString, ByteSlice};
use serde::{Deserialize, Serialize};

use super::Refusal;
use super::jail_request::{INHERIT, NEW};
use super::options::Options;
use super::prison::Prison;
use super::state::{Rest, State};
use crate::kernel::Errno;

/// The most a name takes, its NUL included (`LINUX_MAX_UTSNAME`).
pub(super) const UTSNAME_LEN: usize = 65;

/// What a jail has of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Linux {
    osname: BString,
    osrelease: BString,
    oss_version: i32,
}

/// The modules that bring the parameters, most by what they depend on.
const MODULES: [&str; 4] = ["linprocfs", "linsysfs", "linux", "linux64"];

/// Whether the kernel knows the parameters.
pub(super) fn is_known(rest: &Rest) -> bool {
    MODULES.iter().any(|module| rest.modules.contains(*module))
}

impl Linux {
    fn of_host(rest: &Rest) -> Self {
        let osrelease = match rest.release.has(14) {
            _ if rest.release.has(15) => "5.15.0",
            true => "4.4.0",
            false => "3.17.0",
        };
        Self { osname: "Linux".into(), osrelease: osrelease.into(), oss_version: 0x03_0600 }
    }

    /// What a jail sees: its own, or the nearest parent's.
    fn seen(state: &State, prison: &Prison) -> Self {
        let own = state.nearest(prison.jid, |prison| prison.linux.clone());
        own.unwrap_or_else(|| Self::of_host(state.rest()))
    }
}

/// A module is loaded: every jail that is there has its own from then on.
pub(super) fn load(state: &mut State) {
    let own = Linux::of_host(state.rest());
    state.give(|jail| jail.linux.is_none(), |jail| jail.linux = Some(own.clone()));
}

pub(super) fn check(state: &State, options: &mut Options) -> Result<(), Refusal> {
    if !is_known(state.rest()) {
        return Ok(());
    }
    if options.int("linux")?.is_some_and(|way| way != NEW && way != INHERIT) {
        return Err(Errno::EINVAL.into());
    }
    name(options, "linux.osname")?;
    if name(options, "linux.osrelease")?.is_some_and(|release| !is_release(&release)) {
        return Err(Refusal::new(Errno::EINVAL, "linux.osrelease format error"));
    }
    options.int("linux.oss_version")?;
    Ok(())
}

fn name(options: &mut Options, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
    options.text(name, UTSNAME_LEN).map_err(|errno| match errno {
        Errno::ENAMETOOLONG => Refusal::new(errno, format!("{name} too long")),
        errno => errno.into(),
    })
}

/// Whether this is a release of Linux: three numbers, and more after a hyphen; not older than 1.0.0.
fn is_release(text: &[u8]) -> bool {
    let mut parts = text.splitn_str(3, ".");
    let (major, minor, rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let (patch, more) = match rest.split_once_str("-") {
        Some((patch, more)) => (patch, Some(more)),
        None => (rest, None),
    };
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let numbers = [major, minor, Some(patch)].into_iter().all(|part| part.is_some_and(is_number));
    numbers && more != Some(b"") && major.is_some_and(|major| major.iter().any(|&digit| digit != b'0'))
}

/// Sets them; a new jail has its own, with what its parent's is, unless it is to inherit.
pub(super) fn set(state: &mut State, jid: i32, is_new: bool, options: &mut Options) {
    let Some(prison) = state.prison(jid).filter(|_| is_known(state.rest())) else { return };
    let way = options.int("linux").ok().flatten();
    let mut texts = ["linux.osname", "linux.osrelease"].map(|name| options.text(name, UTSNAME_LEN).ok().flatten());
    let version = options.int("linux.oss_version").ok().flatten();
    let says_any = texts.iter().any(Option::is_some) || version.is_some();
    let own = match way {
        Some(INHERIT) if !says_any => None,
        None if !says_any && !is_new => return,
        _ => {
            let mut own = Linux::seen(state, prison);
            own.osname = texts[0].take().map_or(own.osname, BString::from);
            own.osrelease = texts[1].take().map_or(own.osrelease, BString::from);
            own.oss_version = version.unwrap_or(own.oss_version);
            Some(own)
        }
    };
    if let Some(prison) = state.prison_mut(jid) {
        prison.linux = own;
    }
}

pub(super) fn get(state: &State, prison: &Prison, options: &mut Options) -> Result<(), Errno> {
    if !is_known(state.rest()) {
        return Ok(());
    }
    let seen = Linux::seen(state, prison);
    options.answer_int("linux", if prison.linux.is_some() { NEW } else { INHERIT })?;
    options.answer_text("linux.osname", &seen.osname)?;
    options.answer_text("linux.osrelease", &seen.osrelease)?;
    options.answer_int("linux.oss_version", seen.oss_version)
}
