//! `pass`, `block`, `match` and `antispoof`.

use super::expand::Expansion;
use super::filter_opts::FilterOptions;
use super::translation::{PoolOptions, Redirect};
use super::{Host, Origin, Parsed, Parser, Stage, Token};
use crate::pf::rule::{
    Action, Address, Answer, Direction, Family, KeepState, Log, Modifiers, Name, Pool, Route, RouteKind, Spec,
};
use crate::pf::{icmp, netdb};
use crate::source::printable;

const PORT_UNREACHABLE: u16 = 3 << 8 | 3;
const PORT_UNREACHABLE6: u16 = 1 << 8 | 4;

impl Parser<'_> {
    pub(super) fn filter(&mut self, origin: Origin) -> Parsed<()> {
        let action = self.action()?;
        let mut spec = Spec::new(action, origin);
        spec.direction = self.direction();
        (spec.log, spec.quick) = self.log_and_quick()?;
        let interfaces = self.on()?;
        let route = self.route()?;
        let family = self.family();
        let protocols = self.protocols()?;
        let from_to = self.source_and_target()?;
        let mut options = self.filter_options()?;
        self.enter(Stage::Filter)?;
        let any_route = options.af_to.is_some();
        let mut expansion = Expansion { interfaces, family, protocols, any_route, ..Expansion::of(from_to) };
        self.take_options(&mut spec, &mut options, &mut expansion)?;
        self.take_state(&mut spec, &mut options, &mut expansion)?;
        expansion.decide_family();
        if let Some((kind, hosts, pool)) = route {
            self.take_route(&mut spec, &mut expansion, (kind, hosts, pool))?;
        }
        self.take_translation(&mut spec, options, &mut expansion)?;
        self.expand(spec, expansion)
    }

    /// What pass, match, block and anchor rules have in common.
    pub(super) fn take_options(
        &mut self,
        spec: &mut Spec,
        options: &mut FilterOptions,
        expansion: &mut Expansion,
    ) -> Parsed<()> {
        let (set, mask) = options.flags.unwrap_or_default();
        if set & mask != set {
            return Err(self.fail("flags always false"));
        }
        let tcp = expansion.protocols.is_empty() || expansion.protocols.contains(&6);
        if (set != 0 || mask != 0) && !tcp {
            return Err(self.fail("flags only apply to tcp"));
        }
        if !expansion.os.is_empty() && !tcp {
            return Err(self.fail("OS fingerprinting only applies to tcp"));
        }
        expansion.flags = (set, mask);
        expansion.users = std::mem::take(&mut options.users);
        expansion.groups = std::mem::take(&mut options.groups);
        expansion.icmp = std::mem::take(&mut options.icmp);
        spec.received_on = options.received_on;
        spec.tos = options.tos.unwrap_or(0);
        spec.prio = options.prio;
        spec.set_prio = options.set_prio;
        spec.set_tos = options.set_tos;
        spec.packet_rate = options.packet_rate;
        spec.packet_size = options.packet_size;
        spec.probability = options.probability;
        spec.fragment = options.fragment;
        spec.allow_opts = options.allow_opts;
        spec.once = options.once;
        spec.scrub = options.scrub;
        spec.labels = std::mem::take(&mut options.labels);
        spec.ridentifier = options.ridentifier;
        spec.dummynet = options.dummynet.filter(|dummynet| dummynet.number != 0 || dummynet.reply != 0);
        spec.queue = options.queue;
        spec.tag = options.tag;
        spec.tagged = options.tagged;
        spec.rtable = options.rtable;
        spec.divert = options.divert;
        Ok(())
    }

    fn take_state(&mut self, spec: &mut Spec, options: &mut FilterOptions, expansion: &mut Expansion) -> Parsed<()> {
        let passes = spec.action == Action::Pass;
        let (kind, choices) = match options.keep.take() {
            Some((kind, choices)) => (kind, choices),
            None if passes => (KeepState::Keep, self.state_defaults.clone().unwrap_or_default()),
            None => (KeepState::No, Vec::new()),
        };
        let keeps = kind != KeepState::No;
        spec.state = self.state_options(&choices, keeps)?;
        expansion.keep_state = kind;
        if passes && keeps && options.flags.is_none() && !options.fragment {
            expansion.flags = (0x02, 0x12);
        }
        Ok(())
    }

    fn take_route(
        &mut self,
        spec: &mut Spec,
        expansion: &mut Expansion,
        (kind, hosts, pool): (RouteKind, Vec<Host>, PoolOptions),
    ) -> Parsed<()> {
        if spec.direction.is_none() {
            return Err(self.fail("direction must be explicit with rules that specify routing"));
        }
        let mut family = expansion.family;
        let mut hosts = hosts;
        if !pool.prefer_ipv6 {
            // With af-to, the packet is routed in its new family: the gateways say which.
            family = if expansion.any_route { None } else { family };
            super::translation::keep_family(&mut hosts, &mut family);
        }
        if hosts.is_empty() {
            return Err(self.fail("no routing address with matching address family found."));
        }
        if expansion.family.is_none() && !expansion.any_route && !pool.prefer_ipv6 {
            expansion.family = family;
        }
        let pool = self.pool(hosts, &pool, None)?;
        self.once(pool.sticky && expansion.keep_state == KeepState::No, "'sticky-address' requires 'keep state'")?;
        spec.route = Some(Route { kind, pool });
        Ok(())
    }

    fn action(&mut self) -> Parsed<Action> {
        if self.accept("pass") {
            return Ok(Action::Pass);
        }
        if self.accept("match") {
            return Ok(Action::Match);
        }
        self.expect_keyword("block")?;
        let both = Answer::Icmp(PORT_UNREACHABLE, PORT_UNREACHABLE6);
        Ok(Action::Block(if self.accept("drop") {
            Answer::Drop
        } else if self.accept("return") {
            Answer::Return
        } else if self.accept("return-rst") {
            let mut ttl = 0;
            if self.sign(b'(') {
                self.expect_keyword("ttl")?;
                ttl = self.bounded(255, "illegal ttl value")? as u8;
                self.expect(b')')?;
            }
            Answer::Rst(ttl)
        } else if self.accept("return-icmp6") {
            if !self.sign(b'(') {
                return Ok(Action::Block(both));
            }
            let code = self.icmp_answer(Family::Inet6)?;
            self.expect(b')')?;
            Answer::Icmp(PORT_UNREACHABLE, code)
        } else if self.accept("return-icmp") {
            if !self.sign(b'(') {
                return Ok(Action::Block(both));
            }
            let code = self.icmp_answer(Family::Inet)?;
            let mut code6 = PORT_UNREACHABLE;
            if !self.is_sign(b')') {
                self.comma();
                code6 = self.icmp_answer(Family::Inet6)?;
            }
            self.expect(b')')?;
            Answer::Icmp(code, code6)
        } else if self.block_return {
            Answer::Return
        } else {
            Answer::Drop
        }))
    }

    fn icmp_answer(&mut self, family: Family) -> Parsed<u16> {
        let kind: u8 = if family == Family::Inet { 3 } else { 1 };
        let origin = self.lexer.origin;
        let code = if self.lexer.token == Token::Word {
            let word = self.word()?;
            let number = super::ports::unsigned(&word);
            let Some(code) = number.or_else(|| icmp::code_number(kind, &word, Some(family)).map(u64::from)) else {
                return Err(self.fail_at(origin, format!("unknown icmp code {}", printable(&word))));
            };
            code
        } else {
            self.bounded(255, "invalid icmp code")? as u64
        };
        let code = u8::try_from(code).map_err(|_| self.fail_at(origin, format!("invalid icmp code {code}")))?;
        Ok(u16::from(kind) << 8 | u16::from(code))
    }

    pub(super) fn direction(&mut self) -> Option<Direction> {
        if self.accept("in") {
            Some(Direction::In)
        } else if self.accept("out") {
            Some(Direction::Out)
        } else {
            None
        }
    }

    pub(super) fn log_and_quick(&mut self) -> Parsed<(Log, bool)> {
        let before = self.accept("quick");
        let log = self.log()?;
        let quick = before || self.accept("quick");
        Ok((log, quick))
    }

    pub(super) fn log(&mut self) -> Parsed<Log> {
        let mut log = Log::default();
        if !self.accept("log") {
            return Ok(log);
        }
        log.on = true;
        if !self.sign(b'(') {
            return Ok(log);
        }
        loop {
            if self.accept("all") {
                log.all = true;
            } else if self.accept("matches") {
                log.matches = true;
            } else if self.accept("user") || self.accept("group") {
                log.user = true;
            } else {
                self.expect_keyword("to")?;
                let origin = self.lexer.origin;
                let name = self.words()?;
                let Some(number) = name.strip_prefix(b"pflog") else {
                    let message = format!("{}: should be a pflog interface", printable(&name));
                    return Err(self.fail_at(origin, message));
                };
                let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
                let Some(number) = number else {
                    return Err(self.fail_at(origin, format!("{}: invalid", printable(&name))));
                };
                log.to = number;
            }
            if self.sign(b')') {
                return Ok(log);
            }
            self.comma();
        }
    }

    /// `on …`, or nothing.
    pub(super) fn on(&mut self) -> Parsed<Vec<(Name, bool)>> {
        if self.is("on") { self.interfaces() } else { Ok(Vec::new()) }
    }

    /// `on …`; each interface with whether it is negated.
    pub(super) fn interfaces(&mut self) -> Parsed<Vec<(Name, bool)>> {
        if !self.accept("on") {
            return Ok(Vec::new());
        }
        self.one_or_list(|parser| {
            let negated = parser.not();
            Ok((parser.interface_name()?, negated))
        })
    }

    pub(super) fn interface_name(&mut self) -> Parsed<Name> {
        if self.accept("any") {
            return Ok(self.set.names.intern(b"any"));
        }
        self.plain_interface_name()
    }

    fn plain_interface_name(&mut self) -> Parsed<Name> {
        let origin = self.lexer.origin;
        let name = self.word()?;
        if name.len() > 15 {
            return Err(self.fail_at(origin, "interface name too long"));
        }
        Ok(self.set.names.intern(&name))
    }

    pub(super) fn protocols(&mut self) -> Parsed<Vec<u8>> {
        if !self.accept("proto") {
            return Ok(Vec::new());
        }
        self.one_or_list(|parser| {
            let origin = parser.lexer.origin;
            let number = if parser.lexer.token == Token::Word {
                let name = parser.word()?;
                let number = std::str::from_utf8(&name).ok().and_then(netdb::protocol_number);
                let Some(number) = number else {
                    return Err(parser.fail_at(origin, format!("unknown protocol {}", printable(&name))));
                };
                number
            } else {
                parser.bounded(255, "protocol outside range")? as u8
            };
            parser.once(number == 0, "proto 0 cannot be used")?;
            Ok(number)
        })
    }

    fn route(&mut self) -> Parsed<Option<(RouteKind, Vec<Host>, PoolOptions)>> {
        if self.accept("fastroute") {
            return Ok(None);
        }
        let kind = if self.accept("route-to") {
            RouteKind::RouteTo
        } else if self.accept("reply-to") {
            RouteKind::ReplyTo
        } else if self.accept("dup-to") {
            RouteKind::DupTo
        } else {
            return Ok(None);
        };
        let hosts = self.one_or_list(Self::route_host)?.into_iter().flatten().collect();
        let options = self.pool_options()?;
        Ok(Some((kind, hosts, options)))
    }

    fn route_host(&mut self) -> Parsed<Vec<Host>> {
        if !self.sign(b'(') {
            let interface = Some(self.plain_interface_name()?);
            return Ok(vec![Host { interface, ..Host::new(Address::Any) }]);
        }
        let interface = Some(self.plain_interface_name()?);
        let mut hosts = self.host()?;
        self.expect(b')')?;
        for host in &mut hosts {
            host.interface = interface;
        }
        Ok(hosts)
    }

    pub(super) fn antispoof(&mut self, origin: Origin) -> Parsed<()> {
        self.next();
        let (log, quick) = self.log_and_quick()?;
        self.expect_keyword("for")?;
        let interfaces = self.one_or_list(|parser| {
            let dynamic = parser.sign(b'(');
            let name = parser.interface_name()?;
            if dynamic {
                parser.expect(b')')?;
            }
            Ok((name, dynamic))
        })?;
        let family = self.family();
        let mut spec = Spec::new(Action::Block(Answer::Drop), origin);
        (spec.log, spec.quick, spec.direction) = (log, quick, Some(Direction::In));
        loop {
            if self.is("label") {
                self.label(&mut spec.labels)?;
            } else if self.accept("ridentifier") {
                spec.ridentifier = self.number()? as u32;
            } else if self.is("rtable") {
                spec.rtable = Some(self.rtable()?);
            } else {
                break;
            }
        }
        self.enter(Stage::Filter)?;
        for (interface, dynamic) in interfaces {
            let name = String::from_utf8_lossy(self.set.names.get(interface)).into_owned();
            let networks = self.own_addresses(interface, &name, dynamic, Modifiers::NETWORK);
            if !networks.is_empty() {
                let mut expansion = Expansion { family, interfaces: vec![(interface, true)], ..Expansion::default() };
                expansion.sources = networks;
                self.expand(spec.clone(), expansion)?;
            }
            let loopback = self.env.interfaces.get(&name).is_some_and(crate::pf::Interface::is_loopback);
            let hosts = self.own_addresses(interface, &name, dynamic, Modifiers::default());
            if !loopback && !hosts.is_empty() {
                let expansion = Expansion { family, sources: hosts, ..Expansion::default() };
                self.expand(spec.clone(), expansion)?;
            }
        }
        Ok(())
    }

    fn own_addresses(&mut self, interface: Name, name: &str, dynamic: bool, modifiers: Modifiers) -> Vec<Host> {
        if dynamic {
            return vec![Host::new(Address::Dynamic { interface, modifiers, bits: 128 })];
        }
        let text = if modifiers == Modifiers::NETWORK { format!("{name}:network") } else { name.to_owned() };
        if self.env.interfaces.exists(name) { self.resolve(text.as_bytes()).unwrap_or_default() } else { Vec::new() }
    }

    fn take_translation(&mut self, spec: &mut Spec, options: FilterOptions, expansion: &mut Expansion) -> Parsed<()> {
        let FilterOptions { nat_to, rdr_to, binat_to, af_to, .. } = options;
        let several = u8::from(nat_to.is_some()) + u8::from(binat_to.is_some()) + u8::from(af_to.is_some());
        if several > 1 || (af_to.is_some() || binat_to.is_some()) && rdr_to.is_some() {
            return Err(self.fail("cannot respecify nat-to/binat-to/rdr-to/af-to"));
        }
        let translates = several > 0 || rdr_to.is_some();
        if translates && spec.action != Action::Match && expansion.keep_state == KeepState::No {
            return Err(self.fail("nat-to and rdr-to require keep state"));
        }
        if translates && binat_to.is_none() && spec.direction.is_none() {
            return Err(self.fail("nat-to and rdr-to require a direction"));
        }
        if binat_to.is_some() && spec.direction.is_some() {
            return Err(self.fail("binat-to cannot be specified with a direction"));
        }
        if let Some((family, from, to)) = af_to {
            return self.take_af_to(spec, expansion, family, from, to);
        }
        if let Some(redirect) = nat_to {
            spec.translation.source = Some(self.translate(Action::Nat, redirect, expansion)?);
        }
        if let Some(redirect) = rdr_to {
            spec.translation.destination = Some(self.translate(Action::Rdr, redirect, expansion)?);
        }
        if let Some(mut redirect) = binat_to {
            redirect.options.static_port = true;
            let pool = self.translate(Action::Nat, redirect, expansion)?;
            self.check_binat_to(&expansion.sources, &pool)?;
            spec.translation.source = Some(pool);
            expansion.both_ways = true;
        }
        Ok(())
    }

    /// What binat-to translates must be one address or network, and so must what it becomes.
    fn check_binat_to(&mut self, sources: &[Host], pool: &Pool) -> Parsed<()> {
        self.once(sources.len() > 1, "invalid use of table as the source address of a binat-to rule")?;
        self.once(pool.addresses.len() > 1, "tables cannot be used as the redirect address of a binat-to rule")?;
        let any = Host::new(Address::Any);
        let source = sources.first().unwrap_or(&any);
        let target = pool.addresses.first().map_or(Address::Any, |target| target.address);
        let names = &self.set.names;
        let last = |name| names.get(name).last().copied();
        let text = |name| printable(names.get(name));
        let wrong = match (source.address, target) {
            (Address::Table(name), _) => {
                format!("invalid use of table <{}> as the source address of a binat-to rule", text(name))
            }
            (Address::Dynamic { interface, .. }, _) if source.is_multiple(last) => {
                format!("invalid use of interface ({}) as the source address of a binat-to rule", text(interface))
            }
            (_, Address::Dynamic { .. }) if Host::new(target).is_multiple(last) => {
                "dynamic interfaces must be used with :0 in a binat-to rule".to_owned()
            }
            (Address::Any, _) | (_, Address::Any) => {
                "source and redir addresses must have a matching network mask in binat-rule".to_owned()
            }
            (Address::Dynamic { .. } | Address::Network(_), Address::Dynamic { .. } | Address::Network(_)) => {
                return Ok(());
            }
            _ => "binat-to requires a specified source and redirect address".to_owned(),
        };
        Err(self.fail(wrong))
    }

    fn take_af_to(
        &mut self,
        spec: &mut Spec,
        expansion: &mut Expansion,
        family: Family,
        from: Redirect,
        to: Option<Redirect>,
    ) -> Parsed<()> {
        if expansion.family == Some(family) {
            return Err(self.fail("incorrect address family translation"));
        }
        if expansion.family.is_none() {
            return Err(self.fail("address family (inet/inet6) undefined"));
        }
        let mut new = Expansion { family: Some(family), ..Expansion::default() };
        spec.translation.source = Some(self.translate(Action::Nat, from, &mut new)?);
        if let Some(to) = to {
            spec.translation.destination = Some(self.translate(Action::Rdr, to, &mut new)?);
        }
        spec.translation.family = Some(family);
        Ok(())
    }
}
