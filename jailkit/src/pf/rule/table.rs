//! Tables and their addresses.

use super::{Name, Network, Origin};

/// An address of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// The network.
    pub network: Network,
    /// `!`: addresses in it are not of the table.
    pub negated: bool,
}

/// One `{ … }` or `file "…"` of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TablePart {
    /// `{ … }`
    List(Vec<TableEntry>),
    /// `file "…"`, and the addresses in it.
    File(Vec<u8>, Vec<TableEntry>),
}

/// `table <name> …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// Where it is defined.
    pub origin: Origin,
    /// `const`
    pub constant: bool,
    /// `persist`
    pub persist: bool,
    /// `counters`
    pub counters: bool,
    /// Whether addresses are given at all, be it an empty list.
    pub initialized: bool,
    /// The addresses.
    pub parts: Vec<TablePart>,
}

impl Table {
    /// All addresses, in their order.
    pub fn entries(&self) -> impl Iterator<Item = TableEntry> {
        self.parts.iter().flat_map(|part| match part {
            TablePart::List(entries) | TablePart::File(_, entries) => entries.iter().copied(),
        })
    }
}
