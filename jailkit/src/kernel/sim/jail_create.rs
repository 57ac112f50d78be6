//! A new jail, with what it has from its parent.
//!
//! Source: the part of kern_jail_set that is for new jails, get_next_prid and get_next_deadid in
//! `sys/kern/kern_jail.c`.

use std::os::unix::ffi::OsStrExt;

use bstr::BString;

use super::jail_find::Target;
use super::jail_request::Request;
use super::param::{ALLOW, SYSV};
use super::prison::{NO_UUID, Prison};
use super::state::State;
use super::{Refusal, sysctl};
use crate::kernel::Errno;

/// The greatest jid that is given out (`JAIL_MAX`).
const MOST_JID: i32 = 999_999;

/// Makes the jail that a call is about; it has no name yet.
pub(super) fn create(state: &mut State, mine: i32, target: &Target, request: &Request) -> Result<i32, Refusal> {
    let mut at = Some(mine);
    while let Some(prison) = at.and_then(|jid| state.prison(jid)) {
        if state.child_count(prison.jid) >= prison.children_max {
            return Err(Refusal::new(Errno::EPERM, "prison limit exceeded"));
        }
        at = (prison.jid != 0).then_some(prison.parent);
    }
    if state.prison(target.jid).is_some_and(|dead| dead.jid != 0) {
        renumber(state, target.jid)?;
    }
    let jid = match target.jid {
        0 => next_jid(state).ok_or_else(no_jid)?,
        jid => jid,
    };
    let prison = with_defaults(state, mine, target.parent, jid, request)?;
    state.counters_mut().last_serial = prison.serial;
    state.add_prison(prison);
    Ok(jid)
}

fn with_defaults(state: &State, mine: i32, parent: i32, jid: i32, request: &Request) -> Result<Prison, Refusal> {
    let (Some(above), Some(own)) = (state.prison(parent), state.prison(mine)) else {
        return Err(Errno::ENOENT.into());
    };
    let vnet = request.vnet == Some(true);
    let defaults =
        ALLOW.iter().enumerate().filter(|(_, allow)| allow.default).fold(0, |bits, (bit, _)| bits | 1 << bit);
    let inherits = |restricted: Option<bool>| !vnet && restricted == Some(false);
    let (path, root, root_path) = match &request.path {
        Some(found) => (BString::from(found.path.as_os_str().as_bytes()), found.place.clone(), None),
        // The root directory is the caller's, whatever the path says.
        None => ("/".into(), own.root.clone(), Some(own.root_path().to_owned())),
    };
    Ok(Prison {
        jid,
        serial: state.counters().last_serial + 1,
        parent,
        name: BString::default(),
        path,
        root,
        root_path,
        dying: false,
        unheld: false,
        persist: false,
        vnet,
        own_host: true,
        ip4: !vnet && (request.ip4.is_none() || above.ip4),
        ip6: !vnet && (request.ip6.is_none() || above.ip6),
        ip4_user: !vnet && request.ip4.is_none(),
        ip6_user: !vnet && request.ip6.is_none(),
        ip4_addr: if inherits(request.ip4) { above.ip4_addr.clone() } else { Vec::new() },
        ip6_addr: if inherits(request.ip6) { above.ip6_addr.clone() } else { Vec::new() },
        ip4_saddrsel: true,
        ip6_saddrsel: true,
        allow: defaults & above.allow,
        securelevel: above.securelevel,
        children_max: 0,
        enforce_statfs: sysctl::default_enforce_statfs(state),
        devfs_ruleset: above.devfs_ruleset,
        hostname: BString::default(),
        domainname: BString::default(),
        hostuuid: NO_UUID.into(),
        hostid: 0,
        osreldate: request.osreldate.unwrap_or(above.osreldate),
        osrelease: request.osrelease.clone().map_or_else(|| above.osrelease.clone(), BString::from),
        cpuset: state.next_cpuset(),
        meta: Default::default(),
        linux: None,
        zfs: None,
        sysv: [None; SYSV.len()],
        processes: 0,
        held: 0,
        zombies: 0,
    })
}

fn no_jid() -> Refusal {
    Refusal::new(Errno::EAGAIN, "no available jail IDs")
}

/// The next number for a jail: after the last one given, passing over those in use.
fn next_jid(state: &mut State) -> Option<i32> {
    let first = state.counters().last_jid % MOST_JID + 1;
    let free = (first..=MOST_JID).chain(1..first).find(|&jid| state.prison(jid).is_none())?;
    state.counters_mut().last_jid = free;
    Some(free)
}

/// Gives a dying jail another number, because a new jail wants its own: from the greatest one down.
fn renumber(state: &mut State, jid: i32) -> Result<(), Refusal> {
    let first = match state.counters().last_dead {
        0 => MOST_JID,
        last => last - 1,
    };
    let free = (1..=first).rev().chain((first + 1..=MOST_JID).rev()).find(|&free| state.prison(free).is_none());
    let renumbered = state.prison(jid).cloned().zip(free);
    let prison = renumbered.map(|(prison, free)| Prison { jid: free, ..prison }).ok_or_else(no_jid)?;
    let to = prison.jid;
    state.counters_mut().last_dead = to;
    for below in state.children(jid) {
        if let Some(below) = state.prison_mut(below) {
            below.parent = to;
        }
    }
    let mounted: Vec<u32> = state.mounts().filter(|found| found.owner == jid).map(|found| found.id).collect();
    for id in mounted {
        if let Some(found) = state.mounted_mut(id) {
            found.owner = to;
        }
    }
    state.remove_prison(jid);
    state.add_prison(prison);
    Ok(())
}
