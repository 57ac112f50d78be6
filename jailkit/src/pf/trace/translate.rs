//! What a translation rule makes of a packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::rule::{Action, Address, Direction, Family, Network, Pool, Rule, Ruleset};
use super::Tracer;
use super::packet::{ICMP, ICMP6, Packet, Ports};
use super::pool::{Choice, merge};

/// The packets that a translation may make of one, and how many addresses there are to choose from.
pub(super) struct Translated {
    pub(super) packets: Vec<Packet>,
    pub(super) choices: u128,
    /// Whether there are more that a rule may tell apart.
    pub(super) cut: bool,
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
        let mut made = Translated { packets: vec![packet.clone()], choices: 1, cut: false };
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
        let mut after = Translated { packets: Vec::new(), choices: before.choices, cut: before.cut };
        for packet in &before.packets {
            let Choice { made, of, cut } = make(packet);
            after.packets.extend(made);
            after.choices = after.choices.max(of);
            after.cut |= cut;
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
        Translated { packets: packets.into_iter().collect(), choices: 1, cut: false }
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
        let made = Translated { packets: vec![changed], choices: 1, cut: false };
        let made = self.each(made, |packet| match &translation.source {
            Some(pool) => {
                let port = nat_port(pool, packet);
                let found = self.choose(set, pool, packet.source, family);
                found.map(|source| Packet { source, source_port: port, ..packet.clone() })
            }
            None => Choice::one(None),
        });
        self.each(made, |packet| {
            let Some(pool) = &translation.destination else {
                return Choice::one(self.to_embedded(set, rule, packet, family));
            };
            // The first port, and no other.
            let port = match pool.ports {
                (port @ 1.., _) if packet.has_ports() => port,
                _ => packet.destination_port,
            };
            let networks = pool.addresses.iter().flat_map(|own| self.networks(set, own.address, family));
            let of: Vec<_> = networks.map(|network| self.behind(network, packet.destination)).collect();
            let (choices, cut) = (of.len() as u128, false);
            let made =
                of.into_iter().map(|destination| Packet { destination, destination_port: port, ..packet.clone() });
            Choice { made: made.collect(), of: choices, cut }
        })
    }

    /// Where a packet goes whose rule names no new destination: an address of IPv4 lies in that of IPv6, behind the
    /// rule's prefix; the other way, it is put behind the prefix of the new source.
    fn to_embedded(&self, set: &Ruleset, rule: &Rule, packet: &Packet, family: Family) -> Option<Packet> {
        let destination = match (family, packet.destination, packet.source) {
            (Family::Inet, IpAddr::V6(destination), _) => {
                let prefix = match rule.destination.address {
                    Address::Network(network) if network.bits() >= 32 => network.bits(),
                    _ => 96,
                };
                extract(destination, prefix).into()
            }
            (Family::Inet6, IpAddr::V4(destination), IpAddr::V6(source)) => {
                let pool = set.spec(rule).translation.source.as_ref()?;
                let of_source = pool.addresses.iter().flat_map(|own| self.networks(set, own.address, family));
                let bits = of_source.filter(|network| network.contains(source.into())).map(Network::bits).next();
                embed(source, bits.unwrap_or(96).min(96), destination).into()
            }
            _ => return None,
        };
        Some(Packet { destination, ..packet.clone() })
    }

    /// The new destination where a rule names a network for it: that, and the old one's address in its other part.
    fn behind(&self, network: Network, destination: IpAddr) -> IpAddr {
        match (network.address(), destination) {
            (IpAddr::V4(_), IpAddr::V6(old)) => merge(network, Ipv4Addr::from_bits(old.to_bits() as u32).into()),
            (IpAddr::V6(new), IpAddr::V4(old)) if network.bits() <= 96 => embed(new, network.bits(), old).into(),
            (new, _) => new,
        }
    }
}

/// Where the octets of an address of IPv4 lie in one of IPv6, behind a prefix of so many bits (RFC 6052): around the
/// octet that must be zero.
fn embedded(prefix: u8) -> [usize; 4] {
    match prefix {
        32 => [4, 5, 6, 7],
        40 => [5, 6, 7, 9],
        48 => [6, 7, 9, 10],
        56 => [7, 9, 10, 11],
        64 => [9, 10, 11, 12],
        _ => [12, 13, 14, 15],
    }
}

/// The address of IPv4 that lies in one of IPv6.
fn extract(address: Ipv6Addr, prefix: u8) -> Ipv4Addr {
    embedded(prefix).map(|place| address.octets()[place]).into()
}

/// An address of IPv4 put behind a prefix of IPv6.
fn embed(prefix: Ipv6Addr, bits: u8, address: Ipv4Addr) -> Ipv6Addr {
    let mut octets = prefix.octets();
    for (place, octet) in embedded(bits).into_iter().zip(address.octets()) {
        octets[place] = octet;
    }
    octets.into()
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
