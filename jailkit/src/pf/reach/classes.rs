//! Which ports and which addresses a ruleset can tell apart: one of each class stands for all.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::rule::{Address, Compare, Endpoint, Family, Modifiers, Network, Pool, Rule, Rules, Ruleset};
use super::super::trace::Ports;
use super::zones::Zones;

/// So many networks that rules name are looked at apart from the rest of the outside.
const MAX_NETWORKS: usize = 64;
/// So many networks of one table.
const MAX_OF_TABLE: usize = 8;
/// How often a redirection into a range of ports is followed by another one.
const MAX_REDIRECTIONS: usize = 3;

/// Every rule on packets, those of anchors and loaded rulesets with them.
pub(in crate::pf) fn each_rule<'a>(set: &'a Ruleset, visit: &mut impl FnMut(&'a Ruleset, &'a Rule)) {
    for rules in std::iter::once(&set.main).chain(&set.bodies) {
        let Rules { scrub, nat, rdr, binat, filter, .. } = rules;
        [scrub, nat, rdr, binat, filter].into_iter().flatten().for_each(|rule| visit(set, rule));
    }
    set.loaded.iter().for_each(|(_, loaded)| each_rule(loaded, visit));
}

/// The destination ports from 1 on, in ranges that no rule cuts.
pub(super) fn ports(set: &Ruleset) -> Vec<Ports> {
    // Where a class begins.
    let mut starts = BTreeSet::from([1u32]);
    let mut ranges = Vec::new();
    each_rule(set, &mut |set, rule| {
        starts.extend(edges(&rule.destination.port));
        // On the way in, binat compares the destination with what stands in its source.
        starts.extend(edges(&rule.source.port));
        if let Some(pool) = &set.spec(rule).translation.destination
            && pool.ports.1 != 0
        {
            ranges.push((rule.destination.port, pool));
        }
    });
    for _ in 0..MAX_REDIRECTIONS {
        let known = starts.len();
        for (port, pool) in &ranges {
            let before = before(port, pool, &starts);
            starts.extend(before);
        }
        if starts.len() == known {
            break;
        }
    }
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([65_535]);
    let classes = starts.iter().zip(ends).filter(|&(&first, last)| first <= last && last <= 65_535);
    classes.map(|(&first, last)| Ports { first: first as u16, last: last as u16 }).collect()
}

fn edges(compare: &Compare<u16>) -> impl Iterator<Item = u32> {
    let numbers = compare.is_some().then_some([compare.first, compare.second]).into_iter().flatten();
    numbers.flat_map(|number| [u32::from(number), u32::from(number) + 1]).filter(|edge| (1..=65_535).contains(edge))
}

/// The ports that a redirection into a range takes to an edge.
fn before(port: &Compare<u16>, pool: &Pool, edges: &BTreeSet<u32>) -> Vec<u32> {
    let (first, last) = (u32::from(pool.ports.0), u32::from(pool.ports.1));
    let width = last.checked_sub(first).map_or(65_536 - first + last, |width| width + 1).max(1);
    let base = u32::from(port.first);
    let end = if port.second > port.first { u32::from(port.second) } else { 65_535 };
    let inside = edges.range(first..=last.max(first)).map(|edge| edge - first).chain([0]);
    inside.flat_map(|offset| (base + offset..=end).step_by(width as usize)).filter(|edge| *edge > 0).collect()
}

/// The parts of the outside.
pub(super) struct Outside {
    /// An address of each family that no rule names.
    pub(super) others: [IpAddr; 2],
    /// An address of each network that rules name.
    pub(super) named: Vec<(Network, IpAddr)>,
    /// Whether every network that is named is there.
    pub(super) complete: bool,
}

impl Outside {
    /// The parts that the rules, and the tables the caller filled, tell apart.
    pub(super) fn of(set: &Ruleset, zones: &Zones, filled: &[Network]) -> Self {
        let mut named = Named { networks: BTreeSet::new(), complete: true };
        let mut dynamic = false;
        each_rule(set, &mut |_, rule| {
            for side in [&rule.source, &rule.destination] {
                named.add_side(side);
                dynamic |=
                    matches!(side.address, Address::Dynamic { modifiers, .. } if modifiers.has(Modifiers::NETWORK));
            }
        });
        named.add_tables(set);
        named.add_some(filled.iter().copied());
        if dynamic {
            let all = zones.interfaces.iter().flat_map(|interface| &interface.addresses);
            named.networks.extend(all.map(|own| Network::new(own.address, own.bits)));
        }
        let Named { networks, mut complete } = named;
        let held: Vec<IpAddr> = zones.all().into_iter().flat_map(|zone| zone.addresses).collect();
        let others = [Family::Inet, Family::Inet6].map(|family| other(family, &networks, &held));
        let mut parts = Vec::new();
        for &network in networks.iter().filter(|network| is_outside(**network, zones)) {
            if parts.len() == MAX_NETWORKS {
                complete = false;
                break;
            }
            if let Some(address) = representative(network, &networks, &held) {
                parts.push((network, address));
            }
        }
        Self { others, named: parts, complete }
    }

    pub(super) fn other(&self, family: Family) -> IpAddr {
        self.others[family as usize]
    }
}

struct Named {
    networks: BTreeSet<Network>,
    complete: bool,
}

impl Named {
    fn add_side(&mut self, side: &Endpoint) {
        match side.address {
            Address::Network(network) => drop(self.networks.insert(network)),
            Address::Range(first, last) => self.networks.extend([Network::host(first), Network::host(last)]),
            Address::Any | Address::NoRoute | Address::UrpfFailed | Address::Table(_) | Address::Dynamic { .. } => {}
        }
    }

    fn add_tables(&mut self, set: &Ruleset) {
        for table in &set.tables {
            self.add_some(table.entries().map(|entry| entry.network));
        }
        set.loaded.iter().for_each(|(_, loaded)| self.add_tables(loaded));
    }

    fn add_some(&mut self, mut networks: impl Iterator<Item = Network>) {
        self.networks.extend(networks.by_ref().take(MAX_OF_TABLE));
        self.complete &= networks.next().is_none();
    }
}

/// Whether packets of a network come from outside, as far as addresses tell.
fn is_outside(network: Network, zones: &Zones) -> bool {
    let special = match network.address() {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.is_loopback() || v4.is_multicast() || v4.octets()[0] >= 240,
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local(),
    };
    let inner = zones.interfaces.iter().filter(|interface| interface.name != zones.external);
    let mut inner = inner.flat_map(|interface| &interface.addresses).map(|own| Network::new(own.address, own.bits));
    !special
        && network.bits() > 0
        && !zones.of_jails().any(|address| network.contains(address))
        && !inner.any(|own| own.contains(network.address()))
}

/// An address of a network that is of no narrower one that is named, and that no zone holds.
fn representative(network: Network, named: &BTreeSet<Network>, held: &[IpAddr]) -> Option<IpAddr> {
    let skip_first = u128::from(!network.is_host());
    (0..64).filter_map(|at| nth(network, at + skip_first)).find(|&address| {
        let narrower = |other: &&Network| other.bits() > network.bits() && other.contains(address);
        !held.contains(&address) && !named.iter().any(|other| narrower(&other))
    })
}

fn nth(network: Network, at: u128) -> Option<IpAddr> {
    let address = match network.address() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits().checked_add(u32::try_from(at).ok()?)?)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits().checked_add(at)?)),
    };
    let at = if network.is_host() && at > 0 { None } else { Some(address) };
    at.filter(|&address| network.contains(address))
}

/// A public address that no rule names, the same each time.
fn other(family: Family, named: &BTreeSet<Network>, held: &[IpAddr]) -> IpAddr {
    const PUBLIC: [u8; 8] = [9, 17, 45, 62, 80, 129, 151, 193];
    let at = |step: usize| match family {
        Family::Inet => IpAddr::V4(Ipv4Addr::new(PUBLIC[step % PUBLIC.len()], 9, (step / PUBLIC.len()) as u8, 9)),
        Family::Inet6 => IpAddr::V6(Ipv6Addr::from_bits((0x2600_0000u128 + step as u128) << 96 | 0x1001)),
    };
    let free = |address: &IpAddr| {
        !held.contains(address) && !named.iter().any(|network| network.bits() > 0 && network.contains(*address))
    };
    (0..2048).map(at).find(free).unwrap_or_else(|| at(0))
}
