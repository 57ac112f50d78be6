//! Addresses and ports that a rule compares with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Name;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4
    Inet,
    /// IPv6
    Inet6,
}

impl Family {
    /// The word of pf.conf(5).
    pub fn word(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
        }
    }

    /// The width of an address, in bits.
    pub fn bits(self) -> u8 {
        match self {
            Self::Inet => 32,
            Self::Inet6 => 128,
        }
    }

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Inet,
            IpAddr::V6(_) => Self::Inet6,
        }
    }
}

/// A network: an address with the bits behind its prefix zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// The network of `address` with a prefix of `bits`, at most as long as the address.
    pub fn new(address: IpAddr, bits: u8) -> Self {
        let bits = bits.min(Family::of(address).bits());
        let address = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask(bits, 32) as u32)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask(bits, 128))),
        };
        Self { address, bits }
    }

    /// The network of one address.
    pub fn host(address: IpAddr) -> Self {
        Self { address, bits: Family::of(address).bits() }
    }

    /// The first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// The length of the prefix.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// The family of its addresses.
    pub fn family(self) -> Family {
        Family::of(self.address)
    }

    /// Whether this is one address.
    pub fn is_host(self) -> bool {
        self.bits == self.family().bits()
    }

    /// Whether an address lies in it.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(host)) => net.to_bits() == host.to_bits() & mask(self.bits, 32) as u32,
            (IpAddr::V6(net), IpAddr::V6(host)) => net.to_bits() == host.to_bits() & mask(self.bits, 128),
            _ => false,
        }
    }
}

fn mask(bits: u8, width: u32) -> u128 {
    let ones = if width == 32 { u128::from(u32::MAX) } else { u128::MAX };
    ones.checked_shl(width - u32::from(bits)).unwrap_or(0) & ones
}

/// What comes after an interface name: `:network` and its like. A set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Modifiers(u8);

impl Modifiers {
    /// `:network`: the networks of the interface's addresses.
    pub const NETWORK: Self = Self(1);
    /// `:broadcast`: its broadcast addresses.
    pub const BROADCAST: Self = Self(2);
    /// `:peer`: the other end of a point-to-point link.
    pub const PEER: Self = Self(4);
    /// `:0`: only the first address of each family.
    pub const NO_ALIAS: Self = Self(8);

    /// Whether all of `other` are in it.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The modifier a word stands for.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"network" => Self::NETWORK,
            b"broadcast" => Self::BROADCAST,
            b"peer" => Self::PEER,
            b"0" => Self::NO_ALIAS,
            _ => return None,
        })
    }

    /// Whether two of them exclude each other.
    pub fn conflict(self) -> bool {
        (self.0 & 7).count_ones() > 1
    }
}

/// What an address is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// `any`
    Any,
    /// `no-route`: no route leads there.
    NoRoute,
    /// `urpf-failed`: the packet came in by another interface than the route back goes out.
    UrpfFailed,
    /// `<name>`
    Table(Name),
    /// `(interface:modifiers)/bits`: the interface's addresses at the time of the packet. `bits` is 128, or 32 in a
    /// rule of IPv4, where none is written.
    Dynamic {
        /// The interface or group; `self` is all of them.
        interface: Name,
        /// Its modifiers.
        modifiers: Modifiers,
        /// The length of the prefix.
        bits: u8,
    },
    /// An address or a network.
    Network(Network),
    /// `first - last`, both of one family.
    Range(IpAddr, IpAddr),
}

impl Address {
    /// The family, where the address has one.
    pub fn family(self) -> Option<Family> {
        match self {
            Self::Network(network) => Some(network.family()),
            Self::Range(first, _) => Some(Family::of(first)),
            Self::Any | Self::NoRoute | Self::UrpfFailed | Self::Table(_) | Self::Dynamic { .. } => None,
        }
    }
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Not at all.
    #[default]
    None,
    /// `a >< b`: between them, both excluded.
    Inside,
    /// `= a`
    Equal,
    /// `!= a`
    NotEqual,
    /// `< a`
    Less,
    /// `<= a`
    LessEqual,
    /// `> a`
    Greater,
    /// `>= a`
    GreaterEqual,
    /// `a <> b`: below the one or above the other.
    Outside,
    /// `a:b`: between them, both included.
    Range,
}

/// A comparison of ports, users or groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Compare<T> {
    /// How.
    pub operator: Operator,
    /// With what.
    pub first: T,
    /// The other number of an operator that takes two.
    pub second: T,
}

impl<T: PartialOrd + Copy> Compare<T> {
    /// Whether there is anything to compare.
    pub fn is_some(&self) -> bool {
        self.operator != Operator::None
    }

    /// Whether a number passes the comparison, as pf(4) makes it.
    pub fn matches(&self, number: T) -> bool {
        let (first, second) = (self.first, self.second);
        match self.operator {
            Operator::None => true,
            Operator::Inside => number > first && number < second,
            Operator::Outside => number < first || number > second,
            Operator::Range => number >= first && number <= second,
            Operator::Equal => number == first,
            Operator::NotEqual => number != first,
            Operator::Less => number < first,
            Operator::LessEqual => number <= first,
            Operator::Greater => number > first,
            Operator::GreaterEqual => number >= first,
        }
    }
}

/// One side of a rule's `from … to …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// Whether the address is negated: `! address`.
    pub negated: bool,
    /// The port.
    pub port: Compare<u16>,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { address: Address::Any, negated: false, port: Compare::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_knows_its_addresses() {
        let net = Network::new("192.168.37.29".parse().unwrap(), 25);
        assert_eq!(net.address().to_string(), "192.168.37.0");
        assert!(net.contains("192.168.37.127".parse().unwrap()));
        assert!(!net.contains("192.168.37.128".parse().unwrap()));
        assert!(Network::new("::1".parse().unwrap(), 0).contains("fe80::1".parse().unwrap()));
        assert!(!Network::new("::1".parse().unwrap(), 0).contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn operators_compare_as_pf_does() {
        let holds = |operator, number| Compare { operator, first: 10u16, second: 20 }.matches(number);
        for (operator, inside) in [
            (Operator::Inside, [false, true, false, false]),
            (Operator::Range, [true, true, true, false]),
            (Operator::Outside, [false, false, false, true]),
            (Operator::Equal, [true, false, false, false]),
            (Operator::GreaterEqual, [true, true, true, true]),
        ] {
            assert_eq!([10, 11, 20, 21].map(|number| holds(operator, number)), inside, "{operator:?}");
        }
    }
}
