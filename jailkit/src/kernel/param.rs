//! Jail parameters as jail(2) passes them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A jail's number. 0 is the host, as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Jid(pub i32);

impl Jid {
    /// The host itself, `prison0`.
    pub const HOST: Self = Self(0);
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One parameter given to jail_set(2) or, as a key, to jail_get(2).
///
/// # Example
/// ```
/// use jailkit::kernel::{Param, Value};
/// let param = Param::new("host.hostname", Value::String(b"www.example.org".into()));
/// assert_eq!(param.name, "host.hostname");
/// assert_eq!(Param::flag("persist").value, Value::Flag);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its full name, with a `no` where that is meant: `allow.noraw_sockets`.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Param {
    /// A parameter with a value.
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), value }
    }

    /// A parameter without a value: `persist`, `allow.noraw_sockets`.
    pub fn flag(name: impl Into<String>) -> Self {
        Self::new(name, Value::Flag)
    }
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Value {
    /// No value at all: NULL with length 0.
    Flag,
    /// A 32-bit integer, or a truth value; also the three-valued `0` disable, `1` new, `2` inherit.
    Int(i32),
    /// An unsigned number of 64 bits: `host.hostid`.
    ULong(u64),
    /// Text without its NUL.
    String(Vec<u8>),
    /// IPv4 addresses, packed.
    Ipv4(Vec<Ipv4Addr>),
    /// IPv6 addresses, packed.
    Ipv6(Vec<Ipv6Addr>),
    /// Bytes passed as they are: parameters of modules, and what tests send on purpose.
    Raw(Vec<u8>),
}

/// How a parameter's value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// True or false, with a `no` form.
    Bool,
    /// A 32-bit integer.
    Int,
    /// `disable`, `new` or `inherit` (`CTLTYPE_INT` with the format `E,jailsys`).
    JailSys,
    /// An unsigned number of 64 bits (`CTLTYPE_ULONG`).
    ULong,
    /// Text of at most so many bytes, NUL included.
    String(usize),
    /// A list of IPv4 addresses.
    Ipv4,
    /// A list of IPv6 addresses.
    Ipv6,
    /// So many bytes of a layout that jailkit does not know.
    Raw(usize),
}

/// A parameter that the kernel knows: its name and how its value is laid out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParamType {
    /// Its full name.
    pub name: String,
    /// Its layout.
    pub kind: ParamKind,
}

impl ParamType {
    /// A parameter of this name and layout.
    pub fn new(name: impl Into<String>, kind: ParamKind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// What jail_set(2) is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetFlags {
    /// `JAIL_CREATE`: create the jail; an error where it exists, unless `update` is set too.
    pub create: bool,
    /// `JAIL_UPDATE`: change the jail; an error where it does not exist, unless `create` is set too.
    pub update: bool,
    /// `JAIL_ATTACH`: attach this process.
    pub attach: bool,
    /// `JAIL_DYING`: take a dying jail too.
    pub dying: bool,
}

/// What jail_get(2) is to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetFlags {
    /// `JAIL_DYING`: find dying jails too.
    pub dying: bool,
}
