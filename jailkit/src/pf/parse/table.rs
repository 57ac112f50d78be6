//! `table`

use std::collections::HashSet;

use super::{Host, Origin, Parsed, Parser, Token, path_of};
use crate::pf::rule::{Address, Network, Table, TableEntry, TablePart};
use crate::source::printable;

impl Parser<'_> {
    pub(super) fn table(&mut self, origin: Origin) -> Parsed<()> {
        self.next();
        self.expect(b'<')?;
        let at = self.lexer.origin;
        let name = self.word()?;
        self.expect(b'>')?;
        if name.len() > 31 {
            return Err(self.fail_at(at, "table name too long, max 31 chars"));
        }
        let name = self.set.names.intern(&name);
        let mut table = Table {
            name,
            origin,
            constant: false,
            persist: false,
            counters: false,
            initialized: false,
            parts: Vec::new(),
        };
        loop {
            if self.is_sign(b'{') {
                table.initialized = true;
                if let Some(part) = self.table_list()? {
                    table.parts.push(part);
                }
            } else if self.accept("file") {
                table.initialized = true;
                table.parts.push(self.table_file()?);
            } else if self.lexer.token == Token::Word {
                match self.lexer.text.as_slice() {
                    b"const" => table.constant = true,
                    b"persist" => table.persist = true,
                    b"counters" => table.counters = true,
                    other => {
                        let message = format!("invalid table option '{}'", printable(other));
                        return Err(self.fail(message));
                    }
                }
                self.next();
            } else {
                break;
            }
        }
        crate::pf::print::table(&self.set.names, &table, &mut self.set.prelude);
        self.set.tables.push(table);
        Ok(())
    }

    fn table_list(&mut self) -> Parsed<Option<TablePart>> {
        let origin = self.lexer.origin;
        self.expect(b'{')?;
        self.newlines();
        if self.sign(b'}') {
            return Ok(None);
        }
        let mut entries = Vec::new();
        loop {
            for host in self.hosts()? {
                match self.table_entry(&host) {
                    Ok(entry) => entries.push(entry),
                    Err(message) => return Err(self.fail_at(origin, message)),
                }
            }
            self.newlines();
            if self.sign(b'}') {
                return Ok(Some(TablePart::List(entries)));
            }
            self.comma();
        }
    }

    fn table_entry(&self, host: &Host) -> Result<TableEntry, &'static str> {
        let network = match (host.address, host.family) {
            (Address::Network(network), _) => network,
            (Address::Any, Some(crate::pf::rule::Family::Inet)) => {
                Network::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0)
            }
            (Address::Any, _) => Network::new(std::net::Ipv6Addr::UNSPECIFIED.into(), 0),
            (Address::Range(..), _) => return Err("address ranges are not permitted inside tables"),
            (Address::Dynamic { .. }, _) => return Err("dynamic addresses are not permitted inside tables"),
            (Address::Table(_), _) => return Err("tables cannot contain tables"),
            (Address::NoRoute, _) => return Err("\"no-route\" is not permitted inside tables"),
            (Address::UrpfFailed, _) => return Err("\"urpf-failed\" is not permitted inside tables"),
        };
        Ok(TableEntry { network, negated: host.negated })
    }

    fn table_file(&mut self) -> Parsed<TablePart> {
        let origin = self.lexer.origin;
        let name = self.word()?;
        let from = self.set.sources[origin.source as usize].name().to_owned();
        let text = match self.env.files.read(&path_of(&name), &from) {
            Ok(text) => text,
            Err(error) => {
                return Err(self.fail_at(origin, format!("cannot load \"{}\": {error}", printable(&name))));
            }
        };
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        for line in text.split(|&byte| byte == b'\n') {
            let end = line.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(line.len());
            let words = line[..end].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            for word in words {
                let plain = word.iter().take_while(|&&byte| byte == b'!').count();
                let hosts = self.resolve(&word[plain..]).unwrap_or_default();
                if hosts.is_empty() {
                    let message = format!("file \"{}\" contains bad data", printable(&name));
                    return Err(self.fail_at(origin, message));
                }
                for host in hosts {
                    if let Ok(mut entry) = self.table_entry(&host) {
                        entry.negated = plain % 2 == 1;
                        if seen.insert(entry.network) {
                            entries.push(entry);
                        }
                    }
                }
            }
        }
        Ok(TablePart::File(name, entries))
    }
}
