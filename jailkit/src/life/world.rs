//! What is the same for every jail of a run: the host, and what was there before.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bstr::{BStr, BString, ByteSlice};

use super::addresses::Address;
use super::claim::Claim;
use super::held::HeldAddresses;
use super::observer::{Event, Observer, What};
use super::{JailError, LifeError, Options, modules};
use crate::host::Host;
use crate::jailconf::ResolvedJail;
use crate::kernel::{self, Errno, GetFlags, Interface, Jail, JailKey, Jid, Kernel, KernelError, Mount, ParamKind};

/// A host with what the run found on it.
pub(super) struct World<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) options: &'a Options,
    pub(super) observer: &'a dyn Observer,
    /// The parameters that the kernel knows.
    kinds: Mutex<Arc<HashMap<String, ParamKind>>>,
    /// The addresses that were on an interface when the run last looked.
    addresses: Mutex<HashSet<(String, IpAddr)>>,
    /// Those of the jails that run, once they are asked for.
    held: Mutex<Option<HeldAddresses>>,
    /// The jails whose failure has been told.
    failed: Mutex<HashSet<BString>>,
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
        let (held, failed) = (Mutex::default(), Mutex::default());
        Ok(Self { host, options, observer, kinds, addresses, held, failed })
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

    /// The sole right to start or stop a jail, once other runs are done with it.
    pub(super) fn claim(&self, jail: &BStr) -> Result<Claim, JailError> {
        Claim::take(self.host, jail, || self.tell(jail, What::WaitingForRun))
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

    /// What is mounted at a directory itself, topmost.
    pub(super) fn mounted_at(&self, target: &Path) -> Result<Option<Mount>, KernelError> {
        let real = self.real_path(target);
        match self.host.kernel().file_system(&real) {
            Ok(found) => Ok(Some(found).filter(|found| found.target == real)),
            Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(error) => Err(error),
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
