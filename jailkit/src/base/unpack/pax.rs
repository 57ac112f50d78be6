//! Extension headers of pax(1): `LENGTH key=value` records, the value any bytes.

use super::acl::{Acl, Kind};
use crate::base::error::Fault;

/// What extension headers say of the entry after them.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<(i64, u32)>,
    /// Extended attributes: names with their namespace, such as `user.comment`.
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) acls: Vec<Acl>,
    /// File flags as chflags(1) names them, separated by commas.
    pub(super) fflags: Vec<u8>,
    /// What GNU tar says of a file with holes.
    pub(super) sparse: Sparse,
    seen: bool,
}

impl Extensions {
    /// Whether there was none.
    pub(super) fn is_empty(&self) -> bool {
        !self.seen && self.name.is_none() && self.link.is_none()
    }

    /// Takes the records of one header.
    pub(super) fn pax(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        self.seen = true;
        while !bytes.is_empty() {
            let (record, rest) = split(bytes).ok_or(Fault::Header("a pax record is malformed"))?;
            self.record(record.0, record.1)?;
            bytes = rest;
        }
        Ok(())
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        match key {
            b"path" => self.name = Some(value.to_owned()),
            b"linkpath" => self.link = Some(value.to_owned()),
            b"size" => self.size = Some(number(value)?),
            b"uid" => self.uid = Some(number(value)?),
            b"gid" => self.gid = Some(number(value)?),
            b"SCHILY.acl.access" => self.acls.extend(Acl::parse(Kind::Access, value)?),
            b"SCHILY.acl.default" => self.acls.extend(Acl::parse(Kind::Default, value)?),
            b"SCHILY.acl.ace" => self.acls.extend(Acl::parse(Kind::Nfs4, value)?),
            b"SCHILY.fflags" => self.fflags = value.to_owned(),
            b"GNU.sparse.name" => self.sparse.name = Some(value.to_owned()),
            b"GNU.sparse.major" => self.sparse.major = number(value)?,
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.sparse.len = Some(number(value)?),
            b"GNU.sparse.map" => {
                let numbers = value.split(|&byte| byte == b',').map(number).collect::<Result<Vec<_>, _>>()?;
                self.sparse.numbers = numbers;
            }
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => self.sparse.numbers.push(number(value)?),
            b"mtime" => self.mtime = Some(time(value).ok_or(Fault::Header("a pax time is none"))?),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        Ok(())
    }
}

/// The three forms that GNU tar has had in pax headers: offset and length of each piece of data in turn, as records of
/// their own (0.0), as one record (0.1), or in front of the data (1.0).
#[derive(Debug, Default)]
pub(super) struct Sparse {
    pub(super) name: Option<Vec<u8>>,
    pub(super) len: Option<u64>,
    pub(super) major: u64,
    pub(super) numbers: Vec<u64>,
}

/// A key and its value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// The first record, and what follows it.
fn split(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let blank = bytes.iter().position(|&byte| byte == b' ')?;
    let len: usize = str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let record = bytes.get(blank + 1..len)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some(((&record[..equals], &record[equals + 1..]), &bytes[len..]))
}

pub(super) fn number(value: &[u8]) -> Result<u64, Fault> {
    let parsed = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    parsed.ok_or(Fault::Header("a pax number is none"))
}

/// Seconds with a fraction, which counts forward also before 1970: `-1.25` is -2 and 750,000,000 ns.
fn time(value: &[u8]) -> Option<(i64, u32)> {
    let text = str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.bytes().any(|byte| !byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanos: u32 = digits.parse().ok()?;
    if whole.starts_with('-') && nanos > 0 {
        return Some((seconds.checked_sub(1)?, 1_000_000_000 - nanos));
    }
    Some((seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_any_bytes() {
        let mut found = Extensions::default();
        found.pax(b"12 path=a\nb\n19 linkpath=a=\x00\xff =\n11 uid=501\n").unwrap();
        assert_eq!(found.name.as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(found.link.as_deref(), Some(&b"a=\0\xff ="[..]));
        assert_eq!(found.uid, Some(501));
    }

    #[test]
    fn malformed_records_are_refused() {
        for bytes in [
            &b"x"[..],
            b"5 a=b",
            b"99 a=b\n",
            b"0 a=b\n",
            b"3 a\n",
            b"99999999999999999999999 a=b\n",
            b"9 size=x\n",
            b"-6 a=b\n",
        ] {
            assert!(Extensions::default().pax(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn times_have_fractions() {
        for (text, expected) in [
            ("1732838400", Some((1_732_838_400, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("-1.25", Some((-2, 750_000_000))),
            ("-0.5", Some((-1, 500_000_000))),
            ("1.0000000019", Some((1, 1))),
            ("1.x", None),
            ("", None),
        ] {
            assert_eq!(time(text.as_bytes()), expected, "{text}");
        }
    }
}
