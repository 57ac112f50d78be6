//! What follows the addresses of a pass, block, match or anchor rule, in any order.

use super::state::Choice;
use super::translation::Redirect;
use super::{Host, Parsed, Parser, Token};
use crate::pf::icmp;
use crate::pf::rule::{Compare, Dummynet, Family, KeepState, Name, ScrubOptions};
use crate::source::printable;

/// Filter options, as they are written.
#[derive(Debug, Default)]
pub(super) struct FilterOptions {
    pub(super) users: Vec<Compare<u32>>,
    pub(super) groups: Vec<Compare<u32>>,
    pub(super) flags: Option<(u8, u8)>,
    pub(super) icmp: Vec<(u8, Option<u8>, u8)>,
    pub(super) tos: Option<u8>,
    pub(super) prio: Option<u8>,
    pub(super) set_prio: Option<(u8, u8)>,
    pub(super) set_tos: Option<u8>,
    pub(super) keep: Option<(KeepState, Vec<Choice>)>,
    pub(super) fragment: bool,
    pub(super) allow_opts: bool,
    pub(super) once: bool,
    pub(super) labels: Vec<Name>,
    pub(super) ridentifier: u32,
    pub(super) queue: Option<(Name, Option<Name>)>,
    pub(super) dummynet: Option<Dummynet>,
    pub(super) tag: Option<Name>,
    pub(super) tagged: Option<(Name, bool)>,
    pub(super) received_on: Option<(Name, bool)>,
    pub(super) probability: u32,
    pub(super) rtable: Option<u32>,
    pub(super) divert: u16,
    pub(super) scrub: ScrubOptions,
    pub(super) packet_rate: Option<(u32, u32)>,
    pub(super) packet_size: u16,
    pub(super) nat_to: Option<Redirect>,
    pub(super) rdr_to: Option<Redirect>,
    pub(super) binat_to: Option<Redirect>,
    pub(super) af_to: Option<(Family, Redirect, Option<Redirect>)>,
}

const TOS: &[(&str, u8)] = &[
    ("af11", 0x28),
    ("af12", 0x30),
    ("af13", 0x38),
    ("af21", 0x48),
    ("af22", 0x50),
    ("af23", 0x58),
    ("af31", 0x68),
    ("af32", 0x70),
    ("af33", 0x78),
    ("af41", 0x88),
    ("af42", 0x90),
    ("af43", 0x98),
    ("critical", 0xa0),
    ("cs0", 0),
    ("cs1", 0x20),
    ("cs2", 0x40),
    ("cs3", 0x60),
    ("cs4", 0x80),
    ("cs5", 0xa0),
    ("cs6", 0xc0),
    ("cs7", 0xe0),
    ("ef", 0xb8),
    ("inetcontrol", 0xc0),
    ("lowdelay", 0x10),
    ("netcontrol", 0xe0),
    ("reliability", 0x04),
    ("throughput", 0x08),
    ("va", 0xb0),
];

impl Parser<'_> {
    pub(super) fn filter_options(&mut self) -> Parsed<FilterOptions> {
        let mut options = FilterOptions::default();
        while self.filter_option(&mut options)? {}
        Ok(options)
    }

    fn filter_option(&mut self, options: &mut FilterOptions) -> Parsed<bool> {
        if self.is_sign(b'!') {
            self.next();
            return self.tagged(options, true);
        }
        if self.lexer.token != Token::Keyword {
            return Ok(false);
        }
        match self.lexer.text.as_slice() {
            b"tagged" | b"received-on" => return self.tagged(options, false),
            b"user" => {
                self.next();
                let ids = self.ids("user")?;
                options.users.splice(0..0, ids);
            }
            b"group" => {
                self.next();
                let ids = self.ids("group")?;
                options.groups.splice(0..0, ids);
            }
            b"flags" => {
                self.once(options.flags.is_some(), "flags cannot be redefined")?;
                self.next();
                options.flags = Some(self.flags()?);
            }
            b"icmp-type" | b"icmp6-type" => {
                self.once(!options.icmp.is_empty(), "icmp-type cannot be redefined")?;
                let family = if self.is("icmp-type") { Family::Inet } else { Family::Inet6 };
                self.next();
                options.icmp = self.one_or_list(|parser| parser.icmp(family))?;
            }
            b"prio" => {
                self.once(options.prio.is_some(), "prio cannot be redefined")?;
                self.next();
                options.prio = Some(self.bounded(7, "prio must be 0 - 7")? as u8);
            }
            b"tos" => {
                self.once(options.tos.is_some(), "tos cannot be redefined")?;
                self.next();
                options.tos = Some(self.tos()?);
            }
            b"no" | b"keep" | b"modulate" | b"synproxy" => {
                self.once(options.keep.is_some(), "modulate or keep cannot be redefined")?;
                options.keep = self.keep()?;
            }
            b"fragment" => {
                self.next();
                options.fragment = true;
            }
            b"allow-opts" => {
                self.next();
                options.allow_opts = true;
            }
            b"once" => {
                self.next();
                options.once = true;
            }
            b"label" => self.label(&mut options.labels)?,
            b"ridentifier" => {
                self.next();
                options.ridentifier = self.number()? as u32;
            }
            b"queue" => {
                self.once(options.queue.is_some(), "queue cannot be redefined")?;
                self.next();
                options.queue = Some(self.queue_names()?);
            }
            b"dnpipe" | b"dnqueue" => options.dummynet = Some(self.dummynet()?),
            b"tag" => {
                self.next();
                options.tag = Some(self.tag_name()?);
            }
            b"probability" => {
                self.next();
                options.probability = self.probability()?;
            }
            b"rtable" => options.rtable = Some(self.rtable()?),
            b"divert-to" => {
                self.next();
                options.divert = self.divert()?;
            }
            b"divert-reply" => return Err(self.fail("divert-reply has no meaning in FreeBSD pf(4)")),
            b"scrub" => {
                self.next();
                self.expect(b'(')?;
                options.scrub = self.scrub_options()?.0;
                self.expect(b')')?;
                options.set_tos = options.scrub.set_tos.take().or(options.set_tos);
            }
            b"set" => {
                self.next();
                self.filter_sets(options)?;
            }
            b"max-pkt-rate" => {
                self.once(options.packet_rate.is_some(), "cannot respecify max-pkt-rate")?;
                self.next();
                let limit = self.bounded(i64::from(u32::MAX), "only positive values permitted")? as u32;
                self.expect(b'/')?;
                let seconds = self.bounded(i64::from(u32::MAX), "only positive values permitted")? as u32;
                options.packet_rate = Some((limit, seconds)).filter(|rate| rate.0 != 0);
            }
            b"max-pkt-size" => {
                self.next();
                options.packet_size = self.bounded(65535, "only positive values permitted")? as u16;
            }
            b"nat-to" => {
                self.once(options.nat_to.is_some(), "cannot respecify nat-to/binat-to")?;
                self.next();
                options.nat_to = Some(self.redirect_to()?);
            }
            b"rdr-to" => {
                self.once(options.rdr_to.is_some(), "cannot respecify rdr-to")?;
                self.next();
                options.rdr_to = Some(self.redirect_to()?);
            }
            b"binat-to" => {
                self.once(options.binat_to.is_some(), "cannot respecify nat-to/binat-to")?;
                self.next();
                options.binat_to = Some(self.redirect_to()?);
            }
            b"af-to" => {
                self.next();
                let Some(family) = self.family() else {
                    return Err(self.fail("no address family specified"));
                };
                self.expect_keyword("from")?;
                let from = self.redirect_to()?;
                let to = if self.accept("to") { Some(self.redirect_to()?) } else { None };
                options.af_to = Some((family, from, to));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn once(&mut self, already: bool, message: &str) -> Parsed<()> {
        if already { Err(self.fail(message)) } else { Ok(()) }
    }

    fn tagged(&mut self, options: &mut FilterOptions, negated: bool) -> Parsed<bool> {
        if self.accept("received-on") {
            self.once(options.received_on.is_some(), "cannot respecify received-on")?;
            let name = self.interface_name()?;
            options.received_on = Some((name, negated));
        } else {
            self.expect_keyword("tagged")?;
            options.tagged = Some((self.tag_name()?, negated));
        }
        Ok(true)
    }

    pub(super) fn tag_name(&mut self) -> Parsed<Name> {
        let origin = self.lexer.origin;
        let name = self.words()?;
        if name.len() > 63 {
            return Err(self.fail_at(origin, "tag too long, max 63 chars"));
        }
        Ok(self.set.names.intern(&name))
    }

    pub(super) fn label(&mut self, labels: &mut Vec<Name>) -> Parsed<()> {
        self.once(labels.len() >= 5, "label can only be used 5 times")?;
        self.next();
        let origin = self.lexer.origin;
        let label = self.word()?;
        if label.len() > 63 {
            return Err(self.fail_at(origin, "rule label too long (max 63 chars)"));
        }
        labels.push(self.set.names.intern(&label));
        Ok(())
    }

    pub(super) fn queue_names(&mut self) -> Parsed<(Name, Option<Name>)> {
        if !self.sign(b'(') {
            return Ok((self.queue_name()?, None));
        }
        let first = self.queue_name()?;
        let mut second = None;
        if !self.is_sign(b')') {
            self.comma();
            second = Some(self.queue_name()?);
        }
        self.expect(b')')?;
        Ok((first, second))
    }

    fn queue_name(&mut self) -> Parsed<Name> {
        let origin = self.lexer.origin;
        let name = self.word()?;
        if name.len() > 63 {
            return Err(self.fail_at(origin, "rule qname too long (max 63 chars)"));
        }
        Ok(self.set.names.intern(&name))
    }

    pub(super) fn dummynet(&mut self) -> Parsed<Dummynet> {
        let pipe = self.is("dnpipe");
        self.next();
        let mut found = Dummynet { pipe, number: 0, reply: 0 };
        if self.sign(b'(') {
            found.number = self.number()? as u16;
            if !self.is_sign(b')') {
                self.comma();
                found.reply = self.number()? as u16;
            }
            self.expect(b')')?;
        } else {
            found.number = self.number()? as u16;
        }
        Ok(found)
    }

    pub(super) fn rtable(&mut self) -> Parsed<u32> {
        self.expect_keyword("rtable")?;
        Ok(self.bounded(65535, "invalid rtable id")? as u32)
    }

    fn divert(&mut self) -> Parsed<u16> {
        let origin = self.lexer.origin;
        let mut port = None;
        if self.lexer.token == Token::Word {
            // Either a port, or an address that pf in FreeBSD has no use for, and a port.
            let text = self.lexer.text.clone();
            self.next();
            if !self.accept("port") {
                port = super::ports::unsigned(&text).and_then(|number| u16::try_from(number).ok());
                let by_name = || crate::pf::netdb::service_port(std::str::from_utf8(&text).ok()?);
                port = port.or_else(by_name);
                if port.is_none() {
                    return Err(self.fail_at(origin, format!("unknown port {}", printable(&text))));
                }
            }
        }
        let port = match port {
            Some(port) => port,
            None => self.plain_port()?,
        };
        if port == 0 {
            return Err(self.fail_at(origin, "invalid divert port: 0"));
        }
        Ok(port)
    }

    fn filter_sets(&mut self, options: &mut FilterOptions) -> Parsed<()> {
        if !self.sign(b'(') {
            return self.filter_set(options);
        }
        loop {
            self.filter_set(options)?;
            if self.sign(b')') {
                return Ok(());
            }
            self.comma();
        }
    }

    fn filter_set(&mut self, options: &mut FilterOptions) -> Parsed<()> {
        if self.accept("prio") {
            self.once(options.set_prio.is_some(), "prio cannot be redefined")?;
            let one = |parser: &mut Self| Ok(parser.bounded(7, "prio must be 0 - 7")? as u8);
            options.set_prio = Some(if self.sign(b'(') {
                let first = one(self)?;
                self.comma();
                let second = one(self)?;
                self.expect(b')')?;
                (first, second)
            } else {
                let both = one(self)?;
                (both, both)
            });
            return Ok(());
        }
        self.expect_keyword("tos")?;
        self.once(options.set_tos.is_some(), "tos cannot be respecified")?;
        options.set_tos = Some(self.tos()?);
        Ok(())
    }

    pub(super) fn tos(&mut self) -> Parsed<u8> {
        let origin = self.lexer.origin;
        let text = self.number_string()?;
        let named = || TOS.iter().find(|known| known.0.as_bytes().eq_ignore_ascii_case(&text)).map(|known| known.1);
        let decimal = text.iter().all(u8::is_ascii_digit) || text.starts_with(b"0x");
        let number = || {
            let number = if text.starts_with(b"0x") {
                super::ports::unsigned(&text)?
            } else {
                std::str::from_utf8(&text).ok()?.parse().ok()?
            };
            u8::try_from(number).ok().filter(|_| decimal)
        };
        named().or_else(number).ok_or_else(|| self.fail_at(origin, format!("illegal tos value {}", printable(&text))))
    }

    fn flags(&mut self) -> Parsed<(u8, u8)> {
        if self.accept("any") {
            return Ok((0, 0));
        }
        let set = if self.is_sign(b'/') { 0 } else { self.flag_letters()? };
        self.expect(b'/')?;
        let mask = self.flag_letters()?;
        Ok((set, mask))
    }

    fn flag_letters(&mut self) -> Parsed<u8> {
        let origin = self.lexer.origin;
        let word = self.word()?;
        let mut flags = 0;
        for letter in &word {
            match b"FSRPAUEW".iter().position(|known| known == letter) {
                Some(bit) => flags |= 1 << bit,
                None => return Err(self.fail_at(origin, format!("bad flags {}", printable(&word)))),
            }
        }
        Ok(if flags == 0 { 0xff } else { flags })
    }

    /// The type, the code, and the protocol they are of.
    fn icmp(&mut self, family: Family) -> Parsed<(u8, Option<u8>, u8)> {
        let word = if family == Family::Inet { "icmp" } else { "icmp6" };
        let protocol = if family == Family::Inet { 1 } else { 58 };
        let origin = self.lexer.origin;
        let kind = if self.lexer.token == Token::Word {
            let name = self.word()?;
            let Some(kind) = icmp::type_number(&name, Some(family)) else {
                return Err(self.fail_at(origin, format!("unknown {word}-type {}", printable(&name))));
            };
            kind
        } else {
            self.bounded(255, &format!("illegal {word}-type"))? as u8
        };
        if !self.accept("code") {
            return Ok((kind, None, protocol));
        }
        let origin = self.lexer.origin;
        let code = if self.lexer.token == Token::Word {
            let name = self.word()?;
            let Some(code) = icmp::code_number(kind, &name, Some(family)) else {
                return Err(self.fail_at(origin, format!("unknown {word}-code {}", printable(&name))));
            };
            code
        } else {
            self.bounded(255, &format!("illegal {word}-code"))? as u8
        };
        Ok((kind, Some(code), protocol))
    }

    fn probability(&mut self) -> Parsed<u32> {
        let origin = self.lexer.origin;
        let text = self.number_string()?;
        let (digits, scale) = match text.strip_suffix(b"%") {
            Some(digits) => (digits, 0.01),
            None => (&text[..], 1.0),
        };
        let value = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<f64>().ok());
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return Err(self.fail_at(origin, format!("invalid probability: {}", printable(&text))));
        };
        let scaled = (value * scale * f64::from(u32::MAX) + 0.5).floor();
        if !(0.0..=f64::from(u32::MAX)).contains(&scaled) {
            return Err(self.fail_at(origin, format!("invalid probability: {}", printable(&text))));
        }
        Ok((scaled as u32).max(1))
    }
}

/// Whether a pool of hosts has any that a family suits.
pub(super) fn suits(host: &Host, family: Option<Family>) -> bool {
    host.family.is_none() || family.is_none() || host.family == family
}
