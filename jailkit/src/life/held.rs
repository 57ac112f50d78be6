//! Which jail has which address, so that none is taken from one that runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use bstr::{BStr, BString, ByteSlice};

use crate::kernel::{self, GetFlags, Jail, Jid, Kernel, KernelError, ParamKind, ParamType, Value};

/// `JAIL_SYS_NEW`: the jail has a network stack of its own.
const VNET_NEW: i32 = 1;

/// The addresses of the jails that run.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldAddresses {
    by_jail: BTreeMap<BString, Vec<IpAddr>>,
    /// The jails that have each.
    holders: HashMap<IpAddr, BTreeSet<BString>>,
}

impl HeldAddresses {
    /// Asks the kernel for them, as far as it knows the parameters.
    pub(super) fn look(kernel: &dyn Kernel, kinds: &HashMap<String, ParamKind>) -> Result<Self, KernelError> {
        let mut wanted = vec![ParamType::new("name", ParamKind::String(256))];
        wanted.extend(kinds.contains_key("vnet").then(|| ParamType::new("vnet", ParamKind::JailSys)));
        wanted.extend(lists(kinds));
        let mut held = Self::default();
        // Those with a network stack of their own, and all in them, have no addresses of the host's interfaces.
        let mut apart: Vec<BString> = Vec::new();
        let mut last = Jid::HOST;
        while let Some((jid, values)) = kernel::next_jail(kernel, last, &wanted, GetFlags::default())? {
            last = jid;
            let mut name = BString::default();
            let mut has_stack = false;
            for value in &values {
                match value {
                    Value::String(text) => name = text.clone().into(),
                    Value::Int(vnet) => has_stack = *vnet == VNET_NEW,
                    _ => {}
                }
            }
            if has_stack {
                apart.push(name.clone());
            }
            held.add(name, addresses(values));
        }
        apart.iter().for_each(|jail| held.remove(jail.as_bstr()));
        Ok(held)
    }

    pub(super) fn by_jail(&self) -> impl Iterator<Item = (&BString, &Vec<IpAddr>)> {
        self.by_jail.iter()
    }

    pub(super) fn add(&mut self, jail: BString, addresses: Vec<IpAddr>) {
        for &address in &addresses {
            self.holders.entry(address).or_default().insert(jail.clone());
        }
        self.by_jail.insert(jail, addresses);
    }

    /// A jail is gone, and those in it with it.
    pub(super) fn remove(&mut self, jail: &BStr) {
        let inner = self.by_jail.range(inside(jail)..).map(|(name, _)| name.clone());
        let inner: Vec<_> = inner.take_while(|name| name.starts_with(&inside(jail))).collect();
        for name in inner.into_iter().chain([jail.to_owned()]) {
            for address in self.by_jail.remove(&name).unwrap_or_default() {
                if let Some(holders) = self.holders.get_mut(&address) {
                    holders.remove(&name);
                }
            }
        }
    }

    /// The jails that have an address.
    pub(super) fn holders(&self, address: IpAddr) -> impl Iterator<Item = &BString> {
        self.holders.get(&address).into_iter().flatten()
    }
}

/// The lists of addresses that the kernel knows.
fn lists(kinds: &HashMap<String, ParamKind>) -> impl Iterator<Item = ParamType> {
    let lists = [("ip4.addr", ParamKind::Ipv4), ("ip6.addr", ParamKind::Ipv6)];
    lists.into_iter().filter(|(name, _)| kinds.contains_key(*name)).map(|(name, kind)| ParamType::new(name, kind))
}

fn addresses(values: Vec<Value>) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for value in values {
        match value {
            Value::Ipv4(list) => addresses.extend(list.into_iter().map(IpAddr::from)),
            Value::Ipv6(list) => addresses.extend(list.into_iter().map(IpAddr::from)),
            _ => {}
        }
    }
    addresses
}

/// The addresses that a jail has by now.
pub(super) fn addresses_of(
    kernel: &dyn Kernel,
    kinds: &HashMap<String, ParamKind>,
    jail: &Jail,
) -> Result<Vec<IpAddr>, KernelError> {
    let wanted: Vec<_> = lists(kinds).collect();
    Ok(addresses(jail.get(kernel, &wanted)?.unwrap_or_default()))
}

/// What the names of the jails in a jail begin with.
fn inside(jail: &BStr) -> BString {
    bstr::concat([jail, BStr::new(".")]).into()
}
