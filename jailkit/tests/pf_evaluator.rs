//! The trace agrees with a slow and plain evaluator, written from pf.conf(5) and pf(4) alone: it goes through each rule
//! one after the other, compares addresses bit by bit, and where chance or a pool decides it is run once for every way
//! that may go.
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers here are part of tests

use std::collections::BTreeSet;
use std::net::IpAddr;

use jailkit::pf::rule::{
    Action, Address, Compare, Direction, Endpoint, Family, Network, Operator, Pool, PoolKind, Rule, Ruleset, Table,
};
use jailkit::pf::trace::{Packet, Tracer, Verdict};
use jailkit::pf::{Environment, Interfaces, NoFiles};
use jailkit::source::Source;
use proptest::prelude::*;

/// What is decided by chance: the numbers drawn so far, and of how many each was.
#[derive(Default)]
struct Fate {
    drawn: Vec<(usize, usize)>,
    at: usize,
}

impl Fate {
    fn draw(&mut self, of: usize) -> usize {
        if self.at == self.drawn.len() {
            self.drawn.push((0, of));
        }
        self.at += 1;
        self.drawn[self.at - 1].0
    }

    /// Goes to the next way; whether there is one.
    fn turn(&mut self) -> bool {
        self.at = 0;
        while let Some((number, of)) = self.drawn.pop() {
            if number + 1 < of {
                self.drawn.push((number + 1, of));
                return true;
            }
        }
        false
    }
}

/// A packet on its way through the rules.
#[derive(Clone)]
struct Way {
    packet: Packet,
    tag: Option<Vec<u8>>,
    blocked: bool,
}

struct Evaluator<'a> {
    set: &'a Ruleset,
    interfaces: &'a Interfaces,
}

fn bits(address: IpAddr) -> Vec<bool> {
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    octets.iter().flat_map(|octet| (0..8).map(move |bit| octet >> (7 - bit) & 1 == 1)).collect()
}

fn is_in(network: Network, address: IpAddr) -> bool {
    let (net, own) = (bits(network.address()), bits(address));
    net.len() == own.len() && (0..usize::from(network.bits())).all(|bit| net[bit] == own[bit])
}

fn passes<T: PartialOrd + Copy>(compare: &Compare<T>, value: T) -> bool {
    let Compare { operator, first: a, second: b } = *compare;
    match operator {
        Operator::None => true,
        Operator::Equal => value == a,
        Operator::NotEqual => value != a,
        Operator::Less => value < a,
        Operator::LessEqual => value <= a,
        Operator::Greater => value > a,
        Operator::GreaterEqual => value >= a,
        Operator::Inside => a < value && value < b,
        Operator::Outside => value < a || b < value,
        Operator::Range => a <= value && value <= b,
    }
}

impl Evaluator<'_> {
    fn address(&self, wanted: Address, address: IpAddr) -> bool {
        match wanted {
            Address::Any => true,
            Address::Network(network) => is_in(network, address),
            Address::Range(first, last) => {
                let (first, last, own) = (bits(first), bits(last), bits(address));
                first.len() == own.len() && first <= own && own <= last
            }
            Address::Table(name) => {
                let table = self.set.tables.iter().rev().find(|table| table.name == name);
                let holding = table.into_iter().flat_map(Table::entries);
                let holding = holding.filter(|entry| is_in(entry.network, address));
                holding.max_by_key(|entry| entry.network.bits()).is_some_and(|entry| !entry.negated)
            }
            Address::Dynamic { interface, .. } => {
                let name = String::from_utf8(self.set.name(interface).to_vec()).unwrap();
                self.interfaces.get(&name).is_some_and(|own| own.addresses.iter().any(|own| own.address == address))
            }
            Address::NoRoute | Address::UrpfFailed => panic!("not generated"),
        }
    }

    fn side(&self, side: &Endpoint, address: IpAddr, port: u16) -> bool {
        self.address(side.address, address) != side.negated && passes(&side.port, port)
    }

    fn matches(&self, rule: &Rule, way: &Way, fate: &mut Fate) -> bool {
        let (spec, packet) = (self.set.spec(rule), &way.packet);
        let family = if packet.source.is_ipv4() { Family::Inet } else { Family::Inet6 };
        let on = rule
            .interface
            .is_none_or(|name| (self.set.name(name) == packet.interface.as_bytes()) != rule.interface_negated);
        let plain = on
            && spec.direction.is_none_or(|direction| direction == packet.direction)
            && rule.family.is_none_or(|own| own == family)
            && (rule.protocol == 0 || rule.protocol == packet.protocol);
        let backwards = packet.direction == Direction::In && matches!(spec.action, Action::Binat | Action::NoBinat);
        let sides = if backwards {
            let target = spec.translation.source.as_ref().map(|pool| pool.addresses[0].address);
            self.address(rule.destination.address, packet.source) != rule.destination.negated
                && target.is_none_or(|target| self.address(target, packet.destination))
        } else {
            self.side(&rule.source, packet.source, packet.source_port.first)
                && self.side(&rule.destination, packet.destination, packet.destination_port)
        };
        let icmp = rule.icmp_type.is_none_or(|kind| packet.icmp.is_some_and(|own| own.0 == kind));
        let flags = packet.protocol != 6 || packet.flags & rule.flags.1 == rule.flags.0;
        let tag = spec.tagged.is_none_or(|(tag, not)| (way.tag.as_deref() == Some(self.set.name(tag))) != not);
        plain && sides && icmp && flags && tag && (spec.probability == 0 || fate.draw(2) == 0)
    }

    fn tag(&self, rule: &Rule, way: &mut Way) {
        if let Some(tag) = self.set.spec(rule).tag {
            way.tag = Some(self.set.name(tag).to_vec());
        }
    }

    fn choose(&self, pool: &Pool, old: IpAddr, fate: &mut Fate) -> IpAddr {
        let networks: Vec<_> = pool
            .addresses
            .iter()
            .map(|own| match own.address {
                Address::Network(network) => network,
                other => panic!("not generated: {other:?}"),
            })
            .collect();
        match pool.kind {
            PoolKind::Single => networks[0].address(),
            PoolKind::Bitmask => join(networks[0], old),
            _ => networks[fate.draw(networks.len())].address(),
        }
    }

    fn translate(&self, rule: &Rule, way: &mut Way, fate: &mut Fate) {
        let translation = &self.set.spec(rule).translation;
        if let Some(pool) = &translation.source {
            way.packet.source = self.choose(pool, way.packet.source, fate);
        }
        if let Some(pool) = &translation.destination {
            way.packet.destination = self.choose(pool, way.packet.destination, fate);
            if pool.ports.0 != 0 && matches!(way.packet.protocol, 6 | 17) {
                way.packet.destination_port = pool.ports.0;
            }
        }
    }

    /// The first rule of a kind that matches takes the packet; whether there was one, and whether it passes at that.
    fn translation(&self, rules: &[Rule], way: &mut Way, fate: &mut Fate) -> (bool, bool) {
        for rule in rules {
            if !self.matches(rule, way, fate) {
                continue;
            }
            self.tag(rule, way);
            let spec = self.set.spec(rule);
            match spec.action {
                Action::NoNat | Action::NoRdr | Action::NoBinat => return (true, false),
                Action::Binat => {
                    let inside = match rule.source.address {
                        Address::Network(network) => network,
                        other => panic!("not generated: {other:?}"),
                    };
                    let outside = spec.translation.source.as_ref().unwrap().addresses[0].address;
                    let Address::Network(outside) = outside else { panic!("not generated") };
                    if way.packet.direction == Direction::In {
                        way.packet.destination = join(inside, way.packet.destination);
                    } else {
                        way.packet.source = join(outside, way.packet.source);
                    }
                }
                _ => self.translate(rule, way, fate),
            }
            return (true, spec.nat_pass);
        }
        (false, false)
    }

    /// The last rule that matches decides, or the first that is quick. Gives whether to stop, and whether a rule that
    /// passes or blocks was met.
    fn filter<'r>(
        &'r self,
        rules: &'r [Rule],
        way: &mut Way,
        decider: &mut Option<&'r Rule>,
        fate: &mut Fate,
    ) -> (bool, bool) {
        let mut met = false;
        for rule in rules {
            if !self.matches(rule, way, fate) {
                continue;
            }
            let spec = self.set.spec(rule);
            self.tag(rule, way);
            if let Some(call) = spec.anchor {
                let body = call.body.map(|body| &self.set.body(body).filter[..]).unwrap_or_default();
                let (stop, inside) = self.filter(body, way, decider, fate);
                met |= inside;
                if stop || spec.quick && inside {
                    return (true, met);
                }
                continue;
            }
            match spec.action {
                Action::Match => self.translate(rule, way, fate),
                Action::Pass | Action::Block(_) => {
                    way.blocked = spec.action != Action::Pass;
                    *decider = Some(rule);
                    met = true;
                }
                other => panic!("{other:?} is no filter rule"),
            }
            if spec.quick {
                return (true, met);
            }
        }
        (false, met)
    }

    fn evaluate(&self, packet: &Packet, fate: &mut Fate) -> (bool, Packet) {
        let skipped = self.set.skip.iter().any(|name| self.set.name(*name) == packet.interface.as_bytes());
        let mut way = Way { packet: packet.clone(), tag: None, blocked: false };
        if skipped {
            return (false, way.packet);
        }
        let main = &self.set.main;
        let kinds = if packet.direction == Direction::In { [&main.rdr, &main.binat] } else { [&main.binat, &main.nat] };
        let (mut taken, mut passed) = self.translation(kinds[0], &mut way, fate);
        if !taken {
            (taken, passed) = self.translation(kinds[1], &mut way, fate);
        }
        if taken && passed {
            return (false, way.packet);
        }
        let mut decider = None;
        self.filter(&main.filter, &mut way, &mut decider, fate);
        if let Some(rule) = decider.filter(|_| !way.blocked) {
            self.translate(rule, &mut way, fate);
        }
        (way.blocked, way.packet)
    }

    /// The verdict of all ways together, and the packets that those end with which pass.
    fn verdict(&self, packet: &Packet) -> (Verdict, BTreeSet<String>) {
        let mut fate = Fate::default();
        let (mut verdicts, mut passed) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let (blocked, after) = self.evaluate(packet, &mut fate);
            verdicts.insert(blocked);
            if !blocked {
                passed.insert(after.to_string());
            }
            if !fate.turn() {
                break;
            }
        }
        let verdict = match (verdicts.contains(&true), verdicts.contains(&false)) {
            (true, true) => Verdict::Undecided,
            (true, false) => Verdict::Block,
            _ => Verdict::Pass,
        };
        (verdict, passed)
    }
}

/// The first bits of a network, the other bits of an address.
fn join(network: Network, address: IpAddr) -> IpAddr {
    let kept = usize::from(network.bits());
    let (net, own) = (bits(network.address()), bits(address));
    let joined: Vec<u8> = net[..kept]
        .iter()
        .chain(&own[kept..])
        .copied()
        .collect::<Vec<_>>()
        .chunks(8)
        .map(|octet| octet.iter().fold(0, |number, bit| number << 1 | u8::from(*bit)))
        .collect();
    match <[u8; 4]>::try_from(&joined[..]) {
        Ok(octets) => octets.into(),
        Err(_) => <[u8; 16]>::try_from(&joined[..]).unwrap().into(),
    }
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

/// Few addresses, so that rules and packets meet.
fn host(six: bool) -> impl Strategy<Value = String> {
    let four = one_of(&["10.0.0.1", "10.0.0.2", "10.0.0.9", "10.0.0.0/29", "10.0.0.8/30", "10.0.0.1 - 10.0.0.4"]);
    let other = one_of(&["2001:db8::1", "2001:db8::2", "2001:db8::/125", "2001:db8::1 - 2001:db8::5", "2001:db8::9"]);
    let shared = one_of(&["any", "<t>", "<u>", "(igb0)", "any"]);
    let own = if six { other.boxed() } else { four.boxed() };
    (any::<bool>(), prop_oneof![3 => own, 2 => shared])
        .prop_map(|(not, host)| if not && host != "any" { format!("! {host}") } else { host.to_owned() })
}

fn port() -> impl Strategy<Value = &'static str> {
    one_of(&["80", "!= 80", "< 100", "> 90", "80:90", "79 >< 81", "80 <> 1000", "{ 22 80 }", "<= 80", ">= 443"])
}

fn protocol() -> impl Strategy<Value = String> {
    let ported = (one_of(&["tcp", "udp", "{ tcp udp }"]), prop::option::of(port()), prop::option::of(port()));
    prop_oneof![
        2 => Just(" @from@to".to_owned()),
        3 => ported.prop_map(|(name, from, to)| {
            let port = |port: Option<&str>| port.map_or(String::new(), |port| format!(" port {port}"));
            format!(" proto {name} @from{} @to{}", port(from), port(to))
        }),
        1 => Just(" proto tcp @from @to flags S/SA".to_owned()),
        1 => Just(" proto tcp @from @to flags any".to_owned()),
        1 => Just(" proto @icmp @from @to".to_owned()),
        1 => Just(" proto @icmp @from @to @icmp-type echoreq".to_owned()),
    ]
}

/// `… inet proto tcp from … to …`
fn body() -> impl Strategy<Value = String> {
    (any::<bool>(), protocol()).prop_flat_map(|(six, text)| {
        (host(six), host(six)).prop_map(move |(from, to)| {
            let family = if six { " inet6" } else { " inet" };
            let icmp = if six { "icmp6" } else { "icmp" };
            let text = text.replace("@icmp", icmp).replace("@from", &format!(" from {from}"));
            format!("{family}{}", text.replace("@to", &format!(" to {to}")))
        })
    })
}

fn filter() -> impl Strategy<Value = String> {
    let head = (
        one_of(&["pass", "pass", "block", "block", "match"]),
        one_of(&["", " in", " out"]),
        one_of(&["", "", " quick"]),
        one_of(&["", " on igb0", " on igb1", " on ! igb0"]),
    );
    let options = one_of(&["", "", "", " tag A", " tagged A", " ! tagged A", " tag B tagged A", " probability 50%"]);
    let translated = one_of(&[
        "match out inet nat-to 10.0.0.9 static-port\n",
        "pass out inet from 10.0.0.0/29 nat-to { 10.0.0.9 10.0.0.1 } static-port\n",
        "match in inet proto tcp to port 80 rdr-to 10.0.0.2 port 22\n",
        "pass in inet rdr-to { 10.0.0.2 10.0.0.9 }\n",
        "match in inet to 10.0.0.8/30 rdr-to 10.0.0.0/30 bitmask\n",
    ]);
    let plain = (head, body(), options)
        .prop_map(|((action, way, quick, on), body, options)| format!("{action}{way}{quick}{on}{body}{options}\n"));
    prop_oneof![8 => plain, 1 => translated.prop_map(str::to_owned)]
}

fn filters() -> impl Strategy<Value = String> {
    let leaf = prop::collection::vec(filter(), 1..5).prop_map(|rules| rules.concat());
    leaf.prop_recursive(3, 24, 3, |inner| {
        let head =
            (one_of(&["", " in", " out"]), one_of(&["", " quick"]), one_of(&["", " on igb0", " inet", " inet6"]));
        (filter(), head, inner, filter()).prop_map(|(before, (way, quick, on), rules, after)| {
            format!("{before}anchor{way}{quick}{on} {{\n{rules}}}\n{after}")
        })
    })
}

fn translations() -> impl Strategy<Value = String> {
    let rule = prop_oneof![
        (one_of(&["", " pass"]), one_of(&["", " on igb0"]), body(), one_of(&["", " tag A"])).prop_map(
            |(pass, on, body, tag)| {
                let to = if body.contains("inet6") { "2001:db8::9" } else { "10.0.0.9" };
                format!("nat{pass}{on}{body}{tag} -> {to} static-port\n").replace(" flags S/SA", "")
            }
        ),
        (one_of(&["", " pass"]), one_of(&["", " on igb0"]), host(false), one_of(&["80", "22:90"])).prop_map(
            |(pass, on, to, port)| {
                format!("rdr{pass}{on} inet proto tcp to {to} port {port} -> {{ 10.0.0.1 10.0.0.2 }} port 443\n")
            }
        ),
        one_of(&[
            "binat on igb0 inet from 10.0.0.1 to any -> 10.0.0.9\n",
            "binat on igb0 inet from 10.0.0.0/30 to ! 10.0.0.9 tag B -> 10.0.0.4/30\n",
            "no nat on igb0 inet from 10.0.0.1\n",
            "no rdr on igb0 inet proto tcp to 10.0.0.2\n",
            "no binat on igb0 inet from 10.0.0.2 to any\n",
        ])
        .prop_map(str::to_owned),
    ];
    // What filter rules may ask for and nat may not.
    let fit = |text: String| {
        text.replace(" flags any", "").replace(" icmp-type echoreq", "").replace(" icmp6-type echoreq", "")
    };
    prop::collection::vec(rule.prop_map(fit), 0..4).prop_map(|rules| rules.concat())
}

fn ruleset() -> impl Strategy<Value = String> {
    (one_of(&["", "", "set skip on igb1\n"]), translations(), filters()).prop_map(|(skip, translations, filters)| {
        let tables =
            "table <t> { 10.0.0.0/29 !10.0.0.2 2001:db8::1 }\ntable <u> { 10.0.0.0/24 !10.0.0.0/30 10.0.0.1 }\n";
        format!("{skip}{tables}{translations}{filters}")
    })
}

fn packet() -> impl Strategy<Value = Packet> {
    let address = |six: bool| {
        let four = ["10.0.0.1", "10.0.0.2", "10.0.0.4", "10.0.0.9", "192.0.2.1", "10.0.0.10"];
        let other = ["2001:db8::1", "2001:db8::2", "2001:db8::6", "2001:db8::9", "2001:db8:1::1", "::1"];
        prop::sample::select(if six { other } else { four }.to_vec())
    };
    let ports = prop::sample::select(vec![22u16, 80, 85, 100, 443]);
    let head = (any::<bool>(), one_of(&["igb0", "igb1"]), one_of(&["tcp", "udp", "icmp"]), one_of(&["S", "SA", "A"]));
    (any::<bool>(), head, ports.clone(), ports).prop_flat_map(move |(six, head, from_port, to_port)| {
        (address(six), address(six)).prop_map(move |(from, to)| {
            let (inward, interface, protocol, flags) = head;
            let direction = if inward { Direction::In } else { Direction::Out };
            let icmp = if six { "icmp6" } else { "icmp" };
            if protocol == "icmp" {
                return Packet::new(direction, interface, icmp, from, to).unwrap();
            }
            let peer =
                |address: &str, port| if six { format!("[{address}]:{port}") } else { format!("{address}:{port}") };
            let (from, to) = (peer(from, from_port), peer(to, to_port));
            let packet = Packet::new(direction, interface, protocol, &from, &to).unwrap();
            if protocol == "tcp" { packet.with_flags(flags).unwrap() } else { packet }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn the_trace_agrees(rules in ruleset(), packets in prop::collection::vec(packet(), 1..8)) {
        let mut interfaces = Interfaces::default();
        interfaces.add("igb0=10.0.0.2/24,2001:db8::2/64").unwrap();
        interfaces.add("igb1=192.168.1.1/24").unwrap();
        let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: 10_000 };
        let set = Ruleset::read(&Source::new("pf.conf", rules.as_str()), &env);
        prop_assert!(set.is_ok(), "{}\n{}", rules, set.unwrap_err());
        let set = set.unwrap();
        let (tracer, evaluator) = (Tracer::new(&set, &interfaces), Evaluator { set: &set, interfaces: &interfaces });
        for packet in packets {
            let (verdict, passed) = evaluator.verdict(&packet);
            let trace = tracer.trace(&packet);
            prop_assert_eq!(trace.verdict, verdict, "{}\n{}", rules, trace);
            let ours = trace.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Pass);
            let ours: BTreeSet<_> = ours.map(|outcome| outcome.after.to_string()).collect();
            prop_assert_eq!(ours, passed, "{}\n{}", rules, trace);
        }
    }

    /// What is printed of a ruleset is a ruleset that prints the same, and does the same.
    #[test]
    fn what_is_printed_means_the_same(rules in ruleset(), packet in packet()) {
        let mut interfaces = Interfaces::default();
        interfaces.add("igb0=10.0.0.2/24,2001:db8::2/64").unwrap();
        let env = Environment { interfaces: &interfaces, files: &NoFiles, max_rules: 10_000 };
        let first = Ruleset::read(&Source::new("pf.conf", rules.as_str()), &env).unwrap();
        let printed = first.print();
        let again = Ruleset::read(&Source::new("printed", printed.clone()), &env);
        prop_assert!(again.is_ok(), "{}\n{}", String::from_utf8_lossy(&printed), again.unwrap_err());
        let again = again.unwrap();
        let printed_again = again.print();
        prop_assert_eq!(String::from_utf8_lossy(&printed_again), String::from_utf8_lossy(&printed));
        let verdict = |set| Tracer::new(set, &interfaces).trace(&packet).verdict;
        prop_assert_eq!(verdict(&first), verdict(&again));
    }
}
