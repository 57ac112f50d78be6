//! What is the same for every jail of a run: the host, and what was there before.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bstr::{BStr, BString, ByteSlice};

use super::addresses::Address;
use super::held::HeldAddresses;
use super::observer::{Event, Observer, What};
use super::{LifeError, Options, modules};
use crate::host::Host;
use crate::jailconf::ResolvedJail;
use crate::kernel::{self, GetFlags, Interface, Jail, JailKey, Jid, Kernel, KernelError, ParamKind};

/// A host with what the run found on it.
pub(super) struct World<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) options: &'a Options,
    pub(super) observer: &'a dyn Observer,
    /// The parameters that the kernel knows.
    kinds: Mutex<Arc<HashMap<String, ParamKind>>>,
    /// What is mounted where, the topmost last.
    mounts: Mutex<HashMap<PathBuf, Vec<Found>>>,
    /// The addresses that were on an interface when the run last looked.
    addresses: Mutex<HashSet<(String, IpAddr)>>,
    /// Those of the jails that run, once they are asked for.
    held: Mutex<Option<HeldAddresses>>,
    /// The jails whose failure has been told.
    failed: Mutex<HashSet<BString>>,
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
        let kinds = Mutex::new(Arc::new(modules::kinds(kernel)?));
        let addresses = Mutex::new(on_interfaces(kernel)?);
        let mounts = Mutex::new(table(host)?);
        let (held, failed) = (Mutex::default(), Mutex::default());
        Ok(Self { host, options, observer, kinds, mounts, addresses, held, failed })
    }

    /// The parameters that the kernel knows now.
    pub(super) fn kinds(&self) -> Arc<HashMap<String, ParamKind>> {
        Arc::clone(&self.kinds.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The parameters that the kernel knows once the modules are loaded that bring those of a jail.
    pub(super) fn kinds_for(&self, jail: &ResolvedJail) -> Result<Arc<HashMap<String, ParamKind>>, KernelError> {
        let kinds = self.kinds();
        let names = jail.params.iter().filter_map(|param| param.name.to_str().ok());
        let Some(more) = modules::bring(self.host.kernel(), names, &kinds)? else { return Ok(kinds) };
        let kinds = Arc::new(more);
        *self.kinds.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&kinds);
        Ok(kinds)
    }

    /// Tells the observer; that a jail has failed, once.
    pub(super) fn tell(&self, jail: &BStr, what: What<'_>) {
        let is_failure = matches!(what, What::Done(Err(_)));
        if is_failure && !self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(jail.to_owned()) {
            return;
        }
        self.observer.happens(&Event { jail, what });
    }

    /// The jail of a name, or of a number where the name is one.
    pub(super) fn find(&self, name: &BStr, dying: bool) -> Result<Option<Jid>, KernelError> {
        // What no kernel takes for a name is no jail's.
        let Ok(key) = JailKey::new(name) else { return Ok(None) };
        kernel::find_jail(self.host.kernel(), &key, GetFlags { dying })
    }

    /// The same jail, held on to.
    pub(super) fn open(&self, name: &BStr, dying: bool) -> Result<Option<Jail>, KernelError> {
        let Ok(key) = JailKey::new(name) else { return Ok(None) };
        Jail::open(self.host.kernel(), &key, GetFlags { dying })
    }

    /// The name of the jail of this name or number, dying ones among them.
    pub(super) fn name_of(&self, named: &BStr) -> Result<Option<BString>, KernelError> {
        Ok(self.open(named, true)?.map(|jail| jail.name.into()))
    }

    /// The path by which the kernel tells a directory.
    pub(super) fn real_path(&self, path: &Path) -> PathBuf {
        kernel::real_path(self.host.kernel(), path)
    }

    /// What is mounted at a directory itself, given by its real path, topmost: now, as others may have mounted and
    /// unmounted since the run last looked.
    pub(super) fn mounted_at(&self, target: &Path) -> Result<Option<Found>, KernelError> {
        let now = table(self.host)?;
        let found = now.get(target).and_then(|stack| stack.last().cloned());
        *self.mounts.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(found)
    }

    /// What was mounted at a directory, given by its real path, when the run last looked.
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

    /// Whether an address is on its interface, and has been since before this run.
    pub(super) fn is_on_interface(&self, address: &Address) -> Result<bool, KernelError> {
        let wanted = (address.interface.clone(), address.net.addr());
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.contains(&wanted) {
            // Others may have removed it since.
            *addresses = on_interfaces(self.host.kernel())?;
        }
        Ok(addresses.contains(&wanted))
    }

    /// Whether an interface has an address that no jail has: one of the host's own.
    pub(super) fn is_the_hosts(&self, jail: &BStr, address: &Address) -> Result<bool, KernelError> {
        Ok(self.is_on_interface(address)? && !self.is_anothers(jail, address.net.addr())?)
    }

    /// Whether another jail that runs has an address.
    pub(super) fn is_anothers(&self, jail: &BStr, address: IpAddr) -> Result<bool, KernelError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let may_be = held.as_ref().is_none_or(|held| held.is_anothers(jail, address));
        if !may_be {
            return Ok(false);
        }
        // Others may have stopped it since.
        let now = held.insert(HeldAddresses::look(self.host.kernel(), &self.kinds())?);
        Ok(now.is_anothers(jail, address))
    }

    /// A jail runs that has these addresses.
    pub(super) fn has_created(&self, jail: &BStr, addresses: &[IpAddr]) {
        if let Some(held) = self.held.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // One of this name that went unseen.
            held.remove(jail);
            held.add(jail.to_owned(), addresses.to_vec());
        }
    }

    /// A jail is gone.
    pub(super) fn has_ended(&self, jail: &BStr) {
        if let Some(held) = self.held.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            held.remove(jail);
        }
    }
}

fn on_interfaces(kernel: &dyn Kernel) -> Result<HashSet<(String, IpAddr)>, KernelError> {
    let of = |Interface { name, addresses }: Interface| {
        addresses.into_iter().map(move |net| (name.clone(), net.addr())).collect::<Vec<_>>()
    };
    Ok(kernel.interfaces()?.into_iter().flat_map(of).collect())
}

fn table(host: &dyn Host) -> Result<HashMap<PathBuf, Vec<Found>>, KernelError> {
    let mut table: HashMap<PathBuf, Vec<Found>> = HashMap::new();
    for mount in host.kernel().mounts()? {
        table.entry(mount.target).or_default().push(Found { fstype: mount.fstype, source: mount.source });
    }
    Ok(table)
}
