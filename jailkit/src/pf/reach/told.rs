//! The answer as a table for a person, and as values for a program.

use std::fmt;

use serde::ser::SerializeStruct;

use super::super::rule::Network;
use super::super::trace::Ports;
use super::{Entry, Peer, Protocol, Reach, Through, Zone};

impl fmt::Display for Through<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => write!(f, "{}:{}", rule.file().display(), rule.line()),
            Self::Skip(interface) => write!(f, "set skip on {interface}"),
            Self::NoRule(interface) => write!(f, "no rule on {interface}"),
            Self::Link(interface) => write!(f, "the link of {interface}"),
        }
    }
}

impl serde::Serialize for Through<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (word, interface) = match self {
            Self::Rule(rule) => return rule.serialize(serializer),
            Self::Skip(interface) => ("skip", interface),
            Self::NoRule(interface) => ("no-rule", interface),
            Self::Link(interface) => ("link", interface),
        };
        let mut fields = serializer.serialize_struct("Through", 1)?;
        fields.serialize_field(word, interface)?;
        fields.end()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Tcp { "tcp" } else { "udp" })
    }
}

/// Rows that say the same of several protocols and addresses, as one.
struct Row {
    cells: [String; 3],
    at: Vec<String>,
    protocols: Vec<Protocol>,
    through: String,
}

impl fmt::Display for Reach<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<Row> = Vec::new();
        for entry in &self.entries {
            let cells = [self.peer(entry.from), self.reached(entry), ports(&entry.ports)];
            let (at, through) = (self.at(entry), through(entry));
            let like = |row: &&mut Row| row.cells == cells && row.through == through;
            match rows.iter_mut().find(|row| like(row) && row.at.contains(&at)) {
                Some(row) if row.protocols.contains(&entry.protocol) => {}
                Some(row) => row.protocols.push(entry.protocol),
                None => rows.push(Row { cells, at: vec![at], protocols: vec![entry.protocol], through }),
            }
        }
        let mut merged: Vec<Row> = Vec::new();
        for row in rows {
            let like = |known: &&mut Row| {
                known.cells == row.cells && known.through == row.through && known.protocols == row.protocols
            };
            match merged.iter_mut().find(like) {
                Some(known) => known.at.extend(row.at),
                None => merged.push(row),
            }
        }
        let lines = merged.into_iter().map(|row| {
            let [from, to, ports] = row.cells;
            let protocols: Vec<_> = row.protocols.iter().map(ToString::to_string).collect();
            [from, to, row.at.join(", "), protocols.join(", "), ports, row.through]
        });
        write_table(f, lines.collect())?;
        self.write_nothing(f)?;
        if !self.complete {
            f.write_str("\nmore networks are named in rules than were looked at by themselves")?;
        }
        Ok(())
    }
}

fn write_table(f: &mut fmt::Formatter<'_>, lines: Vec<[String; 6]>) -> fmt::Result {
    let headings = ["FROM", "TO", "AT", "PROTO", "PORTS", "THROUGH"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(headings).chain(lines).collect();
    let mut widths = [0; 6];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        writeln!(f, "{}", text.trim_end())?;
    }
    Ok(())
}

fn ports(ranges: &[Ports]) -> String {
    match ranges {
        [Ports { first: 1, last: u16::MAX }] => "all".to_owned(),
        ranges => ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn through(entry: &Entry<'_>) -> String {
    let parts: Vec<_> = entry.through.iter().map(ToString::to_string).collect();
    let through = parts.join(", ");
    match entry.unknown {
        Some(unknown) => format!("{through} if {unknown} so decides"),
        None => through,
    }
}

impl Reach<'_> {
    fn name(&self, zone: usize) -> &str {
        self.zones.get(zone).map_or("", |zone| &zone.name)
    }

    fn peer(&self, peer: Peer) -> String {
        match peer.network {
            Some(network) => format!("{} ({})", self.name(peer.zone), told(network)),
            None => self.name(peer.zone).to_owned(),
        }
    }

    /// The zone that is reached, with what of it is not what was written to.
    fn reached(&self, entry: &Entry<'_>) -> String {
        match entry.to {
            Some(to) if entry.ports == entry.arrives_at => self.peer(to),
            Some(to) => format!("{} port {}", self.peer(to), ports(&entry.arrives_at)),
            None => format!("nobody ({})", entry.arrives),
        }
    }

    fn at(&self, entry: &Entry<'_>) -> String {
        match entry.to {
            Some(to) if to.zone == 0 => "any address".to_owned(),
            _ => entry.address.to_string(),
        }
    }

    fn write_nothing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (from, zone) in self.zones.iter().enumerate() {
            let reached = |to: usize| {
                let mut entries = self.entries.iter().filter(|entry| entry.from.zone == from);
                entries.any(|entry| entry.to.is_some_and(|peer| peer.zone == to))
            };
            let nothing = (0..self.zones.len()).filter(|&to| to != from && !reached(to));
            let names: Vec<_> = nothing.map(|to| self.name(to)).collect();
            if !names.is_empty() {
                write!(f, "\n{} reaches nothing in: {}", zone.name, names.join(", "))?;
            }
        }
        Ok(())
    }
}

fn told(network: Network) -> String {
    if network.is_host() { network.address().to_string() } else { format!("{}/{}", network.address(), network.bits()) }
}

#[derive(serde::Serialize)]
struct Told<'a> {
    from: &'a str,
    from_network: Option<String>,
    source: std::net::IpAddr,
    to: Option<&'a str>,
    to_network: Option<String>,
    protocol: Protocol,
    address: std::net::IpAddr,
    ports: &'a [Ports],
    arrives: std::net::IpAddr,
    arrives_at: &'a [Ports],
    through: &'a [Through<'a>],
    undecided: Option<String>,
}

impl serde::Serialize for Reach<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.entries.iter().map(|entry| Told {
            from: self.name(entry.from.zone),
            from_network: entry.from.network.map(told),
            source: entry.source,
            to: entry.to.map(|to| self.name(to.zone)),
            to_network: entry.to.and_then(|to| to.network).map(told),
            protocol: entry.protocol,
            address: entry.address,
            ports: &entry.ports,
            arrives: entry.arrives,
            arrives_at: &entry.arrives_at,
            through: &entry.through,
            undecided: entry.unknown.map(|unknown| unknown.to_string()),
        });
        let mut fields = serializer.serialize_struct("Reach", 4)?;
        fields.serialize_field::<[Zone]>("zones", &self.zones)?;
        fields.serialize_field("source_port", &super::SOURCE_PORT)?;
        fields.serialize_field("complete", &self.complete)?;
        fields.serialize_field("entries", &entries.collect::<Vec<_>>())?;
        fields.end()
    }
}
