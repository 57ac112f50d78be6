//! Running jails, changed to what jail.conf(5) says of them.

use bstr::ByteSlice;

use super::graph::Named;
use super::observer::What;
use super::schedule::Outcome;
use super::world::World;
use super::{JailError, Operation, addresses, params, perform};
use crate::jailconf::ResolvedJail;
use crate::kernel::{self, GetFlags, Jid, Param, ParamType, SetFlags, Value};

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

/// Whether a running jail can become what the file says by a restart only. What is wrong with it is told when it is
/// changed.
pub(super) fn needs_restart(world: &World<'_>, jail: &ResolvedJail) -> bool {
    let fixed = running_now(world, jail).and_then(|found| match found {
        Some((jid, given)) => fixed(world, jid, &given),
        None => Ok(Vec::new()),
    });
    fixed.is_ok_and(|params| !params.is_empty())
}

/// What would be changed, as lines.
pub(super) fn outline(
    world: &World<'_>,
    jail: &ResolvedJail,
    operation: Operation,
    named: &Named,
) -> Result<Vec<String>, JailError> {
    let Some((jid, given)) = running_now(world, jail)? else {
        return match operation {
            Operation::StartOrModify => perform::outline_start(world, jail, named),
            _ => Err(JailError::NotRunning),
        };
    };
    if operation == Operation::StartOrModify && !named.all && !named.is_named(jail.name.as_bstr()) {
        return Ok(Vec::new());
    }
    let params = fixed(world, jid, &given)?;
    if !params.is_empty() {
        return Err(JailError::NeedsRestart { params });
    }
    let changed = differing(world, jid, given.iter().filter(|param| !is_create_only(&param.name)))?;
    Ok(changed.into_iter().map(|name| format!("change {name}")).collect())
}

/// The jail's number, where it runs, and the parameters that the file gives it.
fn running(world: &World<'_>, jail: &ResolvedJail) -> Result<Option<(Jid, Vec<Param>)>, JailError> {
    check(jail)?;
    let given = params::import(jail, &*world.kinds_for(jail)?)?;
    with_jid(world, jail, given)
}

/// The same, without a module loaded for any of them.
fn running_now(world: &World<'_>, jail: &ResolvedJail) -> Result<Option<(Jid, Vec<Param>)>, JailError> {
    check(jail)?;
    let given = params::import_known(jail, &world.kinds())?;
    with_jid(world, jail, given)
}

fn check(jail: &ResolvedJail) -> Result<(), JailError> {
    match &jail.failed {
        Some(reason) => Err(JailError::Conf(reason.message.clone())),
        None => params::check_internal(jail),
    }
}

fn with_jid(
    world: &World<'_>,
    jail: &ResolvedJail,
    mut given: Vec<Param>,
) -> Result<Option<(Jid, Vec<Param>)>, JailError> {
    params::add_addresses(&mut given, &addresses::of_hostname(world.host, jail)?);
    let dying = world.options.dying || jail.is_true("allow.dying");
    Ok(world.find(jail.name.as_bstr(), dying)?.map(|jid| (jid, given)))
}

/// The parameters that would have to change and cannot.
fn fixed(world: &World<'_>, jid: Jid, given: &[Param]) -> Result<Vec<String>, JailError> {
    differing(world, jid, given.iter().filter(|param| is_create_only(&param.name) && param.name != "jid"))
}

/// The parameters that the running jail has another value of.
fn differing<'p>(
    world: &World<'_>,
    jid: Jid,
    given: impl Iterator<Item = &'p Param>,
) -> Result<Vec<String>, JailError> {
    let kinds = world.kinds();
    let known = |param: &'p Param| {
        let (name, kind) = params::kind_of(&param.name, &kinds)?;
        Some((param, ParamType::new(name, kind)))
    };
    let (given, wanted): (Vec<&Param>, Vec<ParamType>) = given.filter_map(known).unzip();
    let now = kernel::read_jail(world.host.kernel(), jid, &wanted, GetFlags { dying: true })?;
    let now = now.ok_or(JailError::NotRunning)?;
    let is_same = |param: &Param, wanted: &ParamType, now: &Value| match &param.value {
        // A flag says its value by its name: the parameter's own, or the `no` form.
        Value::Flag => *now == Value::Int(i32::from(param.name == wanted.name)),
        value => value == now,
    };
    let changed =
        given.into_iter().zip(&wanted).zip(&now).filter(|((param, wanted), now)| !is_same(param, wanted, now));
    Ok(changed.map(|((param, _), _)| param.name.clone()).collect())
}

fn update(world: &World<'_>, jail: &ResolvedJail, jid: Jid, given: &[Param]) -> Result<Outcome, JailError> {
    let dying = world.options.dying || jail.is_true("allow.dying");
    let mut params = vec![Param::new("jid", Value::Int(jid.0))];
    params.extend(given.iter().filter(|param| !is_create_only(&param.name)).cloned());
    world.host.kernel().jail_set(&params, SetFlags { update: true, dying, ..SetFlags::default() })?;
    world.tell(jail.name.as_bstr(), What::Updated(jid));
    Ok(Outcome::Updated)
}
