//! Steps carried out on a host, for one jail.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::action::{self, Action};
use super::addresses::Address;
use super::claim::{Claim, Note};
use super::graph::Named;
use super::mount::MountPoint;
use super::observer::What;
use super::schedule::Outcome;
use super::spec::JailSpec;
use super::world::{Found, World};
use super::{JailError, foresee, guard, params, ready};
use crate::jailconf::ResolvedJail;
use crate::kernel::{self, Errno, Jail, KernelError, Param, SetFlags};
use crate::process::{Exit, Program};

/// Starts a jail; `again` for one that has just been stopped.
pub(super) fn start(world: &World<'_>, jail: &ResolvedJail, named: &Named, again: bool) -> Result<Outcome, JailError> {
    let spec = read(world, jail)?;
    foresee::check_persist(&spec, jail)?;
    let mut params = params::import(jail, &*world.kinds_for(jail)?)?;
    params::add_addresses(&mut params, &spec.looked_up);
    let mut claim = Claim::take(world.host, spec.name.as_bstr())?;
    let left = claim.left();
    if let Some(found) = world.open(spec.name.as_bstr(), false)? {
        if !is_half_made(&spec, &found, left) {
            claim.finish()?;
            return already_running(world, &spec, &Arc::new(found), named);
        }
        world.tell(spec.name.as_bstr(), What::HalfMade);
        found.remove(world.host.kernel())?;
    }
    claim.note(Note::Starting(None))?;
    let mut run = Run::new(world, &spec, left.is_some());
    match run.up(jail, &params, &mut claim) {
        Ok(created) => {
            claim.finish()?;
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

/// Whether a jail that runs is what a killed run has left of it: on the way up, or on the way down.
fn is_half_made(spec: &JailSpec, found: &Jail, left: Option<Note>) -> bool {
    match left {
        None => false,
        Some(Note::Starting(Some(noted))) => noted == found.jid,
        // The run was killed around the creation itself: a jail of this name with this root directory is the run's.
        Some(Note::Starting(None) | Note::Stopping) => {
            let root = spec.root.as_deref().unwrap_or("/".as_ref());
            found.path.as_path() == root
        }
    }
}

fn already_running(world: &World<'_>, spec: &JailSpec, found: &Arc<Jail>, named: &Named) -> Result<Outcome, JailError> {
    if named.is_named(spec.name.as_bstr()) && !world.options.idempotent {
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

/// Stops a jail.
pub(super) fn stop(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Outcome, JailError> {
    let mut spec = JailSpec::of_running(world.host, jail)?;
    let faults = std::mem::take(&mut spec.faults);
    let mut claim = Claim::take(world.host, spec.name.as_bstr())?;
    let left = claim.left();
    let found = world.open(spec.name.as_bstr(), false)?;
    if let Some(found) = &found {
        follow(world, &mut spec, found);
    }
    let mut run = Run::new(world, &spec, left.is_some() || (found.is_none() && world.options.idempotent));
    let Some(found) = found else {
        let leftovers = match left {
            Some(Note::Stopping) => action::after(&spec, jail),
            // A start that was killed is undone, without the hooks of a stop.
            Some(Note::Starting(_)) => without_hooks(action::after(&spec, jail)),
            None if world.options.idempotent => without_hooks(action::after(&spec, jail)),
            None => Vec::new(),
        };
        if let Some(error) = run.all(&leftovers) {
            return Err(error);
        }
        claim.finish()?;
        return match left {
            Some(_) => Ok(Outcome::Stopped),
            None if named.is_named(spec.name.as_bstr()) && !world.options.idempotent => Err(JailError::NotRunning),
            None => Ok(Outcome::NotRunning),
        };
    };
    run.jail = Some(Arc::new(found));
    claim.note(Note::Stopping)?;
    for step in action::down(jail) {
        if let Err(error) = run.perform(step) {
            // The jail still runs, so nothing is taken from it.
            claim.finish()?;
            return Err(error);
        }
    }
    let failed = run.all(&action::after(&spec, jail));
    if failed.is_none() {
        claim.finish()?;
    }
    JailError::none_of(failed.into_iter().chain(faults)).map(|()| Outcome::Stopped)
}

/// Where the file has given a running jail another root directory since, what it has mounted is below the one it runs
/// in.
fn follow(world: &World<'_>, spec: &mut JailSpec, found: &Jail) {
    let root = found.path.as_path();
    if spec.root.as_deref() == Some(root) || root.parent().is_none() {
        return;
    }
    spec.mounts = world.mounts_below(root);
    spec.root = Some(root.to_owned());
}

fn without_hooks(actions: Vec<Action<'_>>) -> Vec<Action<'_>> {
    actions.into_iter().filter(|action| !matches!(action, Action::Hook { .. })).collect()
}

/// Removes jails that run and that no file has; names of no jail at all fail.
pub(super) fn strays(world: &World<'_>, named: &Named) -> Vec<(BString, Result<Outcome, JailError>)> {
    let told = |name: &BString, outcome| {
        world.tell(name.as_bstr(), What::Done(&outcome));
        (name.clone(), outcome)
    };
    let unknown = named.unknown.iter().map(|name| told(name, Err(JailError::NoJail)));
    let removed = named.strays.iter().map(|name| told(name, stray(world, name.as_bstr())));
    unknown.chain(removed).collect()
}

/// Ends a jail that runs without what a file may say of it.
pub(super) fn stray(world: &World<'_>, name: &BStr) -> Result<Outcome, JailError> {
    let spec = JailSpec::stray(name);
    let Some(found) = world.open(name, true)? else { return Err(JailError::NotRunning) };
    let mut run = Run::new(world, &spec, false);
    run.jail = Some(Arc::new(found));
    run.perform(Action::Terminate)?;
    run.perform(Action::Remove)?;
    Ok(Outcome::Stopped)
}

/// The steps of a start as lines; none for a jail that runs and is needed by another only.
pub(super) fn outline_start(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Vec<String>, JailError> {
    if world.find(jail.name.as_bstr(), false)?.is_none() {
        return outline_way_up(world, jail);
    }
    if named.is_named(jail.name.as_bstr()) && !world.options.idempotent {
        return Err(JailError::Running);
    }
    Ok(Vec::new())
}

/// The steps of a stop as lines; none for a jail that does not run and that nobody named.
pub(super) fn outline_stop(world: &World<'_>, jail: &ResolvedJail, named: &Named) -> Result<Vec<String>, JailError> {
    let steps = outline_way_down(world, jail)?;
    if steps.is_empty() && named.is_named(jail.name.as_bstr()) && !world.options.idempotent {
        return Err(JailError::NotRunning);
    }
    Ok(steps)
}

/// The steps of a start as lines, for a jail that does not run by then.
pub(super) fn outline_way_up(world: &World<'_>, jail: &ResolvedJail) -> Result<Vec<String>, JailError> {
    let spec = read(world, jail)?;
    params::import_known(jail, &world.kinds())?;
    Ok(lines(&action::up(&spec, jail)))
}

/// The steps of a stop as lines; none for a jail that does not run.
pub(super) fn outline_way_down(world: &World<'_>, jail: &ResolvedJail) -> Result<Vec<String>, JailError> {
    let mut spec = JailSpec::of_running(world.host, jail)?;
    match world.open(jail.name.as_bstr(), false)? {
        Some(found) => follow(world, &mut spec, &found),
        None => return Ok(Vec::new()),
    }
    Ok([lines(&action::down(jail)), lines(&action::after(&spec, jail))].concat())
}

/// The steps with which a jail goes that no file has.
pub(super) fn outline_removal() -> Vec<String> {
    lines(&[Action::Terminate, Action::Remove])
}

fn lines(actions: &[Action<'_>]) -> Vec<String> {
    actions.iter().map(ToString::to_string).collect()
}

/// The steps of one jail, and what they have come to so far.
struct Run<'w, 's> {
    world: &'w World<'w>,
    spec: &'s JailSpec,
    /// A killed run was here before: what it has left is this run's.
    resumed: bool,
    /// The jail, from its creation or from when it was found until it is removed.
    jail: Option<Arc<Jail>>,
    done: Vec<Action<'s>>,
}

impl<'w, 's> Run<'w, 's> {
    fn new(world: &'w World<'w>, spec: &'s JailSpec, resumed: bool) -> Self {
        Self { world, spec, resumed, jail: None, done: Vec::new() }
    }

    /// All steps up; the first that fails ends it.
    fn up(&mut self, jail: &'s ResolvedJail, params: &[Param], claim: &mut Claim) -> Result<Arc<Jail>, JailError> {
        let has = |param: &str| jail.param(param).is_some();
        // Until its commands have run, the jail must stay while nothing runs in it.
        let is_held = !self.spec.persist && (has("exec.start") || has("command") || has("exec.poststart"));
        for step in action::up(self.spec, jail) {
            if matches!(step, Action::Create) {
                let created = Arc::new(self.create(params, is_held)?);
                let jid = created.jid;
                self.done.push(step);
                self.jail = Some(created);
                claim.note(Note::Starting(Some(jid)))?;
                self.tell(What::Created(jid));
            } else {
                let has_changed = self.perform(step)?;
                if has_changed {
                    self.done.push(step);
                }
            }
        }
        let created = Arc::clone(self.jail.as_ref().ok_or(JailError::NotRunning)?);
        if is_held {
            // It may be gone: nothing runs in it any more that would have held it.
            created.update(self.world.host.kernel(), &[Param::flag("nopersist")], false)?;
        }
        Ok(created)
    }

    /// Takes back what was done, the last step first; what failed of that.
    fn undo(&mut self) -> Option<JailError> {
        let done: Vec<_> = std::mem::take(&mut self.done).into_iter().rev().collect();
        let mut failed = None;
        for step in done {
            let undone = match step {
                Action::Vnet(interface) => self.reclaim(interface),
                Action::Zfs(dataset) => self.zfs("unjail", dataset).map(|_| true),
                step => step.undo().map_or(Ok(true), |step| self.perform(step)),
            };
            failed = both(failed, undone.err());
        }
        failed
    }

    /// All steps, whatever becomes of one; what failed.
    fn all(&mut self, steps: &[Action<'s>]) -> Option<JailError> {
        steps.iter().fold(None, |failed, &step| both(failed, self.perform(step).err()))
    }

    fn tell(&self, what: What<'_>) {
        self.world.tell(self.spec.name.as_bstr(), what);
    }

    /// Does a step; whether it has changed anything that would have to be taken back.
    fn perform(&mut self, step: Action<'s>) -> Result<bool, JailError> {
        match step {
            Action::Hook { param, command, inside } => self.hook(param, command, inside).map(|()| false),
            Action::AddAddress(address) => self.add_address(address),
            Action::RemoveAddress(address) => self.remove_address(address),
            Action::Mount(point) => self.mount(point),
            Action::Unmount(point) => self.unmount(point),
            Action::Create => Ok(false),
            Action::Zfs(dataset) => self.zfs("jail", dataset),
            Action::Vnet(interface) => {
                // The kernel takes the number only: it may change hands between the look and the call.
                self.world.host.kernel().move_interface(&interface.to_str_lossy(), self.own()?.jid)?;
                self.tell(What::InterfaceMoved(interface));
                Ok(true)
            }
            Action::Terminate => self.terminate(),
            Action::Remove => self.remove(),
        }
    }

    /// The jail, after a look that it is still there.
    fn own(&self) -> Result<&Arc<Jail>, JailError> {
        let jail = self.jail.as_ref().ok_or(JailError::NotRunning)?;
        match jail.is_there(self.world.host.kernel())? {
            true => Ok(jail),
            false => Err(JailError::Replaced { jid: jail.jid }),
        }
    }

    fn hook(&self, param: &'static str, command: &BStr, inside: bool) -> Result<(), JailError> {
        let jail = if inside { Some(Arc::clone(self.own()?)) } else { None };
        let program = self.spec.program(command, jail);
        if let Some(log) = &program.console_log {
            guard::check(self.world.host, self.spec.root.as_deref(), "exec.consolelog", log, true)?;
        }
        if program.argv.is_empty() {
            return Ok(());
        }
        self.run_program(param, &program)
    }

    fn run_program(&self, param: &'static str, program: &Program) -> Result<(), JailError> {
        self.tell(What::Command { param, program });
        let processes = self.world.host.processes();
        let exit = if self.world.options.capture {
            processes.run_captured(program, &mut |line| self.tell(What::Output(line.as_bstr())))?
        } else {
            processes.run(program)?
        };
        match exit {
            Exit::Status(0) => Ok(()),
            exit => Err(JailError::Command { param, command: program.line(), exit }),
        }
    }

    /// Runs a program of the host's system.
    fn run_argv(&self, param: &'static str, argv: Vec<BString>) -> Result<(), JailError> {
        let program = Program::from_argv(bstr::join(" ", &argv).into(), argv);
        self.run_program(param, &Program { timeout: self.spec.timeout, ..program })
    }

    fn create(&self, params: &[Param], is_held: bool) -> Result<Jail, JailError> {
        if let Some(root) = &self.spec.root {
            guard::check_root(self.world.host, root)?;
        }
        let is_persist = |param: &&Param| param.name == "persist" || param.name == "nopersist";
        let mut all: Vec<Param> = params.iter().filter(|param| !(is_held && is_persist(param))).cloned().collect();
        if is_held {
            all.push(Param::flag("persist"));
        }
        let create = SetFlags { create: true, ..SetFlags::default() };
        let kernel = self.world.host.kernel();
        match Jail::create(kernel, &all, create) {
            Err(error) if error.errno == Errno::EEXIST && self.may_revive() => {
                let update = SetFlags { update: true, dying: true, ..SetFlags::default() };
                all.retain(|param| param.name == "jid" || !super::modify::is_create_only(&param.name));
                Jail::create(kernel, &all, update).map_err(|_: KernelError| error.into())
            }
            set => Ok(set?),
        }
    }

    fn may_revive(&self) -> bool {
        self.spec.allow_dying || self.world.options.dying
    }

    fn terminate(&self) -> Result<bool, JailError> {
        if !self.spec.stop_timeout.is_zero()
            && let Ok(jail) = self.own()
        {
            self.tell(What::Terminating);
            // What cannot be asked to end is ended by the removal.
            self.world.host.processes().terminate(jail, self.spec.stop_timeout).unwrap_or_default();
        }
        Ok(false)
    }

    fn remove(&mut self) -> Result<bool, JailError> {
        let (jid, was_there) = match self.own() {
            Ok(jail) => (jail.jid, jail.remove(self.world.host.kernel())?),
            // It went with its last process.
            Err(JailError::Replaced { jid }) => (jid, false),
            Err(error) => return Err(error),
        };
        self.jail = None;
        self.tell(What::Removed(jid));
        Ok(was_there)
    }

    fn add_address(&self, address: &Address) -> Result<bool, JailError> {
        let had = self.world.had_address(&address.interface, address.net.addr());
        if !address.extra.is_empty() {
            let mut argv = vec!["/sbin/ifconfig".to_owned(), address.interface.clone()];
            argv.extend([family(address).to_owned(), address.net.to_string()]);
            argv.extend(address.extra.iter().cloned());
            argv.push("alias".to_owned());
            self.run_argv(address.param, argv.into_iter().map(BString::from).collect())?;
            return Ok(!had || self.resumed);
        }
        match self.world.host.kernel().add_address(&address.interface, address.net) {
            Err(error) if error.errno == Errno::EEXIST => Ok(self.resumed),
            added => {
                added?;
                self.tell(What::AddressAdded { interface: &address.interface, address: address.net });
                Ok(!had || self.resumed)
            }
        }
    }

    fn remove_address(&self, address: &Address) -> Result<bool, JailError> {
        // ifconfig(8) is written down there, and adds nothing.
        let may_be_gone = self.resumed || (self.world.host.is_simulated() && !address.extra.is_empty());
        match self.world.host.kernel().remove_address(&address.interface, address.net.addr()) {
            Err(error) if may_be_gone && matches!(error.errno, Errno::EADDRNOTAVAIL | Errno::ENXIO) => Ok(false),
            removed => {
                removed?;
                self.tell(What::AddressRemoved { interface: &address.interface, address: address.net.addr() });
                Ok(true)
            }
        }
    }

    fn mount(&self, point: &MountPoint) -> Result<bool, JailError> {
        let request = &point.request;
        let root = self.spec.root.as_deref();
        let checked = guard::check(self.world.host, root, &point.param, &request.target, false);
        // Where the jail's root directory is missing, that is what is wrong.
        if let (Err(_), Some(root)) = (&checked, root.filter(|root| request.target.starts_with(root))) {
            guard::check_root(self.world.host, root)?;
        }
        checked?;
        if self.resumed
            && let Some(found) = self.world.mounted_at(&request.target)?
            && is_same(&found, point)
        {
            return Ok(true);
        }
        if let Some(ruleset) = point.ruleset().filter(|&ruleset| foresee::is_missing(self.world, ruleset)) {
            self.tell(What::RulesetMissing(ruleset));
        }
        if point.needs_program() {
            self.run_argv(point.command_param(), point.mount_command())?;
        } else {
            kernel::mount(self.world.host.kernel(), request)?;
        }
        let source = request.source.clone().unwrap_or_else(|| request.fstype.clone().into());
        self.world.has_mounted(&request.target, Found { fstype: request.fstype.clone(), source });
        self.tell(What::Mounted(request));
        Ok(true)
    }

    fn unmount(&self, point: &MountPoint) -> Result<bool, JailError> {
        let request = &point.request;
        let wrong =
            |reason: String| Err(JailError::Path { param: point.param.clone(), path: request.target.clone(), reason });
        let found = match self.world.remembered(&request.target) {
            None => self.world.mounted_at(&request.target)?,
            found => found,
        };
        let may_be_gone = self.resumed || self.world.options.idempotent;
        match found {
            None if may_be_gone => return Ok(false),
            // Programs are written down there, and mount nothing.
            None if point.needs_program() && self.world.host.is_simulated() => {}
            None => return wrong("not a mount point".to_owned()),
            Some(found) if found.fstype != request.fstype && self.resumed => return Ok(false),
            Some(found) if found.fstype != request.fstype => return wrong(format!("not a {} mount", request.fstype)),
            Some(_) => {}
        }
        guard::check(self.world.host, self.spec.root.as_deref(), &point.param, &request.target, false)?;
        if point.needs_program() {
            self.run_argv(point.command_param(), point.unmount_command())?;
        } else {
            match self.world.host.kernel().unmount(&request.target, false) {
                Err(error) if error.errno == Errno::EINVAL && self.world.mounted_at(&request.target)?.is_none() => {
                    return if may_be_gone { Ok(false) } else { wrong("not a mount point".to_owned()) };
                }
                unmounted => unmounted?,
            }
        }
        self.world.has_unmounted(&request.target);
        self.tell(What::Unmounted(&request.target));
        Ok(true)
    }

    fn zfs(&self, verb: &str, dataset: &BStr) -> Result<bool, JailError> {
        // The program takes the number only, and asks the kernel with it: it may change hands until then.
        let jid = self.own()?.jid;
        let argv = vec!["/sbin/zfs".into(), verb.into(), jid.to_string().into(), dataset.to_owned()];
        self.run_argv("zfs.dataset", argv)?;
        Ok(true)
    }

    fn reclaim(&self, interface: &BStr) -> Result<bool, JailError> {
        let jid = self.own()?.jid;
        self.world.host.kernel().reclaim_interface(&interface.to_str_lossy(), jid)?;
        self.tell(What::InterfaceReclaimed(interface));
        Ok(true)
    }
}

fn both(first: Option<JailError>, then: Option<JailError>) -> Option<JailError> {
    match (first, then) {
        (Some(first), then) => Some(first.and(then)),
        (None, then) => then,
    }
}

fn family(address: &Address) -> &'static str {
    if address.net.addr().is_ipv4() { "inet" } else { "inet6" }
}

/// Whether what is mounted is what the jail would have mounted.
fn is_same(found: &Found, point: &MountPoint) -> bool {
    let same_source = point.request.fstype != "nullfs" || point.request.source.as_ref() == Some(&found.source);
    found.fstype == point.request.fstype && same_source
}
