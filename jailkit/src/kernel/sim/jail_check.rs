//! What a jail may not be given: the last checks of a call of jail_set(2), before anything is set.
//!
//! Source: kern_jail_set in `sys/kern/kern_jail.c`, in its order, and msg_prison_check in `sys/kern/sysv_msg.c`.

use bstr::BString;

use super::jail_find::{Target, full_name};
use super::jail_request::{DISABLE, INHERIT, NEW, Request, refuse};
use super::options::Options;
use super::param::{SYSV, allow_bit};
use super::prison::Prison;
use super::state::State;
use super::{Refusal, linux, meta, zfs};
use crate::kernel::Errno;

/// What cannot be changed of a jail that is there.
pub(super) fn check_update(state: &State, jid: i32, request: &Request) -> Result<(), Refusal> {
    let Some(prison) = state.prison(jid) else { return Err(Errno::ENOENT.into()) };
    let restricts = request.ip4.is_some() || request.ip6.is_some();
    refuse(prison.vnet && restricts, "vnet jails cannot have IP address restrictions")?;
    refuse(request.ip4.is_some_and(|user| user != prison.ip4_user), "ip4 cannot be changed after creation")?;
    refuse(request.ip6.is_some_and(|user| user != prison.ip6_user), "ip6 cannot be changed after creation")
}

/// Checks what is to be set, and makes the whole name where that is.
pub(super) fn check(
    state: &State,
    mine: i32,
    jid: i32,
    target: &Target,
    request: &Request,
    options: &mut Options,
) -> Result<Option<BString>, Refusal> {
    let (Some(prison), Some(above)) = (state.prison(jid), state.prison(target.parent)) else {
        return Err(Errno::ENOENT.into());
    };
    let beyond = request.securelevel.is_some_and(|level| level < above.securelevel)
        || request.children_max.is_some_and(|most| most >= above.children_max)
        || request.enforce_statfs.is_some_and(|value| value < above.enforce_statfs);
    if beyond {
        return Err(Errno::EPERM.into());
    }
    if let Some(ruleset) = request.devfs_ruleset {
        if !(0..=65535).contains(&ruleset) {
            return Err(Errno::EINVAL.into());
        }
        if mine != 0 && ruleset > 0 && ruleset != above.devfs_ruleset {
            return Err(Errno::EPERM.into());
        }
    }
    check_addresses(state, jid, above, &request.ip4_addr, "IPv4", |prison| {
        (prison.ip4, prison.ip4_user, prison.ip4_addr.as_slice())
    })?;
    check_addresses(state, jid, above, &request.ip6_addr, "IPv6", |prison| {
        (prison.ip6, prison.ip6_user, prison.ip6_addr.as_slice())
    })?;
    // A new jail always gets a name: its jid where none was given.
    let is_new = target.found.is_none();
    let last = target.last.as_deref().or(is_new.then_some(b"".as_slice()));
    let said = if is_new { jid } else { target.jid };
    let name = last.map(|last| full_name(state, prison, above, last, said)).transpose()?;
    if request.allow & !above.allow & !may_differ() != 0 {
        return Err(Errno::EPERM.into());
    }
    meta::check(state, options);
    check_sysv(state, prison, options)?;
    linux::check(state, options)?;
    zfs::check(state, options)?;
    options.refuse_unseen()?;
    Ok(name)
}

/// The permissions that a jail may have and its parent not (`PR_ALLOW_DIFFERENCES`).
fn may_differ() -> u64 {
    allow_bit("allow.unprivileged_proc_debug") | allow_bit("allow.unprivileged_parent_tampering")
}

fn check_sysv(state: &State, prison: &Prison, options: &mut Options) -> Result<(), Errno> {
    let above = state.prison(prison.parent);
    // In the order in which the kernel starts them: shared memory first.
    for (index, sysv) in SYSV.iter().enumerate().rev() {
        match options.int(sysv)? {
            None | Some(DISABLE) => {}
            Some(NEW | INHERIT) if above.is_some_and(|above| above.sysv[index].is_some()) => {}
            Some(NEW | INHERIT) => return Err(Errno::EPERM),
            Some(_) => return Err(Errno::EINVAL),
        }
    }
    Ok(())
}

/// Addresses must be the parent's where that is restricted, and no other jail's; one that two jails share is let pass
/// where neither has another one.
fn check_addresses<T: PartialEq>(
    state: &State,
    jid: i32,
    above: &Prison,
    wanted: &[T],
    family: &str,
    of: impl Fn(&Prison) -> (bool, bool, &[T]),
) -> Result<(), Refusal> {
    if wanted.is_empty() {
        return Ok(());
    }
    let (restricted, _, theirs) = of(above);
    if restricted && !wanted.iter().all(|address| theirs.contains(address)) {
        return Err(Errno::EPERM.into());
    }
    let mut stack = above;
    while stack.jid != 0 && !stack.vnet {
        match state.prison(stack.parent) {
            Some(parent) => stack = parent,
            None => break,
        }
    }
    // Only jails are looked at whose parents, up to the network stack, leave their addresses to them.
    let is_seen = |other: &Prison| {
        let mut at = state.prison(other.parent);
        while let Some(parent) = at.filter(|parent| parent.jid != stack.jid) {
            if parent.jid == jid || parent.vnet || parent.dying || of(parent).1 {
                return false;
            }
            at = state.prison(parent.parent);
        }
        at.is_some()
    };
    for other in state.prisons() {
        if other.jid == 0 || other.jid == jid || other.vnet || other.dying || other.jid == stack.jid {
            continue;
        }
        let (_, user, theirs) = of(other);
        if !user || theirs.is_empty() || (wanted.len() == 1 && theirs.len() == 1) {
            continue;
        }
        if wanted.iter().any(|address| theirs.contains(address)) && is_seen(other) {
            return Err(Refusal::new(Errno::EADDRINUSE, format!("{family} addresses clash")));
        }
    }
    Ok(())
}
