//! Rules that never match, because a `quick` rule before them takes all that they would.
//!
//! Each `quick` rule is kept by its shape, which says what of a packet it compares, and within that by the values it
//! compares with. So a rule is looked for in as many places as there are shapes, not against every rule before it.

use std::collections::{BTreeMap, HashMap};

use super::super::rule::{
    Action, Address, Direction, Endpoint, Family, Name, Network, Operator, Origin, Rule, Ruleset,
};
use super::covers::covers;
use super::{told, warning};
use crate::source::Diagnostic;

/// So many rules that compare the same values are looked at; they differ in flags, icmp types or ranges of ports.
const MAX_ALIKE: usize = 64;

pub(super) fn find(set: &Ruleset, found: &mut Vec<Diagnostic>) {
    for rules in std::iter::once(&set.main).chain(&set.bodies) {
        find_in(set, &rules.filter, found);
    }
    set.loaded.iter().for_each(|(_, loaded)| find(loaded, found));
}

fn find_in(set: &Ruleset, rules: &[Rule], found: &mut Vec<Diagnostic>) {
    let mut quick = Quick::default();
    // The statements, and the rule that takes all of each as far as it is known.
    let mut statements: BTreeMap<(u32, usize), (Origin, Option<Origin>)> = BTreeMap::new();
    for rule in rules {
        let spec = set.spec(rule);
        let by = quick.taker(set, rule).map(|taker| set.spec(taker).origin);
        let key = (spec.origin.source, spec.origin.span.start());
        statements.entry(key).and_modify(|(_, known)| *known = known.and(by)).or_insert((spec.origin, by));
        if by.is_some() {
            continue;
        }
        let translates = spec.translation != Default::default();
        if spec.quick && spec.anchor.is_none() && matches!(spec.action, Action::Pass | Action::Block(_)) {
            quick.add(set, rule);
        } else if translates && spec.action == Action::Match {
            // Behind it, packets have other addresses than before.
            quick = Quick::default();
        }
    }
    for (origin, by) in statements.into_values() {
        let Some(by) = by else { continue };
        let help = if by == origin {
            "the statement takes them itself, by a rule it expands to first".to_owned()
        } else {
            format!("{} takes every packet that it would match, and is quick", told(set, by))
        };
        found.push(warning(set, origin, "this rule never matches").with_help(help));
    }
}

/// How an address is compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum AddressShape {
    Any,
    Prefix(Family, u8),
    Exact,
}

/// What a rule compares.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    interface: bool,
    direction: bool,
    family: bool,
    protocol: bool,
    addresses: [AddressShape; 2],
    /// Whether a port is compared with one number.
    ports: [bool; 2],
}

/// The values that it compares with.
#[derive(PartialEq, Eq, Hash)]
struct Values {
    interface: Option<(Option<Name>, bool)>,
    direction: Option<Option<Direction>>,
    family: Option<Option<Family>>,
    protocol: Option<u8>,
    addresses: [Option<(Address, bool)>; 2],
    ports: [Option<u16>; 2],
}

#[derive(Default)]
struct Quick<'a> {
    by_shape: HashMap<Shape, HashMap<Values, Vec<&'a Rule>>>,
}

impl<'a> Quick<'a> {
    fn add(&mut self, set: &Ruleset, rule: &'a Rule) {
        let shape = Shape {
            interface: rule.interface.is_some(),
            direction: set.spec(rule).direction.is_some(),
            family: rule.family.is_some(),
            protocol: rule.protocol != 0,
            addresses: [shape(&rule.source), shape(&rule.destination)],
            ports: [one_port(&rule.source).is_some(), one_port(&rule.destination).is_some()],
        };
        let Some(values) = shape.values(set, rule) else { return };
        let alike = self.by_shape.entry(shape).or_default().entry(values).or_default();
        if alike.len() < MAX_ALIKE {
            alike.push(rule);
        }
    }

    /// A rule that takes all that another would match.
    fn taker(&self, set: &Ruleset, rule: &Rule) -> Option<&'a Rule> {
        let alike = self.by_shape.iter().filter_map(|(shape, rules)| rules.get(&shape.values(set, rule)?));
        alike.flatten().copied().filter(|taker| covers(set, taker, rule)).min_by_key(|taker| taker.number)
    }
}

impl Shape {
    /// The values that a rule must have to be covered by one of this shape; none where it cannot.
    fn values(&self, set: &Ruleset, rule: &Rule) -> Option<Values> {
        let [source, destination] = [&rule.source, &rule.destination];
        let address = |shape: AddressShape, side: &Endpoint| match (shape, side.address) {
            (AddressShape::Any, _) => Some(None),
            (AddressShape::Exact, address) => Some(Some((address, side.negated))),
            (AddressShape::Prefix(family, bits), Address::Network(network))
                if !side.negated && network.family() == family && network.bits() >= bits =>
            {
                Some(Some((Address::Network(Network::new(network.address(), bits)), false)))
            }
            (AddressShape::Prefix(..), _) => None,
        };
        let port = |compared: bool, side: &Endpoint| if compared { one_port(side).map(Some) } else { Some(None) };
        Some(Values {
            interface: self.interface.then_some((rule.interface, rule.interface_negated)),
            direction: self.direction.then(|| set.spec(rule).direction),
            family: self.family.then_some(rule.family),
            protocol: self.protocol.then_some(rule.protocol),
            addresses: [address(self.addresses[0], source)?, address(self.addresses[1], destination)?],
            ports: [port(self.ports[0], source)?, port(self.ports[1], destination)?],
        })
    }
}

fn shape(side: &Endpoint) -> AddressShape {
    match side.address {
        Address::Any if !side.negated => AddressShape::Any,
        Address::Network(network) if !side.negated => AddressShape::Prefix(network.family(), network.bits()),
        _ => AddressShape::Exact,
    }
}

fn one_port(side: &Endpoint) -> Option<u16> {
    (side.port.operator == Operator::Equal).then_some(side.port.first)
}
