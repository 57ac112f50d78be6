//! `ether`

use super::{Host, Origin, Parsed, Parser, Stage, Token};
use crate::pf::rule::{Address, AnchorCall, Endpoint, EtherRule, Family, Mac};
use crate::source::printable;

impl Parser<'_> {
    pub(super) fn ether(&mut self, origin: Origin) -> Parsed<()> {
        self.next();
        if self.is("anchor") {
            return self.ether_anchor(origin);
        }
        let pass = self.accept("pass");
        if !pass {
            self.expect_keyword("block")?;
        }
        let (mut rule, interfaces) = self.ether_head(origin, pass)?;
        if self.accept("bridge-to") {
            rule.bridge_to = Some(self.interface_name()?);
        }
        let lists = self.ether_lists(interfaces)?;
        self.ether_options(&mut rule)?;
        self.enter(Stage::Ether)?;
        self.expand_ether(rule, lists)
    }

    fn ether_anchor(&mut self, origin: Origin) -> Parsed<()> {
        self.next();
        let at = self.lexer.origin;
        let name = self.anchor_name()?;
        let (rule, interfaces) = self.ether_head(origin, true)?;
        let lists = self.ether_lists(interfaces)?;
        let body = if self.is_sign(b'{') {
            Some(self.body(
                |parser, origin| {
                    if parser.is("ether") { parser.ether(origin) } else { Err(parser.syntax()) }
                },
            )?)
        } else {
            None
        };
        self.enter(Stage::Ether)?;
        self.check_anchor(name, body, at)?;
        self.expand_ether(EtherRule { anchor: Some(AnchorCall { name, body }), ..rule }, lists)
    }

    fn ether_head(&mut self, origin: Origin, pass: bool) -> Parsed<(EtherRule, Vec<(super::Name, bool)>)> {
        let direction = self.direction();
        let quick = self.accept("quick");
        let interfaces = self.on()?;
        let rule = EtherRule {
            origin,
            number: 0,
            pass,
            anchor: None,
            direction,
            quick,
            interface: None,
            interface_negated: false,
            bridge_to: None,
            protocol: 0,
            source: None,
            destination: None,
            ip_source: Endpoint::default(),
            ip_destination: Endpoint::default(),
            labels: Vec::new(),
            ridentifier: 0,
            queue: None,
            tag: None,
            tagged: None,
            dummynet: None,
        };
        Ok((rule, interfaces))
    }

    fn ether_lists(&mut self, interfaces: Vec<(super::Name, bool)>) -> Parsed<EtherLists> {
        let mut lists = EtherLists { interfaces, ..EtherLists::default() };
        if self.accept("proto") {
            lists.protocols = self.one_or_list(Self::ether_type)?;
        }
        if !self.accept("all") {
            if self.accept("from") {
                lists.sources = self.one_or_list(Self::mac)?;
            }
            if self.accept("to") {
                lists.destinations = self.one_or_list(Self::mac)?;
            }
        }
        if self.accept("l3") {
            let from_to = self.source_and_target()?;
            for (hosts, place) in [(&from_to.source.hosts, "from"), (&from_to.destination.hosts, "to")] {
                let first = hosts.first().map(|host| host.address);
                if !matches!(first, None | Some(Address::Network(_) | Address::Any | Address::Table(_))) {
                    return Err(self.fail(format!("{place} must be an address or table")));
                }
            }
            lists.ip_sources = from_to.source.hosts;
            lists.ip_destinations = from_to.destination.hosts;
        }
        Ok(lists)
    }

    fn ether_type(&mut self) -> Parsed<u16> {
        let origin = self.lexer.origin;
        let number = if self.lexer.token == Token::Word {
            let word = self.word()?;
            if !word.starts_with(b"0x") {
                return Err(self.fail_at(origin, "Symbolic EtherType not yet supported"));
            }
            super::ports::unsigned(&word).and_then(|number| u16::try_from(number).ok())
        } else {
            u16::try_from(self.integer()?).ok()
        };
        match number {
            None => Err(self.fail_at(origin, "protocol outside range")),
            Some(0) => Err(self.fail_at(origin, "proto 0 cannot be used")),
            Some(number) => Ok(number),
        }
    }

    fn mac(&mut self) -> Parsed<Mac> {
        let negated = self.not();
        let origin = self.lexer.origin;
        let text = self.words()?;
        let (address, mask) = match memchr::memchr(b'&', &text) {
            Some(at) => (octets(&text[..at]), octets(&text[at + 1..])),
            None => (octets(&text), Some([0xff; 6])),
        };
        let (Some(address), Some(mut mask)) = (address, mask) else {
            return Err(self.fail_at(origin, format!("invalid MAC address {}", printable(&text))));
        };
        if self.sign(b'/') {
            let bits = self.bounded(48, "invalid MAC mask length")? as usize;
            mask = [0; 6];
            for bit in 0..bits {
                mask[bit / 8] |= 1 << (bit % 8);
            }
        }
        Ok(Mac { address, mask, negated })
    }

    fn ether_options(&mut self, rule: &mut EtherRule) -> Parsed<()> {
        loop {
            if self.is("queue") {
                self.once(rule.queue.is_some(), "queue cannot be redefined")?;
                self.next();
                rule.queue = Some(self.queue_names()?.0);
            } else if self.accept("ridentifier") {
                rule.ridentifier = self.number()? as u32;
            } else if self.is("label") {
                let mut labels = std::mem::take(&mut rule.labels);
                self.label(&mut labels)?;
                rule.labels = labels;
            } else if self.accept("tag") {
                rule.tag = Some(self.tag_name()?);
            } else if self.is_sign(b'!') || self.is("tagged") {
                let negated = self.not();
                self.expect_keyword("tagged")?;
                rule.tagged = Some((self.tag_name()?, negated));
            } else if self.is("dnpipe") || self.is("dnqueue") {
                rule.dummynet = Some(self.dummynet()?).filter(|dummynet| dummynet.number != 0);
            } else {
                return Ok(());
            }
        }
    }

    fn expand_ether(&mut self, rule: EtherRule, lists: EtherLists) -> Parsed<()> {
        let interfaces: Vec<_> = lists.interfaces.iter().map(|&(name, negated)| (Some(name), negated)).collect();
        let interfaces = if interfaces.is_empty() { vec![(None, false)] } else { interfaces };
        let protocols = if lists.protocols.is_empty() { vec![0] } else { lists.protocols };
        let some = |macs: Vec<Mac>| -> Vec<Option<Mac>> {
            if macs.is_empty() { vec![None] } else { macs.into_iter().map(Some).collect() }
        };
        let hosts = |hosts: Vec<Host>| if hosts.is_empty() { vec![Host::new(Address::Any)] } else { hosts };
        let (sources, destinations) = (some(lists.sources), some(lists.destinations));
        let (ip_sources, ip_destinations) = (hosts(lists.ip_sources), hosts(lists.ip_destinations));
        let endpoint = |host: &Host| Endpoint { address: host.address, negated: host.negated, ..Endpoint::default() };
        for &(interface, interface_negated) in &interfaces {
            for &protocol in &protocols {
                for &source in &sources {
                    for &destination in &destinations {
                        for ip_source in &ip_sources {
                            for ip_destination in &ip_destinations {
                                let family = ip_source.family.or(ip_destination.family);
                                let own = match family {
                                    Some(Family::Inet) => 0x0800,
                                    Some(Family::Inet6) => 0x86dd,
                                    None => 0,
                                };
                                self.count_rule()?;
                                let Some(open) = self.open.last_mut() else { continue };
                                open.rules.ether.push(EtherRule {
                                    number: open.ether_number,
                                    interface,
                                    interface_negated,
                                    protocol: if protocol == 0 { own } else { protocol },
                                    source,
                                    destination,
                                    ip_source: endpoint(ip_source),
                                    ip_destination: endpoint(ip_destination),
                                    ..rule.clone()
                                });
                                open.ether_number += 1;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct EtherLists {
    interfaces: Vec<(super::Name, bool)>,
    protocols: Vec<u16>,
    sources: Vec<Mac>,
    destinations: Vec<Mac>,
    ip_sources: Vec<Host>,
    ip_destinations: Vec<Host>,
}

/// Six octets in hexadecimal, colons between them.
fn octets(text: &[u8]) -> Option<[u8; 6]> {
    let mut octets = [0; 6];
    let mut parts = text.split(|&byte| byte == b':');
    for octet in &mut octets {
        let part = std::str::from_utf8(parts.next()?).ok()?;
        if part.is_empty() || part.len() > 2 || part.starts_with('+') {
            return None;
        }
        *octet = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(octets)
}
