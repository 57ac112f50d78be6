//! `fs_mntops` option by option.

use std::fmt;

use bstr::{BStr, BString, ByteSlice};
use serde::{Deserialize, Serialize};

/// How a file system may be used, `fs_type`: the one option that every line must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Access {
    /// Read and written: `rw`.
    #[serde(rename = "rw")]
    ReadWrite,
    /// Read only: `ro`.
    #[serde(rename = "ro")]
    ReadOnly,
    /// Read and written, with quotas: `rq`.
    #[serde(rename = "rq")]
    Quotas,
    /// Space to swap to: `sw`.
    #[serde(rename = "sw")]
    Swap,
}

impl Access {
    /// The access that an option says.
    pub fn read(option: &[u8]) -> Option<Self> {
        Some(match option {
            b"rw" => Self::ReadWrite,
            b"ro" => Self::ReadOnly,
            b"rq" => Self::Quotas,
            b"sw" => Self::Swap,
            _ => return None,
        })
    }

    /// The option that says it.
    pub fn option(self) -> &'static str {
        match self {
            Self::ReadWrite => "rw",
            Self::ReadOnly => "ro",
            Self::Quotas => "rq",
            Self::Swap => "sw",
        }
    }
}

/// One of the options between the commas of `fs_mntops`, as fstab(5) and mount(8) know them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountOption {
    /// `rw`, `ro`, `rq`, `sw`.
    Access(Access),
    /// `xx`: the line is passed over.
    Ignored,
    /// `late`: mounted after the others.
    Late,
    /// `noauto`: mounted only when asked for by name.
    NoAuto,
    /// `failok`: what cannot be mounted is passed over as the system starts.
    FailOk,
    /// Another word, for the file system: `nosuid`.
    Flag(BString),
    /// A name and its value, for the file system: `size=1g`.
    Value(BString, BString),
}

impl MountOption {
    /// The option that a word says. Every word is one.
    ///
    /// # Example
    /// ```
    /// use jailkit::fstab::{Access, MountOption};
    /// assert_eq!(MountOption::read(b"ro"), MountOption::Access(Access::ReadOnly));
    /// assert_eq!(MountOption::read(b"size=1g"), MountOption::Value("size".into(), "1g".into()));
    /// ```
    pub fn read(word: &[u8]) -> Self {
        match word {
            b"xx" => Self::Ignored,
            b"late" => Self::Late,
            b"noauto" => Self::NoAuto,
            b"failok" => Self::FailOk,
            word => match (Access::read(word), word.split_once_str("=")) {
                (Some(access), _) => Self::Access(access),
                (None, Some((name, value))) => Self::Value(name.into(), value.into()),
                (None, None) => Self::Flag(word.into()),
            },
        }
    }

    /// The word that says the option.
    pub fn word(&self) -> BString {
        match self {
            Self::Access(access) => access.option().into(),
            Self::Ignored => "xx".into(),
            Self::Late => "late".into(),
            Self::NoAuto => "noauto".into(),
            Self::FailOk => "failok".into(),
            Self::Flag(word) => word.clone(),
            Self::Value(name, value) => bstr::join("=", [name, value]).into(),
        }
    }
}

impl fmt::Display for MountOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.word(), f)
    }
}

/// The options of a mount. Where two contradict each other the later one counts, as in mount(8).
///
/// # Example
/// ```
/// use jailkit::fstab::MountOptions;
/// let options = MountOptions::new("rw,late,size=1g");
/// assert!(options.is_late() && !options.is_read_only());
/// assert_eq!(options.value("size").unwrap(), "1g");
/// assert_eq!(options.iter().count(), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountOptions<'a>(&'a BStr);

impl<'a> MountOptions<'a> {
    /// Options between commas.
    pub fn new(options: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self(options.as_ref().as_bstr())
    }

    /// The words between the commas; empty ones are none.
    pub fn words(self) -> impl Iterator<Item = &'a BStr> {
        self.0.split_str(",").map(BStr::new).filter(|word| !word.is_empty())
    }

    /// Option by option.
    pub fn iter(self) -> impl Iterator<Item = MountOption> {
        self.words().map(|word| MountOption::read(word))
    }

    /// Whether a word is among them.
    pub fn has(self, word: &str) -> bool {
        self.words().any(|found| found == word)
    }

    /// The value of `name=value`, the last where there are several.
    pub fn value(self, name: &str) -> Option<&'a BStr> {
        let values = self.words().filter_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        values.last().map(BStr::new)
    }

    /// Whether it is mounted to be read only: `ro`, or `rdonly`.
    pub fn is_read_only(self) -> bool {
        let says = |word: &BStr| match word.as_bytes() {
            b"ro" | b"rdonly" => Some(true),
            b"rw" | b"rq" | b"noro" | b"nordonly" => Some(false),
            _ => None,
        };
        self.words().filter_map(says).last().unwrap_or(false)
    }

    /// Whether it is mounted after those that are not: `late`.
    pub fn is_late(self) -> bool {
        self.has("late")
    }

    /// Whether it is mounted only when asked for by name: `noauto`.
    pub fn is_noauto(self) -> bool {
        self.has("noauto")
    }

    /// Whether the system starts without it: `failok`.
    pub fn is_failok(self) -> bool {
        self.has("failok")
    }
}
