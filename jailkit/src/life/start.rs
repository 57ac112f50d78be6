//! A jail on its way up.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use super::action::{self, Action};
use super::claim::{self, Left, Note};
use super::graph::Named;
use super::observer::What;
use super::perform::{Run, lines};
use super::schedule::Outcome;
use super::spec::{JailSpec, OnHost};
use super::world::World;
use super::{JailError, foresee, params, ready};
use crate::host::{FileError, Host};
use crate::jailconf::ResolvedJail;
use crate::kernel::{self, Jail, Kernel};

/// Starts a jail; `again` for one that has just been stopped.
pub(super) fn start(world: &World<'_>, jail: &ResolvedJail, named: &Named, again: bool) -> Result<Outcome, JailError> {
    let name = jail.name.as_bstr();
    let spec = match read(world, jail) {
        // One that runs serves those that need it, whatever the file says of it by now.
        Err(_) if !named.is_chosen(name) && !again && world.find(name, false)?.is_some() => {
            return Ok(Outcome::AlreadyRunning);
        }
        spec => spec?,
    };
    foresee::check_persist(&spec, jail)?;
    let mut params = params::import(jail, &*world.kinds_for(jail)?)?;
    params::add_addresses(&mut params, &spec.looked_up);
    let mut claim = world.claim(spec.name.as_bstr())?;
    if let Some(found) = world.open(spec.name.as_bstr(), false)? {
        let own = claim.left().filter(|left| left.is_of(world.host.kernel(), &found));
        match own.map(Left::is_half_made) {
            // Whoever needs it cannot tell whether it still serves somebody.
            Some(true) if !named.is_chosen(spec.name.as_bstr()) => {
                claim.release()?;
                return Err(JailError::HalfMade);
            }
            Some(true) => {
                world.tell(spec.name.as_bstr(), What::HalfMade);
                end(world, &spec, found)?;
            }
            // Where somebody else has started it, what an earlier one has left is still to be taken back.
            Some(false) | None => {
                claim.release()?;
                return already_running(world, &spec, &Arc::new(found), named, again);
            }
        }
    }
    if let Some(left) = claim.left() {
        take_back(world, &spec, &left.on_host).map_or(Ok(()), Err)?;
    }
    // What the host has itself is none of what is made.
    let mut made = OnHost { addresses: Vec::new(), ..spec.on_host.clone() };
    made.root = made.root.map(|root| world.real_path(&root));
    for address in &spec.on_host.addresses {
        if !world.is_the_hosts(address)? {
            made.addresses.push(address.clone());
        }
    }
    claim.begin(Note::Preparing, &made)?;
    world.begins(spec.name.as_bstr(), &made.addresses);
    let mut run = Run::new(world, &spec, false);
    let started = run.up(jail, &params, &mut claim, made).map_err(|error| {
        world.tell(spec.name.as_bstr(), What::Failed(&error));
        (error, run.undo())
    });
    world.has_begun(spec.name.as_bstr());
    match started {
        Ok(created) => {
            claim.note(Note::Running(created.jid))?;
            drop(claim);
            wait_until_ready(world, &spec, &created)?;
            Ok(if again { Outcome::Restarted } else { Outcome::Started })
        }
        Err((error, None)) => claim.finish().and(Err(error)),
        Err((error, undone)) => Err(error.and(undone)),
    }
}

/// Refuses a jail that could not be started, as far as its parameters say so.
pub(super) fn check(world: &World<'_>, jail: &ResolvedJail) -> Result<(), JailError> {
    let spec = read(world, jail)?;
    foresee::check_persist(&spec, jail)?;
    params::import_known(jail, &world.kinds()).map(|_| ())
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

/// Whether a jail that runs was made by half by a run that was killed, or that is under way.
///
/// # Errors
/// Where `/var/run` cannot be looked at.
pub fn is_half_made(host: &dyn Host, found: &Jail) -> Result<bool, FileError> {
    let left = claim::peek(host, BStr::new(&found.name[..]))?;
    Ok(left.is_some_and(|left| left.is_half_made() && left.is_of(host.kernel(), found)))
}

impl Left {
    /// Whether a jail that runs is the one that this was left of.
    pub(super) fn is_of(&self, kernel: &dyn Kernel, found: &Jail) -> bool {
        let root = self.on_host.root.as_deref().unwrap_or("/".as_ref());
        match self.note {
            Note::Preparing => false,
            // The run was killed around the creation itself: a jail of this name with this root directory is the run's.
            Note::Creating => kernel::real_path(kernel, root) == found.path.as_path(),
            Note::Starting(jid) | Note::Running(jid) | Note::Stopping(jid) => {
                (jid, root) == (found.jid, found.path.as_path())
            }
        }
    }

    fn is_half_made(&self) -> bool {
        !matches!(self.note, Note::Running(_))
    }
}

/// Takes back what an earlier run has left of a jail that does not run; what failed of that.
pub(super) fn take_back(world: &World<'_>, spec: &JailSpec, on_host: &OnHost) -> Option<JailError> {
    let spec = spec.left(on_host);
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
    let mut steps = Vec::new();
    if let (Some(found), Some(left)) = (&found, &left)
        && left.is_half_made()
        && left.is_of(world.host.kernel(), found)
    {
        if !named.is_chosen(jail.name.as_bstr()) {
            return Err(JailError::HalfMade);
        }
        steps.extend(lines(&HALF_MADE_ENDS));
    }
    if found.is_none() || !steps.is_empty() {
        steps.extend(lines(&action::back(&left.map(|left| left.on_host).unwrap_or_default())));
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
