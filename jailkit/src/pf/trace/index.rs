//! A short summary of every rule, laid out one after the other: most rules are passed over by it alone, at the speed
//! that memory is read with.

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::rule::{Action, Address, Compare, Direction, Endpoint, Family, Name, Operator, Rule, Rules, Ruleset};
use super::packet::Packet;

/// What a packet must have to be compared with a rule at all.
#[derive(Clone, Copy, Debug)]
struct Key {
    source: (u32, u32),
    destination: (u32, u32),
    source_ports: (u16, u16),
    destination_ports: (u16, u16),
    /// The place of the interface in [`Index::interfaces`], from 1; 0 is any.
    interface: u16,
    /// The directions and families, a bit each.
    ways: u8,
    protocol: u8,
}

const IN: u8 = 1;
const OUT: u8 = 2;
const INET: u8 = 4;
const INET6: u8 = 8;

/// The keys of the rules of a ruleset and of its inline anchors.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Each interface that a rule names, and whether it is negated.
    interfaces: Vec<(Name, bool)>,
    /// By the address of the first rule: the lists of a ruleset stay where they are while it is borrowed.
    keys: HashMap<usize, Vec<Key>>,
}

/// A packet, as keys are compared with it.
pub(super) struct Facts {
    source: u32,
    destination: u32,
    source_ports: (u16, u16),
    destination_port: u16,
    ways: u8,
    protocol: u8,
    /// For each interface of the index, whether the packet is on it.
    on: Vec<bool>,
}

impl Index {
    pub(super) fn of(set: &Ruleset) -> Self {
        let mut index = Self::default();
        let mut places = HashMap::new();
        for Rules { scrub, nat, rdr, binat, filter, .. } in std::iter::once(&set.main).chain(&set.bodies) {
            for rules in [scrub, nat, rdr, binat, filter] {
                let keys = rules.iter().map(|rule| index.key(set, rule, &mut places)).collect();
                index.keys.insert(rules.as_ptr().addr(), keys);
            }
        }
        index
    }

    fn key(&mut self, set: &Ruleset, rule: &Rule, places: &mut HashMap<(Name, bool), u16>) -> Key {
        let spec = set.spec(rule);
        let mut ways = match spec.direction {
            Some(Direction::In) => IN,
            Some(Direction::Out) => OUT,
            None => IN | OUT,
        };
        ways |= match rule.family {
            Some(Family::Inet) => INET,
            Some(Family::Inet6) => INET6,
            None => INET | INET6,
        };
        let interface = rule.interface.map_or(0, |name| {
            let named = (name, rule.interface_negated);
            *places.entry(named).or_insert_with(|| {
                self.interfaces.push(named);
                // Where there are more interfaces than places, the rule is compared as a whole.
                u16::try_from(self.interfaces.len()).unwrap_or(0)
            })
        });
        // A binat rule looks at a packet the other way round when it comes in.
        let turned = matches!(spec.action, Action::Binat | Action::NoBinat);
        let side = |side: &Endpoint| if turned { ((0, 0), (0, u16::MAX)) } else { (net(side), span(&side.port)) };
        let (source, source_ports) = side(&rule.source);
        let (destination, destination_ports) = side(&rule.destination);
        Key { source, destination, source_ports, destination_ports, interface, ways, protocol: rule.protocol }
    }

    /// What keys see of a packet, given which interfaces it is on.
    pub(super) fn facts(&self, packet: &Packet, is_on: impl Fn(Name) -> bool) -> Facts {
        let way = if packet.direction == Direction::In { IN } else { OUT };
        let family = if packet.family() == Family::Inet { INET } else { INET6 };
        let bits = |address| match address {
            IpAddr::V4(v4) => v4.to_bits(),
            IpAddr::V6(_) => 0,
        };
        Facts {
            source: bits(packet.source),
            destination: bits(packet.destination),
            source_ports: (packet.source_port.first, packet.source_port.last),
            destination_port: packet.destination_port,
            ways: way | family,
            protocol: packet.protocol,
            on: self.interfaces.iter().map(|&(name, negated)| is_on(name) != negated).collect(),
        }
    }

    /// The places of the rules from a place on that a packet may match.
    pub(super) fn next(&self, rules: &[Rule], from: usize, facts: &[Facts]) -> Option<usize> {
        let Some(keys) = self.keys.get(&rules.as_ptr().addr()) else {
            return (from < rules.len()).then_some(from);
        };
        let rest = keys.get(from..)?;
        let at = rest.iter().position(|key| facts.iter().any(|facts| key.admits(facts)))?;
        Some(from + at)
    }
}

impl Key {
    fn admits(&self, facts: &Facts) -> bool {
        let within = self.ways & facts.ways == facts.ways
            && (self.protocol == 0 || self.protocol == facts.protocol)
            && facts.source & self.source.1 == self.source.0
            && facts.destination & self.destination.1 == self.destination.0
            && (self.destination_ports.0..=self.destination_ports.1).contains(&facts.destination_port)
            && self.source_ports.0 <= facts.source_ports.1
            && facts.source_ports.0 <= self.source_ports.1;
        let place = usize::from(self.interface);
        within && (place == 0 || facts.on.get(place - 1).copied().unwrap_or(true))
    }
}

/// The network of IPv4 that an address must lie in, and its mask; of all others, every address.
fn net(side: &Endpoint) -> (u32, u32) {
    match side.address {
        Address::Network(network) if !side.negated => match network.address() {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(network.bits())).unwrap_or(0);
                (v4.to_bits() & mask, mask)
            }
            IpAddr::V6(_) => (0, 0),
        },
        _ => (0, 0),
    }
}

/// The ports that may pass a comparison lie between these.
fn span(port: &Compare<u16>) -> (u16, u16) {
    match port.operator {
        Operator::Equal => (port.first, port.first),
        Operator::Range => (port.first, port.second),
        Operator::Less | Operator::LessEqual => (0, port.first),
        Operator::Greater | Operator::GreaterEqual => (port.first, u16::MAX),
        Operator::Inside => (port.first, port.second),
        Operator::None | Operator::NotEqual | Operator::Outside => (0, u16::MAX),
    }
}
