//! jail_get(2).
//!
//! Source: kern_jail_get in `sys/kern/kern_jail.c`.

use bstr::ByteSlice;

use super::options::Options;
use super::param::{ALLOW, SYSV};
use super::prison::Prison;
use super::state::State;
use super::{Refusal, linux, meta, zfs};
use crate::kernel::{Errno, GetFlags, Jid};

/// Finds a jail and answers what is asked of it, for a process in the prison `mine`.
pub(super) fn get(state: &State, mine: i32, options: &mut Options, flags: GetFlags) -> Result<Jid, Refusal> {
    let prison = find(state, mine, options, flags)?;
    answer(state, mine, prison, options)?;
    options.refuse_unseen()?;
    Ok(Jid(prison.jid))
}

fn find<'a>(state: &'a State, mine: i32, options: &mut Options, flags: GetFlags) -> Result<&'a Prison, Refusal> {
    let missing = |message: String| Refusal::new(Errno::ENOENT, message);
    let alive = |prison: &&Prison| flags.dying || !prison.dying;
    if let Some(last) = options.int("lastjid")? {
        let mut after = state.prisons_after(last.max(0));
        let found = after.find(|prison| alive(prison) && state.is_below(mine, prison.jid));
        return found.ok_or_else(|| missing(format!("no jail after {last}")));
    }
    if let Some(jid) = options.int("jid")?.filter(|jid| *jid != 0) {
        let found = state.prison(jid).filter(|_| state.is_below(mine, jid));
        let found = found.ok_or_else(|| missing(format!("jail {jid} not found")))?;
        return Some(found).filter(alive).ok_or_else(|| missing(format!("jail {jid} is dying")));
    }
    if let Some(name) = options.text("name", usize::MAX)? {
        let found = state.named(mine, &name);
        let found = found.ok_or_else(|| missing(format!("jail \"{}\" not found", name.as_bstr())))?;
        return Some(found).filter(alive).ok_or_else(|| missing(format!("jail \"{}\" is dying", name.as_bstr())));
    }
    Err(missing("no jail specified".to_owned()))
}

fn answer(state: &State, mine: i32, prison: &Prison, options: &mut Options) -> Result<(), Errno> {
    let parent = if prison.parent == mine { 0 } else { prison.parent };
    options.answer_int("jid", prison.jid)?;
    options.answer_int("parent", parent)?;
    options.answer_text("name", state.name_as_seen(mine, prison))?;
    options.answer_int("cpuset.id", prison.cpuset)?;
    options
        .answer_text("path", state.prison(mine).map_or(b"/".as_slice(), |own| path_from(&own.path, &prison.path)))?;
    let packed: Vec<u8> = prison.ip4_addr.iter().flat_map(std::net::Ipv4Addr::octets).collect();
    options.answer_part("ip4.addr", &packed)?;
    let packed: Vec<u8> = prison.ip6_addr.iter().flat_map(std::net::Ipv6Addr::octets).collect();
    options.answer_part("ip6.addr", &packed)?;
    options.answer_int("securelevel", prison.securelevel)?;
    options.answer_int("children.cur", state.child_count(prison.jid))?;
    options.answer_int("children.max", prison.children_max)?;
    options.answer_text("host.hostname", &prison.hostname)?;
    options.answer_text("host.domainname", &prison.domainname)?;
    options.answer_text("host.hostuuid", &prison.hostuuid)?;
    options.answer("host.hostid", &prison.hostid.to_ne_bytes())?;
    options.answer_int("enforce_statfs", prison.enforce_statfs)?;
    options.answer_int("devfs_ruleset", prison.devfs_ruleset)?;
    options.answer_flag("persist", "nopersist", prison.persist)?;
    options.answer_flag("ip4.saddrsel", "ip4.nosaddrsel", prison.ip4_saddrsel)?;
    options.answer_flag("ip6.saddrsel", "ip6.nosaddrsel", prison.ip6_saddrsel)?;
    let new_or_inherited = |new: bool| if new { 1 } else { 2 };
    options.answer_int("host", new_or_inherited(prison.own_host))?;
    options.answer_int("vnet", new_or_inherited(prison.vnet))?;
    // Disabled and new are one flag to the kernel, which calls both disabled.
    options.answer_int("ip4", if prison.ip4_user { 0 } else { 2 })?;
    options.answer_int("ip6", if prison.ip6_user { 0 } else { 2 })?;
    for (bit, allow) in ALLOW.iter().enumerate().filter(|(_, allow)| allow.is_known(state.rest())) {
        options.answer_flag(allow.name, allow.no, prison.allow & 1 << bit != 0)?;
    }
    options.answer_flag("dying", "nodying", prison.dying)?;
    options.answer_int("osreldate", prison.osreldate)?;
    options.answer_text("osrelease", &prison.osrelease)?;
    meta::get(state, prison, options)?;
    for (name, whose) in SYSV.iter().zip(prison.sysv) {
        options.answer_int(name, whose.map_or(0, |jid| new_or_inherited(jid == prison.jid)))?;
    }
    linux::get(state, prison, options)?;
    zfs::get(state, prison, options)
}

/// A prison path as a prison at `own` sees it (`prison_path`).
fn path_from<'a>(own: &[u8], path: &'a [u8]) -> &'a [u8] {
    match path.strip_prefix(own) {
        _ if own == b"/" => path,
        Some(b"") => b"/",
        Some(below) if below.starts_with(b"/") => below,
        _ => path,
    }
}
