//! Running jails, changed to what jail.conf(5) says of them.

use bstr::ByteSlice;

use super::graph::Named;
use super::observer::What;
use super::schedule::Outcome;
use super::world::World;
use super::{JailError, Operation, addresses, params, readdress, start};
use crate::jailconf::ResolvedJail;
use crate::kernel::{Jail, Param, ParamType, Value};

/// Parameters that are settled when a jail is created (`CTLFLAG_RDTUN` in the kernel's `security.jail.param`).
const CREATE_ONLY: &[&str] = &["ip4", "ip6", "jid", "osreldate", "osrelease", "path", "vnet"];

/// `JAIL_SYS_DISABLE` and `JAIL_SYS_NEW`
const DISABLE: i32 = 0;
const NEW: i32 = 1;

/// Whether a running jail cannot change a parameter.
pub(super) fn is_create_only(name: &str) -> bool {
    CREATE_ONLY.contains(&name)
}

/// Changes a running jail.
pub(super) fn modify(world: &World<'_>, jail: &ResolvedJail) -> Result<Outcome, JailError> {
    let (held, given) = running(world, jail)?.ok_or(JailError::NotRunning)?;
    let params = fixed(world, &held, &given)?;
    if params.is_empty() { update(world, jail, &held, &given) } else { Err(JailError::NeedsRestart { params }) }
}

/// Changes a jail that runs, starts one that does not.
pub(super) fn start_or_modify(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Outcome, JailError> {
    match running(world, jail)? {
        // Another jail needs it: it is to run, and wholly, where another run is at work on it.
        Some(_) if !named.is_chosen(jail.name.as_bstr()) => start::start(world, jail, named, false),
        Some(_) => modify(world, jail),
        None => start::start(world, jail, named, false),
    }
}

/// Whether a running jail can become what the file says by a restart only. What is wrong with it is told when it is
/// changed.
pub(super) fn needs_restart(world: &World<'_>, jail: &ResolvedJail) -> bool {
    let fixed = running_now(world, jail).and_then(|found| match found {
        Some((held, given)) => fixed(world, &held, &given),
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
    let Some((held, given)) = running_now(world, jail)? else {
        return match operation {
            Operation::StartOrModify => start::outline(world, jail, named),
            _ => Err(JailError::NotRunning),
        };
    };
    if operation == Operation::StartOrModify && !named.is_chosen(jail.name.as_bstr()) {
        return Ok(Vec::new());
    }
    let params = fixed(world, &held, &given)?;
    if !params.is_empty() {
        return Err(JailError::NeedsRestart { params });
    }
    let changed = differing(world, &held, given.iter().filter(|param| !is_create_only(&param.name)))?;
    let mut steps = readdress::outline(world, jail, &held)?;
    steps.extend(changed.into_iter().map(|name| format!("change {name}")));
    Ok(steps)
}

/// The jail, where it runs, and the parameters that the file gives it.
fn running(world: &World<'_>, jail: &ResolvedJail) -> Result<Option<(Jail, Vec<Param>)>, JailError> {
    check(jail)?;
    let given = params::import(jail, &*world.kinds_for(jail)?)?;
    held(world, jail, given)
}

/// The same, without a module loaded for any of them.
fn running_now(world: &World<'_>, jail: &ResolvedJail) -> Result<Option<(Jail, Vec<Param>)>, JailError> {
    check(jail)?;
    let given = params::import_known(jail, &world.kinds())?;
    held(world, jail, given)
}

fn check(jail: &ResolvedJail) -> Result<(), JailError> {
    match &jail.failed {
        Some(reason) => Err(JailError::Conf(reason.message.clone())),
        None => params::check_internal(jail),
    }
}

fn held(
    world: &World<'_>,
    jail: &ResolvedJail,
    mut given: Vec<Param>,
) -> Result<Option<(Jail, Vec<Param>)>, JailError> {
    params::add_addresses(&mut given, &addresses::of_hostname(world.host, jail)?);
    let dying = world.options.dying || jail.is_true("allow.dying");
    Ok(world.open(jail.name.as_bstr(), dying)?.map(|held| (held, given)))
}

/// The parameters that would have to change and cannot.
fn fixed(world: &World<'_>, held: &Jail, given: &[Param]) -> Result<Vec<String>, JailError> {
    let is_fixed = |param: &&Param| is_create_only(&param.name) && param.name != "jid";
    let mut fixed = differing(world, held, given.iter().filter(is_fixed))?;
    let is_other = |param: &Param| param.name == "jid" && param.value != Value::Int(held.jid.0);
    fixed.extend(given.iter().any(is_other).then(|| "jid".to_owned()));
    Ok(fixed)
}

/// The parameters that the running jail has another value of.
fn differing<'p>(
    world: &World<'_>,
    held: &Jail,
    given: impl Iterator<Item = &'p Param>,
) -> Result<Vec<String>, JailError> {
    let kinds = world.kinds();
    let known = |param: &'p Param| {
        let (name, kind) = params::kind_of(&param.name, &kinds)?;
        Some((param, ParamType::new(name, kind)))
    };
    let (given, wanted): (Vec<&Param>, Vec<ParamType>) = given.filter_map(known).unzip();
    let now = held.get(world.host.kernel(), &wanted)?;
    let now = now.ok_or(JailError::NotRunning)?;
    let is_same = |param: &Param, wanted: &ParamType, now: &Value| match &param.value {
        // A flag says its value by its name: the parameter's own, or the `no` form.
        Value::Flag => *now == Value::Int(i32::from(param.name == wanted.name)),
        // The kernel tells the directory, whatever name it was given by.
        Value::String(path) if param.name == "path" => {
            let real = world.real_path(&path.to_path_lossy());
            *now == Value::String(real.into_os_string().into_encoded_bytes())
        }
        // Of these two the kernel tells the first for both.
        Value::Int(DISABLE | NEW) if matches!(param.name.as_str(), "ip4" | "ip6") => {
            matches!(now, Value::Int(DISABLE | NEW))
        }
        value => value == now,
    };
    let changed =
        given.into_iter().zip(&wanted).zip(&now).filter(|((param, wanted), now)| !is_same(param, wanted, now));
    Ok(changed.map(|((param, _), _)| param.name.clone()).collect())
}

fn update(world: &World<'_>, jail: &ResolvedJail, held: &Jail, given: &[Param]) -> Result<Outcome, JailError> {
    // FreeBSD 15 takes the name of a nested jail for one below the caller's where the jail is found by other means.
    let name = Param::from(held.name.clone());
    let can_change = |param: &&Param| !is_create_only(&param.name) && **param != name;
    let params: Vec<_> = given.iter().filter(can_change).cloned().collect();
    match readdress::Move::of(world, jail, held)? {
        None => set(world, jail, held, &params)?,
        Some(moved) => moved.around(world, held, || set(world, jail, held, &params))?,
    }
    world.tell(jail.name.as_bstr(), What::Updated(held.jid));
    Ok(Outcome::Updated)
}

fn set(world: &World<'_>, jail: &ResolvedJail, held: &Jail, params: &[Param]) -> Result<(), JailError> {
    let dying = world.options.dying || jail.is_true("allow.dying");
    if !held.update(world.host.kernel(), params, dying)? {
        return Err(JailError::NotRunning);
    }
    if params.iter().any(|param| matches!(param.name.as_str(), "ip4.addr" | "ip6.addr")) {
        world.has_created(jail.name.as_bstr(), &world.addresses_of(held)?);
    }
    Ok(())
}
