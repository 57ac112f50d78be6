//! The addresses of tables, found by prefix.

use std::net::IpAddr;

use ipnet::{Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

use super::super::rule::{Family, Network, TableEntry};

/// The networks of a table in prefix trees, each with whether it is of the table: a look-up takes as many steps as an
/// address has bits at the most, however many networks there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes {
    inet: PrefixMap<Ipv4Net, bool>,
    inet6: PrefixMap<Ipv6Net, bool>,
}

impl Prefixes {
    pub(super) fn add(&mut self, entry: TableEntry) {
        let (bits, own) = (entry.network.bits(), !entry.negated);
        match entry.network.address() {
            IpAddr::V4(v4) => drop(Ipv4Net::new(v4, bits).map(|network| self.inet.insert(network, own))),
            IpAddr::V6(v6) => drop(Ipv6Net::new(v6, bits).map(|network| self.inet6.insert(network, own))),
        }
    }

    /// Whether an address is of the table: the longest prefix that holds it says so.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let found = match address {
            IpAddr::V4(v4) => self.inet.get_lpm(&Ipv4Net::from(v4)).map(|(_, own)| *own),
            IpAddr::V6(v6) => self.inet6.get_lpm(&Ipv6Net::from(v6)).map(|(_, own)| *own),
        };
        found.unwrap_or(false)
    }

    /// All networks of a family that the table names, each with whether it is of the table.
    fn each(&self, family: Family) -> impl Iterator<Item = (Network, bool)> {
        let inet = self.inet.iter().filter(move |_| family == Family::Inet);
        let inet6 = self.inet6.iter().filter(move |_| family == Family::Inet6);
        let inet = inet.map(|(network, own)| (Network::new(network.addr().into(), network.prefix_len()), *own));
        inet.chain(inet6.map(|(network, own)| (Network::new(network.addr().into(), network.prefix_len()), *own)))
    }

    /// All networks of a family that the table names, be it to leave them out.
    pub(super) fn all(&self, family: Family) -> Vec<Network> {
        self.each(family).map(|(network, _)| network).collect()
    }

    /// The networks of a family that are of the table.
    pub(super) fn networks(&self, family: Family) -> impl Iterator<Item = Network> {
        self.each(family).filter(|(_, own)| *own).map(|(network, _)| network)
    }
}

impl FromIterator<TableEntry> for Prefixes {
    fn from_iter<T: IntoIterator<Item = TableEntry>>(entries: T) -> Self {
        let mut prefixes = Self::default();
        entries.into_iter().for_each(|entry| prefixes.add(entry));
        prefixes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let entry = |text: &str| {
            let (negated, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
            let (address, bits) = text.split_once('/').unwrap();
            TableEntry { network: Network::new(address.parse().unwrap(), bits.parse().unwrap()), negated }
        };
        let table: Prefixes =
            ["!10.0.1.0/24", "10.0.0.0/8", "10.0.1.7/32", "2001:db8::/32"].map(entry).into_iter().collect();
        for (address, inside) in [
            ("10.0.0.1", true),
            ("10.0.1.1", false),
            ("10.0.1.7", true),
            ("11.0.0.1", false),
            ("2001:db8::1", true),
            ("::1", false),
        ] {
            assert_eq!(table.contains(address.parse().unwrap()), inside, "{address}");
        }
    }
}
