//! Which addresses a pool may give to a packet.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::rule::{Address, Family, Network, Pool, PoolKind, Rules, Ruleset};
use super::Tracer;

/// So many addresses of a pool are each followed.
const MAX_CHOICES: usize = 16;

/// What may be chosen: as far as it is followed, how much there is, and whether some of it that a rule may tell from
/// the rest is not followed.
pub(super) struct Choice<T> {
    pub(super) made: Vec<T>,
    pub(super) of: u128,
    pub(super) cut: bool,
}

impl<T> Choice<T> {
    pub(super) fn one(made: Option<T>) -> Self {
        Self { made: made.into_iter().collect(), of: 1, cut: false }
    }

    pub(super) fn map<U>(self, make: impl Fn(T) -> U) -> Choice<U> {
        Choice { made: self.made.into_iter().map(make).collect(), of: self.of, cut: self.cut }
    }
}

impl Tracer<'_> {
    /// The addresses that a pool may give to one.
    pub(super) fn choose(&self, set: &Ruleset, pool: &Pool, address: IpAddr, family: Family) -> Choice<IpAddr> {
        let networks: Vec<_> =
            pool.addresses.iter().flat_map(|of_pool| self.networks(set, of_pool.address, family)).collect();
        match pool.kind {
            PoolKind::Single => return Choice::one(networks.first().map(|network| network.address())),
            PoolKind::Bitmask if Family::of(address) == family => {
                return Choice::one(networks.first().map(|network| merge(*network, address)));
            }
            _ => {}
        }
        let of = networks.iter().map(|network| size(*network)).fold(0, u128::saturating_add);
        if of <= MAX_CHOICES as u128 {
            let all = networks.iter().flat_map(|network| (0..size(*network)).map(|at| nth(*network, at)));
            return Choice { made: all.collect(), of, cut: false };
        }
        let mut made = self.told_apart(&networks, family);
        let cut = made.len() > MAX_CHOICES;
        made.truncate(MAX_CHOICES);
        Choice { made, of, cut }
    }

    pub(super) fn networks(&self, set: &Ruleset, address: Address, family: Family) -> Vec<Network> {
        let mut networks = match address {
            Address::Network(network) => vec![network],
            Address::Table(name) => {
                let mut of_table: Vec<_> =
                    self.table(set, name).map_or_else(Vec::new, |table| table.networks(family).collect());
                of_table.sort_unstable();
                of_table
            }
            Address::Dynamic { interface, modifiers, bits } => self.dynamic(set, interface, modifiers, bits),
            Address::Range(first, _) => vec![Network::host(first)],
            Address::Any | Address::NoRoute | Address::UrpfFailed => Vec::new(),
        };
        networks.retain(|network| network.family() == family);
        networks
    }

    /// One address of each part of these networks that the filter rules cannot tell apart; the first of them comes
    /// first.
    fn told_apart(&self, networks: &[Network], family: Family) -> Vec<IpAddr> {
        let mut starts: BTreeSet<u128> = BTreeSet::new();
        for &network in networks {
            starts.insert(number(network.address()));
        }
        let mut mark = |first: IpAddr, last: IpAddr| {
            if Family::of(first) == family {
                starts.insert(number(first));
                starts.extend(number(last).checked_add(1));
            }
        };
        self.each_filter_address(&mut |set, address| match address {
            Address::Range(first, last) => mark(first, last),
            Address::Any | Address::NoRoute | Address::UrpfFailed => {}
            other => {
                let known = match other {
                    Address::Table(name) => self.table(set, name).map_or_else(Vec::new, |table| table.all(family)),
                    other => self.networks(set, other, family),
                };
                for network in known {
                    mark(network.address(), nth(network, size(network) - 1));
                }
            }
        });
        let within = |network: &Network| {
            let first = number(network.address());
            let last = first.saturating_add(size(*network) - 1);
            starts.range(first..=last).take(MAX_CHOICES + 1).map(|&start| address(start, family)).collect::<Vec<_>>()
        };
        let mut apart: Vec<IpAddr> = Vec::new();
        for network in networks {
            if apart.len() > MAX_CHOICES {
                break;
            }
            // A part that begins where a network of the pool does is no other for that.
            apart.extend(within(network));
        }
        apart
    }

    fn each_filter_address(&self, see: &mut dyn FnMut(&Ruleset, Address)) {
        for (set, _) in &self.tables {
            for Rules { filter, .. } in std::iter::once(&set.main).chain(&set.bodies) {
                for rule in filter {
                    see(set, rule.source.address);
                    see(set, rule.destination.address);
                }
            }
        }
    }
}

fn size(network: Network) -> u128 {
    1u128.checked_shl((network.family().bits() - network.bits()).into()).unwrap_or(u128::MAX)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn address(number: u128, family: Family) -> IpAddr {
    match family {
        Family::Inet => Ipv4Addr::from_bits(number as u32).into(),
        Family::Inet6 => Ipv6Addr::from_bits(number).into(),
    }
}

/// The network part of the one, the host part of the other.
pub(super) fn merge(network: Network, address: IpAddr) -> IpAddr {
    match (network.address(), address) {
        (IpAddr::V4(net), IpAddr::V4(host)) => {
            let hosts = u32::MAX.checked_shr(network.bits().into()).unwrap_or(0);
            Ipv4Addr::from_bits(net.to_bits() | host.to_bits() & hosts).into()
        }
        (IpAddr::V6(net), IpAddr::V6(host)) => {
            let hosts = u128::MAX.checked_shr(network.bits().into()).unwrap_or(0);
            Ipv6Addr::from_bits(net.to_bits() | host.to_bits() & hosts).into()
        }
        (net, _) => net,
    }
}

fn nth(network: Network, at: u128) -> IpAddr {
    match network.address() {
        IpAddr::V4(net) => Ipv4Addr::from_bits(net.to_bits() | at as u32).into(),
        IpAddr::V6(net) => Ipv6Addr::from_bits(net.to_bits() | at).into(),
    }
}
