//! Which jails are stopped and which are started.

use std::collections::BTreeSet;
use std::path::Path;

use super::compare::Comparison;
use super::desired::{JAIL_CONF, WantedJail};
use super::{PlanError, StartedJail, Step};
use crate::host::Includes;
use crate::jailconf::JailConf;
use crate::journal::Claim;
use crate::kernel::{self, GetFlags, Jail, JailKey, KernelError, Param, ParamKind, ParamType, Value};
use crate::life;
use crate::source::Source;

impl Comparison<'_> {
    /// Stops the jails that are not to be, or not to be as they are.
    pub(super) fn stop_jails(&mut self) -> Result<(), PlanError> {
        let desired = self.desired;
        // The last started first, as others may depend on what was started before it.
        for claim in self.journal.claims().iter().rev() {
            let Claim::Jail { name, path, digest, started } = claim else { continue };
            let wanted = desired.jails.iter().find(|jail| jail.name == *name);
            let reason = match wanted {
                None => Some("the stack has it no more"),
                Some(_) if !started => Some("its start was broken off"),
                Some(_) if self.is_half_made(name)? => Some("a killed run has left it half made"),
                Some(wanted) if wanted.digest != *digest => Some("it is to run with other parameters"),
                Some(wanted) if !self.is_as_wanted(wanted)? => Some("it does not run as the stack says"),
                Some(_) => None,
            };
            let reason = if desired.jails.is_empty() { reason.map(|_| "the stack goes down") } else { reason };
            let reason = match self.is_running(name)? {
                true => reason,
                false if life::has_left(self.host, name.as_str().into())? => {
                    Some("it does not run, and has left something")
                }
                false => None,
            };
            if let Some(reason) = reason {
                let (jail, path) = (name.clone(), path.clone());
                self.steps.push(Step::StopJail { jail, path, reason, with: Vec::new() });
            } else if wanted.is_none() {
                self.steps.push(Step::Forget { claim: Box::new(claim.clone()) });
            }
        }
        self.stop_dependents()
    }

    /// Stopping a jail stops those that depend on it, as jail(8) does; said, so that they are started again.
    fn stop_dependents(&mut self) -> Result<(), PlanError> {
        let desired = self.desired;
        // A chain of dependencies is no longer than there are jails.
        for _ in &desired.jails {
            for jail in &desired.jails {
                let depends = jail.depends.iter().any(|needed| self.is_stopped(needed));
                if depends && !self.is_stopped(&jail.name) && self.is_running(&jail.name)? {
                    let (path, reason) = (jail.root.clone(), "a jail it depends on is stopped");
                    self.steps.insert(0, Step::StopJail { jail: jail.name.clone(), path, reason, with: Vec::new() });
                }
            }
        }
        self.name_dependents_of_the_hosts_own()
    }

    /// Other jails of the host that run, depend on one that is stopped, and so are stopped with it.
    fn name_dependents_of_the_hosts_own(&mut self) -> Result<(), PlanError> {
        let text = self.host.files().read(Path::new(JAIL_CONF))?.unwrap_or_default();
        let resolved = JailConf::parse(&Source::new(JAIL_CONF, text)).map_err(|_| ()).and_then(|conf| {
            let resolved = conf.resolve_in(&Includes(self.host.files()));
            resolved.map_err(|_| ())
        });
        // A file that cannot be read is told of where it is to be edited.
        let Ok(resolved) = resolved else { return Ok(()) };
        let mut steps = std::mem::take(&mut self.steps);
        for step in &mut steps {
            let Step::StopJail { jail, with, .. } = step else { continue };
            for name in life::dependents(&resolved, jail.as_bytes()) {
                let name = name.to_string();
                if !self.is_the_stacks(&name) && self.is_running(&name)? {
                    with.push(name);
                }
            }
        }
        self.steps = steps;
        Ok(())
    }

    fn is_the_stacks(&self, name: &str) -> bool {
        self.desired.jails.iter().any(|jail| jail.name == name) || self.is_claimed(name)
    }

    fn is_claimed(&self, name: &str) -> bool {
        let is_own = |claim: &Claim| matches!(claim, Claim::Jail { name: own, .. } if own == name);
        self.journal.claims().iter().any(is_own)
    }

    fn is_stopped(&self, name: &str) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::StopJail { jail, .. } if jail == name))
    }

    pub(super) fn start_jails(&mut self) -> Result<(), PlanError> {
        let mut jails = Vec::new();
        for WantedJail { name, root, digest, .. } in &self.desired.jails {
            if !self.is_running(name)? || self.is_stopped(name) {
                jails.push(StartedJail { name: name.clone(), path: root.clone(), digest: digest.clone() });
            } else if !self.is_claimed(name) {
                return Err(PlanError::ForeignJail { name: name.clone(), host: self.host.describe() });
            }
        }
        if !jails.is_empty() {
            let ready = self.desired.jails.iter().filter_map(|jail| Some((jail.name.clone(), jail.ready.clone()?)));
            let (ready, again) = (ready.collect(), self.stopped_with().into_iter().collect());
            self.steps.push(Step::StartJails { jails, ready, again });
        }
        Ok(())
    }

    fn is_half_made(&self, name: &str) -> Result<bool, PlanError> {
        let Ok(key) = JailKey::new(name) else { return Ok(false) };
        let found = Jail::open(self.host.kernel(), &key, GetFlags::default())?;
        Ok(found.map_or(Ok(false), |found| life::is_half_made(self.host, &found))?)
    }

    /// Other jails of the host that are stopped.
    fn stopped_with(&self) -> BTreeSet<String> {
        let stopped = self.steps.iter().flat_map(|step| match step {
            Step::StopJail { with, .. } => with.as_slice(),
            _ => &[],
        });
        stopped.cloned().collect()
    }

    /// Whether a jail that runs has the path, the address and the mounts that it was started with. Its hostname is left
    /// out, which it may set itself.
    fn is_as_wanted(&self, wanted: &WantedJail) -> Result<bool, KernelError> {
        let kernel = self.host.kernel();
        let Ok(key) = JailKey::new(&wanted.name) else { return Ok(true) };
        let Some(jid) = kernel::find_jail(kernel, &key, GetFlags::default())? else { return Ok(true) };
        let params = [ParamType::new("path", ParamKind::String(1024)), ParamType::new("ip4.addr", ParamKind::Ipv4)];
        let (_, values) = kernel.jail_get(&[Param::new("jid", Value::Int(jid.0))], &params, GetFlags::default())?;
        let path = kernel::real_path(kernel, &wanted.root).into_os_string().into_encoded_bytes();
        let mut is_as_wanted = values == [Value::String(path), Value::Ipv4(vec![wanted.address])];
        for target in &wanted.mounts {
            is_as_wanted &= kernel::mounted_at(kernel, &kernel::real_path(kernel, target))?.is_some();
        }
        Ok(is_as_wanted)
    }

    pub(super) fn is_running(&self, name: &str) -> Result<bool, KernelError> {
        let Ok(key) = JailKey::new(name) else { return Ok(false) };
        kernel::find_jail(self.host.kernel(), &key, GetFlags::default()).map(|found| found.is_some())
    }
}
