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

#[cfg(test)]
mod tests {
    use super::*;

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
