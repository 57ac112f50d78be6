//! The way of a packet through the host: which interfaces it passes, and where it ends.

use std::net::IpAddr;

use super::super::rule::Direction;
use super::super::trace::{Effect, Outcome, Packet, RuleRef, Tracer, Unknown, Verdict};
use super::zones::{Place, Zone, Zones, is_loopback};

/// A packet that redirections send on and on is lost.
const MAX_HOPS: usize = 6;

/// What let a packet through at an interface.
#[derive(Clone, Debug, PartialEq)]
pub enum Through<'a> {
    /// A rule.
    Rule(RuleRef<'a>),
    /// `set skip on` this interface.
    Skip(String),
    /// No rule matched there, and then pf passes.
    NoRule(String),
    /// The two are on one link: the host does not see their packets.
    Link(String),
}

impl Through<'_> {
    /// Whether both are the same, or rules that one statement expands to.
    pub(super) fn is_of_statement_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rule(one), Self::Rule(other)) => {
                std::ptr::eq(one.set, other.set) && one.set.spec(one.rule).origin == other.set.spec(other.rule).origin
            }
            (one, other) => one == other,
        }
    }
}

/// Where a packet ended.
#[derive(Clone, Debug)]
pub(super) struct Arrival<'a> {
    /// The zone, by its number; none where no zone holds the address that rules made of the destination.
    pub(super) to: Option<usize>,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) through: Vec<Through<'a>>,
    /// What only the running host knows and this depends on.
    pub(super) unknown: Option<Unknown>,
}

/// The host that packets are sent through.
pub(super) struct Paths<'a> {
    pub(super) tracer: Tracer<'a>,
    pub(super) zones: &'a Zones,
    pub(super) all: Vec<Zone>,
}

/// A packet on its way.
#[derive(Clone)]
struct Walk<'a> {
    packet: Packet,
    through: Vec<Through<'a>>,
    unknown: Option<Unknown>,
}

impl<'a> Paths<'a> {
    /// Where a packet from a zone ends; more than once where that is not certain, or a pool has several addresses.
    pub(super) fn send(&self, from: usize, packet: Packet) -> Vec<Arrival<'a>> {
        let destination = packet.destination;
        let mut walk = Walk { packet, through: Vec::new(), unknown: None };
        let mut found = Vec::new();
        match &self.all[from].place {
            Place::Here => self.send_out(walk, destination, 0, &mut found),
            Place::Behind(interface) if self.is_behind(destination, interface) => {
                walk.through.push(Through::Link(interface.clone()));
                self.arrive(walk, destination, &mut found);
            }
            Place::Behind(interface) => self.receive(walk, interface.clone(), destination, 0, &mut found),
            Place::Outside => self.receive(walk, self.zones.external.clone(), destination, 0, &mut found),
        }
        found
    }

    /// The zone that holds an address; the outside holds what no other does.
    pub(super) fn holder(&self, address: IpAddr) -> usize {
        self.all.iter().position(|zone| zone.addresses.contains(&address)).unwrap_or(0)
    }

    fn place(&self, address: IpAddr) -> &Place {
        &self.all[self.holder(address)].place
    }

    fn is_behind(&self, address: IpAddr, interface: &str) -> bool {
        matches!(self.place(address), Place::Behind(own) if own == interface)
    }

    /// The interface that packets to an address leave by. A loopback interface has the route to its own addresses; to
    /// those of other interfaces of the host, the route is by lo0.
    fn route(&self, address: IpAddr) -> String {
        match self.place(address) {
            Place::Outside => self.zones.external.clone(),
            Place::Behind(interface) => interface.clone(),
            Place::Here => {
                let has = |address: IpAddr, name: &str| {
                    let known = self.zones.interfaces.get(name);
                    known.is_some_and(|known| known.addresses.iter().any(|own| own.address == address))
                };
                let mut loopback = self.zones.interfaces.iter().filter(|interface| is_loopback(&interface.name));
                let own = loopback.find(|interface| has(address, &interface.name));
                own.map_or_else(|| "lo0".to_owned(), |interface| interface.name.clone())
            }
        }
    }

    /// Sends a packet out; what stays on the host comes in again by the same loopback interface.
    fn send_out(&self, walk: Walk<'a>, addressed: IpAddr, hops: usize, found: &mut Vec<Arrival<'a>>) {
        if hops > MAX_HOPS {
            return;
        }
        let interface = self.route(walk.packet.destination);
        let sent = walk.packet.destination;
        for walk in self.pass(walk, Direction::Out, &interface) {
            let destination = walk.packet.destination;
            match self.place(destination) {
                Place::Here => {
                    let interface = if destination == sent { interface.clone() } else { self.route(destination) };
                    self.receive(walk, interface, addressed, hops + 1, found);
                }
                Place::Outside | Place::Behind(_) => self.arrive(walk, addressed, found),
            }
        }
    }

    /// Takes a packet in; what is for nobody here is sent on.
    fn receive(&self, walk: Walk<'a>, interface: String, addressed: IpAddr, hops: usize, found: &mut Vec<Arrival<'a>>) {
        if hops > MAX_HOPS {
            return;
        }
        for walk in self.pass(walk, Direction::In, &interface) {
            let destination = walk.packet.destination;
            match self.place(destination) {
                Place::Here => self.arrive(walk, addressed, found),
                Place::Outside if destination != addressed && interface == self.zones.external => {
                    self.arrive(walk, addressed, found);
                }
                Place::Outside | Place::Behind(_) => self.send_out(walk, addressed, hops + 1, found),
            }
        }
    }

    /// The packet behind an interface, once for each way it may pass.
    fn pass(&self, walk: Walk<'a>, direction: Direction, interface: &str) -> Vec<Walk<'a>> {
        let packet = Packet { direction, interface: interface.to_owned(), ..walk.packet.clone() };
        let trace = self.tracer.trace(&packet);
        let undecided = trace.verdict == Verdict::Undecided;
        let passing = trace.outcomes.into_iter().filter(|outcome| outcome.verdict == Verdict::Pass);
        let passed = passing.map(|outcome| {
            let mut walk = walk.clone();
            if undecided && walk.unknown.is_none() {
                // Too many ways to follow are not known either: what is not known is which of them it goes.
                walk.unknown = Some(assumed(&outcome).unwrap_or(Unknown::Chance));
            }
            add_through(&mut walk.through, &outcome, interface);
            walk.packet = outcome.after;
            walk
        });
        passed.collect()
    }

    fn arrive(&self, walk: Walk<'a>, addressed: IpAddr, found: &mut Vec<Arrival<'a>>) {
        let Walk { packet, through, unknown } = walk;
        let holder = self.holder(packet.destination);
        let to = if holder == 0 && packet.destination != addressed { None } else { Some(holder) };
        found.push(Arrival { to, address: packet.destination, port: packet.destination_port, through, unknown });
    }
}

fn assumed(outcome: &Outcome<'_>) -> Option<Unknown> {
    outcome.trail.iter().find_map(|step| match step.effect {
        Effect::Assumed { unknown, .. } => Some(unknown),
        _ => None,
    })
}

/// What translated the packet, and what let it pass.
fn add_through<'a>(through: &mut Vec<Through<'a>>, outcome: &Outcome<'a>, interface: &str) {
    let translating = outcome.trail.iter().filter(|step| matches!(step.effect, Effect::Translated { .. }));
    let deciding = match outcome.rule {
        Some(rule) => Through::Rule(rule),
        None if outcome.trail.iter().any(|step| step.effect == Effect::Skipped) => Through::Skip(interface.to_owned()),
        None => Through::NoRule(interface.to_owned()),
    };
    for one in translating.filter_map(|step| step.rule).map(Through::Rule).chain([deciding]) {
        if !through.contains(&one) {
            through.push(one);
        }
    }
}
