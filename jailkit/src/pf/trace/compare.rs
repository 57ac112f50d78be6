//! Whether a rule matches a packet.

use std::net::IpAddr;

use super::super::interfaces::Interface;
use super::super::rule::{Action, Address, Direction, Endpoint, Family, Modifiers, Name, Network, Rule, Ruleset};
use super::Tracer;
use super::packet::{ACK, Packet, Ports, SYN, TCP, UDP};
use super::trail::Unknown;

/// Whether a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    No,
    Yes,
    Maybe(Unknown),
}

impl Match {
    fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Both: a plain no outweighs what is not known.
    pub(super) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Maybe(unknown) => match other() {
                Self::No => Self::No,
                Self::Yes | Self::Maybe(_) => Self::Maybe(unknown),
            },
        }
    }

    fn negated(self, negated: bool) -> Self {
        match self {
            Self::Maybe(_) => self,
            _ => Self::of((self == Self::Yes) != negated),
        }
    }
}

impl Tracer<'_> {
    /// Whether a rule matches a packet that has a tag or none.
    pub(super) fn compare(&self, set: &Ruleset, rule: &Rule, packet: &Packet, tag: Option<&[u8]>) -> Match {
        if rule.family.is_some_and(|family| family != packet.family())
            || rule.protocol != 0 && rule.protocol != packet.protocol
        {
            return Match::No;
        }
        let spec = set.spec(rule);
        if spec.direction.is_some_and(|direction| direction != packet.direction) {
            return Match::No;
        }
        if let Some(name) = rule.interface
            && self.is_on(set.name(name), &packet.interface) == rule.interface_negated
        {
            return Match::No;
        }
        let (source, destination) = (packet.source, packet.destination);
        let ports = (packet.source_port, Ports::one(packet.destination_port));
        if packet.direction == Direction::In && matches!(spec.action, Action::Binat | Action::NoBinat) {
            // The way back: who writes to the translated address is the rule's destination.
            let target = spec.translation.source.as_ref().and_then(|pool| pool.addresses.first());
            let target = target.map(|target| Endpoint { address: target.address, ..Endpoint::default() });
            return self
                .side(set, &rule.destination, source, ports.0)
                .and(|| target.map_or(Match::Yes, |target| self.side(set, &target, destination, ports.1)))
                .and(|| tagged(set, rule, tag));
        }
        self.side(set, &rule.source, source, ports.0)
            .and(|| self.side(set, &rule.destination, destination, ports.1))
            .and(|| header(set, rule, packet))
            .and(|| tagged(set, rule, tag))
            .and(|| host_knows(set, rule, packet))
    }

    pub(super) fn side(&self, set: &Ruleset, side: &Endpoint, address: IpAddr, port: Ports) -> Match {
        let of_port = match port.pass(&side.port) {
            Some(holds) => Match::of(holds),
            None => Match::Maybe(Unknown::NatPort),
        };
        of_port.and(|| self.address(set, side.address, address).negated(side.negated))
    }

    fn address(&self, set: &Ruleset, compared: Address, address: IpAddr) -> Match {
        match compared {
            Address::Any => Match::Yes,
            Address::NoRoute | Address::UrpfFailed => Match::Maybe(Unknown::Routes),
            Address::Network(network) => Match::of(network.contains(address)),
            Address::Range(first, last) => {
                Match::of(Family::of(first) == Family::of(address) && (first..=last).contains(&address))
            }
            Address::Table(name) => Match::of(self.table(set, name).is_some_and(|table| table.contains(address))),
            Address::Dynamic { interface, modifiers, bits } => {
                let networks = self.dynamic(set, interface, modifiers, bits);
                Match::of(networks.into_iter().any(|network| network.contains(address)))
            }
        }
    }

    /// The networks that an interface in parentheses stands for now.
    pub(super) fn dynamic(&self, set: &Ruleset, interface: Name, modifiers: Modifiers, bits: u8) -> Vec<Network> {
        let name = String::from_utf8_lossy(set.name(interface));
        let found = self.interfaces.lookup(&name, modifiers);
        let networks = found.into_iter().map(|found| found.network);
        networks.map(|network| Network::new(network.address(), network.bits().min(bits))).collect()
    }

    /// Whether an interface is the named one, or of the named group.
    pub(super) fn is_on(&self, named: &[u8], interface: &str) -> bool {
        if named == interface.as_bytes() || named == b"all" {
            return true;
        }
        if named == b"any" {
            // Any but the loopback interfaces, says pf.conf(5).
            return !self.interfaces.get(interface).is_some_and(Interface::is_loopback);
        }
        match self.interfaces.get(interface) {
            Some(known) => known.groups.iter().any(|group| group.as_bytes() == named),
            None => interface.trim_end_matches(|c: char| c.is_ascii_digit()).as_bytes() == named,
        }
    }
}

fn tagged(set: &Ruleset, rule: &Rule, tag: Option<&[u8]>) -> Match {
    set.tagged(rule).map_or(Match::Yes, |(wanted, negated)| Match::of((tag == Some(&*wanted)) != negated))
}

fn header(set: &Ruleset, rule: &Rule, packet: &Packet) -> Match {
    let spec = set.spec(rule);
    let (flags, mask) = rule.flags;
    let icmp = match (rule.icmp_type, packet.icmp) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(kind), Some((own, code))) => kind == own && rule.icmp_code.is_none_or(|wanted| wanted == code),
    };
    Match::of(
        icmp && (packet.protocol != TCP || packet.flags & mask == flags)
            && (spec.tos == 0 || spec.tos == packet.tos)
            && spec.prio.is_none_or(|prio| prio == packet.prio)
            && !spec.fragment,
    )
}

/// What only the running host can say.
fn host_knows(set: &Ruleset, rule: &Rule, packet: &Packet) -> Match {
    let spec = set.spec(rule);
    if rule.os.is_some() && (packet.protocol != TCP || packet.flags & (SYN | ACK) != SYN) {
        return Match::No;
    }
    let socket = matches!(packet.protocol, TCP | UDP);
    let unknown = [
        (rule.os.is_some(), Unknown::Os),
        (socket && rule.user.is_some(), Unknown::User),
        (socket && rule.group.is_some(), Unknown::Group),
        (spec.received_on.is_some(), Unknown::ReceivedOn),
        (spec.packet_rate.is_some(), Unknown::PacketRate),
        (spec.packet_size != 0, Unknown::PacketSize),
        (spec.probability != 0, Unknown::Chance),
    ];
    unknown.iter().find(|(given, _)| *given).map_or(Match::Yes, |&(_, unknown)| Match::Maybe(unknown))
}
