//! What a call of jail_set(2) sets, and what it hands down to the jails below.
//!
//! Source: the last part of kern_jail_set, and prison_set_allow_locked, in `sys/kern/kern_jail.c`; prison_restrict_ip4
//! in `sys/netinet/in_jail.c`.

use bstr::BString;

use super::jail_request::Request;
use super::prison::Prison;
use super::state::State;

/// Sets what is to be set; `measure` is the prison whose limits were looked at, the parent as a rule.
pub(super) fn apply(state: &mut State, mine: i32, jid: i32, measure: i32, name: Option<BString>, request: &Request) {
    let mut below = state.descendants(jid);
    below.sort_by_key(|&child| state.depth_below(jid, child));
    let Some(measure) = state.prison(measure).cloned() else { return };
    let above = state.prison(jid).and_then(|prison| state.prison(prison.parent));
    let Some(above) = above.cloned() else { return };
    let renames = name.is_some();
    let Some(prison) = state.prison_mut(jid) else { return };
    let old_name = std::mem::take(&mut prison.name);
    prison.name = name.unwrap_or_else(|| old_name.clone());
    if request.ip4 == Some(true) {
        (prison.ip4, prison.ip4_addr) = (true, request.ip4_addr.clone());
    }
    if request.ip6 == Some(true) {
        (prison.ip6, prison.ip6_addr) = (true, request.ip6_addr.clone());
    }
    prison.ip4_user = request.ip4.unwrap_or(prison.ip4_user);
    prison.ip6_user = request.ip6.unwrap_or(prison.ip6_user);
    prison.ip4_saddrsel = request.ip4_saddrsel.unwrap_or(prison.ip4_saddrsel);
    prison.ip6_saddrsel = request.ip6_saddrsel.unwrap_or(prison.ip6_saddrsel);
    prison.securelevel = request.securelevel.unwrap_or(prison.securelevel);
    prison.children_max = request.children_max.unwrap_or(prison.children_max);
    prison.enforce_statfs = request.enforce_statfs.unwrap_or(prison.enforce_statfs);
    prison.persist = request.persist.unwrap_or(prison.persist);
    if let Some(ruleset) = request.devfs_ruleset {
        prison.devfs_ruleset = if mine == 0 { ruleset } else { measure.devfs_ruleset };
    }
    if request.host == Some(false) && prison.own_host {
        prison.hostname.clone_from(&above.hostname);
        prison.domainname.clone_from(&above.domainname);
        prison.hostuuid.clone_from(&above.hostuuid);
        prison.hostid = above.hostid;
    }
    if request.host != Some(false) {
        set_host(prison, request);
    }
    prison.own_host = request.host.unwrap_or(prison.own_host);
    prison.allow = (prison.allow & !request.forbid) | request.allow;
    let prison = prison.clone();
    let prefix = measure.child_prefix();
    if request.forbid & !request.allow != 0 {
        state.forbid(jid, request.forbid & !request.allow);
    }
    for child in below {
        let depth = state.depth_below(jid, child);
        let (host_reaches, stack_reaches) =
            (reaches(state, jid, child, |at| at.own_host), reaches(state, jid, child, |at| at.vnet));
        let parent = state.prison(child).and_then(|child| state.prison(child.parent));
        let lists = parent.map(|parent| (parent.ip4_addr.clone(), parent.ip6_addr.clone())).unwrap_or_default();
        let Some(child) = state.prison_mut(child) else { continue };
        if renames {
            // By the length of the last part alone, as the kernel does it: below a jail that has a parent itself, the
            // names come out wrong there too.
            let [old, new] = [&old_name, &prison.name].map(|name| name.len().saturating_sub(prefix));
            let front = &prison.name[..new];
            child.name = [front, child.name.get(old..).unwrap_or_default()].concat().into();
        }
        if request.securelevel.is_some() {
            child.securelevel = child.securelevel.max(prison.securelevel);
        }
        if let Some(most) = request.children_max {
            child.children_max = lowered(child.children_max, most, depth);
        }
        if request.enforce_statfs.is_some() {
            child.enforce_statfs = child.enforce_statfs.max(prison.enforce_statfs);
        }
        if request.devfs_ruleset.is_some() {
            child.devfs_ruleset = prison.devfs_ruleset;
        }
        if request.host != Some(false) && host_reaches {
            set_host(child, request);
        }
        if request.ip4 == Some(true) && stack_reaches {
            restrict(&mut child.ip4, child.ip4_user, &mut child.ip4_addr, &lists.0);
        }
        if request.ip6 == Some(true) && stack_reaches {
            restrict(&mut child.ip6, child.ip6_user, &mut child.ip6_addr, &lists.1);
        }
    }
}

/// `children.max` of a jail so many levels below one that is given another.
fn lowered(own: i32, most: i32, depth: i32) -> i32 {
    let limit = most.wrapping_sub(depth);
    if own <= limit { own } else { limit.max(0) }
}

/// Whether no jail on the way down to `child`, itself included, has something of its own.
fn reaches(state: &State, from: i32, child: i32, has_own: impl Fn(&Prison) -> bool) -> bool {
    let mut at = state.prison(child);
    while let Some(prison) = at.filter(|prison| prison.jid != from) {
        if has_own(prison) {
            return false;
        }
        at = state.prison(prison.parent);
    }
    true
}

fn set_host(prison: &mut Prison, request: &Request) {
    let set = |own: &mut BString, new: &Option<Vec<u8>>| {
        if let Some(new) = new {
            *own = new.as_slice().into();
        }
    };
    set(&mut prison.hostname, &request.hostname);
    set(&mut prison.domainname, &request.domainname);
    set(&mut prison.hostuuid, &request.hostuuid);
    prison.hostid = request.hostid.unwrap_or(prison.hostid);
}

/// A jail below keeps of its addresses those that its parent has; one that inherits them has them all.
fn restrict<T: PartialEq + Clone>(restricted: &mut bool, user: bool, own: &mut Vec<T>, above: &[T]) {
    if !user {
        (*restricted, *own) = (true, above.to_vec());
    } else {
        own.retain(|address| above.contains(address));
    }
}
