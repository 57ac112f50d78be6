//! The interfaces that a ruleset is expanded with: pfctl asks the system for them, jailkit its caller.

use std::net::IpAddr;

use super::rule::{Family, Modifiers, Network};

/// An address of an interface, with the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// The length of its prefix.
    pub bits: u8,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its addresses, in the order that the system lists them in.
    pub addresses: Vec<InterfaceAddress>,
    /// The groups it is a member of.
    pub groups: Vec<String>,
}

impl Interface {
    /// Whether it is a loopback interface.
    pub fn is_loopback(&self) -> bool {
        self.name.strip_prefix("lo").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// The interfaces of a host. By default there is `lo0`, with `::1`, `fe80::1` and `127.0.0.1`.
///
/// # Example
/// ```
/// use jailkit::pf::Interfaces;
/// let mut interfaces = Interfaces::default();
/// interfaces.add("igb0=203.0.113.5/24,2001:db8::5/64")?;
/// assert!(interfaces.get("igb0").is_some());
/// # Ok::<(), jailkit::pf::BadInterface>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interfaces {
    all: Vec<Interface>,
}

/// An interface that could not be read from text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no interface: write NAME=ADDRESS/BITS,..., for example igb0=203.0.113.5/24")]
pub struct BadInterface(String);

/// An address that an interface's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) network: Network,
    /// The interface, for an address that means nothing on another.
    pub(super) scope: Option<&'a str>,
}

impl Default for Interfaces {
    fn default() -> Self {
        let address = |address: IpAddr, bits| InterfaceAddress { address, bits, peer: None };
        let link_local = std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let loopback = Interface {
            name: "lo0".to_owned(),
            addresses: vec![
                address(std::net::Ipv6Addr::LOCALHOST.into(), 128),
                address(link_local.into(), 64),
                address(std::net::Ipv4Addr::LOCALHOST.into(), 8),
            ],
            groups: vec!["lo".to_owned()],
        };
        Self { all: vec![loopback] }
    }
}

impl Interfaces {
    /// The interfaces.
    pub fn iter(&self) -> impl Iterator<Item = &Interface> {
        self.all.iter()
    }

    /// The interface of a name.
    pub fn get(&self, name: &str) -> Option<&Interface> {
        self.all.iter().find(|interface| interface.name == name)
    }

    /// Adds an interface, in place of one of its name.
    pub fn insert(&mut self, interface: Interface) {
        match self.all.iter_mut().find(|known| known.name == interface.name) {
            Some(known) => *known = interface,
            None => self.all.push(interface),
        }
    }

    /// Adds the interface that `NAME=ADDRESS/BITS,…` stands for; the group is the name without its number, as
    /// FreeBSD makes it.
    ///
    /// # Errors
    /// [`BadInterface`] for other text.
    pub fn add(&mut self, text: &str) -> Result<(), BadInterface> {
        let bad = || BadInterface(text.to_owned());
        let (name, list) = text.split_once('=').unwrap_or((text, ""));
        if name.is_empty() || name.len() > 15 {
            return Err(bad());
        }
        let mut addresses = Vec::new();
        for word in list.split(',').filter(|word| !word.is_empty()) {
            let (address, bits) = word.split_once('/').map_or((word, None), |(address, bits)| (address, Some(bits)));
            let address: IpAddr = address.parse().map_err(|_| bad())?;
            let width = Family::of(address).bits();
            let bits = bits.map_or(Ok(width), str::parse).map_err(|_| bad())?;
            if bits > width {
                return Err(bad());
            }
            addresses.push(InterfaceAddress { address, bits, peer: None });
        }
        let group = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        self.insert(Interface { name: name.to_owned(), addresses, groups: vec![group] });
        Ok(())
    }

    /// Whether a name is that of an interface or a group.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.all.iter().any(|interface| interface.name == name || interface.groups.iter().any(|group| group == name))
    }

    /// The addresses that a name with modifiers stands for, as pfctl(8) looks them up.
    pub(super) fn lookup(&self, name: &str, modifiers: Modifiers) -> Vec<Found<'_>> {
        let members = self.all.iter().filter(|interface| {
            name == "self" || interface.name == name || interface.groups.iter().any(|group| group == name)
        });
        members.flat_map(|interface| interface.lookup(modifiers)).collect()
    }
}

impl Interface {
    fn lookup(&self, modifiers: Modifiers) -> Vec<Found<'_>> {
        let mut found = Vec::new();
        let mut seen = [false; 2];
        for own in &self.addresses {
            let family = Family::of(own.address);
            let link_local = matches!(own.address, IpAddr::V6(v6) if v6.is_unicast_link_local());
            if modifiers.has(Modifiers::NETWORK) && link_local
                || modifiers.has(Modifiers::NO_ALIAS) && (link_local || seen[family as usize])
            {
                continue;
            }
            let address = if modifiers.has(Modifiers::BROADCAST) {
                let broadcast = if self.is_loopback() { None } else { own.broadcast() };
                broadcast.map(Network::host)
            } else if modifiers.has(Modifiers::PEER) {
                own.peer.map(Network::host)
            } else if modifiers.has(Modifiers::NETWORK) {
                Some(Network::new(own.address, own.bits))
            } else {
                Some(Network::host(own.address))
            };
            if let Some(network) = address {
                seen[family as usize] = true;
                found.push(Found { network, scope: link_local.then_some(self.name.as_str()) });
            }
        }
        found
    }
}

impl InterfaceAddress {
    fn broadcast(&self) -> Option<IpAddr> {
        match self.address {
            IpAddr::V4(v4) if self.bits < 31 => {
                Some(std::net::Ipv4Addr::from_bits(v4.to_bits() | u32::MAX.unbounded_shr(self.bits.into())).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_addresses_as_pfctl_looks_them_up() {
        let mut interfaces = Interfaces::default();
        interfaces.add("igb0=192.0.2.10/24,192.0.2.11/24,fe80::5/64,2001:db8::5/64").unwrap();
        let text = |name: &str, modifiers| -> Vec<String> {
            let found = interfaces.lookup(name, modifiers);
            found.iter().map(|found| format!("{}/{}", found.network.address(), found.network.bits())).collect()
        };
        assert_eq!(text("lo0", Modifiers::default()), ["::1/128", "fe80::1/128", "127.0.0.1/32"]);
        assert_eq!(text("igb0", Modifiers::NO_ALIAS), ["192.0.2.10/32", "2001:db8::5/128"]);
        assert_eq!(text("igb", Modifiers::BROADCAST), ["192.0.2.255/32", "192.0.2.255/32"]);
        assert_eq!(text("lo0", Modifiers::NETWORK), ["::1/128", "127.0.0.0/8"]);
        assert!(text("em0", Modifiers::default()).is_empty());
        assert!(interfaces.add("igb0=192.0.2.1/33").is_err());
    }
}
