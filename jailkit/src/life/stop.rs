//! A jail on its way down.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::JailError;
use super::action::{self, Action};
use super::claim::{self, Claim, Left, Note};
use super::graph::Named;
use super::mount::MountPoint;
use super::observer::What;
use super::perform::{Run, is_same, lines};
use super::schedule::Outcome;
use super::spec::{JailSpec, OnHost};
use super::start::take_back;
use super::world::World;
use crate::jailconf::ResolvedJail;
use crate::kernel::Jail;

/// Stops a jail.
pub(super) fn stop(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Outcome, JailError> {
    let mut claim = world.claim(jail.name.as_bstr())?;
    let Some(found) = world.open(jail.name.as_bstr(), false)? else {
        return clear(world, jail, named, claim);
    };
    let Running { mut spec, is_known } = match Running::of(world, jail, &found, claim.left()) {
        Ok(running) => running,
        Err(error) => return claim.release().and(Err(error)),
    };
    let faults = [std::mem::take(&mut spec.wrong), std::mem::take(&mut spec.faults)].into_iter().flatten();
    let jid = found.jid;
    let on_host = OnHost { root: Some(found.path.as_path().to_owned()), ..spec.on_host.clone() };
    claim.begin(Note::Stopping(jid), &on_host)?;
    let before = claim.left().cloned();
    let mut run = Run::new(world, &spec, before.is_some());
    run.jail = Some(Arc::new(found));
    let mut failed = None;
    for step in action::down(jail) {
        let Err(error) = run.perform(step) else { continue };
        if !run.has_ended()? {
            // The jail still runs, so nothing is taken from it.
            let kept = match before {
                Some(_) if is_known => claim.note(Note::Running(jid)),
                Some(left) => claim.begin(left.note, &left.on_host),
                None => claim.finish(),
            };
            return kept.and(Err(JailError::StillRuns(Box::new(error))));
        }
        failed = failed.or(Some(error).filter(|error| !matches!(error, JailError::Replaced { .. })));
    }
    let after = clear_up(&mut run, &action::after(&spec, jail), claim);
    let besides = after.err().into_iter().chain(failed).chain(faults);
    JailError::none_of(besides).map_err(|error| JailError::Stopped(Box::new(error))).map(|()| Outcome::Stopped)
}

/// Takes all steps after a removal. A command that fails leaves nothing to come back to.
fn clear_up<'s>(run: &mut Run<'_, 's>, steps: &[Action<'s>], claim: Claim) -> Result<(), JailError> {
    let (mut failed, mut left) = (Vec::new(), Vec::new());
    for &step in steps {
        let to = if matches!(step, Action::Hook { .. }) { &mut failed } else { &mut left };
        to.extend(run.perform(step).err());
    }
    if left.is_empty() {
        claim.finish()?;
    }
    JailError::none_of(left.into_iter().chain(failed))
}

/// Takes back what a jail has left that does not run.
fn clear(world: &World<'_>, jail: &ResolvedJail, named: &Named, claim: Claim) -> Result<Outcome, JailError> {
    let not_running = match named.is_named(jail.name.as_bstr()) && !world.options.idempotent {
        true => Err(JailError::NotRunning),
        false => Ok(Outcome::NotRunning),
    };
    let Some(left) = claim.left() else { return claim.finish().and(not_running) };
    let spec = left_of(world, jail, left);
    let steps = steps_left(&spec, jail, left);
    let cleared = clear_up(&mut Run::new(world, &spec, true), &steps, claim);
    cleared.map_err(|error| JailError::Stopped(Box::new(error))).map(|()| Outcome::Stopped)
}

/// A jail that does not run, with what it has left; whatever is wrong with what the file says of it.
fn left_of(world: &World<'_>, jail: &ResolvedJail, left: &Left) -> JailSpec {
    let spec = JailSpec::of_running(world.host, jail);
    let mut spec = spec.unwrap_or_else(|_| JailSpec::stray(jail.name.as_bstr()));
    spec.on_host = left.on_host.clone();
    spec
}

/// What is left to do: the rest of a stop, or the undoing of a start that was killed, which runs no commands.
fn steps_left<'s>(spec: &'s JailSpec, jail: &'s ResolvedJail, left: &Left) -> Vec<Action<'s>> {
    match left.note {
        Note::Stopping(_) => action::after(spec, jail),
        _ => action::back(&spec.on_host),
    }
}

/// A jail that runs, as it is to be stopped.
struct Running {
    spec: JailSpec,
    /// What it has on the host is what the start says that it has made, and may be gone by now.
    is_known: bool,
}

impl Running {
    fn of(world: &World<'_>, jail: &ResolvedJail, found: &Jail, left: Option<&Left>) -> Result<Self, JailError> {
        let mut spec = JailSpec::of_running(world.host, jail)?;
        let own = left.filter(|left| left.is_of(world.host.kernel(), found)).map(|left| &left.on_host);
        let Some(made) = own else {
            follow(world, &mut spec, found);
            // What an earlier jail of this name has left.
            let owed = left.map(|left| left.on_host.clone()).unwrap_or_default();
            let on_host = &mut spec.on_host;
            on_host.mounts.extend(owed.mounts.into_iter().filter(|point| is_mounted(world, point)));
            let addresses = owed.addresses.into_iter().filter(|address| !on_host.addresses.contains(address));
            on_host.addresses.extend(addresses.collect::<Vec<_>>());
            return Ok(Self { spec, is_known: false });
        };
        let asked_for = std::mem::replace(&mut spec.on_host, made.clone());
        spec.faults.clear();
        // Mounted in its tree by hand since, as the file says it would be the next time.
        let root = found.path.as_path();
        let is_inside = |point: &MountPoint| world.real_path(&point.request.target).starts_with(root);
        let is_made = |point: &MountPoint| made.mounts.iter().any(|made| made.request.target == point.request.target);
        let since = asked_for.mounts.into_iter().filter(|point| !is_made(point) && is_mounted(world, point));
        spec.on_host.mounts.extend(since.filter(|point| root.parent().is_some() && is_inside(point)));
        Ok(Self { spec, is_known: true })
    }
}

/// Where the file has given a running jail another root directory since, what it has mounted is below the one it runs
/// in: that of its mounts which is there, and nothing that others have mounted below that directory.
fn follow(world: &World<'_>, spec: &mut JailSpec, found: &Jail) {
    let runs_in = found.path.as_path();
    let Some(written) = spec.on_host.root.clone().filter(|root| world.real_path(root) != runs_in) else { return };
    spec.on_host.root = Some(runs_in.to_owned());
    spec.on_host.mounts.retain_mut(|point| {
        let Ok(below) = point.request.target.strip_prefix(&written) else { return true };
        point.request.target = runs_in.join(below);
        // What is mounted so on the host itself is the host's.
        let has_own_tree = runs_in.parent().is_some();
        has_own_tree && is_mounted(world, point)
    });
}

/// Whether it is certain that this is mounted now.
fn is_mounted(world: &World<'_>, point: &MountPoint) -> bool {
    let found = world.mounted_at(&world.real_path(&point.request.target));
    found.is_ok_and(|found| found.is_some_and(|found| is_same(world, &found, point)))
}

/// Removes jails that run and that no file has, and with `takes_back` what their starts have made; names of no jail at
/// all fail.
pub(super) fn strays(world: &World<'_>, named: &Named, takes_back: bool) -> Vec<(BString, Result<Outcome, JailError>)> {
    let told = |name: &BString, outcome| {
        world.tell(name.as_bstr(), What::Done(&outcome));
        (name.clone(), outcome)
    };
    let unknown = named.unknown.iter().map(|name| told(name, Err(JailError::NoJail)));
    let removed = named.strays.iter().map(|name| told(name, stray(world, name.as_bstr(), takes_back)));
    unknown.chain(removed).collect()
}

/// Ends a jail, or takes back what one has left, without what a file may say of it.
fn stray(world: &World<'_>, name: &BStr, takes_back: bool) -> Result<Outcome, JailError> {
    // A removal waits for nobody.
    let claim = if takes_back { Some(world.claim(name)?) } else { Claim::try_take(world.host, name)? };
    let left = match &claim {
        Some(claim) => claim.left().cloned(),
        None => claim::peek(world.host, name)?,
    };
    let made = end_stray(world, name, left);
    let (claim, made) = match (claim, made) {
        (Some(claim), Ok(made)) => (claim, made),
        (Some(claim), Err(error)) => return claim.release().and(Err(error)),
        (None, made) => return made.map(|_| Outcome::Stopped),
    };
    let is_something = !made.mounts.is_empty() || !made.addresses.is_empty();
    if is_something && !takes_back {
        world.tell(name, What::LeftBehind);
        return claim.release().map(|()| Outcome::Stopped);
    }
    take_back(world, &JailSpec::stray(name), &made).map_or(Ok(()), Err)?;
    claim.finish().map(|()| Outcome::Stopped)
}

/// Ends a jail where it runs; what its start has made.
fn end_stray(world: &World<'_>, name: &BStr, left: Option<Left>) -> Result<OnHost, JailError> {
    let Some(found) = world.open(name, true)? else {
        return left.map(|left| left.on_host).ok_or(JailError::NotRunning);
    };
    let spec = JailSpec::stray(name);
    let mut run = Run::new(world, &spec, false);
    run.jail = Some(Arc::new(found));
    run.perform(Action::Terminate)?;
    run.perform(Action::Remove)?;
    // Whether this one's or an earlier one's, nothing holds it any more.
    Ok(left.map(|left| left.on_host).unwrap_or_default())
}

/// The steps of a stop as lines; none for a jail that does not run and that nobody named.
pub(super) fn outline(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Vec<String>, JailError> {
    let steps = outline_down(world, jail)?;
    if steps.is_empty() && named.is_named(jail.name.as_bstr()) && !world.options.idempotent {
        return Err(JailError::NotRunning);
    }
    Ok(steps)
}

/// The steps of a stop as lines; none for a jail that does not run, and has left nothing.
pub(super) fn outline_down(world: &World<'_>, jail: &ResolvedJail) -> Result<Vec<String>, JailError> {
    let left = claim::peek(world.host, jail.name.as_bstr())?;
    let Some(found) = world.open(jail.name.as_bstr(), false)? else {
        let Some(left) = left else { return Ok(Vec::new()) };
        return Ok(lines(&steps_left(&left_of(world, jail, &left), jail, &left)));
    };
    let Running { spec, .. } = Running::of(world, jail, &found, left.as_ref())?;
    Ok([lines(&action::down(jail)), lines(&action::after(&spec, jail))].concat())
}

/// The steps with which a jail goes that no file has.
pub(super) fn outline_removal() -> Vec<String> {
    lines(&[Action::Terminate, Action::Remove])
}

/// The same, with those that take back what its start has made.
pub(super) fn outline_stray(world: &World<'_>, name: &BStr) -> Result<Vec<String>, JailError> {
    let found = world.open(name, true)?;
    let left = claim::peek(world.host, name)?;
    let mut steps = if found.is_some() { outline_removal() } else { Vec::new() };
    steps.extend(lines(&action::back(&left.map(|left| left.on_host).unwrap_or_default())));
    Ok(steps)
}
