//! Jail parameters as jail_set(2) and jail_get(2) take them: pairs of buffers, one with a name, one with a value.
//!
//! Plain data, so that it is the same and tested on every system; only handing it over is a system call.

use super::{Param, ParamKind, ParamType, Value};

/// A parameter's name and the bytes of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Buffer {
    /// The name with its NUL.
    pub(crate) name: Vec<u8>,
    /// The value; none for NULL.
    pub(crate) value: Option<Vec<u8>>,
    /// How long the kernel says the value is.
    pub(crate) needed: usize,
}

impl Buffer {
    fn new(name: &str, value: Option<Vec<u8>>) -> Self {
        let mut name = name.as_bytes().to_vec();
        // A name with a NUL in it ends there for the kernel; it then is unknown, or another one's.
        name.retain(|&byte| byte != 0);
        name.push(0);
        let needed = value.as_ref().map_or(0, Vec::len);
        Self { name, value, needed }
    }

    /// A question for the length of a list.
    #[cfg(target_os = "freebsd")]
    pub(crate) fn unsized_list(name: &str) -> Self {
        Self::new(name, None)
    }
}

/// A parameter that is given.
pub(crate) fn given(param: &Param) -> Buffer {
    let value = match &param.value {
        Value::Flag => None,
        Value::Int(number) => Some(number.to_ne_bytes().to_vec()),
        Value::ULong(number) => Some(number.to_ne_bytes().to_vec()),
        Value::String(text) => Some([text.as_slice(), b"\0"].concat()),
        Value::Ipv4(list) => Some(list.iter().flat_map(std::net::Ipv4Addr::octets).collect()),
        Value::Ipv6(list) => Some(list.iter().flat_map(std::net::Ipv6Addr::octets).collect()),
        Value::Raw(bytes) => Some(bytes.clone()),
    };
    Buffer::new(&param.name, value)
}

/// Room for a parameter that is asked for; `list_len` for those whose length changes.
/// Where that is 0, the kernel tells the length only.
pub(crate) fn wanted(param: &ParamType, list_len: usize) -> Buffer {
    let len = match param.kind {
        ParamKind::Bool | ParamKind::Int | ParamKind::JailSys => size_of::<i32>(),
        ParamKind::ULong => size_of::<u64>(),
        ParamKind::String(len) | ParamKind::Raw(len) => len,
        ParamKind::Ipv4 | ParamKind::Ipv6 => list_len,
    };
    Buffer::new(&param.name, Some(vec![0; len]))
}

/// Whether a parameter's length changes.
#[cfg(target_os = "freebsd")]
pub(crate) fn is_list(kind: ParamKind) -> bool {
    matches!(kind, ParamKind::Ipv4 | ParamKind::Ipv6)
}

/// What the kernel has written.
pub(crate) fn read(buffer: &Buffer, kind: ParamKind) -> Value {
    let bytes = buffer.value.as_deref().unwrap_or_default();
    let bytes = &bytes[..bytes.len().min(buffer.needed)];
    match kind {
        ParamKind::Bool | ParamKind::Int | ParamKind::JailSys => {
            Value::Int(bytes.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes)))
        }
        ParamKind::ULong => Value::ULong(bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))),
        ParamKind::String(_) => {
            let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
            Value::String(bytes[..end].to_vec())
        }
        ParamKind::Ipv4 => Value::Ipv4(bytes.as_chunks::<4>().0.iter().map(|octets| (*octets).into()).collect()),
        ParamKind::Ipv6 => Value::Ipv6(bytes.as_chunks::<16>().0.iter().map(|octets| (*octets).into()).collect()),
        ParamKind::Raw(_) => Value::Raw(bytes.to_vec()),
    }
}

/// A whole number of the system, by its layout in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(any(test, target_os = "freebsd"))]
pub(crate) struct Number {
    /// How many bytes it takes.
    len: usize,
    is_signed: bool,
}

/// The `CTLTYPE_` numbers of `sys/sysctl.h`, in their order there.
#[cfg(any(test, target_os = "freebsd"))]
mod ctltype {
    pub(super) const INT: u32 = 0x2;
    pub(super) const STRING: u32 = 0x3;
    pub(super) const S64: u32 = 0x4;
    pub(super) const STRUCT: u32 = 0x5;
    pub(super) const UINT: u32 = 0x6;
    pub(super) const LONG: u32 = 0x7;
    pub(super) const ULONG: u32 = 0x8;
    pub(super) const U64: u32 = 0x9;
    pub(super) const U8: u32 = 0xa;
    pub(super) const U16: u32 = 0xb;
    pub(super) const S8: u32 = 0xc;
    pub(super) const S16: u32 = 0xd;
    pub(super) const S32: u32 = 0xe;
    pub(super) const U32: u32 = 0xf;
    pub(super) const MASK: u32 = 0xf;
}

/// The type and the format in how sysctl(3) describes something.
#[cfg(any(test, target_os = "freebsd"))]
fn type_and_format(description: &[u8]) -> Option<(u32, &[u8])> {
    let (kind, format) = description.split_first_chunk()?;
    let format = format.split(|&byte| byte == 0).next().unwrap_or_default();
    Some((u32::from_ne_bytes(*kind) & ctltype::MASK, format))
}

/// The layout of a number that sysctl(3) describes; none for what is no number.
#[cfg(any(test, target_os = "freebsd"))]
pub(crate) fn number(description: &[u8]) -> Option<Number> {
    use ctltype::*;
    let (len, is_signed) = match type_and_format(description)?.0 {
        INT | S32 => (4, true),
        UINT | U32 => (4, false),
        LONG | S64 => (8, true),
        ULONG | U64 => (8, false),
        S16 => (2, true),
        U16 => (2, false),
        S8 => (1, true),
        U8 => (1, false),
        _ => return None,
    };
    Some(Number { len, is_signed })
}

#[cfg(any(test, target_os = "freebsd"))]
impl Number {
    /// The number in these bytes; none where they are not as many as it takes, or it is too large for us.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<i64> {
        if bytes.len() != self.len {
            return None;
        }
        let is_negative = self.is_signed && bytes.last().is_some_and(|&byte| byte >= 0x80);
        // x86_64 and aarch64 FreeBSD have the low byte first.
        let mut whole = [if is_negative { 0xff } else { 0 }; 8];
        whole[..self.len].copy_from_slice(bytes);
        if self.is_signed { Some(i64::from_le_bytes(whole)) } else { u64::from_le_bytes(whole).try_into().ok() }
    }

    /// The bytes of a number; none where it does not fit.
    pub(crate) fn written(self, value: i64) -> Option<Vec<u8>> {
        let bytes = value.to_le_bytes()[..self.len].to_vec();
        (self.read(&bytes) == Some(value)).then_some(bytes)
    }
}

/// The layout of a jail parameter, from how sysctl(3) describes it and its value there, which is its size for text (in
/// digits) and for structures (as a number). None for what libjail takes for no parameter either, and for the labels
/// of mac(3), whose structure points elsewhere.
#[cfg(any(test, target_os = "freebsd"))]
pub(crate) fn described(description: &[u8], size: &[u8]) -> Option<ParamKind> {
    use ctltype::*;
    let (kind, format) = type_and_format(description)?;
    Some(match kind {
        INT if format.starts_with(b"B") => ParamKind::Bool,
        INT if format == b"E,jailsys" => ParamKind::JailSys,
        INT | UINT => ParamKind::Int,
        LONG | ULONG | S64 | U64 => ParamKind::ULong,
        STRING => {
            let digits = size.split(|byte| !byte.is_ascii_digit()).next()?;
            ParamKind::String(std::str::from_utf8(digits).ok()?.parse().ok()?)
        }
        // A list ends in `,a`: it is an array.
        STRUCT if format == b"S,in_addr,a" => ParamKind::Ipv4,
        STRUCT if format == b"S,in6_addr,a" => ParamKind::Ipv6,
        STRUCT if format == b"S,mac" => return None,
        STRUCT => ParamKind::Raw(usize::from_ne_bytes(*size.first_chunk()?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(kind: u32, format: &str) -> Vec<u8> {
        // What else is in the word are flags: readable, writable.
        [&(kind | 0xc000_0000).to_ne_bytes()[..], format.as_bytes(), b"\0"].concat()
    }

    /// The descriptions are those of `sys/kern/kern_jail.c` and `sys/sys/jail.h`.
    #[test]
    fn a_parameter_is_what_its_description_says() {
        for (kind, format, size, expected) in [
            (ctltype::INT, "I", &b"\0\0\0\0"[..], Some(ParamKind::Int)),
            (ctltype::INT, "B", b"\0\0\0\0", Some(ParamKind::Bool)),
            (ctltype::INT, "E,jailsys", b"\0\0\0\0", Some(ParamKind::JailSys)),
            (ctltype::ULONG, "LU", &[0; 8], Some(ParamKind::ULong)),
            (ctltype::STRING, "A", b"256\0", Some(ParamKind::String(256))),
            (ctltype::STRING, "A,keyvalue", b"4096\0", Some(ParamKind::String(4096))),
            (ctltype::STRUCT, "S,in_addr,a", &4_usize.to_ne_bytes(), Some(ParamKind::Ipv4)),
            (ctltype::STRUCT, "S,in6_addr,a", &16_usize.to_ne_bytes(), Some(ParamKind::Ipv6)),
            // The size of a structure is no text, though its bytes may be digits.
            (ctltype::STRUCT, "S,other", &0x31_usize.to_ne_bytes(), Some(ParamKind::Raw(49))),
            (ctltype::STRUCT, "S,mac", &16_usize.to_ne_bytes(), None),
            (1, "N", b"", None),
            (ctltype::STRING, "A", b"", None),
        ] {
            assert_eq!(described(&description(kind, format), size), expected, "{kind} {format}");
        }
        assert_eq!(described(b"\x02", b""), None);
    }

    #[test]
    fn a_number_is_read_by_its_own_layout() {
        for (kind, bytes, expected) in [
            (ctltype::INT, &[0xff, 0xff, 0xff, 0xff][..], Some(-1)),
            (ctltype::UINT, &[0xff, 0xff, 0xff, 0xff], Some(0xffff_ffff)),
            (ctltype::LONG, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Some(-2)),
            (ctltype::ULONG, &[7, 0, 0, 0, 0, 0, 0, 0], Some(7)),
            (ctltype::U64, &[0xff; 8], None),
            (ctltype::U8, &[1], Some(1)),
            (ctltype::S16, &[0, 0x80], Some(-0x8000)),
            (ctltype::INT, &[1], None),
        ] {
            let number = number(&description(kind, "")).unwrap();
            assert_eq!(number.read(bytes), expected, "{number:?}");
            if let Some(value) = expected {
                assert_eq!(number.written(value).as_deref(), Some(bytes), "{number:?}");
            }
        }
        assert_eq!(number(&description(ctltype::STRING, "A")), None);
        assert_eq!(number(&description(ctltype::U8, "")).unwrap().written(256), None);
        assert_eq!(number(&description(ctltype::UINT, "")).unwrap().written(-1), None);
    }

    #[test]
    fn values_go_out_and_come_back() {
        for (value, kind) in [
            (Value::Int(-7), ParamKind::Int),
            (Value::ULong(u64::MAX), ParamKind::ULong),
            (Value::String(b"www".into()), ParamKind::String(256)),
            (Value::Ipv4(vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()]), ParamKind::Ipv4),
            (Value::Ipv6(vec!["::1".parse().unwrap()]), ParamKind::Ipv6),
            (Value::Raw(vec![1, 2, 3]), ParamKind::Raw(3)),
        ] {
            let buffer = given(&Param::new("name", value.clone()));
            assert_eq!(buffer.name, b"name\0");
            assert_eq!(read(&buffer, kind), value);
        }
        assert_eq!(given(&Param::flag("persist")).value, None);
    }

    #[test]
    fn room_is_made_as_the_kernel_wants_it() {
        for (kind, list_len, len) in [
            (ParamKind::Bool, 0, 4),
            (ParamKind::JailSys, 0, 4),
            (ParamKind::String(256), 0, 256),
            (ParamKind::Ipv4, 8, 8),
            (ParamKind::Raw(12), 0, 12),
        ] {
            assert_eq!(wanted(&ParamType::new("x", kind), list_len).value.unwrap().len(), len);
        }
    }
}
