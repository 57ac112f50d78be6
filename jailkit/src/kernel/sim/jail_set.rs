//! jail_set(2).
//!
//! Source: kern_jail_set in `sys/kern/kern_jail.c`, in its order: which of several errors a caller gets depends on it.

use std::os::fd::OwnedFd;
use std::path::Path;

use super::descriptor::Call;
use super::jail_apply::apply;
use super::jail_check::{check, check_update};
use super::jail_create::create;
use super::jail_find::find;
use super::jail_request::{DISABLE, INHERIT, NEW, parse, refuse};
use super::options::{self, Options};
use super::param::SYSV;
use super::prison::{has_privileges, may_enter_root};
use super::state::State;
use super::{Refusal, linux, meta, zfs};
use crate::kernel::marshal::Buffer;
use crate::kernel::{Errno, Jid, Reach, SetFlags};

/// Creates or changes a jail, for a process in the prison `mine`; a descriptor of it where the call opens one.
pub(super) fn set(
    state: &mut State,
    host: &Path,
    mine: i32,
    buffers: &[Buffer],
    call: Call<'_, SetFlags>,
) -> Result<(Jid, Option<OwnedFd>), Refusal> {
    let flags = call.flags;
    options::refuse_too_many(buffers)?;
    let looks_first = state.rest().release.has(15);
    if !looks_first {
        has_privileges(state, mine)?;
    }
    let may_create = |state: &State, at: i32| {
        let may = !flags.create || state.prison(at).is_some_and(|prison| prison.children_max != 0);
        if may { Ok(()) } else { Err(Errno::EPERM) }
    };
    if !matches!(call.reach, Reach::At(_)) {
        may_create(state, mine)?;
    }
    let options = &mut Options::build(buffers)?;
    refuse(!flags.create && !flags.update, "no valid operation (create or update)")?;
    let at = call.prison(state, mine, options)?;
    may_create(state, at)?;
    if looks_first {
        call.may_open(state, mine)?;
        // Who opened a descriptor counts, once it is looked at.
        if !matches!(call.reach, Reach::Use(_)) {
            has_privileges(state, mine)?;
        }
    }
    let request = parse(state, host, mine, options, flags)?;
    let target = find(state, at, &request, call.reach)?;
    let (jid, checked) = match target.found {
        Some(jid) => (jid, check_update(state, jid, &request)),
        None => (create(state, at, &target, &request)?, Ok(())),
    };
    let is_new = target.found.is_none();
    let name = match checked.and_then(|()| check(state, mine, jid, &target, &request, options)) {
        Ok(name) => name,
        Err(refusal) => {
            if is_new {
                state.remove_prison(jid);
            }
            return Err(refusal);
        }
    };
    apply(state, mine, jid, target.parent, name, &request);
    if let Err(errno) = set_of_modules(state, jid, is_new, options) {
        // A jail that was there keeps what was set of it before.
        if is_new {
            state.kill(jid);
        }
        return Err(errno.into());
    }
    let serial = state.prison(jid).map(|prison| prison.serial);
    let attached = if flags.attach { may_enter_root(state, jid) } else { Ok(()) };
    if let Some(prison) = state.prison_mut(jid) {
        // A dying jail that was taken in is alive again, even where nothing holds it now.
        prison.unheld = prison.dying;
        prison.dying = false;
        if flags.attach && attached.is_ok() {
            prison.processes += 1;
        }
    }
    state.let_go(jid);
    attached.map_err(|errno| Refusal::new(errno, "attach failed"))?;
    let descriptor = serial.map(|serial| call.open(host, mine, serial, false)).transpose()?;
    Ok((Jid(jid), descriptor.flatten()))
}

/// What is not kern_jail.c's own (`PR_METHOD_CREATE`, `PR_METHOD_SET`).
fn set_of_modules(state: &mut State, jid: i32, is_new: bool, options: &mut Options) -> Result<(), Errno> {
    meta::set(state, jid, options)?;
    set_sysv(state, jid, options);
    linux::set(state, jid, is_new, options);
    zfs::set(state, jid, is_new, options)
}

/// The System V parameters, and `allow.sysvipc` where they are not given (msg_prison_set in `sys/kern/sysv_msg.c`).
fn set_sysv(state: &mut State, jid: i32, options: &mut Options) {
    let by_permission = match (options.flag("allow.sysvipc"), options.flag("allow.nosysvipc")) {
        (true, _) => Some(INHERIT),
        (_, true) => Some(DISABLE),
        _ => None,
    };
    for (index, name) in SYSV.iter().enumerate() {
        let Some(way) = options.int(name).ok().flatten().or(by_permission) else { continue };
        let Some(prison) = state.prison(jid) else { return };
        let old = prison.sysv[index];
        let new = match way {
            DISABLE => None,
            NEW => Some(jid),
            _ => state.prison(prison.parent).and_then(|above| above.sysv[index]),
        };
        // Below a jail that has none any more nobody has; else those follow that see what this one saw.
        let follows = |other: i32| match state.prison(other).and_then(|other| other.sysv[index]) {
            None => false,
            seen => way == DISABLE || seen == old,
        };
        let below: Vec<i32> = state.descendants(jid).into_iter().filter(|&below| follows(below)).collect();
        for jid in below.into_iter().chain([jid]) {
            if let Some(prison) = state.prison_mut(jid) {
                prison.sysv[index] = new;
            }
        }
    }
}
