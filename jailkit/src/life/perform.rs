//! Steps carried out on a host, for one jail.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::action::{self, Action};
use super::addresses::Address;
use super::claim::{Claim, Note};
use super::mount::MountPoint;
use super::observer::What;
use super::spec::{JailSpec, OnHost};
use super::world::World;
use super::{JailError, foresee, guard, params};
use crate::jailconf::ResolvedJail;
use crate::kernel::{
    self, Errno, GetFlags, Jail, Jid, KernelError, Mount, Param, ParamKind, ParamType, SetFlags, Value,
};
use crate::process::{Exit, Program};

pub(super) fn lines(actions: &[Action<'_>]) -> Vec<String> {
    actions.iter().map(ToString::to_string).collect()
}

/// The steps of one jail, and what they have come to so far.
pub(super) struct Run<'w, 's> {
    world: &'w World<'w>,
    spec: &'s JailSpec,
    /// What is to be taken back may be gone already.
    may_be_gone: bool,
    /// The jail, from its creation or from when it was found until it is removed.
    pub(super) jail: Option<Arc<Jail>>,
    /// The root directories of the jail and of those that it is in, whose roots may set traps there.
    roots: OnceCell<Vec<PathBuf>>,
    done: Vec<Action<'s>>,
}

impl<'w, 's> Run<'w, 's> {
    pub(super) fn new(world: &'w World<'w>, spec: &'s JailSpec, may_be_gone: bool) -> Self {
        Self { world, spec, may_be_gone, jail: None, roots: OnceCell::new(), done: Vec::new() }
    }

    /// All steps up; the first that fails ends it.
    pub(super) fn up(
        &mut self,
        jail: &'s ResolvedJail,
        params: &[Param],
        claim: &mut Claim,
        mut made: OnHost,
    ) -> Result<Arc<Jail>, JailError> {
        let has = |param: &str| jail.param(param).is_some();
        // Until its commands have run, the jail must stay while nothing runs in it.
        let is_held = !self.spec.persist && (has("exec.start") || has("command") || has("exec.poststart"));
        for step in action::up(self.spec, jail) {
            if matches!(step, Action::Create) {
                claim.note(Note::Creating)?;
                let created = self.create(params, is_held).map_err(|error| params::explain(jail, error))?;
                let created = Arc::new(created);
                let jid = created.jid;
                self.done.push(step);
                self.jail = Some(Arc::clone(&created));
                self.world.has_created(self.spec.name.as_bstr(), &self.spec.all_addresses);
                // By the kernel's own names, by which jail and mounts are known again wherever links lead by then.
                made.root = Some(created.path.as_path().to_owned());
                for MountPoint { request, .. } in &mut made.mounts {
                    let written = self.spec.on_host.root.as_deref();
                    let below = written.and_then(|root| request.target.strip_prefix(root).ok());
                    request.target = match below {
                        Some(below) => created.path.as_path().join(below),
                        None => guard::place(self.world.host, self.roots()?, &request.target),
                    };
                    let shows = request.shows_a_directory();
                    if let Some(source) = request.source.as_mut().filter(|_| shows) {
                        *source = self.world.real_path(source);
                    }
                }
                claim.begin(Note::Starting(jid), &made)?;
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
    pub(super) fn undo(&mut self) -> Option<JailError> {
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
    pub(super) fn all(&mut self, steps: &[Action<'s>]) -> Option<JailError> {
        steps.iter().fold(None, |failed, &step| both(failed, self.perform(step).err()))
    }

    fn tell(&self, what: What<'_>) {
        self.world.tell(self.spec.name.as_bstr(), what);
    }

    /// Does a step; whether it has changed anything that would have to be taken back.
    pub(super) fn perform(&mut self, step: Action<'s>) -> Result<bool, JailError> {
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
                let name = interface.to_str_lossy();
                let moved = self.world.host.kernel().move_interface(&name, self.own()?.jid);
                moved.map_err(|error| no_interface("vnet.interface", &name, error))?;
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

    /// Whether the jail has gone by itself, and no other has its name since.
    pub(super) fn has_ended(&self) -> Result<bool, JailError> {
        match self.own() {
            Err(JailError::Replaced { .. }) => Ok(self.world.find(self.spec.name.as_bstr(), false)?.is_none()),
            own => own.map(|_| false),
        }
    }

    fn roots(&self) -> Result<&[PathBuf], JailError> {
        if let Some(known) = self.roots.get() {
            return Ok(known);
        }
        let mut roots: Vec<_> = self.spec.on_host.root.iter().cloned().collect();
        let mut name = self.spec.name.as_bstr();
        while let Some(at) = name.rfind_byte(b'.') {
            name = name[..at].as_bstr();
            roots.extend(self.world.open(name, false)?.map(|parent| parent.path.as_path().to_owned()));
        }
        Ok(self.roots.get_or_init(|| roots))
    }

    fn hook(&self, param: &'static str, command: &BStr, inside: bool) -> Result<(), JailError> {
        let jail = if inside { Some(Arc::clone(self.own()?)) } else { None };
        let program = self.spec.program(command, jail);
        if let Some(log) = &program.console_log {
            guard::check(self.world.host, self.roots()?, "exec.consolelog", log, true)?;
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
        if let Some(root) = &self.spec.on_host.root {
            guard::check_root(self.world.host, root)?;
            let others = self.roots()?.iter().filter(|other| *other != root).cloned().collect::<Vec<_>>();
            guard::check(self.world.host, &others, "path", root, false)?;
        }
        let is_persist = |param: &&Param| param.name == "persist" || param.name == "nopersist";
        let mut all: Vec<Param> = params.iter().filter(|param| !(is_held && is_persist(param))).cloned().collect();
        if is_held {
            all.push(Param::flag("persist"));
        }
        let create = SetFlags { create: true, ..SetFlags::default() };
        let kernel = self.world.host.kernel();
        match Jail::create(kernel, &all, create) {
            Err(error) if error.errno == Errno::EEXIST && self.may_revive(params)? => {
                let update = SetFlags { update: true, dying: true, ..SetFlags::default() };
                all.retain(|param| param.name == "jid" || !super::modify::is_create_only(&param.name));
                Jail::create(kernel, &all, update).map_err(|_: KernelError| error.into())
            }
            set => Ok(set?),
        }
    }

    /// Whether the number that the jail is to have is a dying jail's, and that may be brought back to life.
    fn may_revive(&self, params: &[Param]) -> Result<bool, KernelError> {
        let Some(jid) = params.iter().find(|param| param.name == "jid") else { return Ok(false) };
        let Value::Int(jid) = jid.value else { return Ok(false) };
        if !self.spec.allow_dying && !self.world.options.dying {
            return Ok(false);
        }
        let wanted = [ParamType::new("dying", ParamKind::Bool)];
        let found = kernel::read_jail(self.world.host.kernel(), Jid(jid), &wanted, GetFlags { dying: true })?;
        Ok(found.is_some_and(|values| values != [Value::Int(0)]))
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
        // What is mounted and added by now may be another's that has the name since.
        if !was_there && self.world.find(self.spec.name.as_bstr(), false)?.is_some() {
            return Err(JailError::Replaced { jid });
        }
        self.jail = None;
        self.world.has_ended(self.spec.name.as_bstr());
        self.tell(What::Removed(jid));
        Ok(was_there)
    }

    fn add_address(&self, address: &Address) -> Result<bool, JailError> {
        if self.world.is_on_interface(address)? {
            return Ok(false);
        }
        if address.extra.is_empty() {
            let added = self.world.host.kernel().add_address(&address.interface, address.net);
            added.map_err(|error| no_interface(address.param(), &address.interface, error))?;
            self.tell(What::AddressAdded { interface: &address.interface, address: address.net });
        } else {
            let mut argv = vec!["/sbin/ifconfig".to_owned(), address.interface.clone()];
            argv.extend([family(address).to_owned(), address.net.to_string()]);
            argv.extend(address.extra.iter().cloned());
            argv.push("alias".to_owned());
            self.run_argv(address.param(), argv.into_iter().map(BString::from).collect())?;
        }
        self.world.has_added(address);
        Ok(true)
    }

    fn remove_address(&self, address: &Address) -> Result<bool, JailError> {
        if self.world.is_anothers(self.spec.name.as_bstr(), address)? {
            return Ok(false);
        }
        // ifconfig(8) is written down there, and adds nothing.
        let may_be_gone = self.may_be_gone || (self.world.host.is_simulated() && !address.extra.is_empty());
        match self.world.host.kernel().remove_address(&address.interface, address.net.addr()) {
            Err(error) if may_be_gone && matches!(error.errno, Errno::EADDRNOTAVAIL | Errno::ENXIO) => Ok(false),
            removed => {
                removed?;
                self.world.has_removed(address);
                self.tell(What::AddressRemoved { interface: &address.interface, address: address.net.addr() });
                Ok(true)
            }
        }
    }

    fn mount(&self, point: &MountPoint) -> Result<bool, JailError> {
        let request = &point.request;
        let checked = guard::check(self.world.host, self.roots()?, &point.param, &request.target, false);
        // Where the jail's root directory is missing, that is what is wrong.
        let root = self.spec.on_host.root.as_deref();
        if let (Err(_), Some(root)) = (&checked, root.filter(|root| request.target.starts_with(root))) {
            guard::check_root(self.world.host, root)?;
        }
        checked?;
        if let Some(ruleset) = point.ruleset().filter(|&ruleset| foresee::is_missing(self.world, ruleset)) {
            self.tell(What::RulesetMissing(ruleset));
        }
        if point.needs_program() {
            self.run_argv(point.command_param(), point.mount_command())?;
        } else {
            kernel::mount(self.world.host.kernel(), request)?;
        }
        self.tell(What::Mounted(request));
        Ok(true)
    }

    fn unmount(&self, point: &MountPoint) -> Result<bool, JailError> {
        let request = &point.request;
        let wrong =
            |reason: String| Err(JailError::Path { param: point.param.clone(), path: request.target.clone(), reason });
        let root = self.spec.on_host.root.as_deref();
        // What is noted below a root that is noted needs no look at what is on the way now.
        let is_noted = self.may_be_gone && root.is_some_and(|root| request.target.starts_with(root));
        let place = match is_noted {
            true => request.target.clone(),
            false => guard::place(self.world.host, self.roots()?, &request.target),
        };
        let found = self.world.mounted_at(&place)?;
        let may_be_gone = self.may_be_gone || self.world.options.idempotent;
        let mut is_renamed = false;
        match &found {
            // Programs are written down there, and mount nothing.
            None if point.needs_program() && self.world.host.is_simulated() => {}
            Some(found) if is_same(self.world, found, point) => {}
            found if may_be_gone => {
                let mounts = self.world.host.kernel().mounts()?;
                let is_own = |mount: &Mount| mount.target == place && is_same(self.world, mount, point);
                match found {
                    _ if !mounts.iter().any(is_own) => return Ok(false),
                    Some(over) => {
                        return wrong(format!("{} is mounted over it; unmount that first", over.source.display()));
                    }
                    // The directory has another name by now. The kernel goes by the one that it had.
                    None => is_renamed = true,
                }
            }
            None => return wrong("not a mount point".to_owned()),
            Some(found) if found.fstype != request.fstype => return wrong(format!("not a {} mount", request.fstype)),
            Some(_) => {}
        }
        if !is_renamed {
            guard::check(self.world.host, self.roots()?, &point.param, &request.target, false)?;
        }
        if point.needs_program() {
            self.run_argv(point.command_param(), point.unmount_command())?;
        } else {
            match self.world.host.kernel().unmount(&place, false) {
                Err(error) if error.errno == Errno::EINVAL && self.world.mounted_at(&place)?.is_none() => {
                    return if may_be_gone { Ok(false) } else { wrong("not a mount point".to_owned()) };
                }
                unmounted => unmounted?,
            }
        }
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

/// What the kernel says of an interface that is not there, in words.
fn no_interface(param: &'static str, name: &str, error: KernelError) -> JailError {
    match error.errno {
        Errno::ENXIO => JailError::Param { param: param.into(), reason: format!("there is no interface '{name}'") },
        Errno::EEXIST => {
            JailError::Param { param: param.into(), reason: format!("{name} stays, as the jail has no vnet") }
        }
        _ => error.into(),
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
pub(super) fn is_same(world: &World<'_>, found: &Mount, point: &MountPoint) -> bool {
    let shows_same = || {
        let source = point.request.source.as_deref();
        source.is_some_and(|source| found.source == source || found.source == world.real_path(source))
    };
    found.fstype == point.request.fstype && (found.fstype != "nullfs" || shows_same())
}
