//! What the table says of a parameter.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ParamDef {
    /// Its full name, in the plain form of a boolean.
    pub name: &'static str,
    /// Who acts on it.
    pub by: By,
    /// What its values are.
    pub kind: Kind,
    /// What holds where it is not given.
    pub default: Fallback,
    /// When it can be given.
    pub change: Change,
    /// What has to hold for it to have an effect, or to be taken at all.
    #[serde(skip)]
    pub needs: &'static [Need],
    /// The first release that has it; 12.0 stands for that and all before.
    pub since: Since,
    /// What it is for, in a line.
    pub help: &'static str,
    /// Whether jail(8) has the name in its own list, so that no variable can be called so (`intparams` in config.c).
    #[serde(skip)]
    pub(super) in_jail8: bool,
}

impl ParamDef {
    pub(super) const fn new(name: &'static str, by: By, kind: Kind, help: &'static str) -> Self {
        let (default, change, needs) = (Fallback::None, Change::Always, &[]);
        Self { name, by, kind, default, change, needs, since: Since::OLDEST, help, in_jail8: false }
    }

    pub(super) const fn default(self, default: Fallback) -> Self {
        Self { default, ..self }
    }

    /// Only as the jail is created (`CTLFLAG_RDTUN`).
    pub(super) const fn at_creation(self) -> Self {
        Self { change: Change::AtCreation, ..self }
    }

    /// Never (`CTLFLAG_RD`).
    pub(super) const fn read_only(self) -> Self {
        Self { change: Change::Never, ..self }
    }

    pub(super) const fn needs(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn since(self, major: u8, minor: u8) -> Self {
        Self { since: Since { major, minor }, ..self }
    }

    pub(super) const fn in_jail8(self) -> Self {
        Self { in_jail8: true, ..self }
    }

    /// Whether a file may give it once only, which the jail's own name does already: `jid` and `name`.
    pub fn is_once(&self) -> bool {
        matches!(self.name, "jid" | "name")
    }
}

/// Who acts on a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// jail(8) itself; the kernel never hears of it.
    Jail8,
    /// The kernel.
    Kernel,
    /// A kernel module; there is no such parameter until it is loaded.
    Module(&'static str),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jail8 => f.write_str("jail(8)"),
            Self::Kernel => f.write_str("the kernel"),
            Self::Module(name) => write!(f, "the module {name}"),
        }
    }
}

/// What the values of a parameter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false, with a `no` form.
    Bool,
    /// A whole number.
    Int {
        /// The smallest.
        least: i64,
        /// The largest.
        most: i64,
        /// What becomes of another one.
        beyond: Beyond,
    },
    /// One of these words (`E,jailsys`); the parameter alone means `new`.
    JailSys(&'static [&'static str]),
    /// Text of at most so many bytes.
    Text(usize),
    /// The path of a directory or file on the host.
    Path,
    /// Any number of such paths.
    Paths,
    /// IPv4 addresses, each as `interface|address/netmask options` or a part of that.
    Ipv4,
    /// IPv6 addresses, likewise.
    Ipv6,
    /// Command lines, run one after the other.
    Commands,
    /// Lines of fstab(5).
    Mounts,
    /// Names of jails.
    Jails,
    /// Names of something else: interfaces, datasets.
    Names,
}

impl Kind {
    /// Whether several values count, and not the last one only.
    pub fn is_list(self) -> bool {
        match self {
            Self::Bool | Self::Int { .. } | Self::JailSys(_) | Self::Text(_) | Self::Path => false,
            Self::Paths | Self::Ipv4 | Self::Ipv6 | Self::Commands | Self::Mounts | Self::Jails | Self::Names => true,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int { least, most, .. } if *most >= i64::from(i32::MAX) => write!(f, "number from {least}"),
            Self::Int { least, most, .. } => write!(f, "number {least} to {most}"),
            Self::JailSys(words) => f.write_str(&words.join(", ")),
            Self::Text(most) => write!(f, "text, at most {most} bytes"),
            Self::Path => f.write_str("path"),
            Self::Paths => f.write_str("paths"),
            Self::Ipv4 => f.write_str("IPv4 addresses"),
            Self::Ipv6 => f.write_str("IPv6 addresses"),
            Self::Commands => f.write_str("commands"),
            Self::Mounts => f.write_str("fstab(5) lines"),
            Self::Jails => f.write_str("jails"),
            Self::Names => f.write_str("names"),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What becomes of a number that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// It is refused.
    Refused,
    /// It is taken, and hardly what was meant.
    Taken,
}

/// What holds where a parameter is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing in particular.
    None,
    /// It is on, or off.
    Bool(bool),
    /// A number.
    Int(i64),
    /// This value.
    Value(&'static str),
    /// What these words say.
    Said(&'static str),
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Value(value) | Self::Said(value) => f.write_str(value),
        }
    }
}

impl Serialize for Fallback {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Value(value) | Self::Said(value) => serializer.serialize_str(value),
        }
    }
}

/// When a parameter can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// As the jail is created and later (`jail -m`).
    Always,
    /// As the jail is created only.
    AtCreation,
    /// Never: it can be read only.
    Never,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::AtCreation => "as the jail is created",
            Self::Never => "never, read only",
        })
    }
}

/// What a parameter needs of others of its jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// One of these booleans on, or it has no effect.
    On(&'static [&'static str]),
    /// One of these parameters given, or it has no effect.
    Given(&'static [&'static str]),
    /// A number less than this, or it has no effect.
    Below(&'static str, i64),
    /// This one as `new`, or the jail does not start.
    New(&'static str),
    /// This one not as `new`, or the jail does not start.
    NotNew(&'static str),
    /// This one given, or the jail does not start.
    Must(&'static str),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(names) | Self::Given(names) => f.write_str(&names.join(" or ")),
            Self::Below(name, most) => write!(f, "{name} < {most}"),
            Self::New(name) => write!(f, "{name} = new"),
            Self::NotNew(name) => write!(f, "no {name}"),
            Self::Must(name) => f.write_str(name),
        }
    }
}

/// A release of FreeBSD, by its numbers: `14.2`.
///
/// # Example
/// ```
/// use jailkit::jailparam::Since;
/// let release: Since = "14.2-RELEASE-p3".parse()?;
/// assert_eq!(release, "14.2".parse()?);
/// assert!(release < "15".parse()?);
/// # Ok::<(), jailkit::jailparam::NotSince>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Since {
    major: u8,
    minor: u8,
}

impl Since {
    /// The release that the table begins with.
    pub const OLDEST: Self = Self { major: 12, minor: 0 };

    /// The release whose kernel says `osreldate` of itself: 1402000 is 14.2.
    pub fn of_kernel(osreldate: u32) -> Self {
        let number = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        Self { major: number(osreldate / 100_000), minor: number(osreldate / 1000 % 100) }
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Serialize for Since {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text is no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no release; one reads like 14.2 or 14.2-RELEASE")]
pub struct NotSince(String);

impl FromStr for Since {
    type Err = NotSince;

    fn from_str(text: &str) -> Result<Self, NotSince> {
        let numbers = text.split_once('-').map_or(text, |(numbers, _)| numbers);
        let (major, minor) = numbers.split_once('.').unwrap_or((numbers, "0"));
        let number = |digits: &str| digits.parse().map_err(|_| NotSince(text.to_owned()));
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}
