//! One step of a plan.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use bstr::BString;
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::JailFile;
use crate::journal::FileClaim;
use crate::stack::{BaseExpectation, Owner, Ready};

/// One step: a single effect, or several that are taken up again where a run was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Stop a jail that runs.
    StopJail {
        /// Its name.
        jail: String,
        /// Its root directory.
        path: PathBuf,
        /// Why.
        reason: &'static str,
        /// Other jails of the host that depend on it: they are stopped with it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        with: Vec<String>,
    },
    /// Unmount what is mounted below a jail's root directory while the jail is not there.
    ClearMounts {
        /// The jail.
        jail: String,
        /// Its root directory.
        path: PathBuf,
    },
    /// Make a directory.
    MakeDir {
        /// Where.
        path: PathBuf,
        /// Permissions.
        mode: u32,
        /// Its owner.
        owner: Owner,
        /// Whether what comes to lie in it is the jails' data.
        data: bool,
    },
    /// Give a directory that is there its mode and owner.
    SetAccess {
        /// Which.
        path: PathBuf,
        /// Permissions.
        mode: u32,
        /// Its owner.
        owner: Owner,
        /// The mode it has.
        mode_before: u32,
        /// The owner it has.
        owner_before: Owner,
    },
    /// Extract the base archive into jails' trees; it is read once.
    Extract {
        /// The archive.
        archive: PathBuf,
        /// What vouches for it.
        expect: BaseExpectation,
        /// The trees.
        trees: Vec<Tree>,
    },
    /// Make the directories in a jail that file systems are mounted on, those of them that are missing.
    MountPoints {
        /// The jail.
        jail: String,
        /// Its root directory.
        root: PathBuf,
        /// The directories as the jail sees them, parents first, and who owns those that are made.
        points: Vec<(PathBuf, Owner)>,
    },
    /// Write a file into a jail.
    WriteInJail {
        /// The jail.
        jail: String,
        /// Its root directory.
        root: PathBuf,
        /// The file and what is written.
        file: JailFile,
    },
    /// Change, create or remove a configuration file of the host.
    File(FileChange),
    /// Load a module of the kernel.
    LoadModule {
        /// Its name.
        module: String,
    },
    /// Create the loopback interface.
    CreateInterface {
        /// Its name.
        interface: String,
    },
    /// Give it a jail's address.
    AddAddress {
        /// The interface.
        interface: String,
        /// The address.
        address: IpNet,
    },
    /// Set a sysctl.
    SetSysctl {
        /// Its name.
        name: String,
        /// The value.
        value: i64,
        /// The value it has.
        before: i64,
    },
    /// Load pf's rules.
    LoadPf {
        /// The digest of their file.
        digest: String,
    },
    /// Let pf filter.
    EnablePf,
    /// Start jails that do not run, each behind those it depends on.
    StartJails {
        /// Which.
        jails: Vec<StartedJail>,
        /// When those that others depend on are ready, by name.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        ready: BTreeMap<String, Ready>,
        /// Other jails of the host that were stopped with one of these.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        again: Vec<String>,
    },
    /// Stop pf from filtering.
    DisablePf,
    /// Load the rules that pf.conf has without jailkit's.
    ReloadPf,
    /// Give a sysctl the value back that it had.
    RestoreSysctl {
        /// Its name.
        name: String,
        /// That value.
        value: i64,
    },
    /// Take an address away.
    RemoveAddress {
        /// The interface.
        interface: String,
        /// The address.
        address: IpNet,
    },
    /// Destroy the loopback interface.
    DestroyInterface {
        /// Its name.
        interface: String,
    },
    /// Unload a module, unless something else uses it by now.
    UnloadModule {
        /// Its name.
        module: String,
    },
    /// Remove a jail's data, for good.
    RemoveTree {
        /// Where.
        path: PathBuf,
    },
    /// Remove an empty directory.
    RemoveDir {
        /// Where.
        path: PathBuf,
    },
    /// Give a directory mode and owner back.
    RestoreAccess {
        /// Which.
        path: PathBuf,
        /// The mode it had.
        mode: u32,
        /// The owner it had.
        owner: Owner,
    },
    /// Strike what is gone already from the journal.
    Forget {
        /// What.
        claim: Box<crate::journal::Claim>,
    },
}

impl Step {
    /// The jails that the step is about; none where it is about the host.
    pub fn jails(&self) -> Vec<&str> {
        match self {
            Self::StopJail { jail, .. }
            | Self::ClearMounts { jail, .. }
            | Self::MountPoints { jail, .. }
            | Self::WriteInJail { jail, .. } => vec![jail],
            Self::Extract { trees, .. } => trees.iter().map(|tree| tree.jail.as_str()).collect(),
            Self::StartJails { jails, .. } => jails.iter().map(|jail| jail.name.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

/// A jail's tree, extracted from the base archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// The jail.
    pub jail: String,
    /// Where it goes.
    pub path: PathBuf,
}

/// A jail to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StartedJail {
    /// Its name.
    pub name: String,
    /// Its root directory.
    pub path: PathBuf,
    /// The digest of all it is started with.
    pub digest: String,
}

/// A configuration file before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Which.
    pub path: PathBuf,
    /// What is in it; none where there is none.
    #[serde(serialize_with = "text")]
    pub before: Option<BString>,
    /// What will be in it; none where it is removed.
    #[serde(serialize_with = "text")]
    pub after: Option<BString>,
    /// Its permissions, where it is created.
    pub mode_if_new: u32,
    /// What the journal will say of it; none where all of jailkit's is taken out.
    #[serde(skip)]
    pub claim: Option<FileClaim>,
}

fn text<S: Serializer>(text: &Option<BString>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_ref().map(ToString::to_string).serialize(serializer)
}

/// As a person is told what will be done.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopJail { jail, reason, with, .. } => {
                write!(f, "stop jail {jail}: {reason}")?;
                if with.is_empty() { Ok(()) } else { write!(f, "; this stops {}, too", with.join(", ")) }
            }
            Self::ClearMounts { jail, path } => {
                write!(f, "unmount what is left below {} of jail {jail}", path.display())
            }
            Self::MakeDir { path, mode, owner, .. } => {
                write!(f, "create {}, mode {mode:03o}, owner {owner}", path.display())
            }
            Self::SetAccess { path, mode, owner, .. } => {
                write!(f, "set {} to mode {mode:03o}, owner {owner}", path.display())
            }
            Self::Extract { archive, trees, .. } => {
                let into: Vec<_> = trees.iter().map(|tree| tree.path.display().to_string()).collect();
                write!(f, "extract {} into {}", archive.display(), into.join(" and "))
            }
            Self::MountPoints { jail, points, .. } => {
                let points: Vec<_> = points.iter().map(|(point, _)| point.display().to_string()).collect();
                write!(f, "make mount points in jail {jail}: {}", points.join(" "))
            }
            Self::WriteInJail { jail, file, .. } => write!(f, "write {} in jail {jail}", file.path().display()),
            Self::File(FileChange { path, before, after, .. }) => {
                let verb = match (before, after) {
                    (None, _) => "create",
                    (_, None) => "remove",
                    _ => "edit",
                };
                write!(f, "{verb} {}", path.display())
            }
            Self::LoadModule { module } => write!(f, "load module {module}"),
            Self::CreateInterface { interface } => write!(f, "create interface {interface}"),
            Self::AddAddress { interface, address } => write!(f, "add {address} to {interface}"),
            Self::SetSysctl { name, value, .. } | Self::RestoreSysctl { name, value } => {
                write!(f, "set {name}={value}")
            }
            Self::LoadPf { .. } => f.write_str("load pf's rules from /etc/pf.conf"),
            Self::EnablePf => f.write_str("enable pf"),
            Self::StartJails { jails, ready, again } => {
                let names: Vec<_> = jails.iter().map(|jail| jail.name.as_str()).collect();
                write!(f, "start {} {}", if names.len() == 1 { "jail" } else { "jails" }, names.join(", "))?;
                if !again.is_empty() {
                    write!(f, ", and {} again", again.join(", "))?;
                }
                ready.iter().try_for_each(|(jail, ready)| write!(f, "; {jail} is ready when {}", ready.when))
            }
            Self::DisablePf => f.write_str("disable pf"),
            Self::ReloadPf => f.write_str("reload pf's rules from /etc/pf.conf"),
            Self::RemoveAddress { interface, address } => write!(f, "remove {address} from {interface}"),
            Self::DestroyInterface { interface } => write!(f, "destroy interface {interface}"),
            Self::UnloadModule { module } => write!(f, "unload module {module}"),
            Self::RemoveTree { path } => write!(f, "remove {} and all that is in it", path.display()),
            Self::RemoveDir { path } => write!(f, "remove {}", path.display()),
            Self::RestoreAccess { path, mode, owner } => {
                write!(f, "set {} back to mode {mode:03o}, owner {owner}", path.display())
            }
            Self::Forget { claim } => write!(f, "strike {claim} from the journal"),
        }
    }
}
