//! The addresses of tables, found by prefix.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::super::rule::{Family, Network, TableEntry};

/// The networks of a table by the length of their prefix, the longest first: as many look-ups as there are lengths,
/// however many networks there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes {
    by_length: BTreeMap<(Family, Reverse<u8>), HashMap<Network, bool>>,
}

impl Prefixes {
    pub(super) fn add(&mut self, entry: TableEntry) {
        let length = (entry.network.family(), Reverse(entry.network.bits()));
        self.by_length.entry(length).or_default().insert(entry.network, !entry.negated);
    }

    /// Whether an address is of the table: the longest prefix that holds it says so.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let family = Family::of(address);
        let lengths = self.by_length.range((family, Reverse(u8::MAX))..=(family, Reverse(0)));
        let mut found =
            lengths.filter_map(|(&(_, Reverse(bits)), networks)| networks.get(&Network::new(address, bits)));
        found.next().copied().unwrap_or(false)
    }

    /// All networks of a family that the table names, be it to leave them out.
    pub(super) fn all(&self, family: Family) -> Vec<Network> {
        let lengths = self.by_length.range((family, Reverse(u8::MAX))..=(family, Reverse(0)));
        lengths.flat_map(|(_, networks)| networks.keys().copied()).collect()
    }

    /// The networks of a family that are of the table.
    pub(super) fn networks(&self, family: Family) -> impl Iterator<Item = Network> {
        let lengths = self.by_length.range((family, Reverse(u8::MAX))..=(family, Reverse(0)));
        lengths.flat_map(|(_, networks)| networks.iter().filter(|(_, own)| **own).map(|(network, _)| *network))
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
