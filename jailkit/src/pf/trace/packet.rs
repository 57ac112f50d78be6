//! The packet that is traced.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::super::rule::{Compare, Direction, Family};
use super::super::{icmp, netdb};

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP6: u8 = 58;
pub(super) const SCTP: u8 = 132;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PUSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;
pub(super) const URG: u8 = 0x20;

const FLAG_LETTERS: &[u8; 8] = b"FSRPAUEW";

/// A port, or the ports that one is chosen from where nat chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ports {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl Ports {
    /// One port.
    pub fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Whether a port is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Whether they pass a comparison; none where some do and some do not.
    pub(super) fn pass(self, compare: &Compare<u16>) -> Option<bool> {
        let first = compare.matches(self.first);
        let same = self.first == self.last
            || !compare.is_some()
            || (self.first..=self.last).all(|port| compare.matches(port) == first);
        same.then_some(first)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl serde::Serialize for Ports {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.first == self.last { serializer.serialize_u16(self.first) } else { serializer.collect_str(self) }
    }
}

/// A packet at an interface, as far as rules look at it. It is no fragment and has no IP options.
///
/// # Example
/// ```
/// use jailkit::pf::rule::Direction;
/// use jailkit::pf::trace::Packet;
///
/// let packet = Packet::new(Direction::In, "igb0", "tcp", "198.51.100.9:50000", "203.0.113.10:80")?;
/// assert_eq!(packet.to_string(), "in on igb0 tcp 198.51.100.9:50000 -> 203.0.113.10:80 flags S");
/// # Ok::<(), jailkit::pf::trace::BadPacket>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Packet {
    /// The way it goes.
    pub direction: Direction,
    /// The interface it goes through.
    pub interface: String,
    /// The number of its protocol.
    pub protocol: u8,
    /// Its source.
    pub source: IpAddr,
    /// Its source port, 0 where the protocol has none; a range once nat has chosen one.
    pub source_port: Ports,
    /// Its destination.
    pub destination: IpAddr,
    /// Its destination port, 0 where the protocol has none.
    pub destination_port: u16,
    /// The flags of a tcp packet, as bits of its header.
    pub flags: u8,
    /// The type and code of an icmp packet.
    pub icmp: Option<(u8, u8)>,
    /// The type of service.
    pub tos: u8,
    /// The priority of IEEE 802.1Q.
    pub prio: u8,
}

/// A packet that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// Neither a name nor a number of a protocol.
    #[error("{0:?} is no protocol: write a name of protocols(5) or a number from 1 to 255")]
    Protocol(String),
    /// No address.
    #[error("{0:?} is no address: write 192.0.2.1:80, [2001:db8::1]:80, or the address alone")]
    Address(String),
    /// Two families.
    #[error("{0} and {1} are of different address families")]
    Families(IpAddr, IpAddr),
    /// A port where the protocol has none, or none where it has.
    #[error("{0:?}: tcp, udp and sctp have a port, and no other protocol has")]
    Port(String),
    /// Letters that are no flags.
    #[error("{0:?} are no flags of tcp: write some of F S R P A U E W")]
    Flags(String),
    /// No type of icmp.
    #[error("{0:?} is no icmp type: write a name or a number, and /CODE behind it if need be")]
    Icmp(String),
    /// Flags or an icmp type for a packet of another protocol.
    #[error("flags are of tcp, and types of icmp and icmp6")]
    Foreign,
}

impl Packet {
    /// A packet that opens a connection: tcp's first, with the flag SYN alone, or an echo request of icmp. Addresses
    /// are `ADDRESS:PORT`, `[ADDRESS]:PORT`, or an address alone where the protocol has no ports; a source port that
    /// is left out is 50000.
    ///
    /// # Errors
    /// What of it cannot be read.
    pub fn new(
        direction: Direction,
        interface: impl Into<String>,
        protocol: &str,
        from: &str,
        to: &str,
    ) -> Result<Self, BadPacket> {
        let number = netdb::protocol_number(protocol).or_else(|| protocol.parse().ok()).filter(|&number| number != 0);
        let number = number.ok_or_else(|| BadPacket::Protocol(protocol.to_owned()))?;
        let (source, source_port) = peer(from)?;
        let (destination, destination_port) = peer(to)?;
        if Family::of(source) != Family::of(destination) {
            return Err(BadPacket::Families(source, destination));
        }
        let ports = has_ports(number);
        if ports != destination_port.is_some() {
            return Err(BadPacket::Port(to.to_owned()));
        }
        if !ports && source_port.is_some() {
            return Err(BadPacket::Port(from.to_owned()));
        }
        let source_port = source_port.unwrap_or(if ports { 50_000 } else { 0 });
        Ok(Self {
            direction,
            interface: interface.into(),
            protocol: number,
            source,
            source_port: Ports::one(source_port),
            destination,
            destination_port: destination_port.unwrap_or(0),
            flags: if number == TCP { SYN } else { 0 },
            icmp: match number {
                ICMP => Some((8, 0)),
                ICMP6 => Some((128, 0)),
                _ => None,
            },
            tos: 0,
            prio: 0,
        })
    }

    /// The packet with other flags of tcp, by their letters in pf.conf(5); `none` and the empty word are none.
    ///
    /// # Errors
    /// A letter that is no flag; a packet that is not tcp.
    pub fn with_flags(mut self, letters: &str) -> Result<Self, BadPacket> {
        if self.protocol != TCP {
            return Err(BadPacket::Foreign);
        }
        self.flags = 0;
        for letter in letters.bytes().filter(|_| letters != "none") {
            let bit = FLAG_LETTERS.iter().position(|known| *known == letter);
            self.flags |= 1 << bit.ok_or_else(|| BadPacket::Flags(letters.to_owned()))?;
        }
        Ok(self)
    }

    /// The packet with another icmp type, `TYPE` or `TYPE/CODE`, each a name of pf.conf(5) or a number.
    ///
    /// # Errors
    /// What is neither; a packet that is not icmp.
    pub fn with_icmp(mut self, text: &str) -> Result<Self, BadPacket> {
        if self.icmp.is_none() {
            return Err(BadPacket::Foreign);
        }
        let bad = || BadPacket::Icmp(text.to_owned());
        let family = Some(self.family());
        let (kind, code) = text.split_once('/').unwrap_or((text, "0"));
        let kind = kind.parse().ok().or_else(|| icmp::type_number(kind.as_bytes(), family)).ok_or_else(bad)?;
        let code = code.parse().ok().or_else(|| icmp::code_number(kind, code.as_bytes(), family)).ok_or_else(bad)?;
        self.icmp = Some((kind, code));
        Ok(self)
    }

    /// The family of its addresses.
    pub fn family(&self) -> Family {
        Family::of(self.source)
    }

    /// Whether its protocol has ports.
    pub(super) fn has_ports(&self) -> bool {
        has_ports(self.protocol)
    }
}

fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | SCTP)
}

fn peer(text: &str) -> Result<(IpAddr, Option<u16>), BadPacket> {
    if let Ok(address) = IpAddr::from_str(text) {
        return Ok((address, None));
    }
    match SocketAddr::from_str(text) {
        Ok(both) => Ok((both.ip(), Some(both.port()))),
        Err(_) => Err(BadPacket::Address(text.to_owned())),
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.direction == Direction::In { "in" } else { "out" };
        write!(f, "{way} on {} ", self.interface)?;
        match netdb::protocol_name(self.protocol) {
            Some(name) => f.write_str(name)?,
            None => write!(f, "proto {}", self.protocol)?,
        }
        let side = |f: &mut fmt::Formatter<'_>, address: IpAddr, port: Ports| match (address, self.has_ports()) {
            (_, false) => write!(f, "{address}"),
            (IpAddr::V4(_), true) => write!(f, "{address}:{port}"),
            (IpAddr::V6(_), true) => write!(f, "[{address}]:{port}"),
        };
        f.write_str(" ")?;
        side(f, self.source, self.source_port)?;
        f.write_str(" -> ")?;
        side(f, self.destination, Ports::one(self.destination_port))?;
        if self.protocol == TCP {
            let set = FLAG_LETTERS.iter().enumerate().filter(|(bit, _)| self.flags >> bit & 1 == 1);
            let letters: String = set.map(|(_, letter)| char::from(*letter)).collect();
            write!(f, " flags {}", if letters.is_empty() { "none" } else { &letters })?;
        }
        if let Some((kind, code)) = self.icmp {
            match icmp::type_name(kind, Some(self.family())) {
                Some(name) => write!(f, " type {name}")?,
                None => write!(f, " type {kind}")?,
            }
            if code != 0 {
                write!(f, " code {code}")?;
            }
        }
        Ok(())
    }
}

/// A connection that pf keeps state of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct State {
    /// Its first packet, as it came.
    pub before: Packet,
    /// Its first packet, as it went on.
    pub after: Packet,
    /// Whether it counts on its own interface only: `if-bound`.
    pub if_bound: bool,
}

impl State {
    /// The answer to the connection's first packet: tcp's SYN and ACK, the echo reply of icmp. Where nat chose the
    /// source port from a range, it goes to the lowest.
    pub fn reply(&self) -> Packet {
        let sent = &self.after;
        Packet {
            direction: opposite(sent.direction),
            interface: sent.interface.clone(),
            protocol: sent.protocol,
            source: sent.destination,
            source_port: Ports::one(sent.destination_port),
            destination: sent.source,
            destination_port: sent.source_port.first,
            flags: if sent.protocol == TCP { SYN | ACK } else { 0 },
            icmp: sent.icmp.map(|(kind, _)| (echo_reply(kind), 0)),
            tos: sent.tos,
            prio: sent.prio,
        }
    }

    /// The packet as it goes on, where it belongs to the connection.
    pub(super) fn carry(&self, packet: &Packet) -> Option<Packet> {
        let (first, sent) = (&self.before, &self.after);
        if self.if_bound && packet.interface != first.interface {
            return None;
        }
        if packet.direction == first.direction {
            let same = packet.protocol == first.protocol
                && (packet.source, packet.source_port) == (first.source, first.source_port)
                && (packet.destination, packet.destination_port) == (first.destination, first.destination_port)
                && packet.icmp == first.icmp;
            let (source, destination) = (sent.source, sent.destination);
            let (source_port, destination_port) = (sent.source_port, sent.destination_port);
            let (protocol, icmp) = (sent.protocol, sent.icmp);
            return same.then(|| Packet {
                source,
                destination,
                source_port,
                destination_port,
                protocol,
                icmp,
                ..packet.clone()
            });
        }
        let answers = packet.protocol == sent.protocol
            && (packet.source, packet.destination) == (sent.destination, sent.source)
            && packet.source_port == Ports::one(sent.destination_port)
            && sent.source_port.contains(packet.destination_port)
            && packet.icmp.map(|icmp| icmp.0) == sent.icmp.map(|icmp| echo_reply(icmp.0));
        answers.then(|| Packet {
            source: first.destination,
            source_port: Ports::one(first.destination_port),
            destination: first.source,
            destination_port: first.source_port.first,
            protocol: first.protocol,
            icmp: first.icmp.map(|(kind, _)| (echo_reply(kind), 0)),
            ..packet.clone()
        })
    }
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::In => Direction::Out,
        Direction::Out => Direction::In,
    }
}

/// The type that answers a request; other types are their own.
fn echo_reply(kind: u8) -> u8 {
    match kind {
        8 => 0,
        128 => 129,
        other => other,
    }
}
