//! Redirections that lead nowhere: to ports that the filter blocks, to addresses that nobody holds.

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::Interfaces;
use super::super::reach::each_rule;
use super::super::rule::{
    Action, Address, Compare, Direction, Endpoint, Network, Operator, Pool, Rule, Rules, Ruleset,
};
use super::covers::{covers, ranges};
use super::{told, warning};
use crate::source::Diagnostic;

/// Redirections whose packets no rule passes, and one rule blocks whatever they are.
pub(super) fn find_blocked(set: &Ruleset, found: &mut Vec<Diagnostic>) {
    let mut filters = Filters::default();
    if !filters.add(set) || filters.blocks.is_empty() {
        return;
    }
    let mut told_of: HashMap<_, _> = HashMap::new();
    each_rule(set, &mut |of, rule| {
        let spec = of.spec(rule);
        if !std::ptr::eq(of, set) || spec.action != Action::Rdr || spec.nat_pass || spec.anchor.is_some() {
            return;
        }
        let Some(pool) = &spec.translation.destination else { return };
        let by = filters.blocker(set, rule, pool);
        let key = (spec.origin.source, spec.origin.span);
        told_of
            .entry(key)
            .and_modify(|known: &mut (_, Option<_>)| known.1 = known.1.and(by))
            .or_insert((spec.origin, by));
    });
    for (origin, by) in told_of.into_values() {
        let Some(by) = by else { continue };
        let help = format!(
            "{} blocks them; pass them in to the address and port behind the arrow, or write 'rdr pass'",
            told(set, set.spec(by).origin)
        );
        found.push(warning(set, origin, "no filter rule lets in what this redirects").with_help(help));
    }
}

/// The filter rules that packets on their way in may meet.
#[derive(Default)]
struct Filters<'a> {
    blocks: Vec<&'a Rule>,
    passes: HashMap<u16, Vec<&'a Rule>>,
    passes_ranges: Vec<&'a Rule>,
}

impl<'a> Filters<'a> {
    /// Adds the rules of a ruleset; false where there are rules that are not known, or may pass without saying so.
    fn add(&mut self, set: &'a Ruleset) -> bool {
        if !set.loaded.is_empty() {
            return false;
        }
        for (at, Rules { filter, .. }) in std::iter::once(&set.main).chain(&set.bodies).enumerate() {
            for rule in filter {
                let spec = set.spec(rule);
                if spec.anchor.is_some_and(|call| call.body.is_none()) {
                    return false;
                }
                if spec.direction == Some(Direction::Out) || spec.anchor.is_some() {
                    continue;
                }
                match spec.action {
                    Action::Block(_) if at == 0 => self.blocks.push(rule),
                    Action::Pass if rule.destination.port.operator == Operator::Equal => {
                        self.passes.entry(rule.destination.port.first).or_default().push(rule);
                    }
                    Action::Pass => self.passes_ranges.push(rule),
                    // A match rule may send packets elsewhere.
                    Action::Match if spec.translation != Default::default() => return false,
                    _ => {}
                }
            }
        }
        // Those that block most come first.
        self.blocks.sort_by_key(|rule| (rule.destination.port.is_some(), rule.destination.address != Address::Any));
        self.blocks.truncate(16);
        true
    }

    /// The rule that blocks all that a redirection makes, where no rule passes any of it.
    fn blocker(&self, set: &Ruleset, rule: &Rule, pool: &Pool) -> Option<&'a Rule> {
        let targets = targets(rule, pool);
        let passes = |pass: &Rule| targets.iter().any(|target| may_meet(pass, target));
        let of_port = targets.iter().flat_map(|target| {
            let ranges = ranges(&target.destination.port);
            let few = ranges.iter().map(|(first, last)| usize::from(last - first)).sum::<usize>() < 64;
            // Of a wide range, every rule with a port is looked at.
            let ports: Vec<u16> = if few {
                ranges.iter().flat_map(|&(first, last)| first..=last).collect()
            } else {
                self.passes.keys().copied().collect()
            };
            ports.into_iter().filter_map(|port| self.passes.get(&port)).flatten()
        });
        if of_port.chain(&self.passes_ranges).any(|pass| passes(pass)) {
            return None;
        }
        let blocks = |block: &&&Rule| targets.iter().all(|target| covers_inward(set, block, target));
        self.blocks.iter().find(blocks).copied()
    }
}

/// The packets of a redirection as they meet the filter, one rule for each address of the pool.
fn targets(rule: &Rule, pool: &Pool) -> Vec<Rule> {
    let port = match pool.ports {
        (0, 0) => rule.destination.port,
        (first, 0) => Compare { operator: Operator::Equal, first, second: 0 },
        (first, last) if first <= last => Compare { operator: Operator::Range, first, second: last },
        _ => Compare::default(),
    };
    let target = |address| Rule { destination: Endpoint { address, negated: false, port }, ..*rule };
    pool.addresses.iter().map(|pool| target(pool.address)).collect()
}

/// Whether a block rule matches all packets of a target; those come in, whatever their flags are.
fn covers_inward(set: &Ruleset, block: &Rule, target: &Rule) -> bool {
    let inward = set.spec(block).direction.is_none_or(|direction| direction == Direction::In);
    let spec = set.spec(block).clone();
    // The target has no direction of its own: it is compared with the rule as if that had none.
    let plain = Ruleset {
        specs: vec![super::super::rule::Spec { direction: None, ..spec }, set.spec(target).clone()],
        ..Ruleset::default()
    };
    let at = |index| super::super::rule::SpecId(index);
    inward && covers(&plain, &Rule { spec: at(0), ..*block }, &Rule { spec: at(1), ..*target })
}

/// Whether a pass rule may match a packet of a target: no only where that is certain.
fn may_meet(pass: &Rule, target: &Rule) -> bool {
    let differ = |one: u8, other: u8| one != 0 && other != 0 && one != other;
    let families = pass.family.is_some() && target.family.is_some() && pass.family != target.family;
    !differ(pass.protocol, target.protocol)
        && !families
        && may_share(&pass.source, &target.source)
        && may_share(&pass.destination, &target.destination)
}

fn may_share(one: &Endpoint, other: &Endpoint) -> bool {
    let of_other = ranges(&other.port);
    let ports = ranges(&one.port).iter().any(|a| of_other.iter().any(|b| a.0 <= b.1 && b.0 <= a.1));
    let addresses = match (one.address, other.address) {
        (Address::Network(a), Address::Network(b)) if !one.negated && !other.negated => {
            a.contains(b.address()) || b.contains(a.address())
        }
        _ => true,
    };
    ports && addresses
}

/// Redirections to addresses that neither a jail nor an interface of the host holds.
pub(super) fn find_unheld(set: &Ruleset, interfaces: &Interfaces, jails: &[IpAddr], found: &mut Vec<Diagnostic>) {
    let own = interfaces.iter().flat_map(|interface| &interface.addresses).map(|own| own.address);
    let held: Vec<IpAddr> = jails.iter().copied().chain(own).collect();
    let mut seen = Vec::new();
    each_rule(set, &mut |of, rule| {
        let spec = of.spec(rule);
        let Some(pool) = &spec.translation.destination else { return };
        let networks = pool.addresses.iter().filter_map(|pool| match pool.address {
            Address::Network(network) => Some(network),
            _ => None,
        });
        for network in networks.filter(|network| !held.iter().any(|address| network.contains(*address))) {
            let what = (spec.origin, network);
            if seen.last() == Some(&what) {
                continue;
            }
            seen.push(what);
            let message = format!("no jail holds {}, which this redirects to", shown(network));
            found.push(warning(of, spec.origin, message));
        }
    });
}

fn shown(network: Network) -> String {
    if network.is_host() { network.address().to_string() } else { format!("{}/{}", network.address(), network.bits()) }
}
