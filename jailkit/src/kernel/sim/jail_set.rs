//! jail_set(2).
//!
//! Source: kern_jail_set in `sys/kern/kern_jail.c`, in its order: which of several errors a caller gets depends on it.

use bstr::{BString, ByteSlice};

use super::Refusal;
use super::jail_request::{DISABLE, INHERIT, NEW, Request, jid_of, number, parse, refuse};
use super::options::Options;
use super::param::{ALLOW, NAME_LEN, SYSV, allow_bit};
use super::prison::{NO_UUID, Prison};
use super::state::State;
use crate::kernel::{Errno, Jid, SetFlags};

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Creates or changes a jail, for a process in the prison `mine`.
pub(super) fn set(
    state: &mut State,
    host: &Path,
    mine: i32,
    options: &mut Options,
    flags: SetFlags,
) -> Result<Jid, Refusal> {
    if flags.create && state.prison(mine).is_none_or(|prison| prison.children_max == 0) {
        return Err(Errno::EPERM.into());
    }
    let request = parse(state, host, mine, options, flags)?;
    let (found, parent, last_name) = find(state, mine, &request)?;
    let created = found.is_none();
    let jid = match found {
        Some(jid) => jid,
        None => create(state, mine, parent, &request)?,
    };
    let checked = match created {
        true => Ok(()),
        false => check_update(state, jid, &request),
    };
    let checked = checked.and_then(|()| check(state, mine, jid, parent, last_name.as_deref(), &request, options));
    let name = match checked {
        Ok(name) => name,
        Err(refusal) => {
            if created {
                state.remove_prison(jid);
            }
            return Err(refusal);
        }
    };
    apply(state, mine, jid, name.as_ref().map(|name| name.as_bstr()), &request);
    set_sysv(state, jid, options);
    if let Some(prison) = state.prison_mut(jid) {
        // A dying jail that was taken in is alive again only where something holds it now.
        prison.dying = false;
        if flags.attach {
            prison.processes += 1;
        }
    }
    state.let_go(jid);
    Ok(Jid(jid))
}

/// The jail to change, where there is one, with its parent or that of the jail to create, and the last part of the name.
type Found = (Option<i32>, i32, Option<Vec<u8>>);

fn find(state: &mut State, mine: i32, request: &Request) -> Result<Found, Refusal> {
    let SetFlags { create, update, dying, .. } = request.flags;
    let (creates, updates) = (create && !update, update && !create);
    let revives = dying && !state.rest().release.has(14);
    let missing = |message: String| Refusal::new(Errno::ENOENT, message);
    let mut jid = request.jid;
    if creates && jid == 0 {
        let last = request.name.as_deref().map(|name| name.rsplit(|&byte| byte == b'.').next().unwrap_or(name));
        jid = last.and_then(jid_of).unwrap_or(0);
    }
    if state.prison(mine).is_none_or(|prison| prison.dying) {
        return Err(Errno::EAGAIN.into());
    }
    let mut found = None;
    let mut parent = mine;
    if jid != 0 {
        refuse(jid < 0, "negative jid")?;
        match state.prison(jid) {
            Some(prison) if prison.dying && state.rest().release.has(14) => {
                if updates {
                    return Err(missing(format!("jail {jid} not found")));
                }
                renumber(state, jid)?;
            }
            Some(_) if creates => return Err(Refusal::new(Errno::EEXIST, format!("jail {jid} already exists"))),
            Some(_) if !state.is_below(mine, jid) => return Err(missing(format!("jail {jid} not found"))),
            Some(prison) => {
                parent = prison.parent;
                if state.prison(parent).is_some_and(|parent| parent.dying) {
                    return Err(missing(format!("jail {parent} is dying")));
                }
                if prison.dying && !revives {
                    return Err(missing(format!("jail {jid} is dying")));
                }
                found = Some(jid);
            }
            None if updates => return Err(missing(format!("jail {jid} not found"))),
            None => {}
        }
    }
    // A dying jail that is to live again must not find its name taken.
    let own_name = || {
        let prison = state.prison(found?).filter(|prison| prison.dying)?;
        let lives = request.flags.attach || request.persist == Some(true);
        let prefix = state.prison(mine).map_or(0, Prison::child_prefix);
        lives.then(|| prison.name.get(prefix..).unwrap_or_default().to_vec())
    };
    let Some(name) = request.name.clone().or_else(own_name) else {
        if updates && found.is_none() {
            return Err(missing("update specified no jail".to_owned()));
        }
        return Ok((found, parent, None));
    };
    let last = match name.rfind_byte(b'.') {
        None => name.as_slice(),
        Some(dot) => {
            let front = &name[..dot];
            if found.is_some() {
                let same = state.prison(parent).is_some_and(|parent| parent.name == front);
                refuse(!same, "cannot change jail's parent")?;
            } else {
                let above = state.named(mine, front);
                let above = above.ok_or_else(|| missing(format!("jail \"{}\" not found", front.as_bstr())))?;
                if above.dying {
                    return Err(missing(format!("jail \"{}\" is dying", front.as_bstr())));
                }
                parent = above.jid;
            }
            &name[dot + 1..]
        }
    };
    if !last.is_empty() {
        let prefix = state.prison(parent).map_or(0, Prison::child_prefix);
        let mut dead = None;
        for other in state.prisons().filter(|other| other.parent == parent && Some(other.jid) != found) {
            if other.name.get(prefix..) != Some(last) {
                continue;
            }
            if other.dying {
                dead = dead.or(Some(other.jid));
            } else if found.is_none() && !creates {
                found = Some(other.jid);
                break;
            } else {
                return Err(Refusal::new(Errno::EEXIST, format!("jail \"{}\" already exists", name.as_bstr())));
            }
        }
        if found.is_none() && !creates {
            match dead {
                Some(dead) if revives => found = Some(dead),
                Some(_) if updates && !state.rest().release.has(14) => {
                    return Err(missing(format!("jail \"{}\" is dying", name.as_bstr())));
                }
                _ if updates => return Err(missing(format!("jail \"{}\" not found", name.as_bstr()))),
                _ => {}
            }
        }
    }
    Ok((found, parent, Some(last.to_vec())))
}

/// Gives a dying jail another number, because a new jail wants its own.
fn renumber(state: &mut State, jid: i32) -> Result<(), Refusal> {
    let free = (1..=999_999).rev().find(|&free| state.prison(free).is_none());
    let Some(mut prison) = state.prison(jid).cloned().zip(free).map(|(prison, free)| Prison { jid: free, ..prison })
    else {
        return Err(Refusal::new(Errno::EAGAIN, "no available jail IDs"));
    };
    if prison.name == jid.to_string().as_bytes() {
        prison.name = prison.jid.to_string().into();
    }
    let to = prison.jid;
    for below in state.descendants(jid) {
        if let Some(below) = state.prison_mut(below)
            && below.parent == jid
        {
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

/// Makes a jail with what it has from its parent.
fn create(state: &mut State, mine: i32, parent: i32, request: &Request) -> Result<i32, Refusal> {
    let mut at = Some(mine);
    while let Some(prison) = at.and_then(|jid| state.prison(jid)) {
        if state.child_count(prison.jid) >= prison.children_max {
            return Err(Refusal::new(Errno::EPERM, "prison limit exceeded"));
        }
        at = (prison.jid != 0).then_some(prison.parent);
    }
    let wanted = match request.jid {
        0 if request.flags.create && !request.flags.update => {
            let last = request.name.as_deref().and_then(|name| name.rsplit(|&byte| byte == b'.').next());
            last.and_then(jid_of).unwrap_or(0)
        }
        jid => jid,
    };
    let jid = match wanted {
        0 => state.next_jid().ok_or_else(|| Refusal::new(Errno::EAGAIN, "no available jail IDs"))?,
        jid => jid,
    };
    let cpuset = state.next_cpuset();
    let (Some(above), Some(own)) = (state.prison(parent), state.prison(mine)) else {
        return Err(Errno::ENOENT.into());
    };
    let vnet = request.vnet == Some(true);
    let defaults =
        ALLOW.iter().enumerate().filter(|(_, allow)| allow.default).fold(0, |bits, (bit, _)| bits | 1 << bit);
    let inherits = |restricted: Option<bool>| !vnet && restricted == Some(false);
    let (path, root) = match &request.path {
        Some(found) => (BString::from(found.path.as_os_str().as_bytes()), found.place.clone()),
        None => (own.path.clone(), own.root.clone()),
    };
    let serial = state.counters().last_serial + 1;
    let prison = Prison {
        jid,
        serial,
        parent,
        name: BString::default(),
        path,
        root,
        dying: false,
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
        enforce_statfs: 2,
        devfs_ruleset: above.devfs_ruleset,
        hostname: BString::default(),
        domainname: BString::default(),
        hostuuid: NO_UUID.into(),
        hostid: 0,
        osreldate: request.osreldate.unwrap_or(above.osreldate),
        osrelease: request.osrelease.clone().map_or_else(|| above.osrelease.clone(), BString::from),
        cpuset,
        sysv: [None; SYSV.len()],
        processes: 0,
        held: 0,
        zombies: 0,
    };
    state.add_prison(prison);
    state.counters_mut().last_serial = serial;
    Ok(jid)
}

/// What cannot be changed of a jail that is there.
fn check_update(state: &State, jid: i32, request: &Request) -> Result<(), Refusal> {
    let Some(prison) = state.prison(jid) else { return Err(Errno::ENOENT.into()) };
    let restricts = request.ip4.is_some() || request.ip6.is_some();
    refuse(prison.vnet && restricts, "vnet jails cannot have IP address restrictions")?;
    refuse(request.ip4.is_some_and(|user| user != prison.ip4_user), "ip4 cannot be changed after creation")?;
    refuse(request.ip6.is_some_and(|user| user != prison.ip6_user), "ip6 cannot be changed after creation")
}

/// The last checks, before anything is set; the whole name where that is to be set.
fn check(
    state: &State,
    mine: i32,
    jid: i32,
    parent: i32,
    last_name: Option<&[u8]>,
    request: &Request,
    options: &mut Options,
) -> Result<Option<BString>, Refusal> {
    let (Some(prison), Some(above)) = (state.prison(jid), state.prison(parent)) else {
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
    let is_new = prison.name.is_empty();
    let name = match last_name.or(is_new.then_some(b"".as_slice())) {
        None => None,
        Some(name) => Some(full_name(state, prison, above, name, if is_new { prison.jid } else { request.jid })?),
    };
    let differs = allow_bit("allow.unprivileged_proc_debug");
    if request.allow & !above.allow & !differs != 0 {
        return Err(Errno::EPERM.into());
    }
    for (index, sysv) in SYSV.iter().enumerate() {
        match options.int(sysv)? {
            None | Some(DISABLE) => {}
            Some(NEW | INHERIT) if above.sysv[index].is_some() => {}
            Some(NEW | INHERIT) => return Err(Errno::EPERM.into()),
            Some(_) => return Err(Errno::EINVAL.into()),
        }
    }
    options.refuse_unseen()?;
    Ok(name)
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

/// The name to set; `said` is the jid that the call says or gives out.
fn full_name(state: &State, prison: &Prison, above: &Prison, last: &[u8], said: i32) -> Result<BString, Refusal> {
    let own = said.to_string();
    let last = if last.is_empty() { own.as_bytes() } else { last };
    // Compared before it is cut to a jid, and with the jid that the call says: one that names a jail by its number
    // must say the jid too.
    let is_number = number(last);
    let is_own = is_number == u64::try_from(said).ok() && matches!(last, [b'1'..=b'9', ..]);
    refuse(is_number.is_some() && !is_own, "name cannot be numeric (unless it is the jid)")?;
    let prefix = above.child_prefix();
    let old = prison.name.len().saturating_sub(prefix);
    let too_long = |below: &i32| {
        state.prison(*below).is_some_and(|below| below.name.len() + last.len() - old.min(below.name.len()) >= NAME_LEN)
    };
    if prefix + last.len() + 1 > NAME_LEN || state.descendants(prison.jid).iter().any(too_long) {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let mut name = BString::default();
    if above.jid != 0 {
        name.extend_from_slice(&above.name);
        name.push(b'.');
    }
    name.extend_from_slice(last);
    Ok(name)
}

/// Sets what is to be set, and hands restrictions down.
fn apply(state: &mut State, mine: i32, jid: i32, name: Option<&bstr::BStr>, request: &Request) {
    let mut below = state.descendants(jid);
    below.sort_by_key(|&child| state.depth_below(jid, child));
    let above = state.prison(jid).and_then(|prison| state.prison(prison.parent));
    let Some(above) = above.cloned() else { return };
    let Some(prison) = state.prison_mut(jid) else { return };
    let old_name = std::mem::take(&mut prison.name);
    prison.name = name.map_or_else(|| old_name.clone(), Into::into);
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
        prison.devfs_ruleset = if mine == 0 { ruleset } else { above.devfs_ruleset };
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
    let prefix = above.child_prefix();
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
        if name.is_some() {
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
            child.children_max = child.children_max.min((most - depth).max(0));
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
        let below = state.descendants(jid);
        let follows = |other: &Prison| other.sysv[index].is_some() && (new.is_none() || other.sysv[index] == old);
        let below: Vec<i32> = below.into_iter().filter(|&below| state.prison(below).is_some_and(follows)).collect();
        for jid in below.into_iter().chain([jid]) {
            if let Some(prison) = state.prison_mut(jid) {
                prison.sysv[index] = new;
            }
        }
    }
}
