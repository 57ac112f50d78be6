//! A jail on its way up.

use std::sync::Arc;

use bstr::ByteSlice;

use super::action::{self, Action};
use super::claim::{self, Left, Note};
use super::graph::Named;
use super::observer::What;
use super::perform::{Run, lines};
use super::schedule::Outcome;
use super::spec::{JailSpec, OnHost};
use super::world::World;
use super::{JailError, foresee, params, ready};
use crate::jailconf::ResolvedJail;
use crate::kernel::Jail;

/// Starts a jail; `again` for one that has just been stopped.
pub(super) fn start(world: &World<'_>, jail: &ResolvedJail, named: &Named, again: bool) -> Result<Outcome, JailError> {
    let spec = read(world, jail)?;
    foresee::check_persist(&spec, jail)?;
    let mut params = params::import(jail, &*world.kinds_for(jail)?)?;
    params::add_addresses(&mut params, &spec.looked_up);
    let mut claim = world.claim(spec.name.as_bstr())?;
    if let Some(found) = world.open(spec.name.as_bstr(), false)? {
        let own = claim.left().filter(|left| is_of(world, &spec, left, &found));
        match own.map(|left| left.note) {
            // Whoever needs it cannot tell whether it still serves somebody.
            Some(Note::Starting(_) | Note::Stopping(_)) if !named.is_chosen(spec.name.as_bstr()) => {
                claim.release()?;
                return Err(JailError::HalfMade);
            }
            Some(Note::Starting(_) | Note::Stopping(_)) => {
                world.tell(spec.name.as_bstr(), What::HalfMade);
                end(world, &spec, found)?;
            }
            Some(Note::Running(_)) => {
                claim.release()?;
                return already_running(world, &spec, &Arc::new(found), named, again);
            }
            // Somebody else has started it.
            None => {
                claim.finish()?;
                return already_running(world, &spec, &Arc::new(found), named, again);
            }
        }
    }
    if let Some(left) = claim.left() {
        take_back(world, &spec, left).map_or(Ok(()), Err)?;
    }
    // What the host has itself is none of what is made.
    let mut made = OnHost { addresses: Vec::new(), ..spec.on_host.clone() };
    for address in &spec.on_host.addresses {
        if !world.is_the_hosts(spec.name.as_bstr(), address)? {
            made.addresses.push(address.clone());
        }
    }
    claim.begin(Note::Starting(None), &made)?;
    let mut run = Run::new(world, &spec, false);
    match run.up(jail, &params, &mut claim) {
        Ok(created) => {
            claim.note(Note::Running(created.jid))?;
            drop(claim);
            wait_until_ready(world, &spec, &created)?;
            Ok(if again { Outcome::Restarted } else { Outcome::Started })
        }
        Err(error) => {
            world.tell(spec.name.as_bstr(), What::Failed(&error));
            let undone = run.undo();
            if undone.is_none() {
                claim.finish()?;
            }
            Err(error.and(undone))
        }
    }
}

/// A jail that is to be started; where it cannot be, all that is wrong with its parameters.
fn read(world: &World<'_>, jail: &ResolvedJail) -> Result<JailSpec, JailError> {
    JailSpec::of(world.host, jail).map_err(|error| match error {
        JailError::Conf(_) => error,
        error => error.and_new(params::import_known(jail, &world.kinds()).err()),
    })
}

/// Ends a jail that was half made.
fn end(world: &World<'_>, spec: &JailSpec, found: Jail) -> Result<(), JailError> {
    let mut run = Run::new(world, spec, true);
    run.jail = Some(Arc::new(found));
    HALF_MADE_ENDS.iter().try_for_each(|&step| run.perform(step).map(|_| ()))
}

/// How a jail ends that was half made: whatever of its commands has run, its processes are asked first.
const HALF_MADE_ENDS: [Action<'static>; 2] = [Action::Terminate, Action::Remove];

/// Whether a jail that runs is the one that an earlier run has left a note of.
pub(super) fn is_of(world: &World<'_>, spec: &JailSpec, left: &Left, found: &Jail) -> bool {
    let root = &left.on_host.as_ref().unwrap_or(&spec.on_host).root;
    let is_its_root = || found.path.as_path() == world.real_path(root.as_deref().unwrap_or("/".as_ref()));
    match left.note {
        Note::Starting(Some(jid)) | Note::Running(jid) | Note::Stopping(jid) => jid == found.jid && is_its_root(),
        // The run was killed around the creation itself: a jail of this name with this root directory is the run's.
        Note::Starting(None) => is_its_root(),
    }
}

/// Takes back what an earlier run has left of a jail that does not run; what failed of that.
pub(super) fn take_back(world: &World<'_>, spec: &JailSpec, left: &Left) -> Option<JailError> {
    let spec = spec.left(left.on_host.as_ref().unwrap_or(&spec.on_host));
    Run::new(world, &spec, true).all(&action::back(&spec.on_host))
}

fn already_running(
    world: &World<'_>,
    spec: &JailSpec,
    found: &Arc<Jail>,
    named: &Named,
    again: bool,
) -> Result<Outcome, JailError> {
    // One that was stopped to be restarted may have been started by another run meanwhile.
    if !again && named.is_named(spec.name.as_bstr()) && !world.options.idempotent {
        return Err(JailError::Running);
    }
    wait_until_ready(world, spec, found)?;
    Ok(Outcome::AlreadyRunning)
}

fn wait_until_ready(world: &World<'_>, spec: &JailSpec, jail: &Arc<Jail>) -> Result<(), JailError> {
    match world.options.ready.get(&spec.name) {
        Some(ready) => ready::wait(world, spec, jail, ready),
        None => Ok(()),
    }
}

/// The steps of a start as lines; none for a jail that runs and is needed by another only.
pub(super) fn outline(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Vec<String>, JailError> {
    let left = claim::peek(world.host, jail.name.as_bstr())?;
    let found = world.open(jail.name.as_bstr(), false)?;
    let is_half_made = |found: &Jail, left: &Left| -> Result<bool, JailError> {
        Ok(!matches!(left.note, Note::Running(_)) && is_of(world, &JailSpec::of(world.host, jail)?, left, found))
    };
    let mut steps = Vec::new();
    if let (Some(found), Some(left)) = (&found, &left)
        && is_half_made(found, left)?
    {
        if !named.is_chosen(jail.name.as_bstr()) {
            return Err(JailError::HalfMade);
        }
        steps.extend(lines(&HALF_MADE_ENDS));
    }
    if found.is_none() || !steps.is_empty() {
        steps.extend(lines(&action::back(&left.and_then(|left| left.on_host).unwrap_or_default())));
        steps.extend(outline_anew(world, jail)?);
        return Ok(steps);
    }
    if named.is_named(jail.name.as_bstr()) && !world.options.idempotent {
        return Err(JailError::Running);
    }
    Ok(Vec::new())
}

/// The steps of a start as lines, for a jail that does not run by then.
pub(super) fn outline_anew(world: &World<'_>, jail: &ResolvedJail) -> Result<Vec<String>, JailError> {
    let spec = read(world, jail)?;
    params::import_known(jail, &world.kinds())?;
    Ok(lines(&action::up(&spec, jail)))
}
