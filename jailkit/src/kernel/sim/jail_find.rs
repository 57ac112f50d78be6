//! Which jail a call of jail_set(2) is about: one that is there, or the place of a new one.
//!
//! Source: the middle part of kern_jail_set in `sys/kern/kern_jail.c`, in its order.

use std::os::fd::BorrowedFd;

use bstr::{BString, ByteSlice};

use super::Refusal;
use super::descriptor::Described;
use super::jail_request::{Request, number, refuse};
use super::param::NAME_LEN;
use super::prison::{Prison, has_privileges};
use super::state::State;
use crate::kernel::{Errno, Reach, SetFlags};

/// What a call is about.
pub(super) struct Target {
    /// The jail to change; none where one is to be created.
    pub(super) found: Option<i32>,
    /// The prison whose limits count and whose name comes before the jail's.
    pub(super) parent: i32,
    /// The jid that the call says, or that the name of a new jail says; 0 for none.
    pub(super) jid: i32,
    /// The last part of the name; none where none is to be set.
    pub(super) last: Option<Vec<u8>>,
}

pub(super) fn find(state: &State, mine: i32, request: &Request, reach: Reach<'_>) -> Result<Target, Refusal> {
    let SetFlags { create, update, .. } = request.flags;
    let (creates, updates) = (create && !update, update && !create);
    let missing = |message: String| Refusal::new(Errno::ENOENT, message);
    let mut jid = request.jid;
    if creates && jid == 0 {
        let last = request.name.as_deref().map(|name| name.rsplit(|&byte| byte == b'.').next().unwrap_or(name));
        // The kernel cuts the number to an int.
        jid = last.and_then(number).unwrap_or(0) as i32;
    }
    if state.prison(mine).is_none_or(|prison| prison.dying) {
        return Err(Errno::EAGAIN.into());
    }
    let (found, parent) = match reach {
        Reach::Use(descriptor) => {
            jid = by_descriptor(state, descriptor, request)?;
            (Some(jid), mine)
        }
        Reach::Own | Reach::At(_) => by_jid(state, mine, jid, request)?,
    };
    let Some(name) = request.name.clone().or_else(|| name_to_live_under(state, mine, found, request)) else {
        if updates && found.is_none() {
            return Err(missing("update specified no jail".to_owned()));
        }
        return Ok(Target { found, parent, jid, last: None });
    };
    let (parent, last) = split_name(state, mine, found, parent, &name)?;
    let found = if last.is_empty() { found } else { by_name(state, found, parent, last, &name, request.flags)? };
    Ok(Target { found, parent, jid, last: Some(last.to_vec()) })
}

/// The jail of a descriptor.
fn by_descriptor(state: &State, descriptor: BorrowedFd<'_>, request: &Request) -> Result<i32, Refusal> {
    let SetFlags { create, update, .. } = request.flags;
    let described = Described::find(state, descriptor)?;
    has_privileges(state, described.opener)?;
    let jid = described.prison.jid;
    if create && !update {
        return Err(Refusal::new(Errno::EEXIST, format!("jail {jid} already exists")));
    }
    if described.prison.dying {
        return Err(Refusal::new(Errno::ENOENT, format!("jail {jid} is dying")));
    }
    refuse(request.jid != 0 && request.jid != jid, "cannot change jid")?;
    Ok(jid)
}

/// The jail of a jid, with the prison whose limits count for it.
fn by_jid(state: &State, mine: i32, jid: i32, request: &Request) -> Result<(Option<i32>, i32), Refusal> {
    let SetFlags { create, update, dying, .. } = request.flags;
    let missing = |message: String| Err(Refusal::new(Errno::ENOENT, message));
    if jid == 0 {
        return Ok((None, mine));
    }
    refuse(jid < 0, "negative jid")?;
    let revives = state.rest().release.revives();
    let Some(prison) = state.prison(jid).filter(|prison| revives || !prison.dying) else {
        return if create { Ok((None, mine)) } else { missing(format!("jail {jid} not found")) };
    };
    if create && !update {
        return Err(Refusal::new(Errno::EEXIST, format!("jail {jid} already exists")));
    }
    if !state.is_below(mine, jid) {
        return missing(format!("jail {jid} not found"));
    }
    if !revives {
        // From 15 on a jail found by its jid is measured by the caller's prison, though another one is its parent.
        return Ok((Some(jid), mine));
    }
    let parent = prison.parent;
    if state.prison(parent).is_some_and(|parent| parent.dying) {
        return missing(format!("jail {parent} is dying"));
    }
    if prison.dying && !dying {
        return missing(format!("jail {jid} is dying"));
    }
    Ok((Some(jid), parent))
}

/// A dying jail that is to live again must not find its name taken: it is set once more.
fn name_to_live_under(state: &State, mine: i32, found: Option<i32>, request: &Request) -> Option<Vec<u8>> {
    let prison = state.prison(found?).filter(|prison| prison.dying)?;
    let lives = request.flags.attach || request.persist == Some(true);
    lives.then(|| state.name_as_seen(mine, prison).to_vec())
}

/// The prison that a name says, and its last part.
fn split_name<'a>(
    state: &State,
    mine: i32,
    found: Option<i32>,
    parent: i32,
    name: &'a [u8],
) -> Result<(i32, &'a [u8]), Refusal> {
    let Some(dot) = name.rfind_byte(b'.') else { return Ok((parent, name)) };
    let (front, last) = (&name[..dot], &name[dot + 1..]);
    if found.is_some() {
        let same = state.prison(parent).is_some_and(|parent| parent.name == front);
        refuse(!same, "cannot change jail's parent")?;
        return Ok((parent, last));
    }
    let missing = |what: &str| Refusal::new(Errno::ENOENT, format!("jail \"{}\" {what}", front.as_bstr()));
    let above = state.named(mine, front).ok_or_else(|| missing("not found"))?;
    if above.dying {
        return Err(missing("is dying"));
    }
    Ok((above.jid, last))
}

/// The jail of a name, among the children of its parent.
fn by_name(
    state: &State,
    found: Option<i32>,
    parent: i32,
    last: &[u8],
    name: &[u8],
    flags: SetFlags,
) -> Result<Option<i32>, Refusal> {
    let (creates, updates) = (flags.create && !flags.update, flags.update && !flags.create);
    let say = |errno: Errno, what: &str| Err(Refusal::new(errno, format!("jail \"{}\" {what}", name.as_bstr())));
    let namesakes = state.children_named(parent, last).filter(|other| Some(other.jid) != found);
    let (dead, alive): (Vec<_>, Vec<_>) = namesakes.partition(|other| other.dying);
    if let Some(alive) = alive.first() {
        let is_taken = found.is_some() || creates;
        return if is_taken { say(Errno::EEXIST, "already exists") } else { Ok(Some(alive.jid)) };
    }
    if found.is_some() || creates {
        return Ok(found);
    }
    // Without a living jail, a dying one: the oldest.
    let dead = dead.iter().filter(|_| state.rest().release.revives()).min_by_key(|other| other.serial);
    match dead {
        Some(dead) if flags.dying => Ok(Some(dead.jid)),
        Some(_) if updates => say(Errno::ENOENT, "is dying"),
        _ if updates => say(Errno::ENOENT, "not found"),
        _ => Ok(None),
    }
}

/// The whole name that the last part of one makes for a jail; `said` is the jid that the call says or gives out.
pub(super) fn full_name(
    state: &State,
    prison: &Prison,
    above: &Prison,
    last: &[u8],
    said: i32,
) -> Result<BString, Refusal> {
    let own = said.to_string();
    let last = if last.is_empty() {
        own.as_bytes()
    } else {
        // Compared before it is cut to a jid, and with the jid that the call says: one that names a jail by its number
        // must say the jid too.
        let is_number = number(last);
        let is_own = is_number == u64::try_from(said).ok() && matches!(last, [b'1'..=b'9', ..]);
        refuse(is_number.is_some() && !is_own, "name cannot be numeric (unless it is the jid)")?;
        last
    };
    let prefix = above.child_prefix();
    let old = prison.name.len().saturating_sub(prefix);
    let too_long = |below: &i32| {
        state.prison(*below).is_some_and(|below| (below.name.len() + last.len()).saturating_sub(old) >= NAME_LEN)
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
