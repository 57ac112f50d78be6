//! What is the same for every jail of a run: the host, and what was there before.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bstr::BStr;

use super::observer::{Event, Observer, What};
use super::{LifeError, Options};
use crate::host::Host;
use crate::kernel::{Errno, GetFlags, Jid, KernelError, Param, ParamKind, Value};

/// A host with what the run found on it.
pub(super) struct World<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) options: &'a Options,
    pub(super) observer: &'a dyn Observer,
    /// The parameters that the kernel knows.
    pub(super) kinds: HashMap<String, ParamKind>,
    /// What is mounted where, the topmost last.
    mounts: Mutex<HashMap<PathBuf, Vec<Found>>>,
    addresses: HashSet<(String, IpAddr)>,
}

/// A mount that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) fstype: String,
    pub(super) source: PathBuf,
}

impl<'a> World<'a> {
    pub(super) fn look(
        host: &'a dyn Host,
        options: &'a Options,
        observer: &'a dyn Observer,
    ) -> Result<Self, LifeError> {
        let kernel = host.kernel();
        let kinds = kernel.jail_params()?.into_iter().map(|param| (param.name, param.kind)).collect();
        let interfaces = kernel.interfaces()?.into_iter();
        let addresses = interfaces.flat_map(|interface| {
            let name = interface.name;
            interface.addresses.into_iter().map(move |net| (name.clone(), net.addr())).collect::<Vec<_>>()
        });
        let addresses = addresses.collect();
        let mounts = Mutex::new(table(host)?);
        Ok(Self { host, options, observer, kinds, mounts, addresses })
    }

    pub(super) fn tell(&self, jail: &BStr, what: What<'_>) {
        self.observer.happens(&Event { jail, what });
    }

    /// The jail of a name, or of a number where the name is one.
    pub(super) fn find(&self, name: &BStr, dying: bool) -> Result<Option<Jid>, KernelError> {
        let number =
            std::str::from_utf8(name).ok().and_then(|name| name.parse().ok()).filter(|&number: &i32| number > 0);
        let key = match number {
            Some(number) => Param::new("jid", Value::Int(number)),
            None => Param::new("name", Value::String(name.to_vec())),
        };
        match self.host.kernel().jail_get(&[key], &[], GetFlags { dying }) {
            Ok((jid, _)) => Ok(Some(jid)),
            Err(error) if error.errno == Errno::ENOENT => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is mounted at a directory itself, topmost. What the run remembers is asked for again before it counts.
    pub(super) fn mounted_at(&self, target: &Path) -> Result<Option<Found>, KernelError> {
        if self.remembered(target).is_none() {
            return Ok(None);
        }
        let now = table(self.host)?;
        let found = now.get(target).and_then(|stack| stack.last().cloned());
        *self.mounts.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(found)
    }

    /// What was mounted at a directory when the run last looked.
    pub(super) fn remembered(&self, target: &Path) -> Option<Found> {
        let mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        mounts.get(target).and_then(|stack| stack.last().cloned())
    }

    pub(super) fn has_mounted(&self, target: &Path, found: Found) {
        let mut mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        mounts.entry(target.to_owned()).or_default().push(found);
    }

    pub(super) fn has_unmounted(&self, target: &Path) {
        let mut mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stack) = mounts.get_mut(target) {
            stack.pop();
        }
    }

    /// Whether the run found an address on an interface.
    pub(super) fn had_address(&self, interface: &str, address: IpAddr) -> bool {
        self.addresses.contains(&(interface.to_owned(), address))
    }
}

fn table(host: &dyn Host) -> Result<HashMap<PathBuf, Vec<Found>>, KernelError> {
    let mut table: HashMap<PathBuf, Vec<Found>> = HashMap::new();
    for mount in host.kernel().mounts()? {
        table.entry(mount.target).or_default().push(Found { fstype: mount.fstype, source: mount.source });
    }
    Ok(table)
}
