//! A jail of jail.conf(5) as values: what jail(8) checks before it does anything.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use super::addresses::{self, Address};
use super::mount::{self, MountPoint};
use super::{JailError, params};
use crate::host::Host;
use crate::jailconf::ResolvedJail;
use crate::jailparam;
use crate::kernel::{Jail, JailKey, path_json};
use crate::process::{Passwd, Program};

/// How long the processes of a jail have to end by themselves, unless `stop.timeout` says otherwise.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What a jail has on the host, in the order in which it is made.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct OnHost {
    /// Its root directory: as jail.conf(5) has it, and once the jail is there, as the kernel tells it.
    #[serde(with = "path_json::optional")]
    pub(super) root: Option<PathBuf>,
    pub(super) addresses: Vec<Address>,
    pub(super) mounts: Vec<MountPoint>,
}

/// A jail with everything jail(8) does for it.
#[derive(Debug)]
pub(super) struct JailSpec {
    pub(super) name: BString,
    pub(super) on_host: OnHost,
    /// The jail's own addresses, whether on an interface named here or not.
    pub(super) all_addresses: Vec<IpAddr>,
    /// Addresses that `ip_hostname` has found.
    pub(super) looked_up: Vec<IpAddr>,
    /// What is wrong with its parameters, which are as if they were not given.
    pub(super) wrong: Vec<JailError>,
    /// What is wrong with its addresses and mounts, which cannot be added or taken away.
    pub(super) faults: Vec<JailError>,
    pub(super) persist: bool,
    pub(super) allow_dying: bool,
    pub(super) stop_timeout: Duration,
    pub(super) clean: bool,
    jail_user: Option<String>,
    system_user: Option<String>,
    passwd: Passwd,
    fib: Option<i32>,
    pub(super) console_log: Option<PathBuf>,
    pub(super) timeout: Option<Duration>,
}

impl JailSpec {
    /// A jail that is to be started.
    ///
    /// # Errors
    /// A parameter with a value it cannot have; an fstab(5) that cannot be read.
    pub(super) fn of(host: &dyn Host, jail: &ResolvedJail) -> Result<Self, JailError> {
        let mut spec = Self::read(host, jail, true)?;
        let faults = [std::mem::take(&mut spec.wrong), std::mem::take(&mut spec.faults)];
        JailError::none_of(faults.into_iter().flatten()).map(|()| spec)
    }

    /// A jail that is to be stopped: what cannot be made sense of does not keep it running.
    ///
    /// # Errors
    /// A jail that jail.conf(5) does not resolve, as it needs a variable that is not there.
    pub(super) fn of_running(host: &dyn Host, jail: &ResolvedJail) -> Result<Self, JailError> {
        Self::read(host, jail, false)
    }

    fn read(host: &dyn Host, jail: &ResolvedJail, is_start: bool) -> Result<Self, JailError> {
        if let Some(reason) = &jail.failed {
            return Err(JailError::Conf(reason.message.clone()));
        }
        JailKey::new(&jail.name)?;
        let mut wrong: Vec<JailError> = params::check_internal(jail).err().into_iter().collect();
        let text = |param: &str| jail.value(param).map(ToString::to_string);
        let mut faults = Vec::new();
        let looked_up = if is_start || jail.value("interface").is_some() {
            addresses::of_hostname(host, jail).unwrap_or_else(|error| {
                faults.push(error);
                Vec::new()
            })
        } else {
            Vec::new()
        };
        let on_host = OnHost {
            root: jail.value("path").map(|path| path.to_path_lossy().into_owned()),
            addresses: addresses::on_host(jail, &looked_up, &mut faults),
            mounts: mount::mount_points(host, jail, &mut faults),
        };
        let stop_timeout = match number(jail, "stop.timeout") {
            // They are asked to end, and not waited for.
            Ok(Some(..0)) => Ok(Some(Duration::from_nanos(1))),
            _ => seconds(jail, "stop.timeout"),
        };
        let timeout = unless_wrong(seconds(jail, "exec.timeout"), &mut wrong);
        let passwd = if jail.is_true("exec.system_jail_user") { Passwd::Host } else { Passwd::Jail };
        Ok(Self {
            name: jail.name.clone(),
            on_host,
            all_addresses: addresses::all(jail, &looked_up),
            looked_up,
            faults,
            stop_timeout: unless_wrong(stop_timeout, &mut wrong).unwrap_or(STOP_TIMEOUT),
            fib: unless_wrong(number(jail, "exec.fib"), &mut wrong),
            wrong,
            persist: jail.is_true("persist"),
            allow_dying: jail.is_true("allow.dying"),
            clean: jail.is_true("exec.clean"),
            jail_user: text("exec.jail_user"),
            system_user: text("exec.system_user"),
            passwd,
            console_log: jail.value("exec.consolelog").map(|log| log.to_path_lossy().into_owned()),
            timeout: timeout.filter(|limit| !limit.is_zero()),
        })
    }

    /// A jail that runs and that no file has.
    pub(super) fn stray(name: &BStr) -> Self {
        Self {
            name: name.to_owned(),
            on_host: OnHost::default(),
            all_addresses: Vec::new(),
            looked_up: Vec::new(),
            faults: Vec::new(),
            wrong: Vec::new(),
            persist: false,
            allow_dying: false,
            stop_timeout: STOP_TIMEOUT,
            clean: false,
            jail_user: None,
            system_user: None,
            passwd: Passwd::Jail,
            fib: None,
            console_log: None,
            timeout: None,
        }
    }

    /// What an earlier run has left of this jail.
    pub(super) fn left(&self, on_host: &OnHost) -> Self {
        Self { on_host: on_host.clone(), timeout: self.timeout, ..Self::stray(self.name.as_bstr()) }
    }

    /// A command of the jail as a program: in the jail where one is given, else on the host.
    pub(super) fn program(&self, command: &BStr, inside: Option<Arc<Jail>>) -> Program {
        let is_inside = inside.is_some();
        Program {
            jail: inside,
            clean: self.clean,
            user: if is_inside { self.jail_user.clone() } else { self.system_user.clone() },
            passwd: if is_inside { self.passwd } else { Passwd::Host },
            fib: self.fib.filter(|_| is_inside),
            console_log: self.console_log.clone().filter(|_| is_inside),
            timeout: self.timeout,
            ..Program::from_line(command)
        }
    }
}

/// A value, or none where it is wrong; that is told once.
fn unless_wrong<T>(value: Result<Option<T>, JailError>, wrong: &mut Vec<JailError>) -> Option<T> {
    value.unwrap_or_else(|error| {
        if !wrong.iter().any(|known| known.to_string().contains(&error.to_string())) {
            wrong.push(error);
        }
        None
    })
}

fn number(jail: &ResolvedJail, param: &str) -> Result<Option<i32>, JailError> {
    let Some(value) = jail.value(param) else { return Ok(None) };
    let parsed = jailparam::integer(value).and_then(|number| i32::try_from(number).ok());
    let wrong = || JailError::Param { param: param.into(), reason: format!("'{value}' is no number") };
    parsed.map(Some).ok_or_else(wrong)
}

fn seconds(jail: &ResolvedJail, param: &str) -> Result<Option<Duration>, JailError> {
    let wrong = || JailError::Param { param: param.into(), reason: "no number of seconds".to_owned() };
    let Some(number) = number(jail, param)? else { return Ok(None) };
    Ok(Some(Duration::from_secs(u64::try_from(number).map_err(|_| wrong())?)))
}
