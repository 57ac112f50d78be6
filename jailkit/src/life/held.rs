//! Which jail has which address, so that none is taken from one that runs.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bstr::{BStr, BString};

use crate::kernel::{self, GetFlags, Jid, Kernel, KernelError, ParamKind, ParamType, Value};

/// The addresses of the jails that run.
#[derive(Debug, Default)]
pub(super) struct HeldAddresses {
    by_jail: BTreeMap<BString, Vec<IpAddr>>,
    /// By how many jails each is held.
    holders: HashMap<IpAddr, usize>,
}

impl HeldAddresses {
    /// Asks the kernel for them, as far as it knows the parameters.
    pub(super) fn look(kernel: &dyn Kernel, kinds: &HashMap<String, ParamKind>) -> Result<Self, KernelError> {
        let lists = [("ip4.addr", ParamKind::Ipv4), ("ip6.addr", ParamKind::Ipv6)];
        let known = lists.into_iter().filter(|(name, _)| kinds.contains_key(*name));
        let mut wanted = vec![ParamType::new("name", ParamKind::String(256))];
        wanted.extend(known.map(|(name, kind)| ParamType::new(name, kind)));
        let mut held = Self::default();
        let mut last = Jid::HOST;
        while let Some((jid, values)) = kernel::next_jail(kernel, last, &wanted, GetFlags::default())? {
            last = jid;
            let mut name = BString::default();
            let mut addresses = Vec::new();
            for value in values {
                match value {
                    Value::String(text) => name = text.into(),
                    Value::Ipv4(list) => addresses.extend(list.into_iter().map(IpAddr::from)),
                    Value::Ipv6(list) => addresses.extend(list.into_iter().map(IpAddr::from)),
                    _ => {}
                }
            }
            held.add(name, addresses);
        }
        Ok(held)
    }

    pub(super) fn by_jail(&self) -> impl Iterator<Item = (&BString, &Vec<IpAddr>)> {
        self.by_jail.iter()
    }

    pub(super) fn add(&mut self, jail: BString, addresses: Vec<IpAddr>) {
        addresses.iter().for_each(|&address| *self.holders.entry(address).or_default() += 1);
        self.by_jail.insert(jail, addresses);
    }

    /// A jail is gone, and those in it with it.
    pub(super) fn remove(&mut self, jail: &BStr) {
        let below = BString::from(bstr::concat([jail, BStr::new(".")]));
        let inner = self.by_jail.range(below.clone()..).map(|(name, _)| name.clone());
        let inner: Vec<_> = inner.take_while(|name| name.starts_with(&below)).collect();
        for name in inner.into_iter().chain([jail.to_owned()]) {
            for address in self.by_jail.remove(&name).unwrap_or_default() {
                if let Some(count) = self.holders.get_mut(&address) {
                    *count = count.saturating_sub(1);
                }
            }
        }
    }

    /// Whether a jail other than this one has an address.
    pub(super) fn is_anothers(&self, jail: &BStr, address: IpAddr) -> bool {
        let own = self.by_jail.get(jail).map_or(0, |own| own.iter().filter(|&&own| own == address).count());
        self.holders.get(&address).is_some_and(|&count| count > own)
    }
}
