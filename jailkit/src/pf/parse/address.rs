//! Addresses: hosts, networks, interfaces, tables, ranges.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{MAX_NESTING, Parsed, Parser, Token};
use crate::pf::rule::{Address, Compare, Family, Modifiers, Name, Network};
use crate::source::printable;

/// An address of a list, as pfctl keeps it before it expands the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pf) struct Host {
    pub(in crate::pf) address: Address,
    /// The family: an address that says `any` may have one too, as `0/0` has.
    pub(in crate::pf) family: Option<Family>,
    /// The interface that the address means something on.
    pub(in crate::pf) scope: Option<Name>,
    pub(in crate::pf) negated: bool,
    /// The interface of a pool's address.
    pub(in crate::pf) interface: Option<Name>,
}

impl Host {
    pub(super) fn new(address: Address) -> Self {
        Self { address, family: address.family(), scope: None, negated: false, interface: None }
    }

    fn network(network: Network) -> Self {
        let address = if network.bits() == 0 { Address::Any } else { Address::Network(network) };
        Self { family: Some(network.family()), ..Self::new(address) }
    }

    /// Whether its addresses change while the rule stands: the pool then goes round.
    pub(super) fn is_multiple(&self, last: impl Fn(Name) -> Option<u8>) -> bool {
        match self.address {
            Address::Dynamic { interface, modifiers, .. } => {
                !modifiers.has(Modifiers::NO_ALIAS) || !last(interface).is_some_and(|byte| byte.is_ascii_digit())
            }
            _ => false,
        }
    }
}

/// One side of `from … to …`: its addresses, none for any, and its ports.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    pub(super) hosts: Vec<Host>,
    pub(super) ports: Vec<Compare<u16>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct FromTo {
    pub(super) source: Peer,
    pub(super) os: Vec<Name>,
    pub(super) destination: Peer,
}

/// `a.b.c.d`, or fewer parts where a prefix follows, as inet_net_pton(3) reads them.
fn ipv4(text: &str, partial: bool) -> Option<Ipv4Addr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if !partial {
        return None;
    }
    let mut bytes = [0u8; 4];
    for (count, part) in text.split('.').enumerate() {
        if count == 4 || part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        bytes[count] = part.parse().ok()?;
    }
    Some(bytes.into())
}

impl Parser<'_> {
    /// `all`, or `from … os … to …`, any part of which may be left out.
    pub(super) fn source_and_target(&mut self) -> Parsed<FromTo> {
        let mut from_to = FromTo::default();
        if self.accept("all") {
            return Ok(from_to);
        }
        if self.accept("from") {
            from_to.source = self.peer()?;
        }
        if self.accept("os") {
            from_to.os = self.one_or_list(Self::name)?;
        }
        if self.accept("to") {
            let origin = self.lexer.origin;
            from_to.destination = self.peer()?;
            if from_to.destination.hosts.iter().any(|host| host.address == Address::UrpfFailed) {
                return Err(self.fail_at(origin, "\"urpf-failed\" is not permitted in a destination address"));
            }
        }
        Ok(from_to)
    }

    fn peer(&mut self) -> Parsed<Peer> {
        let hosts = if self.is("port") { Vec::new() } else { self.hosts()? };
        let ports = if self.accept("port") { self.ports()? } else { Vec::new() };
        Ok(Peer { hosts, ports })
    }

    /// `any`, an address, or a list of them, which may stand in each other; none for any. A list with `any` in it is
    /// any.
    pub(super) fn hosts(&mut self) -> Parsed<Vec<Host>> {
        if self.accept("any") {
            return Ok(Vec::new());
        }
        if !self.is_sign(b'{') {
            return self.not_any();
        }
        let brace = self.lexer.origin;
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            self.nesting = 0;
            return Err(self.fail_at(brace, format!("lists stand more than {MAX_NESTING} deep in each other")));
        }
        let lists = self.braced(Self::hosts);
        self.nesting = self.nesting.saturating_sub(1);
        let lists = lists?;
        if lists.iter().any(Vec::is_empty) {
            return Ok(Vec::new());
        }
        Ok(lists.into_iter().flatten().collect())
    }

    fn not_any(&mut self) -> Parsed<Vec<Host>> {
        let negated = self.not();
        let mut hosts = if self.accept("no-route") {
            vec![Host::new(Address::NoRoute)]
        } else if self.accept("urpf-failed") {
            vec![Host::new(Address::UrpfFailed)]
        } else {
            self.host()?
        };
        for host in &mut hosts {
            host.negated = negated;
        }
        Ok(hosts)
    }

    pub(super) fn host(&mut self) -> Parsed<Vec<Host>> {
        let origin = self.lexer.origin;
        match self.lexer.token {
            Token::Sign(b'<') => Ok(vec![Host::new(Address::Table(self.table_name()?))]),
            Token::Sign(b'(') => {
                let mut host = self.dynamic()?;
                if self.sign(b'/') {
                    let bits = self.bounded(128, "bit number too big")?;
                    if let Address::Dynamic { bits: own, .. } = &mut host.address {
                        *own = bits as u8;
                    }
                }
                Ok(vec![host])
            }
            Token::Number(_) => {
                let mut text = self.number_string()?;
                self.expect(b'/')?;
                let bits = self.integer()?;
                text.extend(format!("/{bits}").bytes());
                self.lookup(&text, origin)
            }
            _ => {
                let mut text = self.word()?;
                if self.sign(b'-') {
                    let last = self.word()?;
                    return self.range(&text, &last, origin);
                }
                if self.sign(b'/') {
                    let bits = self.integer()?;
                    text.extend(format!("/{bits}").bytes());
                }
                self.lookup(&text, origin)
            }
        }
    }

    /// `<name>`
    pub(super) fn table_name(&mut self) -> Parsed<Name> {
        self.expect(b'<')?;
        let origin = self.lexer.origin;
        let name = self.word()?;
        self.expect(b'>')?;
        if name.len() > 31 {
            return Err(self.fail_at(origin, format!("table name '{}' too long", printable(&name))));
        }
        Ok(self.set.names.intern(&name))
    }

    fn range(&mut self, first: &[u8], last: &[u8], origin: super::Origin) -> Parsed<Vec<Host>> {
        let first = self.lookup(first, origin)?;
        let last = self.lookup(last, origin)?;
        match (first.as_slice(), last.as_slice()) {
            ([Host { address: first, family: Some(one), .. }], [Host { address: last, family: Some(other), .. }])
                if one == other =>
            {
                let single = |address: &Address| match address {
                    Address::Network(network) if network.is_host() => Some(network.address()),
                    _ => None,
                };
                if let (Some(first), Some(last)) = (single(first), single(last)) {
                    return Ok(vec![Host::new(Address::Range(first, last))]);
                }
                Err(self.fail_at(origin, "invalid address range"))
            }
            _ => Err(self.fail_at(origin, "invalid address range")),
        }
    }

    fn dynamic(&mut self) -> Parsed<Host> {
        self.expect(b'(')?;
        let origin = self.lexer.origin;
        let word = self.word()?;
        self.expect(b')')?;
        if !word.first().is_some_and(u8::is_ascii_alphabetic) {
            return Err(self.fail_at(origin, format!("invalid interface name '{}'", printable(&word))));
        }
        let Ok((name, modifiers)) = self.modifiers(&word) else {
            return Err(self.fail_at(origin, format!("interface {} has bad modifier", printable(&word))));
        };
        if modifiers.conflict() {
            return Err(self.fail_at(origin, "illegal combination of interface modifiers"));
        }
        if name.len() > 15 {
            return Err(self.fail_at(origin, "interface name too long"));
        }
        let interface = self.set.names.intern(&name);
        Ok(Host::new(Address::Dynamic { interface, modifiers, bits: 128 }))
    }

    pub(super) fn lookup(&mut self, text: &[u8], origin: super::Origin) -> Parsed<Vec<Host>> {
        match self.resolve(text) {
            Some(hosts) if !hosts.is_empty() => Ok(hosts),
            _ => Err(self.fail_at(origin, format!("no IP address found for {}", printable(text)))),
        }
    }

    /// What an address, a network, an interface or `localhost` stands for.
    pub(super) fn resolve(&mut self, text: &[u8]) -> Option<Vec<Host>> {
        let text = std::str::from_utf8(text).ok()?;
        let (name, bits) = match text.rsplit_once('/') {
            Some((name, bits)) => {
                let bits = super::ports::unsigned(bits.as_bytes()).filter(|bits| *bits <= 128)?;
                (name, Some(bits as u8))
            }
            None => (text, None),
        };
        if let Some(address) = ipv4(name, bits.is_some()) {
            let bits = bits.unwrap_or(32);
            return (bits <= 32).then(|| vec![Host::network(Network::new(address.into(), bits))]);
        }
        let (plain, scope) = name.split_once('%').map_or((name, None), |(plain, scope)| (plain, Some(scope)));
        if let Ok(address) = plain.parse::<Ipv6Addr>() {
            let mut host = Host::network(Network::new(address.into(), bits.unwrap_or(128)));
            if let Some(scope) = scope {
                self.env.interfaces.get(scope)?;
                host.scope = Some(self.set.names.intern(scope.as_bytes()));
            }
            return Some(vec![host]);
        }
        self.resolve_interface(name, bits).or_else(|| self.resolve_localhost(name, bits))
    }

    fn resolve_interface(&mut self, text: &str, bits: Option<u8>) -> Option<Vec<Host>> {
        let (name, modifiers) = self.modifiers(text.as_bytes()).ok()?;
        let name = String::from_utf8(name).ok()?;
        let given = modifiers.has(Modifiers::NETWORK) || modifiers.has(Modifiers::BROADCAST);
        if modifiers.conflict() || given && bits.is_some() || !(self.env.interfaces.exists(&name) || name == "self") {
            return None;
        }
        let interfaces = self.env.interfaces;
        let names = &mut self.set.names;
        let hosts = interfaces.lookup(&name, modifiers).into_iter().map(|found| {
            let network = bits.map_or(found.network, |bits| Network::new(found.network.address(), bits));
            Host { scope: found.scope.map(|scope| names.intern(scope.as_bytes())), ..Host::network(network) }
        });
        Some(hosts.collect())
    }

    fn resolve_localhost(&mut self, name: &str, bits: Option<u8>) -> Option<Vec<Host>> {
        let name = name.strip_suffix(":0").unwrap_or(name);
        if name != "localhost" {
            return None;
        }
        let of = |address: IpAddr| Host::network(Network::new(address, bits.unwrap_or(128)));
        Some(vec![of(Ipv6Addr::LOCALHOST.into()), of(Ipv4Addr::LOCALHOST.into())])
    }
}
