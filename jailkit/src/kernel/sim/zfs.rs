//! What ZFS lets a jail do: `zfs` and `zfs.mount_snapshot`, from 14 on, while its module is loaded.
//!
//! Source: zfs_jailparam_check, zfs_jailparam_create, zfs_jailparam_set and zfs_jailparam_get in
//! `sys/contrib/openzfs/module/os/freebsd/zfs/zfs_vfsops.c`.

use super::jail_request::{INHERIT, NEW};
use super::options::Options;
use super::prison::Prison;
use super::state::{Rest, State};
use crate::kernel::Errno;

/// Whether the kernel knows the parameters.
pub(super) fn is_known(rest: &Rest) -> bool {
    rest.release.has(14) && rest.modules.contains("zfs")
}

/// `mount_snapshot` of a prison: its own, or the nearest parent's that has one.
fn seen(state: &State, jid: i32) -> i32 {
    state.nearest(jid, |prison| prison.zfs).unwrap_or(0)
}

/// The module is loaded: every jail that is there has its own from then on.
pub(super) fn load(state: &mut State) {
    state.give(|jail| jail.zfs.is_none(), |jail| jail.zfs = Some(0));
}

pub(super) fn check(state: &State, options: &mut Options) -> Result<(), Errno> {
    if !is_known(state.rest()) {
        return Ok(());
    }
    let way = options.int("zfs")?.unwrap_or(NEW);
    let mounts = options.int("zfs.mount_snapshot")?.unwrap_or(0);
    if [NEW, INHERIT].contains(&way) && [0, 1].contains(&mounts) { Ok(()) } else { Err(Errno::EINVAL) }
}

/// Sets them; a new jail has its own, with what its parent's is, unless it is to inherit. `EPERM` for more than a parent
/// has that is not the host.
pub(super) fn set(state: &mut State, jid: i32, is_new: bool, options: &mut Options) -> Result<(), Errno> {
    let Some(prison) = state.prison(jid).filter(|_| is_known(state.rest())) else { return Ok(()) };
    let (parent, old) = (prison.parent, prison.zfs);
    let way = options.int("zfs")?;
    let mounts = options.int("zfs.mount_snapshot")?;
    let own = match way {
        Some(INHERIT) if mounts.is_none() => None,
        None if mounts.is_none() => old.or_else(|| is_new.then(|| seen(state, parent))),
        _ if parent != 0 && mounts.is_some_and(|mounts| seen(state, parent) < mounts) => return Err(Errno::EPERM),
        _ => Some(mounts.unwrap_or_else(|| seen(state, jid))),
    };
    if own != old
        && let Some(prison) = state.prison_mut(jid)
    {
        prison.zfs = own;
    }
    Ok(())
}

pub(super) fn get(state: &State, prison: &Prison, options: &mut Options) -> Result<(), Errno> {
    if !is_known(state.rest()) {
        return Ok(());
    }
    // One that inherits is told of nothing.
    options.answer_int("zfs", if prison.zfs.is_some() { NEW } else { INHERIT })?;
    options.answer_int("zfs.mount_snapshot", prison.zfs.unwrap_or(0))
}
