//! What is the same for every jail of a run: the host, and what was there before.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bstr::{BStr, BString, ByteSlice};

use super::addresses::Address;
use super::claim::{self, Claim};
use super::held::{self, HeldAddresses};
use super::observer::{Event, Observer, What};
use super::{JailError, LifeError, Options, modules};
use crate::host::Host;
use crate::jailconf::ResolvedJail;
use crate::kernel::{self, GetFlags, Interface, Jail, JailKey, Jid, Kernel, KernelError, Mount, ParamKind};

/// A host with what the run found on it.
pub(super) struct World<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) options: &'a Options,
    pub(super) observer: &'a dyn Observer,
    /// The parameters that the kernel knows.
    kinds: Mutex<Arc<HashMap<String, ParamKind>>>,
    /// The addresses that are on an interface, as far as the run has seen, and those that it has put there.
    on_interfaces: Mutex<HashSet<Place>>,
    added: Mutex<HashSet<Place>>,
    /// Those that are known for the host's own.
    own: Mutex<HashSet<Place>>,
    /// The addresses of the jails that are being started.
    starting: Mutex<HashMap<BString, Vec<Place>>>,
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
        let on_interfaces = Mutex::new(all_on_interfaces(kernel)?);
        let (added, own, starting, held, failed) = Default::default();
        Ok(Self { host, options, observer, kinds, on_interfaces, added, own, starting, held, failed })
    }

    /// The parameters that the kernel knows now.
    pub(super) fn kinds(&self) -> Arc<HashMap<String, ParamKind>> {
        Arc::clone(&locked(&self.kinds))
    }

    /// The parameters that the kernel knows once the modules are loaded that bring those of a jail.
    pub(super) fn kinds_for(&self, jail: &ResolvedJail) -> Result<Arc<HashMap<String, ParamKind>>, KernelError> {
        let kinds = self.kinds();
        let names = jail.params.iter().filter_map(|param| param.name.to_str().ok());
        let Some(more) = modules::bring(self.host.kernel(), names, &kinds)? else { return Ok(kinds) };
        let kinds = Arc::new(more);
        *locked(&self.kinds) = Arc::clone(&kinds);
        Ok(kinds)
    }

    /// The sole right to start or stop a jail, once other runs are done with it.
    pub(super) fn claim(&self, jail: &BStr) -> Result<Claim, JailError> {
        Claim::take(self.host, jail, || self.tell(jail, What::WaitingForRun))
    }

    /// Tells the observer; that a jail has failed, once.
    pub(super) fn tell(&self, jail: &BStr, what: What<'_>) {
        let is_failure = matches!(what, What::Done(Err(_)));
        if is_failure && !locked(&self.failed).insert(jail.to_owned()) {
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

    /// What is mounted at a directory itself, topmost, which is given by the path that the kernel tells.
    pub(super) fn mounted_at(&self, real: &Path) -> Result<Option<Mount>, KernelError> {
        kernel::mounted_at(self.host.kernel(), real)
    }

    /// The addresses that a jail has by now.
    pub(super) fn addresses_of(&self, jail: &Jail) -> Result<Vec<IpAddr>, KernelError> {
        held::addresses_of(self.host.kernel(), &self.kinds(), jail)
    }

    /// Whether an address is on its interface.
    pub(super) fn is_on_interface(&self, address: &Address) -> Result<bool, KernelError> {
        let mut on_interfaces = locked(&self.on_interfaces);
        if on_interfaces.contains(&place(address)) {
            // Others may have removed it since.
            *on_interfaces = all_on_interfaces(self.host.kernel())?;
        }
        Ok(on_interfaces.contains(&place(address)))
    }

    /// Whether an interface has an address that no start of a jail has put there: one of the host's own.
    pub(super) fn is_the_hosts(&self, address: &Address) -> Result<bool, JailError> {
        if locked(&self.added).contains(&place(address)) || !self.is_on_interface(address)? {
            return Ok(false);
        }
        if locked(&self.own).contains(&place(address)) {
            return Ok(true);
        }
        let made = claim::all_made(self.host)?;
        let is_made = made.iter().flat_map(|made| &made.addresses).any(|made| place(made) == place(address));
        if !is_made {
            locked(&self.own).insert(place(address));
        }
        Ok(!is_made)
    }

    /// Whether another jail has an address: one that runs, or that is started beside this one.
    pub(super) fn is_anothers(&self, jail: &BStr, address: &Address) -> Result<bool, KernelError> {
        let starting = locked(&self.starting);
        if starting.iter().any(|(other, wanted)| other != jail && wanted.contains(&place(address))) {
            return Ok(true);
        }
        drop(starting);
        let is_held = |held: &HeldAddresses| held.holders(address.net.addr()).any(|other| other != jail);
        if locked(&self.held).as_ref().is_some_and(|held| !is_held(held)) {
            return Ok(false);
        }
        // Others may have stopped it since. One with a note has what that says, which may be on another interface.
        let has_here = |other: &BString| {
            let left = claim::peek(self.host, other.as_bstr()).ok().flatten();
            left.is_none_or(|left| left.on_host.addresses.iter().any(|made| place(made) == place(address)))
        };
        let held = self.held()?;
        Ok(held.holders(address.net.addr()).any(|other| other != jail && has_here(other)))
    }

    /// The addresses of the jails that run now.
    fn held(&self) -> Result<HeldAddresses, KernelError> {
        let now = HeldAddresses::look(self.host.kernel(), &self.kinds())?;
        *locked(&self.held) = Some(now.clone());
        Ok(now)
    }

    pub(super) fn has_added(&self, address: &Address) {
        locked(&self.on_interfaces).insert(place(address));
        locked(&self.added).insert(place(address));
    }

    pub(super) fn has_removed(&self, address: &Address) {
        locked(&self.on_interfaces).remove(&place(address));
        locked(&self.added).remove(&place(address));
    }

    /// A jail is started that is to have these addresses.
    pub(super) fn begins(&self, jail: &BStr, addresses: &[Address]) {
        if !addresses.is_empty() {
            locked(&self.starting).insert(jail.to_owned(), addresses.iter().map(place).collect());
        }
    }

    /// It runs, or its start has failed and is taken back.
    pub(super) fn has_begun(&self, jail: &BStr) {
        locked(&self.starting).remove(jail);
    }

    /// A jail runs that has these addresses.
    pub(super) fn has_created(&self, jail: &BStr, addresses: &[IpAddr]) {
        if let Some(held) = locked(&self.held).as_mut() {
            // One of this name that went unseen.
            held.remove(jail);
            held.add(jail.to_owned(), addresses.to_vec());
        }
    }

    /// A jail is gone.
    pub(super) fn has_ended(&self, jail: &BStr) {
        if let Some(held) = locked(&self.held).as_mut() {
            held.remove(jail);
        }
    }
}

/// An interface, and an address on it.
type Place = (String, IpAddr);

fn place(address: &Address) -> Place {
    (address.interface.clone(), address.net.addr())
}

fn all_on_interfaces(kernel: &dyn Kernel) -> Result<HashSet<Place>, KernelError> {
    let of = |Interface { name, addresses }: Interface| {
        addresses.into_iter().map(move |net| (name.clone(), net.addr())).collect::<Vec<_>>()
    };
    Ok(kernel.interfaces()?.into_iter().flat_map(of).collect())
}

/// What another thread that panicked has left is still whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
