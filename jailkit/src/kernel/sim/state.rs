//! What the simulated kernel keeps, and the file it keeps it in.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SIM_DIR;
use crate::kernel::{Interface, Jid, Mount, MountFlags, Value};

/// Modules that can be loaded.
pub(super) const MODULES: &[&str] = &[
    "fdescfs",
    "if_bridge",
    "if_epair",
    "linprocfs",
    "linux",
    "linux64",
    "nullfs",
    "pf",
    "pflog",
    "procfs",
    "tmpfs",
    "unionfs",
    "zfs",
];

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) jails: Vec<Jail>,
    pub(super) last_jid: i32,
    pub(super) mounts: Vec<Mounted>,
    pub(super) last_mount: u32,
    pub(super) interfaces: Vec<Interface>,
    /// Interfaces that are in a jail's network stack, and whose.
    pub(super) moved: BTreeMap<String, (Jid, Interface)>,
    pub(super) modules: BTreeSet<String>,
    pub(super) sysctls: BTreeMap<String, i64>,
    pub(super) pf: Pf,
}

/// The simulated packet filter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pf {
    pub(crate) enabled: bool,
    /// The text of the rules that are loaded.
    pub(crate) rules: Option<bstr::BString>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Jail {
    pub(super) jid: Jid,
    pub(super) name: bstr::BString,
    /// The prison path, as the host sees it.
    pub(super) path: PathBuf,
    pub(super) params: BTreeMap<String, Value>,
    pub(super) processes: u32,
}

impl Jail {
    pub(super) fn int(&self, name: &str) -> i32 {
        match self.params.get(name) {
            Some(Value::Int(value)) => *value,
            _ => 0,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Mounted {
    pub(super) id: u32,
    pub(super) mount: Mount,
    /// The directory that shows through, from the root directory of the simulated host.
    pub(super) backing: PathBuf,
    /// The directory it is mounted over, and of which mount that is. The root file system covers nothing.
    pub(super) covers: Option<(u32, PathBuf)>,
}

impl State {
    /// A host just booted.
    fn boot() -> Self {
        let slash = Mount {
            fstype: "ufs".into(),
            source: "/dev/ada0p2".into(),
            target: "/".into(),
            flags: MountFlags::default(),
        };
        let loopback = ["127.0.0.1/8", "::1/128"].iter().filter_map(|address| address.parse().ok()).collect();
        Self {
            jails: Vec::new(),
            last_jid: 0,
            mounts: vec![Mounted { id: 0, mount: slash, backing: PathBuf::new(), covers: None }],
            last_mount: 0,
            interfaces: vec![Interface { name: "lo0".into(), addresses: loopback }],
            moved: BTreeMap::new(),
            modules: BTreeSet::new(),
            sysctls: [
                ("kern.osreldate", 1_500_000),
                ("net.inet.ip.forwarding", 0),
                ("net.inet6.ip6.forwarding", 0),
                ("security.jail.jailed", 0),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            pf: Pf::default(),
        }
    }

    pub(super) fn load(root: &Path) -> io::Result<Self> {
        match std::fs::read(path(root)) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::boot()),
            Err(error) => Err(error),
        }
    }

    /// Writes the state beside the old one and renames it into place: a process killed here leaves one or the other.
    pub(super) fn store(&self, root: &Path) -> io::Result<()> {
        let staged = root.join(SIM_DIR).join("kernel.json.new");
        std::fs::write(&staged, serde_json::to_vec(self)?)?;
        std::fs::rename(staged, path(root))
    }

    pub(super) fn jail(&self, jid: Jid) -> Option<&Jail> {
        self.jails.iter().find(|jail| jail.jid == jid)
    }

    pub(super) fn jail_named(&self, name: &[u8]) -> Option<&Jail> {
        self.jails.iter().find(|jail| jail.name == name)
    }
}

fn path(root: &Path) -> PathBuf {
    root.join(SIM_DIR).join("kernel.json")
}
