//! What a translation rule makes of a packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::rule::{Action, Address, Direction, Family, Network, Pool, PoolKind, Rule, Ruleset};
use super::Tracer;
use super::packet::{ICMP, ICMP6, Packet, Ports};

/// So many addresses of a pool are each followed; of a larger one, the first.
const MAX_CHOICES: u128 = 16;

/// The packets that a translation may make of one, and how many addresses there are to choose from.
pub(super) struct Translated {
    pub(super) packets: Vec<Packet>,
    pub(super) choices: u128,
}

impl Tracer<'_> {
    /// What a rule with a pool makes of a packet. No packets where a pool has no address.
    pub(super) fn translate(&self, set: &Ruleset, rule: &Rule, packet: &Packet) -> Translated {
        let spec = set.spec(rule);
        if matches!(spec.action, Action::Binat) {
            return self.binat(set, rule, packet);
        }
        if let Some(family) = spec.translation.family {
            return self.af_to(set, rule, packet, family);
        }
        let mut made = Translated { packets: vec![packet.clone()], choices: 1 };
        if let Some(pool) = &spec.translation.source {
            made = self.each(made, |packet| {
                let addresses = self.choose(set, pool, packet.source, packet.family());
                addresses.map(|source| Packet { source, source_port: nat_port(pool, packet), ..packet.clone() })
            });
        }
        if let Some(pool) = &spec.translation.destination {
            made = self.each(made, |packet| {
                let destination_port = rdr_port(pool, rule, packet);
                let addresses = self.choose(set, pool, packet.destination, packet.family());
                addresses.map(|destination| Packet { destination, destination_port, ..packet.clone() })
            });
        }
        made
    }

    fn each(&self, before: Translated, make: impl Fn(&Packet) -> Choice<Packet>) -> Translated {
        let mut after = Translated { packets: Vec::new(), choices: before.choices };
        for packet in &before.packets {
            let Choice { made, of } = make(packet);
            after.packets.extend(made);
            after.choices = after.choices.max(of);
        }
        after
    }

    fn binat(&self, set: &Ruleset, rule: &Rule, packet: &Packet) -> Translated {
        let target = set.spec(rule).translation.source.as_ref().and_then(|pool| pool.addresses.first());
        let network = |address| self.networks(set, address, packet.family()).into_iter().next();
        let packets = if packet.direction == Direction::Out {
            let target = target.and_then(|target| network(target.address));
            target.map(|target| Packet { source: merge(target, packet.source), ..packet.clone() })
        } else {
            let inside = network(rule.source.address);
            inside.map(|inside| Packet { destination: merge(inside, packet.destination), ..packet.clone() })
        };
        Translated { packets: packets.into_iter().collect(), choices: 1 }
    }

    fn af_to(&self, set: &Ruleset, rule: &Rule, packet: &Packet, family: Family) -> Translated {
        let translation = &set.spec(rule).translation;
        let changed = Packet {
            protocol: match (packet.protocol, family) {
                (ICMP, Family::Inet6) => ICMP6,
                (ICMP6, Family::Inet) => ICMP,
                (other, _) => other,
            },
            icmp: packet.icmp.map(|(kind, code)| match (kind, family) {
                (8, Family::Inet6) => (128, 0),
                (0, Family::Inet6) => (129, 0),
                (128, Family::Inet) => (8, 0),
                (129, Family::Inet) => (0, 0),
                _ => (kind, code),
            }),
            ..packet.clone()
        };
        let made = Translated { packets: vec![changed], choices: 1 };
        let made = self.each(made, |packet| match &translation.source {
            Some(pool) => {
                let port = nat_port(pool, packet);
                let found = self.choose(set, pool, packet.source, family);
                found.map(|source| Packet { source, source_port: port, ..packet.clone() })
            }
            None => Choice { made: Vec::new(), of: 1 },
        });
        self.each(made, |packet| match &translation.destination {
            Some(pool) => {
                let port = rdr_port(pool, rule, packet);
                let found = self.choose(set, pool, packet.destination, family);
                found.map(|destination| Packet { destination, destination_port: port, ..packet.clone() })
            }
            None => {
                let embedded = match (packet.destination, packet.source) {
                    (IpAddr::V6(v6), IpAddr::V4(_)) => Some(IpAddr::V4(Ipv4Addr::from_bits(v6.to_bits() as u32))),
                    _ => None,
                };
                let made = embedded.map(|destination| Packet { destination, ..packet.clone() });
                Choice { made: made.into_iter().collect(), of: 1 }
            }
        })
    }

    /// The addresses that a pool may give to one.
    fn choose(&self, set: &Ruleset, pool: &Pool, address: IpAddr, family: Family) -> Choice<IpAddr> {
        let networks: Vec<_> =
            pool.addresses.iter().flat_map(|of_pool| self.networks(set, of_pool.address, family)).collect();
        let one = matches!(pool.kind, PoolKind::Single | PoolKind::Bitmask);
        if one && Family::of(address) == family {
            let merged = networks.first().map(|network| merge(*network, address));
            return Choice { made: merged.into_iter().collect(), of: 1 };
        }
        let size = |network: &Network| 1u128.checked_shl((family.bits() - network.bits()).into()).unwrap_or(u128::MAX);
        let of = networks.iter().map(size).fold(0, u128::saturating_add);
        let all = networks.iter().flat_map(|network| (0..size(network).min(MAX_CHOICES)).map(|at| nth(*network, at)));
        let take = if of > MAX_CHOICES { 1 } else { MAX_CHOICES as usize };
        Choice { made: all.take(take).collect(), of }
    }

    fn networks(&self, set: &Ruleset, address: Address, family: Family) -> Vec<Network> {
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
}

/// What may be chosen, as far as it is followed, and how much there is.
struct Choice<T> {
    made: Vec<T>,
    of: u128,
}

impl<T> Choice<T> {
    fn map<U>(self, make: impl Fn(T) -> U) -> Choice<U> {
        Choice { made: self.made.into_iter().map(make).collect(), of: self.of }
    }
}

/// The network part of the one, the host part of the other.
fn merge(network: Network, address: IpAddr) -> IpAddr {
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

fn nat_port(pool: &Pool, packet: &Packet) -> Ports {
    match pool.ports {
        (0, _) => packet.source_port,
        (first, last) if packet.has_ports() => Ports { first: first.min(last), last: last.max(first) },
        _ => packet.source_port,
    }
}

fn rdr_port(pool: &Pool, rule: &Rule, packet: &Packet) -> u16 {
    let own = packet.destination_port;
    match pool.ports {
        _ if !packet.has_ports() => own,
        (0, 0) => own,
        (first, 0) => first,
        (first, last) => {
            let width = u32::from(last.wrapping_sub(first)) + 1;
            let at = u32::from(own.wrapping_sub(rule.destination.port.first)) % width;
            // A range that runs past the last port goes on from 1.
            let port = u32::from(first) + at;
            (if port > 65_535 { port - 65_535 } else { port }) as u16
        }
    }
}
