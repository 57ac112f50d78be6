//! Capability databases, as getcap(3) reads them from text; login.conf(5) is one.
//!
//! A jail's own login.conf(5) is read by the host, and whoever is root in the jail writes it: what is asked of it costs
//! no more than its size, whatever refers to what in it.

use std::collections::HashMap;

use bstr::{BString, ByteSlice};

use crate::source::printable;

/// References (`tc=`) lead this deep (`MAX_RECURSION`).
const MAX_DEPTH: usize = 32;

/// A record that getcap(3) finds and cannot make whole.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CapError {
    /// It refers to itself, or more than [`MAX_DEPTH`] deep.
    #[error("'{name}' leads through too many 'tc=' references, or back to itself")]
    Loop { name: String },
    /// It refers to one that is not there.
    #[error("'{name}' refers to '{missing}' (tc=), which is not there")]
    Missing { name: String, missing: String },
}

/// The records of a database.
#[derive(Debug, Default)]
pub(super) struct Database {
    records: Vec<BString>,
    /// Which of them has a name; the first one that has it.
    names: HashMap<BString, usize>,
}

impl Database {
    /// Reads a database. As under cgetent(3), a line behind a backslash goes on with the next one, `#` makes a comment of
    /// all that belongs to a line, and a last line without its end is passed over.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut database = Self::default();
        let mut record = BString::default();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else { break };
            record.extend_from_slice(line);
            if record.last() == Some(&b'\\') {
                record.pop();
                continue;
            }
            database.add(std::mem::take(&mut record));
        }
        database
    }

    fn add(&mut self, mut record: BString) {
        // There, a string in C ends.
        let end = record.find_byte(0).unwrap_or(record.len());
        record.truncate(end);
        if record.is_empty() || record.starts_with(b"#") {
            return;
        }
        let names = record.split(|&byte| byte == b':').next().unwrap_or_default();
        for name in names.split(|&byte| byte == b'|').filter(|name| !name.is_empty()) {
            self.names.entry(name.into()).or_insert(self.records.len());
        }
        self.records.push(record);
    }

    /// The record of a name with those it refers to; none where no record has the name.
    ///
    /// # Errors
    /// [`CapError`].
    pub(super) fn entry(&self, name: &[u8]) -> Result<Option<Entry<'_>>, CapError> {
        let Some(&record) = self.names.get(name.as_bstr()) else { return Ok(None) };
        let mut expansion = Expansion { database: self, fields: Vec::new(), heights: HashMap::new(), missing: None };
        let is_whole = expansion.add(record, 0).is_some();
        match expansion.missing {
            _ if !is_whole => Err(CapError::Loop { name: printable(name) }),
            Some(missing) => Err(CapError::Missing { name: printable(name), missing: printable(missing) }),
            None => Ok(Some(Entry { fields: expansion.fields })),
        }
    }
}

/// A record whose references are being replaced by what they refer to.
struct Expansion<'d> {
    database: &'d Database,
    fields: Vec<&'d [u8]>,
    /// How deep references lead from each record that was taken in; none while it is being taken in.
    heights: HashMap<usize, Option<usize>>,
    /// The first name that no record has.
    missing: Option<&'d [u8]>,
}

impl<'d> Expansion<'d> {
    /// Takes in a record that is `depth` references away; how deep references lead from it, none for too deep.
    ///
    /// One that was taken in before is not taken in again: of two fields the first counts.
    fn add(&mut self, record: usize, depth: usize) -> Option<usize> {
        let within = |height: &usize| depth + height <= MAX_DEPTH;
        if let Some(&known) = self.heights.get(&record) {
            return known.filter(within);
        }
        self.heights.insert(record, None);
        Some(depth).filter(|&depth| depth <= MAX_DEPTH)?;
        let database = self.database;
        let (mut height, mut expands) = (0, true);
        for field in database.records.get(record)?.split(|&byte| byte == b':').skip(1) {
            match reference(field).filter(|_| expands) {
                None => self.fields.push(field),
                Some(Reference::End) => expands = false,
                Some(Reference::To(name)) => match database.names.get(name.as_bstr()) {
                    Some(&found) => height = height.max(1 + self.add(found, depth + 1)?),
                    None => self.missing = self.missing.or(Some(name)),
                },
            }
        }
        self.heights.insert(record, Some(height));
        Some(height)
    }
}

/// What a field says of other records.
enum Reference<'d> {
    /// `tc=NAME`
    To(&'d [u8]),
    /// `tc@`: this record refers to no more of them.
    End,
}

fn reference(field: &[u8]) -> Option<Reference<'_>> {
    match field.strip_prefix(b"tc")? {
        [b'@', ..] | [b'=', b'@', ..] => Some(Reference::End),
        [b'=', name @ ..] => Some(Reference::To(name)),
        _ => None,
    }
}

/// A record with all that it refers to.
#[derive(Debug, Default)]
pub(super) struct Entry<'d> {
    fields: Vec<&'d [u8]>,
}

impl<'d> Entry<'d> {
    /// What stands behind a capability's name and `kind`: cgetcap(3). `NAME@` says that it is not there, whatever comes
    /// later.
    fn find(&self, capability: &str, kind: u8) -> Option<&'d [u8]> {
        for rest in self.fields.iter().filter_map(|field| field.strip_prefix(capability.as_bytes())) {
            match rest {
                [b'@', ..] => return None,
                [first, value @ ..] if *first == kind => return Some(value).filter(|value| !value.starts_with(b"@")),
                _ => {}
            }
        }
        None
    }

    /// A capability that is a string (`NAME=VALUE`), with its escapes read: cgetstr(3).
    pub(super) fn string(&self, capability: &str) -> Option<BString> {
        self.find(capability, b'=').map(unescaped)
    }

    /// A capability that is a number (`NAME#VALUE`): cgetnum(3).
    pub(super) fn number(&self, capability: &str) -> Option<i64> {
        let value = self.find(capability, b'#')?;
        let (radix, digits) = match value {
            [b'0', b'x' | b'X', digits @ ..] => (16, digits),
            [b'0', digits @ ..] => (8, digits),
            digits => (10, digits),
        };
        let digits = digits.iter().map_while(|&digit| char::from(digit).to_digit(radix));
        Some(digits.fold(0, |number: i64, digit| number.wrapping_mul(radix.into()).wrapping_add(digit.into())))
    }
}

/// `\E`, `\n`, `\072`, `^A` and their like as what they stand for.
fn unescaped(value: &[u8]) -> BString {
    let mut text = BString::default();
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = match byte {
            b'^' => bytes.next().map(|next| if next == b'?' { 0x7f } else { next & 0x1f }),
            b'\\' => bytes.next().map(|next| match next.to_ascii_lowercase() {
                b'0'..=b'7' => {
                    let mut octal = next - b'0';
                    for _ in 0..2 {
                        let Some(digit) = bytes.next_if(|digit| matches!(digit, b'0'..=b'7')) else { break };
                        octal = octal.wrapping_mul(8).wrapping_add(digit - b'0');
                    }
                    octal
                }
                b'b' => 0x08,
                b't' => b'\t',
                b'n' => b'\n',
                b'f' => 0x0c,
                b'r' => b'\r',
                b'e' => 0x1b,
                b'c' => b':',
                _ => next,
            }),
            byte => Some(byte),
        };
        match escaped {
            // An escape that nothing follows; or what ends a string in C.
            None | Some(0) => break,
            Some(byte) => text.push(byte),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str, name: &str, capability: &str) -> Option<String> {
        let database = Database::parse(text.as_bytes());
        let entry = database.entry(name.as_bytes()).unwrap();
        entry.and_then(|entry| entry.string(capability)).map(|value| value.to_string())
    }

    /// cgetent(3) and cgetcap(3), by lib/libc/gen/getcap.c.
    #[test]
    fn a_record_is_what_getcap_makes_of_it() {
        for (text, capability, expected) in [
            ("a|b|long name:x=1:\n", "x", Some("1")),
            ("a:x=1:x=2:\n", "x", Some("1")),
            ("a:\\\n\t:x=1:\\\n\t:y=2:\n", "y", Some("2")),
            ("#\\\na:x=1:\na:x=2:\n", "x", Some("2")),
            ("a:#:x=1:\n", "x", Some("1")),
            ("a: x=1:\n", "x", None),
            (" a:x=1:\n", "x", None),
            ("a:xy=1:x=2:\n", "x", Some("2")),
            ("a:x@:x=1:\n", "x", None),
            ("a:x=@:x=1:\n", "x", None),
            ("a:x#7:x=1:\n", "x", Some("1")),
            ("a:x=1:\na:x=2:\n", "x", Some("1")),
            ("b:\na:x=1:", "x", None),
            ("a:x=\\101\\c^?\\E^A\\\\:\n", "x", Some("A:\x7f\x1b\x01\\")),
            ("a:x=1\\000 2:\n", "x", Some("1")),
            ("a:x=1\0:y=2:\n", "y", None),
            ("a:tc=b:x=1:\nb:x=2:y=3:\n", "x", Some("2")),
            ("a:x=1:tc=b:\nb:x=2:y=3:\n", "y", Some("3")),
            ("a:y@:tc=b:\nb:x=2:y=3:\n", "y", None),
            ("a:tc=b:tc=c:\nb:y=1:tc=d:\nc:x=1:\nd:x=2:\n", "x", Some("2")),
            ("a:tc@:tc=b:\nb:x=2:\n", "x", None),
            ("a:tc=b:x=3:\nb:tc@:x=2:\n", "x", Some("2")),
        ] {
            assert_eq!(string(text, "a", capability).as_deref(), expected, "{text:?}");
        }
        let database = Database::parse(b"a:x#10:y#0x1F:z#017:w=1:\n");
        let entry = database.entry(b"a").unwrap().unwrap();
        assert_eq!(["x", "y", "z", "w"].map(|name| entry.number(name)), [Some(10), Some(31), Some(15), None]);
    }

    #[test]
    fn a_reference_that_leads_nowhere_or_in_a_circle_is_an_error() {
        let missing = CapError::Missing { name: "a".into(), missing: "nosuch".into() };
        let circle = CapError::Loop { name: "a".into() };
        for (text, expected) in [
            ("a:tc=nosuch:\n", &missing),
            ("a:tc=b:\nb:tc=nosuch:\n", &missing),
            ("a:tc=a:\n", &circle),
            ("a:tc=b:\nb:tc=c:\nc:tc=b:\n", &circle),
            ("a:tc=nosuch:tc=a:\n", &circle),
        ] {
            let database = Database::parse(text.as_bytes());
            assert_eq!(&database.entry(b"a").unwrap_err(), expected, "{text}");
        }
        assert!(Database::parse(b"a:\n").entry(b"b").unwrap().is_none());
    }

    /// A chain whose last record has a value: 32 references are followed, one more is too many.
    #[test]
    fn references_lead_as_deep_as_under_getcap() {
        for (length, shortcut, is_found) in [(32, false, true), (33, false, false), (32, true, true), (33, true, false)]
        {
            // By the shortcut, the end of the chain is known before the long way to it is gone.
            let shortcut = if shortcut { format!("tc=c{}:", length - 1) } else { String::new() };
            let mut text = format!("c0:{shortcut}tc=c1:\n");
            for link in 1..length {
                text.push_str(&format!("c{link}:tc=c{}:\n", link + 1));
            }
            text.push_str(&format!("c{length}:x=1:\n"));
            let database = Database::parse(text.as_bytes());
            let found = database.entry(b"c0").map(|entry| entry.unwrap().string("x"));
            assert_eq!(found == Ok(Some("1".into())), is_found, "{text}");
        }
    }

    /// What once took time or memory without bound. Each record refers twice to the next one; a record has as many
    /// names as fields.
    #[test]
    fn a_hostile_database_costs_no_more_than_its_size() {
        let twice: String = (0..32).map(|at| format!("c{at}:tc=c{}:tc=c{}:\n", at + 1, at + 1)).collect();
        assert_eq!(string(&format!("{twice}c32:x=1:\n"), "c0", "x").as_deref(), Some("1"));
        let names: String = (0..50_000).map(|at| format!("n{at}|")).collect();
        let fields = "f:".repeat(50_000);
        assert_eq!(string(&format!("{names}a:{fields}x=1:\n"), "a", "x").as_deref(), Some("1"));
        let many: String = (0..50_000).map(|at| format!("tc=n{at}:")).collect();
        assert_eq!(string(&format!("a:{many}\n{names}b:x=1:\n"), "a", "x").as_deref(), Some("1"));
    }
}
