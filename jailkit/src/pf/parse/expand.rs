//! From a statement with lists to the rules it stands for, in pfctl's order.

use super::address::FromTo;
use super::translation::narrow;
use super::{Host, Parsed, Parser};
use crate::pf::rule::{
    Action, Address, Answer, Compare, Direction, Endpoint, Family, KeepState, Name, Operator, PoolAddress, PoolKind,
    RouteKind, Rule, Spec, SpecId,
};

/// The lists of a statement. An empty one stands for any.
#[derive(Clone, Debug, Default)]
pub(super) struct Expansion {
    pub(super) interfaces: Vec<(Name, bool)>,
    pub(super) family: Option<Family>,
    pub(super) protocols: Vec<u8>,
    pub(super) icmp: Vec<(u8, Option<u8>, u8)>,
    pub(super) sources: Vec<Host>,
    pub(super) source_ports: Vec<Compare<u16>>,
    pub(super) os: Vec<Option<Name>>,
    pub(super) destinations: Vec<Host>,
    pub(super) destination_ports: Vec<Compare<u16>>,
    pub(super) users: Vec<Compare<u32>>,
    pub(super) groups: Vec<Compare<u32>>,
    pub(super) flags: (u8, u8),
    pub(super) keep_state: KeepState,
    /// `binat-to`: every rule is followed by its counterpart for the other direction.
    pub(super) both_ways: bool,
    /// The route may be of another family than the rule.
    pub(super) any_route: bool,
    /// rdr goes to `port a:*`: as many ports as the rule takes.
    pub(super) star: bool,
}

impl Expansion {
    pub(super) fn of(from_to: FromTo) -> Self {
        Self {
            sources: from_to.source.hosts,
            source_ports: from_to.source.ports,
            os: from_to.os.into_iter().map(Some).collect(),
            destinations: from_to.destination.hosts,
            destination_ports: from_to.destination.ports,
            ..Self::default()
        }
    }

    /// Takes the family that all sources, else all destinations, are of.
    pub(super) fn decide_family(&mut self) {
        for hosts in [&self.sources, &self.destinations] {
            let Some(first) = hosts.first() else { continue };
            if self.family.is_none() && hosts.iter().all(|host| host.family == first.family) {
                self.family = first.family;
            }
        }
    }

    /// Takes the family of the first source, else of the first destination.
    pub(super) fn first_family(&mut self) {
        let first = |hosts: &[Host]| hosts.first().filter(|host| host.scope.is_none()).and_then(|host| host.family);
        self.family = self.family.or(first(&self.sources)).or(first(&self.destinations));
    }
}

impl Rule {
    /// A rule of a statement that compares nothing.
    pub(super) fn new(spec: SpecId) -> Self {
        Self {
            spec,
            number: 0,
            source: Endpoint::default(),
            destination: Endpoint::default(),
            interface: None,
            interface_negated: false,
            family: None,
            protocol: 0,
            flags: (0, 0),
            keep_state: KeepState::No,
            icmp_type: None,
            icmp_code: None,
            os: None,
            user: Compare::default(),
            group: Compare::default(),
        }
    }
}

/// A list, or one item that stands for any.
fn or_any<'a, T>(list: &'a [T], any: &'a [T; 1]) -> &'a [T] {
    if list.is_empty() { any } else { list }
}

impl Parser<'_> {
    pub(super) fn expand(&mut self, mut spec: Spec, lists: Expansion) -> Parsed<()> {
        spec.pool_family = lists.family;
        if lists.both_ways {
            spec.direction = Some(Direction::Out);
        }
        let ids = self.add_specs(spec, &lists);
        let any = [Host::new(Address::Any)];
        let interfaces: Vec<_> = if lists.interfaces.is_empty() {
            vec![(None, false)]
        } else {
            lists.interfaces.iter().map(|&(name, negated)| (Some(name), negated)).collect()
        };
        let icmp = if lists.icmp.is_empty() {
            vec![(None, None, 0)]
        } else {
            lists.icmp.iter().map(|&(kind, code, protocol)| (Some(kind), code, protocol)).collect()
        };
        let protocols = or_any(&lists.protocols, &[0]);
        let sources = or_any(&lists.sources, &any);
        let destinations = or_any(&lists.destinations, &any);
        let mut added = false;
        let (before, first) = (self.found.len(), self.rules);
        let action = self.set.specs[ids[0].0 as usize].action;
        let plain = Rule::new(ids[0]);
        for &(interface, interface_negated) in &interfaces {
            for &protocol in protocols {
                for &(icmp_type, icmp_code, icmp_protocol) in &icmp {
                    for source in sources {
                        for destination in destinations {
                            let Some((family, interface)) = meet(source, destination, lists.family, interface) else {
                                continue;
                            };
                            let mut rule = Rule { interface, interface_negated, family, protocol, ..plain };
                            (rule.icmp_type, rule.icmp_code) = (icmp_type, icmp_code);
                            let tcp = protocol == 0 || protocol == 6;
                            rule.flags = if tcp { lists.flags } else { (0, 0) };
                            rule.keep_state = match lists.keep_state {
                                KeepState::Modulate | KeepState::Synproxy if !tcp => KeepState::Keep,
                                kind => kind,
                            };
                            rule.source.address = narrow(source.address, family);
                            rule.source.negated = source.negated;
                            rule.destination.address = narrow(destination.address, family);
                            rule.destination.negated = destination.negated;
                            if icmp_protocol != 0 && icmp_protocol != protocol {
                                self.skip_rule("icmp-type mismatch");
                                continue;
                            }
                            added |= self.expand_ports(&ids, action, rule, &lists)?;
                            // pfctl has turned the first of several rules into one with a direction.
                            let several = lists.both_ways && self.rules > first + 1;
                            self.once(several, "binat-to cannot be specified with a direction")?;
                        }
                    }
                }
            }
        }
        if !added && self.found.len() == before {
            return Err(self.fail("rule expands to no valid combination"));
        }
        if lists.both_ways && added {
            return self.add_counterpart(&lists, action);
        }
        Ok(())
    }

    /// The rules between two hosts; whether there is any.
    fn expand_ports(&mut self, ids: &[SpecId], action: Action, mut rule: Rule, lists: &Expansion) -> Parsed<bool> {
        let (any_port, any_id) = ([Compare::default()], [Compare::default()]);
        let source_ports = or_any(&lists.source_ports, &any_port);
        let destination_ports = or_any(&lists.destination_ports, &any_port);
        let os = or_any(&lists.os, &[None]);
        let users = or_any(&lists.users, &any_id);
        let groups = or_any(&lists.groups, &any_id);
        let mut added = false;
        for &source_port in source_ports {
            for (at, &destination_port) in destination_ports.iter().enumerate() {
                rule.spec = ids.get(at).copied().unwrap_or(rule.spec);
                rule.source.port = source_port;
                rule.destination.port = destination_port;
                for &os in os {
                    for &user in users {
                        for &group in groups {
                            (rule.os, rule.user, rule.group) = (os, user, group);
                            if let Some(wrong) = inconsistency(&self.set.specs[rule.spec.0 as usize], &rule) {
                                self.skip_rule(wrong);
                                continue;
                            }
                            self.add_rule(action, rule)?;
                            added = true;
                        }
                    }
                }
            }
        }
        Ok(added)
    }

    /// What a statement says: once for all its rules, but once for each port it takes where rdr goes to `port a:*`.
    fn add_specs(&mut self, spec: Spec, lists: &Expansion) -> Vec<SpecId> {
        if !lists.star || lists.destination_ports.is_empty() {
            return vec![self.add_spec(spec)];
        }
        let each = lists.destination_ports.iter().map(|taken| {
            let mut spec = spec.clone();
            if let Some(pool) = &mut spec.translation.destination {
                // pfctl takes the second port of a rule that has one for 0.
                let width = taken.second.wrapping_sub(taken.first);
                pool.ports.1 = pool.ports.0.wrapping_add(width);
            }
            self.add_spec(spec)
        });
        each.collect()
    }

    /// Tells why a rule is wrong; once a statement, for all the rules it expands to.
    fn skip_rule(&mut self, message: &str) {
        let origin = self.lexer.origin;
        let again = self.found.last().is_some_and(|last| last.message == message && last.span == origin.span);
        if !again {
            self.fail(message);
        }
    }

    /// The rule for the way in that `binat-to` makes beside the one for the way out, which is the last one added.
    fn add_counterpart(&mut self, lists: &Expansion, action: Action) -> Parsed<()> {
        let Some(out) = self.open.last_mut().and_then(|open| open.rules.list_mut(action).last().copied()) else {
            return Ok(());
        };
        let mut spec = self.set.specs[out.spec.0 as usize].clone();
        let Some(mut pool) = spec.translation.source.take() else { return Ok(()) };
        spec.direction = Some(Direction::In);
        let target = pool.addresses.first().map_or(Address::Any, |target| target.address);
        let inside = lists.sources.first().map_or(Address::Any, |source| narrow(source.address, out.family));
        pool.addresses = vec![PoolAddress { interface: None, address: inside }];
        (pool.kind, pool.ports) = (PoolKind::Single, (0, 0));
        spec.translation.destination = Some(pool);
        let spec = self.add_spec(spec);
        let rule = Rule {
            spec,
            source: out.destination,
            destination: Endpoint { address: target, negated: false, port: out.source.port },
            ..out
        };
        self.add_rule(action, rule)
    }
}

/// The family and the interface of a rule between two hosts, where they go together.
fn meet(
    source: &Host,
    destination: &Host,
    family: Option<Family>,
    interface: Option<Name>,
) -> Option<(Option<Family>, Option<Name>)> {
    let differ = |one: Option<Family>, other: Option<Family>| one.is_some() && other.is_some() && one != other;
    let apart = |one: Option<Name>, other: Option<Name>| one.is_some() && other.is_some() && one != other;
    if differ(family, source.family)
        || differ(family, destination.family)
        || differ(source.family, destination.family)
        || apart(source.scope, destination.scope)
        || apart(source.scope, interface)
        || apart(destination.scope, interface)
    {
        return None;
    }
    let family = family.or(source.family).or(destination.family);
    Some((family, interface.or(source.scope).or(destination.scope)))
}

/// Why pfctl refuses a rule, where it does.
fn inconsistency(spec: &Spec, rule: &Rule) -> Option<&'static str> {
    let ports = rule.source.port.is_some() || rule.destination.port.is_some();
    let transport = matches!(rule.protocol, 6 | 17 | 132);
    match spec.action {
        Action::Rdr | Action::NoRdr if !transport => {
            if rule.source.port.is_some() {
                return Some("src port only applies to tcp/udp/sctp");
            }
            if rule.destination.port.is_some() {
                return Some("dst port only applies to tcp/udp/sctp");
            }
            let to_port = spec.translation.destination.as_ref().is_some_and(|pool| pool.ports.0 != 0);
            return to_port.then_some("rdr port only applies to tcp/udp/sctp");
        }
        Action::Rdr | Action::NoRdr => {
            let fine = matches!(rule.destination.port.operator, Operator::None | Operator::Equal | Operator::Range);
            return (!fine).then_some("invalid port operator for rdr destination port");
        }
        Action::Nat | Action::NoNat | Action::Binat | Action::NoBinat => return None,
        Action::Pass | Action::Block(_) | Action::Match | Action::Scrub | Action::NoScrub => {}
    }
    let icmp = rule.icmp_type.is_some();
    let state = &spec.state;
    if !transport && ports {
        return Some("port only applies to tcp/udp/sctp");
    }
    if icmp && !matches!(rule.protocol, 1 | 58) {
        return Some("icmp-type/code only applies to icmp");
    }
    if icmp && rule.family.is_none() {
        return Some("must indicate address family with icmp-type/code");
    }
    if state.overload.is_some() && state.max_src_conn == 0 && state.max_src_conn_rate.1 == 0 {
        return Some("'overload' requires 'max-src-conn' or 'max-src-conn-rate'");
    }
    match (rule.protocol, rule.family) {
        (1, Some(Family::Inet6)) => return Some("proto icmp doesn't match address family inet6"),
        (58, Some(Family::Inet)) => return Some("proto icmp6 doesn't match address family inet"),
        _ => {}
    }
    if spec.allow_opts && !matches!(spec.action, Action::Pass | Action::Match) {
        return Some("allow-opts can only be specified for pass or match rules");
    }
    if spec.fragment && (ports || rule.flags.1 != 0 || icmp) {
        return Some("fragments can be filtered only on IP header fields");
    }
    if matches!(spec.action, Action::Block(Answer::Rst(_))) && rule.protocol != 6 {
        return Some("return-rst can only be applied to TCP rules");
    }
    if spec.action != Action::Pass && rule.keep_state != KeepState::No {
        return Some("keep state is great, but only for pass rules");
    }
    if state.sloppy && matches!(rule.keep_state, KeepState::Modulate | KeepState::Synproxy) {
        return Some("sloppy state matching cannot be used with synproxy state or modulate state");
    }
    if spec.action == Action::Match && spec.divert != 0 {
        return Some("divert is not supported on match rules");
    }
    let new_family = spec.translation.family.is_some();
    if new_family && spec.action == Action::Match {
        return Some("af-to is not supported on match rules");
    }
    match (spec.route.as_ref(), spec.action) {
        (None, _) => None,
        (Some(_), Action::Match) => Some("route-to, reply-to, dup-to and fastroute must not be used on match rules"),
        (Some(_), Action::Block(_)) => Some("route-to, reply-to and dup-to are not supported on block rules"),
        (Some(route), _) if new_family && route.kind == RouteKind::DupTo => {
            Some("dup-to must not be used on af-to rules")
        }
        _ => None,
    }
}
