//! Prints a ruleset in pfctl's own notation, to the byte.

mod ether;
mod pool;
mod rule;

use super::rule::{Address, Endpoint, EtherRule, Family, Names, Rule, Rules, Ruleset, Table, TablePart};

pub(super) use rule::outgrows;

impl Ruleset {
    /// What `pfctl -o none -nvf` prints of the file: macros, options, tables and queues as they come, then the rules
    /// by kind.
    pub fn print(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.prelude.len() + self.len() * 96);
        self.print_into(&mut out);
        out
    }

    fn print_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prelude);
        let Rules { scrub, ether, nat, rdr, binat, filter } = &self.main;
        self.rules(scrub, 0, out);
        self.ether_rules(ether, 0, out);
        for rules in [nat, rdr, binat, filter] {
            self.rules(rules, 0, out);
        }
        for (_, loaded) in &self.loaded {
            loaded.print_into(out);
        }
    }

    /// One rule, without the rules of an inline anchor and without a newline.
    pub fn print_rule(&self, rule: &Rule) -> Vec<u8> {
        let mut out = Vec::new();
        rule::print(self, rule, &mut out);
        out
    }

    fn rules(&self, rules: &[Rule], depth: usize, out: &mut Vec<u8>) {
        for rule in rules {
            indent(depth, out);
            rule::print(self, rule, out);
            let body = self.spec(rule).anchor.and_then(|anchor| anchor.body).map(|body| &self.body(body).filter);
            match body.filter(|body| !body.is_empty()) {
                Some(body) => {
                    out.extend_from_slice(b" {\n");
                    self.rules(body, depth + 1, out);
                    indent(depth, out);
                    out.extend_from_slice(b"}\n");
                }
                None => out.push(b'\n'),
            }
        }
    }

    fn ether_rules(&self, rules: &[EtherRule], depth: usize, out: &mut Vec<u8>) {
        for rule in rules {
            indent(depth, out);
            ether::print(&self.names, rule, out);
            let body = rule.anchor.and_then(|anchor| anchor.body).map(|body| &self.body(body).ether);
            match body.filter(|body| !body.is_empty()) {
                Some(body) => {
                    out.extend_from_slice(b" {\n");
                    self.ether_rules(body, depth + 1, out);
                    indent(depth, out);
                    out.extend_from_slice(b"}\n");
                }
                None => out.push(b'\n'),
            }
        }
    }
}

fn indent(depth: usize, out: &mut Vec<u8>) {
    out.extend(std::iter::repeat_n(b' ', depth * 2));
}

pub(super) fn number(mut number: u32, out: &mut Vec<u8>) {
    let mut digits = [0u8; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

pub(super) fn ip(address: std::net::IpAddr, out: &mut Vec<u8>) {
    match address {
        std::net::IpAddr::V4(v4) => {
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                number(octet.into(), out);
            }
        }
        std::net::IpAddr::V6(v6) => {
            // inet_ntop(3) writes an address with an IPv4 part behind zeros in dots, as Rust does only for ::ffff:.
            let segments = v6.segments();
            let compatible = segments[..6] == [0; 6] && segments[6] != 0;
            if compatible {
                out.extend_from_slice(b"::");
                let v4 = std::net::Ipv4Addr::from_bits(v6.to_bits() as u32);
                ip(v4.into(), out);
            } else {
                out.extend(v6.to_string().bytes());
            }
        }
    }
}

pub(super) fn address(names: &Names, address: Address, family: Option<Family>, out: &mut Vec<u8>) {
    match address {
        Address::Any => out.extend_from_slice(b"any"),
        Address::NoRoute => out.extend_from_slice(b"no-route"),
        Address::UrpfFailed => out.extend_from_slice(b"urpf-failed"),
        Address::Table(name) => {
            out.push(b'<');
            out.extend_from_slice(names.get(name));
            out.push(b'>');
        }
        Address::Dynamic { interface, modifiers, bits } => {
            use super::rule::Modifiers;
            out.push(b'(');
            out.extend_from_slice(names.get(interface));
            for (modifier, word) in [
                (Modifiers::NETWORK, ":network"),
                (Modifiers::BROADCAST, ":broadcast"),
                (Modifiers::PEER, ":peer"),
                (Modifiers::NO_ALIAS, ":0"),
            ] {
                if modifiers.has(modifier) {
                    out.extend_from_slice(word.as_bytes());
                }
            }
            out.push(b')');
            prefix(bits, if family == Some(Family::Inet) { 32 } else { 128 }, out);
        }
        Address::Network(network) => {
            ip(network.address(), out);
            prefix(network.bits(), network.family().bits(), out);
        }
        Address::Range(first, last) => {
            ip(first, out);
            out.extend_from_slice(b" - ");
            ip(last, out);
        }
    }
}

fn prefix(bits: u8, width: u8, out: &mut Vec<u8>) {
    if bits < width {
        out.push(b'/');
        number(bits.into(), out);
    }
}

/// `all`, or `from … to …`.
fn from_to(
    names: &Names,
    (source, destination): (&Endpoint, &Endpoint),
    family: Option<Family>,
    os: Option<super::rule::Name>,
    protocol: u8,
    out: &mut Vec<u8>,
) {
    let any = Endpoint::default();
    if *source == any && *destination == any && os.is_none() {
        out.extend_from_slice(b" all");
        return;
    }
    out.extend_from_slice(b" from ");
    endpoint(names, source, family, protocol, out);
    if let Some(os) = os {
        out.extend_from_slice(b" os \"");
        out.extend_from_slice(names.get(os));
        out.push(b'"');
    }
    out.extend_from_slice(b" to ");
    endpoint(names, destination, family, protocol, out);
}

fn endpoint(names: &Names, endpoint: &Endpoint, family: Option<Family>, protocol: u8, out: &mut Vec<u8>) {
    if endpoint.negated {
        out.extend_from_slice(b"! ");
    }
    address(names, endpoint.address, family, out);
    rule::port(endpoint.port, protocol, out);
}

pub(super) fn table(names: &Names, table: &Table, out: &mut Vec<u8>) {
    out.extend_from_slice(b"table <");
    out.extend_from_slice(names.get(table.name));
    out.push(b'>');
    for (flag, word) in [(table.constant, " const"), (table.persist, " persist"), (table.counters, " counters")] {
        if flag {
            out.extend_from_slice(word.as_bytes());
        }
    }
    let mut open = false;
    for part in &table.parts {
        match part {
            TablePart::File(file, _) => {
                if std::mem::take(&mut open) {
                    out.extend_from_slice(b" }");
                }
                out.extend_from_slice(b" file \"");
                out.extend_from_slice(file);
                out.push(b'"');
            }
            TablePart::List(entries) => {
                if !std::mem::replace(&mut open, true) {
                    out.extend_from_slice(b" {");
                }
                for entry in entries {
                    out.extend_from_slice(if entry.negated { b" !" } else { b" " });
                    let network = entry.network;
                    let any = network.bits() == 0;
                    let shown = if any { Address::Any } else { Address::Network(network) };
                    address(names, shown, Some(network.family()), out);
                }
            }
        }
    }
    if open {
        out.extend_from_slice(b" }");
    }
    if table.initialized && table.parts.is_empty() {
        out.extend_from_slice(b" { }");
    }
    out.push(b'\n');
}
