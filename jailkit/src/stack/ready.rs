//! `jails.NAME.ready`: when a jail that runs is ready for those that depend on it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// What it is for a jail to be ready, and how long that may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// What shows it: one of `socket`, `tcp` and `command`.
    #[serde(flatten)]
    pub when: ReadyWhen,
    /// `timeout`: how long it may take, in seconds; default [`Ready::PATIENCE`].
    #[serde(rename = "timeout", serialize_with = "seconds")]
    pub patience: Duration,
}

impl Ready {
    /// How long a jail may take to get ready, unless the stack says otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(60);
}

fn seconds<S: Serializer>(patience: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(patience.as_secs())
}

/// What shows that a jail is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadyWhen {
    /// `socket`: a socket, or whatever else lies at this path of the jail. No link on the way leads out of the jail.
    Socket(PathBuf),
    /// `tcp`: somebody accepts connections at this port of one of the jail's addresses.
    Tcp(u16),
    /// `command`: this command line, run in the jail as `exec.start` is, succeeds.
    Command(String),
}

impl fmt::Display for ReadyWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{} is there", path.display()),
            Self::Tcp(port) => write!(f, "port {port} accepts connections"),
            Self::Command(command) => write!(f, "'{command}' succeeds"),
        }
    }
}
