//! Who sends and who is reached.

use std::net::IpAddr;

use bstr::{BString, ByteSlice};

use super::super::interfaces::{Interface, InterfaceAddress, Interfaces};
use super::super::rule::Family;
use crate::jailconf::{Resolved, ResolvedJail};

/// Where a zone is, seen from the host's network stack.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Any address that no other zone holds; it sends by the external interface.
    Outside,
    /// In the host's own network stack: the host, and every jail that shares it.
    Here,
    /// Behind an interface of the host: a jail with a network stack of its own.
    Behind(String),
}

/// Addresses that belong together.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Zone {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Its addresses; none for the outside.
    pub addresses: Vec<IpAddr>,
}

/// A zone that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadZone {
    /// Other text.
    #[error("{0:?} is no zone: write NAME=ADDRESS,... and @INTERFACE behind it for one behind an interface")]
    Text(String),
    /// An address of a jail that is none.
    #[error("jail {jail}: {text:?} is no address")]
    Address {
        /// The jail.
        jail: String,
        /// What its parameter says.
        text: String,
    },
    /// Two zones of a name.
    #[error("there are two zones named {0}")]
    Twice(String),
    /// Two zones with an address.
    #[error("{address} is held by {one} and by {other}")]
    Shared {
        /// The address.
        address: IpAddr,
        /// Who holds it.
        one: String,
        /// Who holds it too.
        other: String,
    },
}

/// The zones of a host: the outside, the host, and its jails.
///
/// # Example
/// ```
/// use jailkit::pf::Interfaces;
/// use jailkit::pf::reach::Zones;
///
/// let mut interfaces = Interfaces::default();
/// interfaces.add("igb0=203.0.113.10/24")?;
/// let mut zones = Zones::new(interfaces, "igb0");
/// zones.add("www=10.0.0.2@lo1")?;
/// let names: Vec<_> = zones.all().into_iter().map(|zone| zone.name).collect();
/// assert_eq!(names, ["outside", "host", "www"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zones {
    pub(super) interfaces: Interfaces,
    pub(super) external: String,
    jails: Vec<Zone>,
}

impl Zones {
    /// The outside, behind the interface `external`, and the host with the addresses of its interfaces.
    pub fn new(interfaces: Interfaces, external: impl Into<String>) -> Self {
        Self { interfaces, external: external.into(), jails: Vec::new() }
    }

    /// The interfaces, with the addresses that jails brought with them: what the ruleset is to be read with.
    pub fn interfaces(&self) -> &Interfaces {
        &self.interfaces
    }

    /// Adds the zone that `NAME=ADDRESS,…[@INTERFACE]` stands for. It is behind the interface, unless that is a
    /// loopback interface or has the addresses itself: then, and without an interface, it is a jail in the host's own
    /// network stack.
    ///
    /// # Errors
    /// [`BadZone`]: other text, a name or an address that another zone has.
    pub fn add(&mut self, text: &str) -> Result<(), BadZone> {
        let bad = || BadZone::Text(text.to_owned());
        let (name, rest) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(bad)?;
        let (list, interface) = rest.split_once('@').map_or((rest, None), |(list, interface)| (list, Some(interface)));
        let addresses = list.split(',').map(|word| word.parse().map_err(|_| bad())).collect::<Result<Vec<_>, _>>()?;
        match interface {
            Some("") => Err(bad()),
            Some(interface) if !self.is_here(interface, &addresses) => {
                let place = Place::Behind(interface.to_owned());
                self.insert(Zone { name: name.to_owned(), place, addresses })
            }
            interface => {
                let own = addresses.iter().map(|&address| (address, Family::of(address).bits()));
                self.add_here(name, &own.collect::<Vec<_>>(), interface)
            }
        }
    }

    /// Adds a jail in the host's own network stack: its addresses with the lengths of their prefixes, and the
    /// interface that has them.
    ///
    /// # Errors
    /// [`BadZone`]: a name or an address that another zone has.
    pub fn add_here(&mut self, name: &str, addresses: &[(IpAddr, u8)], interface: Option<&str>) -> Result<(), BadZone> {
        let own = addresses.iter().map(|&(address, _)| address).collect();
        self.insert(Zone { name: name.to_owned(), place: Place::Here, addresses: own })?;
        if let Some(interface) = interface {
            addresses.iter().for_each(|&(address, bits)| self.add_address(interface, address, bits));
        }
        Ok(())
    }

    /// Adds the jails of a jail.conf(5) with what `ip4.addr` and `ip6.addr` give them; the names of those that have no
    /// address there, which are left out.
    ///
    /// # Errors
    /// [`BadZone`]: no address, a name or an address that another zone has.
    pub fn add_jails(&mut self, conf: &Resolved) -> Result<Vec<BString>, BadZone> {
        let mut without = Vec::new();
        for jail in &conf.jails {
            let name = jail.name.to_str_lossy();
            let found = addresses(jail)?;
            if found.is_empty() {
                without.push(jail.name.clone());
                continue;
            }
            let own = found.iter().map(|&(_, address, _)| address).collect();
            self.insert(Zone { name: name.into_owned(), place: Place::Here, addresses: own })?;
            for (interface, address, bits) in found {
                if let Some(interface) = interface {
                    self.add_address(&interface, address, bits);
                }
            }
        }
        Ok(without)
    }

    /// All zones: the outside, the host, and the jails as they were added.
    pub fn all(&self) -> Vec<Zone> {
        let outside = Zone { name: "outside".to_owned(), place: Place::Outside, addresses: Vec::new() };
        let of_jail = |address: &IpAddr| self.jails.iter().any(|jail| jail.addresses.contains(address));
        let all = self.interfaces.iter().flat_map(|interface| &interface.addresses);
        let own = all.map(|own| own.address).filter(|address| !of_jail(address) && !is_link_local(*address));
        let host = Zone { name: "host".to_owned(), place: Place::Here, addresses: own.collect() };
        [outside, host].into_iter().chain(self.jails.iter().cloned()).collect()
    }

    /// The addresses that jails hold.
    pub fn of_jails(&self) -> impl Iterator<Item = IpAddr> {
        self.jails.iter().flat_map(|jail| jail.addresses.iter().copied())
    }

    fn is_here(&self, interface: &str, addresses: &[IpAddr]) -> bool {
        let known = self.interfaces.get(interface);
        let has = |address| known.is_some_and(|known| known.addresses.iter().any(|own| own.address == address));
        is_loopback(interface) || addresses.iter().all(|&address| has(address))
    }

    fn insert(&mut self, zone: Zone) -> Result<(), BadZone> {
        if ["outside", "host"].contains(&zone.name.as_str()) || self.jails.iter().any(|known| known.name == zone.name) {
            return Err(BadZone::Twice(zone.name));
        }
        for known in &self.jails {
            if let Some(&address) = zone.addresses.iter().find(|address| known.addresses.contains(address)) {
                return Err(BadZone::Shared { address, one: known.name.clone(), other: zone.name });
            }
        }
        self.jails.push(zone);
        Ok(())
    }

    /// Gives an interface an address, beside those it has.
    pub fn add_address(&mut self, interface: &str, address: IpAddr, bits: u8) {
        let known = self.interfaces.get(interface).cloned();
        let mut known = known.unwrap_or_else(|| Interface {
            name: interface.to_owned(),
            addresses: Vec::new(),
            groups: vec![interface.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()],
        });
        if known.addresses.iter().all(|own| own.address != address) {
            known.addresses.push(InterfaceAddress { address, bits, peer: None });
        }
        self.interfaces.insert(known);
    }
}

/// The addresses of a jail, each with the interface that gets it where one is named, and the length of its prefix.
fn addresses(jail: &ResolvedJail) -> Result<Vec<(Option<String>, IpAddr, u8)>, BadZone> {
    let default = jail.value("interface").map(ToString::to_string);
    let values = jail.values("ip4.addr").iter().chain(jail.values("ip6.addr"));
    let words = values.flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let mut found = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        let text = word.to_str_lossy();
        let (interface, rest) = match text.split_once('|') {
            Some((interface, rest)) => (Some(interface.to_owned()), rest),
            None => (default.clone(), &*text),
        };
        let first = rest.split_whitespace().next().unwrap_or_default();
        let (address, bits) = first.split_once('/').map_or((first, None), |(address, bits)| (address, Some(bits)));
        let bad = || BadZone::Address { jail: jail.name.to_string(), text: text.to_string() };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let bits = match bits {
            None => Family::of(address).bits(),
            // A mask, 255.255.255.0, is as good as a length.
            Some(bits) => match bits.parse::<std::net::Ipv4Addr>() {
                Ok(mask) => mask.to_bits().leading_ones() as u8,
                Err(_) => bits.parse().map_err(|_| bad())?,
            },
        };
        found.push((interface, address, bits));
    }
    Ok(found)
}

pub(super) fn is_loopback(interface: &str) -> bool {
    interface.strip_prefix("lo").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}
