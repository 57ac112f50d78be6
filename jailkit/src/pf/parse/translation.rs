//! `nat`, `rdr`, `binat`, and the pools they translate to.

use super::expand::Expansion;
use super::filter_opts::suits;
use super::ports::PortRange;
use super::state::Choice;
use super::{Host, Origin, Parsed, Parser, Stage, Token};
use crate::pf::rule::{Action, Address, Compare, Endpoint, Family, Pool, PoolAddress, PoolKind, PortSet, Rule, Spec};

/// What follows the addresses of a pool.
#[derive(Clone, Debug, Default)]
pub(super) struct PoolOptions {
    pub(super) kind: Option<PoolKind>,
    pub(super) static_port: bool,
    pub(super) sticky: bool,
    pub(super) endpoint_independent: bool,
    pub(super) prefer_ipv6: bool,
    pub(super) port_set: Option<PortSet>,
}

/// Where a packet is translated to, as it is written.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    pub(super) hosts: Vec<Host>,
    pub(super) port: PortRange,
    pub(super) options: PoolOptions,
}

/// Leaves the hosts of one family: the given one, else the first host's that has one.
pub(super) fn keep_family(hosts: &mut Vec<Host>, family: &mut Option<Family>) {
    hosts.retain(|host| {
        let keep = suits(host, *family);
        if keep && family.is_none() {
            *family = host.family;
        }
        keep
    });
}

/// A dynamic address without a prefix is one of 32 bits in a rule of IPv4.
pub(super) fn narrow(address: Address, family: Option<Family>) -> Address {
    match address {
        Address::Dynamic { interface, modifiers, bits } if family == Some(Family::Inet) => {
            Address::Dynamic { interface, modifiers, bits: bits.min(32) }
        }
        address => address,
    }
}

impl Parser<'_> {
    pub(super) fn pool_options(&mut self) -> Parsed<PoolOptions> {
        let mut options = PoolOptions::default();
        loop {
            let kind = if self.is("bitmask") {
                PoolKind::Bitmask
            } else if self.is("random") {
                PoolKind::Random
            } else if self.is("round-robin") {
                PoolKind::RoundRobin
            } else if self.is("source-hash") {
                PoolKind::SourceHash(None)
            } else if self.is("static-port") {
                self.once(options.static_port, "static-port cannot be redefined")?;
                self.next();
                options.static_port = true;
                continue;
            } else if self.is("sticky-address") {
                self.once(options.sticky, "sticky-address cannot be redefined")?;
                self.next();
                options.sticky = true;
                continue;
            } else if self.is("endpoint-independent") {
                self.once(options.endpoint_independent, "endpoint-independent cannot be redefined")?;
                self.next();
                options.endpoint_independent = true;
                continue;
            } else if self.is("prefer-ipv6-nexthop") {
                self.once(options.prefer_ipv6, "prefer-ipv6-nexthop cannot be redefined")?;
                self.next();
                options.prefer_ipv6 = true;
                continue;
            } else if self.is("map-e-portset") {
                self.port_set(&mut options)?;
                continue;
            } else {
                return Ok(options);
            };
            self.once(options.kind.is_some(), "pool type cannot be redefined")?;
            self.next();
            options.kind = Some(match kind {
                PoolKind::SourceHash(_) if self.lexer.token == Token::Word => {
                    PoolKind::SourceHash(Some(self.hash_key()?))
                }
                kind => kind,
            });
        }
    }

    fn hash_key(&mut self) -> Parsed<[u32; 4]> {
        let origin = self.lexer.origin;
        let text = self.words()?;
        let Some(hex) = text.strip_prefix(b"0x") else {
            // pfctl prints the key made of the words.
            return Ok(super::md5::digest(&text));
        };
        if hex.len() != 32 {
            return Err(self.fail_at(origin, "hex key must be 128 bits (32 hex digits) long"));
        }
        let mut key = [0; 4];
        for (word, digits) in key.iter_mut().zip(hex.chunks(8)) {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'));
            let Some(number) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
                return Err(self.fail_at(origin, "invalid hex key"));
            };
            *word = number;
        }
        Ok(key)
    }

    fn port_set(&mut self, options: &mut PoolOptions) -> Parsed<()> {
        self.once(options.port_set.is_some(), "map-e-portset cannot be redefined")?;
        self.once(options.kind.is_some(), "map-e-portset cannot be used with address pools")?;
        self.next();
        let offset = self.number()?;
        self.expect(b'/')?;
        let length = self.number()?;
        self.expect(b'/')?;
        let origin = self.lexer.origin;
        let psid = self.number()?;
        let wrong = if !(1..16).contains(&offset) {
            "MAP-E PSID offset must be 1-15"
        } else if !(0..16).contains(&length) || offset + length > 16 {
            "Invalid MAP-E PSID length"
        } else if length == 0 {
            "PSID Length = 0: this means you do not need MAP-E"
        } else if !(0..=65535).contains(&psid) {
            "Invalid MAP-E PSID"
        } else {
            options.port_set = Some(PortSet { offset: offset as u8, length: length as u8, psid: psid as u16 });
            return Ok(());
        };
        Err(self.fail_at(origin, wrong))
    }

    /// What follows `->`, `nat-to` and their like: addresses, a port, options.
    pub(super) fn redirect_to(&mut self) -> Parsed<Redirect> {
        let hosts = self.one_or_list(Self::host)?.into_iter().flatten().collect();
        let port = if self.accept("port") { self.port_range(true)? } else { PortRange::default() };
        let options = self.pool_options()?;
        Ok(Redirect { hosts, port, options })
    }

    /// A pool of hosts, after the checks that pfctl makes of it.
    pub(super) fn pool(&mut self, hosts: Vec<Host>, options: &PoolOptions, family: Option<Family>) -> Parsed<Pool> {
        let names = &self.set.names;
        let last = |name| names.get(name).last().copied();
        let changes = hosts.iter().find(|host| host.is_multiple(last)).map(|host| host.address);
        let table = hosts.iter().any(|host| matches!(host.address, Address::Table(_)));
        let several = hosts.len() > 1 || table || hosts.first().is_some_and(|host| host.is_multiple(last));
        let kind = match options.kind {
            None if several => PoolKind::RoundRobin,
            None => PoolKind::Single,
            Some(kind) => kind,
        };
        if matches!(kind, PoolKind::Bitmask | PoolKind::Single) {
            if table {
                return Err(self.fail("tables are not supported by pool type"));
            }
            if let Some(Address::Dynamic { interface, .. }) = changes {
                let name = crate::source::printable(self.set.names.get(interface));
                return Err(self.fail(format!("interface ({name}) is not supported by pool type")));
            }
            if hosts.len() > 1 {
                return Err(self.fail("only round-robin valid for multiple redirection addresses"));
            }
        }
        let addresses = hosts
            .iter()
            .map(|host| PoolAddress { interface: host.interface, address: narrow(host.address, family) })
            .collect();
        Ok(Pool {
            addresses,
            kind,
            sticky: options.sticky,
            endpoint_independent: options.endpoint_independent,
            prefer_ipv6: options.prefer_ipv6,
            ports: (0, 0),
            port_set: None,
        })
    }

    /// The pool of a translation; the rule takes its family from it where it has none.
    pub(super) fn translate(&mut self, action: Action, redirect: Redirect, expansion: &mut Expansion) -> Parsed<Pool> {
        let Redirect { mut hosts, port, options } = redirect;
        if expansion.family.is_none() {
            expansion.family = hosts.first().filter(|host| host.scope.is_none()).and_then(|host| host.family);
        }
        let mut family = expansion.family;
        keep_family(&mut hosts, &mut family);
        expansion.family = family;
        let fixed = |host: &Host| !matches!(host.address, Address::Table(_) | Address::Dynamic { .. });
        if family.is_none() && hosts.iter().any(fixed) {
            return Err(
                self.fail("address family not given and translation address expands to multiple address families")
            );
        }
        if hosts.is_empty() {
            return Err(self.fail("no translation address with matching address family found."));
        }
        let mut pool = self.pool(hosts, &options, family)?;
        pool.ports = match action {
            Action::Rdr if port.ranged && port.second == 0 => {
                expansion.star = true;
                (port.first, port.first)
            }
            Action::Rdr if port.ranged && port.first > port.second => {
                return Err(self.fail("invalid rdr-to port range"));
            }
            Action::Rdr => (port.first, port.second),
            _ => match (port.first, port.second) {
                (0, 0) => Pool::NAT_PORTS,
                (first, 0) => (first, first),
                ports => ports,
            },
        };
        self.check_ports(action, &mut pool, &options)?;
        Ok(pool)
    }

    fn check_ports(&mut self, action: Action, pool: &mut Pool, options: &PoolOptions) -> Parsed<()> {
        let nat = action == Action::Nat;
        let ranged = pool.ports.0 != Pool::NAT_PORTS.0 && pool.ports.1 != Pool::NAT_PORTS.1;
        if options.static_port {
            self.once(!nat, "the 'static-port' option is only valid with nat rules")?;
            self.once(ranged, "the 'static-port' option can't be used when specifying a port range")?;
            pool.ports = (0, 0);
        }
        if options.port_set.is_some() {
            self.once(!nat, "the 'map-e-portset' option is only valid with nat rules")?;
            self.once(options.static_port, "the 'map-e-portset' option can't be used 'static-port'")?;
            self.once(ranged, "the 'map-e-portset' option can't be used when specifying a port range")?;
            pool.port_set = options.port_set;
        }
        if options.endpoint_independent {
            self.once(!nat, "the 'endpoint-independent' option is only valid with nat rules")?;
        }
        Ok(())
    }

    pub(super) fn nat_or_rdr(&mut self, origin: Origin, no: bool) -> Parsed<()> {
        let nat = self.is("nat");
        self.next();
        let action = match (nat, no) {
            (true, false) => Action::Nat,
            (true, true) => Action::NoNat,
            (false, false) => Action::Rdr,
            (false, true) => Action::NoRdr,
        };
        let mut spec = Spec::new(action, origin);
        spec.nat_pass = self.accept("pass");
        self.once(no && spec.nat_pass, "\"pass\" not valid with \"no\"")?;
        spec.log = self.log()?;
        let interfaces = self.on()?;
        let family = self.family();
        let protocols = self.protocols()?;
        let from_to = self.source_and_target()?;
        self.tags(&mut spec)?;
        let redirect = match self.lexer.token {
            Token::Arrow => {
                self.next();
                Some(self.redirect_to()?)
            }
            _ => None,
        };
        self.enter(Stage::Translation)?;
        let mut expansion = Expansion { interfaces, family, protocols, ..Expansion::of(from_to) };
        expansion.first_family();
        let defaults = self.state_defaults.as_deref().unwrap_or_default();
        spec.state.pflow = defaults.iter().any(|choice| matches!(choice, Choice::Pflow));
        match redirect {
            Some(_) if no => return Err(self.fail("translation rule with 'no' does not need '->'")),
            None if !no => return Err(self.fail("translation rule requires '-> address'")),
            None => {}
            Some(redirect) => {
                let pool = self.translate(action, redirect, &mut expansion)?;
                if nat {
                    spec.translation.source = Some(pool);
                } else {
                    spec.translation.destination = Some(pool);
                }
            }
        }
        self.expand(spec, expansion)
    }

    fn tags(&mut self, spec: &mut Spec) -> Parsed<()> {
        if self.accept("tag") {
            let origin = self.lexer.origin;
            let tag = self.word()?;
            if tag.len() > 63 {
                return Err(self.fail_at(origin, "tag too long, max 63 chars"));
            }
            spec.tag = Some(self.set.names.intern(&tag));
        }
        if self.is_sign(b'!') || self.is("tagged") {
            let negated = self.not();
            self.expect_keyword("tagged")?;
            spec.tagged = Some((self.tag_name()?, negated));
        }
        if self.is("rtable") {
            spec.rtable = Some(self.rtable()?);
        }
        Ok(())
    }

    pub(super) fn binat(&mut self, origin: Origin, no: bool) -> Parsed<()> {
        self.next();
        let mut spec = Spec::new(if no { Action::NoBinat } else { Action::Binat }, origin);
        spec.nat_pass = self.accept("pass");
        spec.log = self.log()?;
        let interfaces = self.on()?;
        let mut family = self.family();
        let protocols = self.protocols()?;
        self.expect_keyword("from")?;
        let sources = self.hosts()?;
        let destinations = if self.accept("to") { self.hosts()? } else { Vec::new() };
        self.tags(&mut spec)?;
        let target = match self.lexer.token {
            Token::Arrow => {
                self.next();
                let hosts = self.host()?;
                if self.accept("port") {
                    self.port_range(true)?;
                }
                Some(hosts)
            }
            _ => None,
        };
        self.enter(Stage::Translation)?;
        self.once(no && spec.nat_pass, "\"pass\" not valid with \"no\"")?;
        let first = |hosts: &[Host]| hosts.first().and_then(|host| host.family);
        family = family.or(first(&sources)).or(first(&destinations));
        family = family.or(target.as_deref().and_then(first));
        let Some(family) = family else {
            return Err(self.fail("address family (inet/inet6) undefined"));
        };
        self.check_binat(&sources, &destinations, target.as_deref(), family)?;
        let endpoint = |hosts: &[Host]| {
            hosts.first().map_or(Endpoint::default(), |host| Endpoint {
                address: narrow(host.address, Some(family)),
                negated: host.negated,
                port: Compare::default(),
            })
        };
        let source = Endpoint { negated: false, ..endpoint(&sources) };
        match target {
            Some(_) if no => return Err(self.fail("'no binat' rule does not need '->'")),
            None if !no => return Err(self.fail("'binat' rule requires '-> address'")),
            None => {}
            Some(hosts) => {
                let hosts = self.binat_target(hosts, family, source.address)?;
                spec.translation.source = Some(self.pool(hosts, &PoolOptions::default(), Some(family))?);
            }
        }
        let action = spec.action;
        let spec = self.add_spec(spec);
        let (interface, interface_negated) =
            interfaces.first().map_or((None, false), |&(name, negated)| (Some(name), negated));
        let rule = Rule {
            source,
            destination: endpoint(&destinations),
            interface,
            interface_negated,
            family: Some(family),
            protocol: protocols.first().copied().unwrap_or(0),
            ..Rule::new(spec)
        };
        self.add_rule(action, rule)
    }

    fn check_binat(
        &mut self,
        sources: &[Host],
        destinations: &[Host],
        target: Option<&[Host]>,
        family: Family,
    ) -> Parsed<()> {
        if destinations.iter().any(|host| host.address == Address::UrpfFailed) {
            return Err(self.fail("\"urpf-failed\" is not permitted as a binat destination"));
        }
        for (hosts, place) in [(sources, "source"), (target.unwrap_or_default(), "redirect")] {
            for host in hosts {
                let names = &self.set.names;
                let text = |name| crate::source::printable(names.get(name));
                let what = match host.address {
                    Address::Table(name) => format!("table <{}>", text(name)),
                    Address::Dynamic { interface, .. } if host.is_multiple(|name| names.get(name).last().copied()) => {
                        format!("interface ({})", text(interface))
                    }
                    _ => continue,
                };
                return Err(self.fail(format!("invalid use of {what} as the {place} address of a binat rule")));
            }
        }
        self.once(sources.len() > 1 || destinations.len() > 1, "multiple binat ip addresses")?;
        let differs = |host: &Host| host.family.is_some_and(|own| own != family);
        let wrong = sources.iter().chain(destinations).any(differs);
        self.once(wrong, "binat ip versions must match")
    }

    fn binat_target(&mut self, mut hosts: Vec<Host>, family: Family, source: Address) -> Parsed<Vec<Host>> {
        keep_family(&mut hosts, &mut Some(family));
        if hosts.is_empty() {
            return Err(self.fail("no translation address with matching address family found."));
        }
        self.once(hosts.len() > 1, "binat rule must redirect to a single address")?;
        let bits = |address| match address {
            Address::Network(network) => Some(network.bits()),
            Address::Dynamic { bits, .. } => Some(bits.min(family.bits())),
            _ => None,
        };
        let differs = bits(source).is_some() && bits(source) != hosts.first().and_then(|host| bits(host.address));
        self.once(differs, "'binat' source mask and redirect mask must be the same")?;
        Ok(hosts)
    }
}
