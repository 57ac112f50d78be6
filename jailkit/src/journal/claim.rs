//! One thing that jailkit made.

use std::fmt;
use std::path::PathBuf;

use bstr::BString;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::edit::{Edit, Format};
use crate::stack::Owner;

/// Something that jailkit has made, or is about to make, and what it takes to take it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// A directory that was not there; it goes when it is empty.
    Dir {
        /// Where.
        path: PathBuf,
        /// Whether what comes to lie in it is the jails' data, which is purged with it.
        data: bool,
    },
    /// Mode and owner that a directory had.
    Access {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its owner.
        owner: Owner,
    },
    /// A jail's tree, extracted from the base archive. It holds the jail's data and stays, unless purged.
    Tree {
        /// Whose.
        jail: String,
        /// Where.
        path: PathBuf,
    },
    /// A file written into a jail's tree. It is part of the jail's data, and is written again while nobody in the
    /// jail has changed it.
    JailFile {
        /// The file, as the host calls it.
        path: PathBuf,
        /// Its digest.
        digest: String,
    },
    /// Lines of a configuration file of the host.
    File(FileClaim),
    /// A module that was not loaded.
    Module {
        /// Its name.
        name: String,
    },
    /// A cloned interface that was not there.
    Interface {
        /// Its name.
        name: String,
    },
    /// An address that the interface did not have.
    Address {
        /// The interface.
        interface: String,
        /// The address.
        address: IpNet,
    },
    /// A sysctl that had another value.
    Sysctl {
        /// Its name.
        name: String,
        /// That value.
        before: i64,
    },
    /// pf, which was not enabled.
    PfEnabled,
    /// The rules that pf has loaded.
    PfRules {
        /// The digest of their file.
        digest: String,
    },
    /// A running jail.
    Jail {
        /// Its name.
        name: String,
        /// Its root directory.
        path: PathBuf,
        /// The digest of the configuration it is started with.
        digest: String,
        /// Whether it was started to the end. A jail that is there and was not is half made.
        started: bool,
    },
}

impl Claim {
    /// Whether the other claim is on the same thing, though it may say other things of it.
    pub(super) fn is_about_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one.path == other.path,
            (Self::Sysctl { name: one, .. }, Self::Sysctl { name: other, .. })
            | (Self::Jail { name: one, .. }, Self::Jail { name: other, .. }) => one == other,
            (Self::Dir { path: one, .. }, Self::Dir { path: other, .. })
            | (Self::Access { path: one, .. }, Self::Access { path: other, .. })
            | (Self::JailFile { path: one, .. }, Self::JailFile { path: other, .. }) => one == other,
            (Self::PfRules { .. }, Self::PfRules { .. }) => true,
            _ => self == other,
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir { path, .. } => write!(f, "directory {}", path.display()),
            Self::Access { path, .. } => write!(f, "the mode of {}", path.display()),
            Self::Tree { path, .. } => write!(f, "tree {}", path.display()),
            Self::JailFile { path, .. } => write!(f, "file {}", path.display()),
            Self::File(file) => write!(f, "jailkit's part of {}", file.path.display()),
            Self::Module { name } => write!(f, "module {name}"),
            Self::Interface { name } => write!(f, "interface {name}"),
            Self::Address { interface, address } => write!(f, "address {address} of {interface}"),
            Self::Sysctl { name, .. } => write!(f, "jailkit's {name}"),
            Self::PfEnabled => f.write_str("jailkit's enabled pf"),
            Self::PfRules { .. } => f.write_str("jailkit's pf rules"),
            Self::Jail { name, .. } => write!(f, "jail {name}"),
        }
    }
}

/// What jailkit wrote into a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileClaim {
    /// The file.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// The file without what jailkit wrote; none where there was no file.
    pub before: Option<BString>,
    /// The digest of the file just before it is written, by which one knows that a run stopped short of writing it.
    pub replaces: String,
    /// The digest of the file as jailkit writes it. While the file has it, taking the edits back is putting `before`
    /// in its place; where somebody has changed the file since, the edits are taken out one by one.
    pub written: String,
    /// The edits.
    pub edits: Vec<Edit>,
}

impl FileClaim {
    /// Whether `current` is the file as it was or as it became, untouched by anybody else.
    pub fn covers(&self, current: Option<&[u8]>) -> bool {
        let digest = digest(current.unwrap_or_default());
        digest == self.written || digest == self.replaces
    }
}

/// The SHA-256 of bytes, in hexadecimal digits.
///
/// # Example
/// ```
/// assert!(jailkit::journal::digest(b"").starts_with("e3b0c44298fc1c14"));
/// ```
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
