//! How a jail comes to be.

use super::{Event, LifeError, Living, Observer, order};
use crate::host::Host;
use crate::jailconf::Resolved;
use crate::kernel::{self, Jid, Param, SetFlags, Value};

/// Starts jails, and those they depend on, each behind its dependencies; one that runs is left alone. Returns the
/// jails that were not started, and why: one jail's failure leaves those that do not depend on it alone.
///
/// # Errors
/// [`LifeError`] where no order can be found, before anything is started.
pub fn start(
    host: &dyn Host,
    conf: &Resolved,
    names: &[&str],
    observer: &dyn Observer,
) -> Result<Vec<(String, LifeError)>, LifeError> {
    let mut failed: Vec<(String, LifeError)> = Vec::new();
    for jail in order::starting(conf, names)? {
        let has_failed = |needed: &&bstr::BString| failed.iter().any(|(name, _)| needed.as_slice() == name.as_bytes());
        let started = match jail.values("depend").iter().find(has_failed) {
            Some(needed) => Err(LifeError::Dependency(needed.to_string())),
            None => Living::new(host, jail, observer).and_then(|living| living.start()),
        };
        if let Err(error) = started {
            failed.push((jail.name.to_string(), error));
        }
    }
    Ok(failed)
}

impl Living<'_> {
    fn start(&self) -> Result<(), LifeError> {
        if kernel::find_jail(self.host.kernel(), &self.name)?.is_some() {
            return Ok(());
        }
        self.run("exec.prepare", None)?;
        let mounts = self.mounts()?;
        let mut mounted = 0;
        let up_to_creation = || {
            for request in &mounts {
                self.mount(request)?;
                mounted += 1;
            }
            self.run("exec.prestart", None)?;
            self.create()
        };
        let jid = { up_to_creation }().or_else(|error| {
            self.unmount(&mounts[..mounted])?;
            Err(error)
        })?;
        self.live(jid).or_else(|error| {
            self.host.kernel().jail_remove(jid)?;
            self.unmount(&mounts)?;
            Err(error)
        })
    }

    /// Creates the jail so that it stays while nothing runs in it yet.
    fn create(&self) -> Result<Jid, LifeError> {
        let mut params = self.kernel_params()?;
        params.push(Param::flag("persist"));
        let jid = self.host.kernel().jail_set(&params, SetFlags { create: true, ..SetFlags::default() })?;
        self.observer.happens(&Event::Created { jail: &self.name, jid });
        Ok(jid)
    }

    /// What happens in a jail that has been created.
    fn live(&self, jid: Jid) -> Result<(), LifeError> {
        self.run("exec.created", None)?;
        self.run("exec.start", Some(jid))?;
        self.run("command", Some(jid))?;
        self.run("exec.poststart", None)?;
        if !self.jail.is_true("persist") {
            let params = [Param::new("jid", Value::Int(jid.0)), Param::flag("nopersist")];
            self.host.kernel().jail_set(&params, SetFlags { update: true, ..SetFlags::default() })?;
        }
        Ok(())
    }
}
