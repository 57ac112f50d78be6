//! What a host makes of a stack right now, and where the two differ.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use serde::Serialize;

use crate::host::Host;
use crate::journal::Journal;
use crate::kernel::{self, GetFlags, JailKey, Jid, KernelError, Mount, Param, ParamKind, ParamType, Value};
use crate::plan;
use crate::stack::{Jail, Stack};

/// A stack on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The stack.
    pub stack: String,
    /// The host, as it calls itself.
    pub host: String,
    /// Its jails, in the stack's order.
    pub jails: Vec<JailStatus>,
    /// What `up` would do to the host itself; what it would do to a jail stands there.
    pub drift: Vec<String>,
    /// Why `up` could not be planned, where it could not.
    pub problem: Option<String>,
}

impl Status {
    /// Whether the host is what the stack says.
    pub fn is_as_declared(&self) -> bool {
        self.drift.is_empty() && self.problem.is_none() && self.jails.iter().all(|jail| jail.drift.is_empty())
    }
}

/// A jail of a stack on a host: what the kernel says of one that runs, what the stack says of one that does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JailStatus {
    /// Its number; none where it does not run.
    pub jid: Option<Jid>,
    /// Its name.
    pub name: String,
    /// Its IPv4 addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// Its hostname.
    pub hostname: String,
    /// Its root directory on the host.
    pub path: PathBuf,
    /// The ports it publishes, `tcp 80` or `tcp 8080->80 from 198.51.100.0/24`.
    pub published: Vec<String>,
    /// What is mounted in it.
    pub mounts: Vec<Mount>,
    /// What `up` would do to it.
    pub drift: Vec<String>,
}

/// Looks at a host.
///
/// # Errors
/// [`KernelError`] where the kernel cannot be asked. What keeps `up` from being planned is [`Status::problem`].
pub fn status(stack: &Stack, host: &dyn Host, journal: &Journal) -> Result<Status, KernelError> {
    let (steps, problem) = match plan::up(stack, host, journal) {
        Ok(plan) => (plan.steps, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let mounts = host.kernel().mounts()?;
    let mut jails = Vec::new();
    for jail in &stack.jails {
        let mut status = jail_status(stack, jail, host)?;
        let path = kernel::real_path(host.kernel(), &status.path);
        status.mounts = mounts.iter().filter(|mount| mount.target.starts_with(&path)).cloned().collect();
        let own = steps.iter().filter(|step| step.jails().contains(&jail.name.as_str()));
        status.drift = own.map(ToString::to_string).collect();
        jails.push(status);
    }
    let drift = steps.iter().filter(|step| step.jails().is_empty()).map(ToString::to_string).collect();
    Ok(Status { stack: stack.name.clone(), host: host.describe(), jails, drift, problem })
}

fn jail_status(stack: &Stack, jail: &Jail, host: &dyn Host) -> Result<JailStatus, KernelError> {
    let declared = JailStatus {
        jid: None,
        name: jail.name.clone(),
        addresses: vec![jail.address],
        hostname: jail.hostname.clone(),
        path: plan::jail_path(stack, jail),
        published: published(jail),
        mounts: Vec::new(),
        drift: Vec::new(),
    };
    let Ok(key) = JailKey::new(&jail.name) else { return Ok(declared) };
    let Some(jid) = kernel::find_jail(host.kernel(), &key, GetFlags::default())? else { return Ok(declared) };
    let key = Param::new("jid", Value::Int(jid.0));
    let wanted = [
        ParamType::new("path", ParamKind::String(1024)),
        ParamType::new("host.hostname", ParamKind::String(256)),
        ParamType::new("ip4.addr", ParamKind::Ipv4),
    ];
    let (_, values) = host.kernel().jail_get(&[key], &wanted, GetFlags::default())?;
    let mut running = JailStatus { jid: Some(jid), ..declared };
    for (param, value) in wanted.iter().zip(values) {
        match (param.name.as_str(), value) {
            ("path", Value::String(path)) => running.path = OsString::from_vec(path).into(),
            ("host.hostname", Value::String(name)) => running.hostname = String::from_utf8_lossy(&name).into_owned(),
            ("ip4.addr", Value::Ipv4(addresses)) => running.addresses = addresses,
            _ => {}
        }
    }
    Ok(running)
}

fn published(jail: &Jail) -> Vec<String> {
    let entries = jail.publish.iter().flat_map(|entry| {
        let to = entry.to.map(|port| format!("->{port}")).unwrap_or_default();
        let from = entry.from.map(|from| format!(" from {from}")).unwrap_or_default();
        entry.ports.iter().map(move |port| format!("{} {port}{to}{from}", entry.proto))
    });
    entries.collect()
}
