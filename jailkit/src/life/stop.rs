//! How a jail ends.

use std::time::Duration;

use super::{Event, LifeError, Living, Observer};
use crate::host::Host;
use crate::jailconf::Resolved;
use crate::kernel::{self, Errno};

/// How long a jail's processes have to end by themselves, unless `stop.timeout` says otherwise: jail(8).
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Stops jails, in the order given; one that does not run is left alone. Returns those that were not stopped, and why.
///
/// # Errors
/// [`LifeError::Unknown`] for a jail that the file does not have, before anything is stopped.
pub fn stop(
    host: &dyn Host,
    conf: &Resolved,
    names: &[&str],
    observer: &dyn Observer,
) -> Result<Vec<(String, LifeError)>, LifeError> {
    let find = |name: &&str| conf.jail(name.as_bytes()).ok_or_else(|| LifeError::Unknown((*name).to_owned()));
    let jails = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let stop = |jail| Living::new(host, jail, observer)?.stop();
    let failed = jails.into_iter().filter_map(|jail| stop(jail).err().map(|error| (jail.name.to_string(), error)));
    Ok(failed.collect())
}

impl Living<'_> {
    fn stop(&self) -> Result<(), LifeError> {
        let Some(jid) = kernel::find_jail(self.host.kernel(), &self.name)? else { return Ok(()) };
        self.run("exec.prestop", None)?;
        self.run("exec.stop", Some(jid))?;
        // A jail that does not persist ends with its last process, which the command may have ended.
        if kernel::find_jail(self.host.kernel(), &self.name)? == Some(jid) {
            let patience = self.seconds("stop.timeout")?.unwrap_or(STOP_TIMEOUT);
            if !patience.is_zero() {
                self.host.processes().terminate(jid, patience).map_err(LifeError::Processes)?;
            }
            match self.host.kernel().jail_remove(jid) {
                Err(error) if error.errno == Errno::EINVAL => {}
                removed => removed?,
            }
        }
        self.observer.happens(&Event::Removed { jail: &self.name });
        self.run("exec.poststop", None)?;
        self.unmount(&self.mounts()?)?;
        self.run("exec.release", None)
    }
}
