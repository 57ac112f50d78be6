//! Who reaches whom: which tcp and udp ports the zones of a host can open connections to in each other, and through
//! which rules.
//!
//! Not each of the 65,535 ports is tried: the ports that rules compare with cut them into classes that no rule can tell
//! apart, and one packet of each is [traced](super::trace). The outside is cut likewise, by the networks that rules
//! name. A packet takes the way that FreeBSD's routing gives it: from outside it comes in by the external interface;
//! between zones in the host's own network stack it goes out and comes in by the loopback interface that has the
//! destination's address, or by lo0 where no loopback interface has it; and by the external interface it goes out.
//!
//! It is the first packet of a connection that is followed, from source port [`SOURCE_PORT`]. That something listens
//! at its end, that `ip_forward` is on, that a neighbour routes packets for inner addresses here, is taken for granted.

mod classes;
mod path;
mod told;
mod zones;

use std::net::{IpAddr, SocketAddr};

use rayon::prelude::*;

use super::rule::{Action, Address, Direction, Family, Network, Ruleset};
use super::trace::{BadTable, Packet, Ports, Tracer, Unknown};
use classes::Outside;
use path::{Arrival, Paths};
use zones::is_link_local;

pub(super) use classes::each_rule;
pub use path::Through;
pub use zones::{BadZone, Place, Zone, Zones};

/// The source port of every packet that is followed.
pub const SOURCE_PORT: u16 = 50_000;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// tcp
    Tcp,
    /// udp
    Udp,
}

/// A zone, or a part of the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The zone, by its number in [`Reach::zones`].
    pub zone: usize,
    /// The network of the outside that alone is meant, as rules treat it in another way than the rest.
    pub network: Option<Network>,
}

/// Ports of an address that one zone reaches in another.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// Who sends.
    pub from: Peer,
    /// From which of its addresses.
    pub source: IpAddr,
    /// Who is reached; none where rules send the packets to an address that no zone holds.
    pub to: Option<Peer>,
    /// By which protocol.
    pub protocol: Protocol,
    /// The address that is written to.
    pub address: IpAddr,
    /// The ports there, in ascending order.
    pub ports: Vec<Ports>,
    /// The address that the packets arrive at.
    pub arrives: IpAddr,
    /// The ports that they arrive at, beside those of `ports`.
    pub arrives_at: Vec<Ports>,
    /// What lets them through, in their order.
    pub through: Vec<Through<'a>>,
    /// What only the running host knows and this depends on.
    pub unknown: Option<Unknown>,
}

/// The answer of [`Reach::of`].
///
/// # Example
/// ```
/// use jailkit::pf::reach::{Reach, Zones};
/// use jailkit::pf::{Environment, Interfaces, MAX_RULES, NoFiles, Ruleset};
/// use jailkit::source::Source;
///
/// let mut interfaces = Interfaces::default();
/// interfaces.add("igb0=203.0.113.10/24")?;
/// let mut zones = Zones::new(interfaces, "igb0");
/// zones.add("www=10.0.0.2@lo1")?;
///
/// let rules = "rdr pass on igb0 proto tcp to (igb0) port 80 -> 10.0.0.2\nblock\n";
/// let env = Environment { interfaces: zones.interfaces(), files: &NoFiles, max_rules: MAX_RULES };
/// let set = Ruleset::read(&Source::new("pf.conf", rules), &env)?;
/// let reach = Reach::of(&set, &zones, &[])?;
/// assert_eq!(
///     reach.to_string(),
///     "FROM     TO   AT            PROTO  PORTS  THROUGH\n\
///      outside  www  203.0.113.10  tcp    80     pf.conf:1\n\
///      \n\
///      outside reaches nothing in: host\n\
///      host reaches nothing in: outside, www\n\
///      www reaches nothing in: outside, host"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reach<'a> {
    /// The zones: the outside, the host, the jails.
    pub zones: Vec<Zone>,
    /// What is reached; nothing else is.
    pub entries: Vec<Entry<'a>>,
    /// Whether every network that rules name was looked at by itself; else there are too many.
    pub complete: bool,
}

impl<'a> Reach<'a> {
    /// Which zones reach which, by a ruleset and, in place of what it puts into tables, `tables` as
    /// [`Tracer::fill_table`] takes them.
    ///
    /// # Errors
    /// [`BadTable`] for a table that cannot be read.
    pub fn of(set: &'a Ruleset, zones: &'a Zones, tables: &[String]) -> Result<Self, BadTable> {
        let mut tracer = Tracer::new(set, &zones.interfaces);
        for text in tables {
            tracer.fill_table(text)?;
        }
        let outside = Outside::of(set, zones, &filled(tables));
        let paths = Paths { tracer, zones, all: zones.all() };
        let matrix = Matrix { ports: classes::ports(set), redirected: redirected(set), outside, paths };
        let jobs = matrix.jobs();
        let mut entries: Vec<_> = jobs.par_iter().flat_map_iter(|job| matrix.entries(job)).collect();
        drop_usual(&mut entries);
        Ok(Self { zones: matrix.paths.all, entries, complete: matrix.outside.complete })
    }
}

/// The networks that the caller put into tables.
fn filled(tables: &[String]) -> Vec<Network> {
    let words = tables.iter().filter_map(|text| text.split_once('=')).flat_map(|(_, list)| list.split(','));
    let networks = words.filter_map(|word| {
        let word = word.trim_start_matches('!');
        let (address, bits) = word.split_once('/').map_or((word, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        Some(Network::new(address, bits.map_or(Some(128), |bits| bits.parse().ok())?))
    });
    networks.collect()
}

/// The addresses that rules redirect and that may be no zone's: one of each network.
fn redirected(set: &Ruleset) -> Vec<IpAddr> {
    let mut found = Vec::new();
    each_rule(set, &mut |set, rule| {
        let spec = set.spec(rule);
        let addressed = match spec.action {
            Action::Binat => spec.translation.source.as_ref().and_then(|pool| Some(pool.addresses.first()?.address)),
            _ if spec.translation.destination.is_some() && !rule.destination.negated => Some(rule.destination.address),
            _ => None,
        };
        if let Some(Address::Network(network)) = addressed
            && !found.contains(&network.address())
        {
            found.push(network.address());
        }
    });
    found
}

/// Packets of one protocol family from one address to another.
struct Job {
    from: Peer,
    source: IpAddr,
    /// The network of the outside that the address stands for.
    network: Option<Network>,
    address: IpAddr,
}

struct Matrix<'a> {
    ports: Vec<Ports>,
    redirected: Vec<IpAddr>,
    outside: Outside,
    paths: Paths<'a>,
}

impl<'a> Matrix<'a> {
    fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for from in 0..self.paths.all.len() {
            for (network, address) in self.targets(from) {
                for (part, source) in self.sources(from, address) {
                    jobs.push(Job { from: Peer { zone: from, network: part }, source, network, address });
                }
            }
        }
        jobs
    }

    /// What a zone may write to: the addresses of the others, and those that rules redirect.
    fn targets(&self, from: usize) -> Vec<(Option<Network>, IpAddr)> {
        let all = &self.paths.all;
        let others = all.iter().enumerate().filter(|(number, _)| *number != from).flat_map(|(_, zone)| &zone.addresses);
        let reachable = |address: &IpAddr| !address.is_loopback() && !is_link_local(*address);
        let mut targets: Vec<_> = others.filter(|address| reachable(address)).map(|&address| (None, address)).collect();
        if from != 0 {
            targets.extend(self.outside.others.map(|address| (None, address)));
            targets.extend(self.outside.named.iter().map(|&(network, address)| (Some(network), address)));
        }
        for &address in &self.redirected {
            let known = targets.iter().any(|&(_, known)| known == address) || all[from].addresses.contains(&address);
            if !known && reachable(&address) {
                targets.push((None, address));
            }
        }
        targets
    }

    /// The addresses that a zone writes from. The host takes the one that its route to the destination has.
    fn sources(&self, from: usize, to: IpAddr) -> Vec<(Option<Network>, IpAddr)> {
        let family = Family::of(to);
        let of_family = |address: &IpAddr| Family::of(*address) == family;
        let zone = &self.paths.all[from];
        match from {
            0 => {
                let named = self.outside.named.iter().filter(|(_, address)| of_family(address));
                let named = named.map(|&(network, address)| (Some(network), address));
                std::iter::once((None, self.outside.other(family))).chain(named).collect()
            }
            1 if self.paths.holder(to) != 0
                && !matches!(self.paths.all[self.paths.holder(to)].place, Place::Behind(_)) =>
            {
                vec![(None, to)]
            }
            1 => {
                let interface = match &self.paths.all[self.paths.holder(to)].place {
                    Place::Behind(interface) => interface,
                    Place::Outside | Place::Here => &self.paths.zones.external,
                };
                let own = self.paths.zones.interfaces.get(interface).into_iter().flat_map(|own| &own.addresses);
                let mut own = own.map(|own| own.address);
                let own = own.find(|address| of_family(address) && zone.addresses.contains(address));
                own.into_iter().map(|address| (None, address)).collect()
            }
            _ => zone.addresses.iter().filter(|address| of_family(address)).map(|&address| (None, address)).collect(),
        }
    }

    fn entries(&self, job: &Job) -> Vec<Entry<'a>> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let of_other = entries.len();
            for &ports in &self.ports {
                for arrival in self.send(job, protocol, ports.first) {
                    let arrives_at = self.arrives_at(job, protocol, ports, &arrival);
                    let entry = entry(job, protocol, ports, arrives_at, arrival);
                    if entry.to.is_some_and(|to| to.zone == job.from.zone) {
                        continue;
                    }
                    match entries[of_other..].iter_mut().find(|known| known.is_like(&entry)) {
                        Some(known) => known.extend(&entry),
                        None => entries.push(entry),
                    }
                }
            }
        }
        entries
    }

    fn send(&self, job: &Job, protocol: Protocol, port: u16) -> Vec<Arrival<'a>> {
        let word = if protocol == Protocol::Tcp { "tcp" } else { "udp" };
        let (from, to) = (SocketAddr::new(job.source, SOURCE_PORT), SocketAddr::new(job.address, port));
        let packet = Packet::new(Direction::Out, "", word, &from.to_string(), &to.to_string());
        packet.map_or_else(|_| Vec::new(), |packet| self.paths.send(job.from.zone, packet))
    }

    /// The ports that a class arrives at: one, or as many as there are.
    fn arrives_at(&self, job: &Job, protocol: Protocol, ports: Ports, first: &Arrival<'a>) -> Ports {
        if first.port == ports.first && ports.first != ports.last {
            return ports;
        }
        if ports.first == ports.last {
            return Ports::one(first.port);
        }
        let same = |other: &Arrival<'a>| other.address == first.address && other.through == first.through;
        let last = self.send(job, protocol, ports.last).into_iter().find(same).map_or(first.port, |last| last.port);
        Ports { first: first.port.min(last), last: first.port.max(last) }
    }
}

fn entry<'a>(job: &Job, protocol: Protocol, ports: Ports, arrives_at: Ports, arrival: Arrival<'a>) -> Entry<'a> {
    let Arrival { to, address, through, unknown, .. } = arrival;
    let network = job.network.filter(|_| to == Some(0));
    Entry {
        from: job.from,
        source: job.source,
        to: to.map(|zone| Peer { zone, network }),
        protocol,
        address: job.address,
        ports: vec![ports],
        arrives: address,
        arrives_at: vec![arrives_at],
        through,
        unknown,
    }
}

impl<'a> Entry<'a> {
    fn is_like(&self, other: &Self) -> bool {
        self.to == other.to
            && self.protocol == other.protocol
            && self.arrives == other.arrives
            && self.through.len() == other.through.len()
            && self.through.iter().zip(&other.through).all(|(one, other)| one.is_of_statement_of(other))
            && self.unknown == other.unknown
            && (self.ports == self.arrives_at) == (other.ports == other.arrives_at)
    }

    fn extend(&mut self, other: &Self) {
        add_ports(&mut self.ports, &other.ports);
        add_ports(&mut self.arrives_at, &other.arrives_at);
    }

    /// Whether both say the same of another part of the outside.
    fn says_the_same(&self, other: &Entry<'a>) -> bool {
        let outside = |entry: &Self| entry.to.is_some_and(|to| to.zone == 0);
        let at = |entry: &Self| (!outside(entry)).then_some((entry.address, entry.arrives));
        let of = |entry: &Self| (entry.from.zone != 0).then_some(entry.source);
        self.is_like(&Entry { to: self.to, arrives: self.arrives, ..other.clone() })
            && self.from.zone == other.from.zone
            && self.to.map(|to| to.zone) == other.to.map(|to| to.zone)
            && of(self) == of(other)
            && at(self) == at(other)
            && self.ports == other.ports
            && self.arrives_at == other.arrives_at
    }
}

fn add_ports(ranges: &mut Vec<Ports>, more: &[Ports]) {
    for &range in more {
        match ranges.last_mut() {
            Some(last) if last.last.checked_add(1) == Some(range.first) => last.last = range.last,
            Some(last) if *last == range => {}
            _ => ranges.push(range),
        }
    }
}

/// Leaves of the outside's parts those that differ from the rest of the outside.
fn drop_usual(entries: &mut Vec<Entry<'_>>) {
    let part = |entry: &Entry<'_>| {
        let to = entry.to.and_then(|to| to.network);
        (entry.from.zone, entry.from.network, to)
    };
    let mut parts: Vec<_> = entries.iter().map(part).collect();
    parts.dedup();
    let mut usual = Vec::new();
    for named in parts.into_iter().filter(|(_, from, to)| from.is_some() || to.is_some()) {
        // A destination outside that is named: compared are the entries to the outside only.
        let of_rest = |entry: &&Entry<'_>| {
            entry.from.zone == named.0
                && entry.from.network.is_none()
                && entry.to.is_none_or(|to| to.network.is_none())
                && (named.2.is_none() || entry.to.is_some_and(|to| to.zone == 0))
                && named.1.is_none_or(|network| network.family() == Family::of(entry.source))
                && named.2.is_none_or(|network| network.family() == Family::of(entry.address))
        };
        let own: Vec<_> = entries.iter().filter(|entry| part(entry) == named).collect();
        let rest: Vec<_> = entries.iter().filter(of_rest).collect();
        let same = own.len() == rest.len() && own.iter().all(|one| rest.iter().any(|other| one.says_the_same(other)));
        if same {
            usual.push(named);
        }
    }
    entries.retain(|entry| !usual.contains(&part(entry)));
}
