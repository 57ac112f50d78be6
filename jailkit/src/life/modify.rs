//! Running jails, changed to what jail.conf(5) says of them.

use bstr::ByteSlice;

use super::graph::Named;
use super::observer::What;
use super::schedule::Outcome;
use super::world::World;
use super::{JailError, params, perform};
use crate::jailconf::ResolvedJail;
use crate::kernel::{GetFlags, Jid, Param, ParamType, SetFlags, Value};

/// Parameters that are settled when a jail is created (`CTLFLAG_RDTUN` in the kernel's `security.jail.param`).
const CREATE_ONLY: &[&str] = &["ip4", "ip6", "jid", "osreldate", "osrelease", "path", "vnet"];

/// Whether a running jail cannot change a parameter.
pub(super) fn is_create_only(name: &str) -> bool {
    CREATE_ONLY.contains(&name)
}

/// Changes a running jail.
pub(super) fn modify(world: &World<'_>, jail: &ResolvedJail) -> Result<Outcome, JailError> {
    let (jid, given) = running(world, jail)?.ok_or(JailError::NotRunning)?;
    let params = fixed(world, jid, &given)?;
    if params.is_empty() { update(world, jail, jid, &given) } else { Err(JailError::NeedsRestart { params }) }
}

/// Changes a jail that runs, starts one that does not.
pub(super) fn start_or_modify(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Outcome, JailError> {
    match running(world, jail)? {
        // Another jail needs it, and it runs: nothing is asked of it.
        Some(_) if !named.all && !named.is_named(jail.name.as_bstr()) => Ok(Outcome::AlreadyRunning),
        Some(_) => modify(world, jail),
        None => perform::start(world, jail, named, false),
    }
}

/// Changes a running jail, by a restart where there is no other way.
pub(super) fn modify_or_restart(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Outcome, JailError> {
    let (jid, given) = running(world, jail)?.ok_or(JailError::NotRunning)?;
    if fixed(world, jid, &given)?.is_empty() {
        return update(world, jail, jid, &given);
    }
    perform::stop(world, jail, named)?;
    perform::start(world, jail, named, true)
}

/// The jail's number, where it runs, and the parameters that the file gives it.
fn running(world: &World<'_>, jail: &ResolvedJail) -> Result<Option<(Jid, Vec<Param>)>, JailError> {
    if let Some(reason) = &jail.failed {
        return Err(JailError::Conf(reason.message.clone()));
    }
    let given = params::import(jail, &world.kinds)?;
    let dying = world.options.dying || jail.is_true("allow.dying");
    Ok(world.find(jail.name.as_bstr(), dying)?.map(|jid| (jid, given)))
}

/// The parameters that would have to change and cannot.
fn fixed(world: &World<'_>, jid: Jid, given: &[Param]) -> Result<Vec<String>, JailError> {
    let given: Vec<_> = given.iter().filter(|param| is_create_only(&param.name) && param.name != "jid").collect();
    let kind = |param: &&Param| world.kinds.get(&param.name).map(|kind| ParamType::new(param.name.as_str(), *kind));
    let wanted: Vec<_> = given.iter().filter_map(kind).collect();
    let key = Param::new("jid", Value::Int(jid.0));
    let (_, now) = world.host.kernel().jail_get(&[key], &wanted, GetFlags { dying: true })?;
    let differing = given.iter().zip(&now).filter(|(param, now)| param.value != **now);
    Ok(differing.map(|(param, _)| param.name.clone()).collect())
}

fn update(world: &World<'_>, jail: &ResolvedJail, jid: Jid, given: &[Param]) -> Result<Outcome, JailError> {
    let dying = world.options.dying || jail.is_true("allow.dying");
    let mut params = vec![Param::new("jid", Value::Int(jid.0))];
    params.extend(given.iter().filter(|param| !is_create_only(&param.name)).cloned());
    world.host.kernel().jail_set(&params, SetFlags { update: true, dying, ..SetFlags::default() })?;
    world.tell(jail.name.as_bstr(), What::Updated(jid));
    Ok(Outcome::Updated)
}
