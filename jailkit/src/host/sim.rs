//! A simulated host: a directory as its file system and a model of FreeBSD's kernel.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{FileError, Files, Host, PacketFilter, PfError, RightsError};
use crate::base::{self, BaseError, Expect, Extract, Extracted, Ownership, Progress};
use crate::kernel::sim::{Release, SIM_DIR, SimKernel};
use crate::kernel::{self, Errno, Kernel};
use crate::pf::PfRules;
use crate::process::{Processes, SimProcesses};
use crate::source::Source;
use crate::stack::Owner;

/// A simulated FreeBSD host. Everything it is lies in one directory and outlives the process.
///
/// # Example
/// ```
/// use jailkit::host::{Host, SimHost};
/// let dir = tempfile::tempdir()?;
/// let host = SimHost::open(dir.path())?;
/// assert!(host.is_simulated());
/// assert!(host.files().stat("/usr/ports".as_ref())?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SimHost {
    files: SimFiles,
    kernel: SimKernel,
    processes: SimProcesses,
    pf: SimPf,
}

/// What a FreeBSD host has before jailkit comes, as far as jailkit looks for it.
const SKELETON: &[&str] =
    &["boot", "dev", "etc", "root", "srv", "tmp", "usr/home", "usr/local", "usr/ports", "var/db", "var/log", "var/run"];

impl SimHost {
    /// Opens the simulated host in a directory; where there is none, installs one there.
    ///
    /// # Errors
    /// What the system failed with where the directory cannot be made; a directory that is not empty and holds no
    /// simulated host, which would be taken for the root of one.
    pub fn open(root: &Path) -> io::Result<Self> {
        let own = root.join(SIM_DIR);
        // In this order: another process may be installing one right now, and makes its own folder first.
        let is_empty = !std::fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some());
        if !is_empty && !own.exists() {
            let refused = "it holds other files; a simulated host begins in an empty directory";
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, refused));
        }
        std::fs::create_dir_all(&own)?;
        // An installation that was killed is completed by the next one.
        if !own.join("installed").exists() {
            for dir in SKELETON {
                std::fs::create_dir_all(root.join(dir))?;
            }
            File::create(own.join("installed"))?;
        }
        let kernel = SimKernel::open(root)?;
        Ok(Self {
            files: SimFiles { kernel: kernel.clone() },
            processes: SimProcesses::new(kernel.clone()),
            pf: SimPf { kernel: kernel.clone() },
            kernel,
        })
    }

    /// Boots another release; nothing where it runs that one already. Its interfaces stay, and lose their
    /// addresses.
    ///
    /// # Errors
    /// Where jails run on it; what the system failed with.
    pub fn boot(&self, release: Release) -> io::Result<()> {
        let kernel = |errno: Errno| io::Error::other(errno.to_string());
        if self.kernel.release().map_err(kernel)? == release {
            return Ok(());
        }
        let running = kernel::running(&self.kernel).map_err(io::Error::other)?;
        if !running.is_empty() {
            let names: Vec<_> = running.iter().map(ToString::to_string).collect();
            let refused = format!("jails run on it, {}: stop or remove them first", names.join(", "));
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, refused));
        }
        let interfaces = self.kernel.interfaces().map_err(io::Error::other)?;
        SimKernel::boot(self.kernel.root(), release)?;
        interfaces.iter().filter(|found| found.name != "lo0").try_for_each(|found| self.plug_in(&found.name))
    }

    /// Gives it an interface, as hardware or a program would; nothing where it has one of that name.
    ///
    /// # Errors
    /// A name that none can have.
    pub fn plug_in(&self, interface: &str) -> io::Result<()> {
        let refused = |errno: Errno| match errno {
            Errno::EINVAL => io::Error::other(format!("'{interface}' is no name of an interface, such as em0")),
            errno => io::Error::other(format!("cannot add the interface '{interface}': {errno}")),
        };
        self.kernel.plug_in(interface).map_err(refused)
    }

    /// Its programs, which are written down instead of run.
    pub fn sim_processes(&self) -> &SimProcesses {
        &self.processes
    }
}

impl Host for SimHost {
    fn describe(&self) -> String {
        format!("the simulated host in {}", self.kernel.root().display())
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn check_rights(&self) -> Result<(), RightsError> {
        Ok(())
    }

    fn files(&self) -> &dyn Files {
        &self.files
    }

    fn kernel(&self) -> &dyn Kernel {
        &self.kernel
    }

    fn processes(&self) -> &dyn Processes {
        &self.processes
    }

    fn packet_filter(&self) -> &dyn PacketFilter {
        &self.pf
    }
}

/// The files of a simulated host. Owners are kept in a record of their own, as whoever runs jailkit off FreeBSD is
/// seldom root; what is not in the record is root's.
#[derive(Clone, Debug)]
struct SimFiles {
    kernel: SimKernel,
}

/// One line of the record: the later one of a file counts.
#[derive(Serialize, Deserialize)]
struct Owned {
    path: PathBuf,
    owner: Owner,
}

impl SimFiles {
    fn record(&self) -> PathBuf {
        self.kernel.root().join(SIM_DIR).join("owners")
    }

    /// The owners on record that are not root.
    fn owners(&self) -> io::Result<HashMap<PathBuf, Owner>> {
        let text = match std::fs::read(self.record()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
            Err(error) => return Err(error),
        };
        let mut owners = HashMap::new();
        // A last line that a killed process cut short is about a file that never got its name.
        for line in text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let Owned { path, owner } = serde_json::from_slice(line)?;
            owners.insert(path, owner);
        }
        Ok(owners)
    }

    /// Takes down the owners in a tree that is about to get its place at `real`.
    fn record_tree(&self, real: &Path, owners: &[(PathBuf, Owner)]) -> io::Result<()> {
        let tree = real.strip_prefix(self.kernel.root()).unwrap_or(real);
        let mut lines = Vec::new();
        for (path, owner) in owners {
            serde_json::to_writer(&mut lines, &Owned { path: tree.join(path), owner: *owner })?;
            lines.push(b'\n');
        }
        self.append(&lines)
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut record = File::options().append(true).create(true).open(self.record())?;
        record.lock()?;
        record.write_all(lines)
    }

    /// What a file is called in the record, whatever mounts the path leads through.
    fn key(&self, path: &Path) -> io::Result<PathBuf> {
        let real = self.locate(path).map_err(|error| error.source)?;
        Ok(real.strip_prefix(self.kernel.root()).map_or(real.clone(), Path::to_owned))
    }
}

impl Files for SimFiles {
    fn locate(&self, path: &Path) -> Result<PathBuf, FileError> {
        let found = self.kernel.locate(path, true);
        found.map(|found| found.real).map_err(|errno| FileError::new("find", path)(errno.into()))
    }

    fn read_link(&self, path: &Path) -> Result<Option<PathBuf>, FileError> {
        let found = self.kernel.locate(path, false);
        let real = found.map(|found| found.real).map_err(|errno| FileError::new("find", path)(errno.into()))?;
        super::files::link_at(&real, path)
    }

    fn extract(
        &self,
        archive: &Path,
        expect: Expect,
        targets: &[PathBuf],
        progress: &mut Progress<'_>,
    ) -> Result<Extracted, BaseError> {
        let located = |path: &PathBuf| {
            self.locate(path).map_err(|FileError { action, path, source }| BaseError::File { action, path, source })
        };
        let targets: Vec<PathBuf> = targets.iter().map(located).collect::<Result<_, _>>()?;
        let record = |target: &Path, owners: &[(PathBuf, Owner)]| self.record_tree(target, owners);
        let ownership = Ownership::Record(&record);
        base::extract(&Extract { expect, ownership, flush: false, ..Extract::new(archive, &targets) }, progress)
    }

    fn owner(&self, path: &Path, _actual: Owner) -> io::Result<Owner> {
        Ok(self.owners()?.get(&self.key(path)?).copied().unwrap_or(Owner::ROOT))
    }

    fn set_owner(&self, path: &Path, _file: &File, owner: Owner) -> io::Result<()> {
        let path = self.key(path)?;
        if self.owners()?.get(&path).copied().unwrap_or(Owner::ROOT) == owner {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&Owned { path, owner })?;
        line.push(b'\n');
        self.append(&line)
    }
}

/// The packet filter of a simulated host: it reads the rules, and lets through whatever nobody sends.
#[derive(Clone, Debug)]
struct SimPf {
    kernel: SimKernel,
}

impl SimPf {
    fn with<T>(&self, action: &str, act: impl FnOnce(&mut crate::kernel::sim::Pf) -> T) -> Result<T, PfError> {
        self.kernel.with_pf(act).map_err(|errno| PfError { action: action.to_owned(), reason: errno.to_string() })
    }
}

impl PacketFilter for SimPf {
    fn is_enabled(&self) -> Result<bool, PfError> {
        self.with("ask pf for its state", |pf| pf.enabled)
    }

    fn enable(&self) -> Result<(), PfError> {
        self.with("enable pf", |pf| pf.enabled = true)
    }

    fn disable(&self) -> Result<(), PfError> {
        self.with("disable pf", |pf| pf.enabled = false)
    }

    fn load(&self, rules: &Path) -> Result<(), PfError> {
        let failed = |reason: String| PfError { action: format!("load {}", rules.display()), reason };
        let real = self.kernel.locate(rules, true).map_err(|errno| failed(errno.to_string()))?.real;
        let text = std::fs::read(real).map_err(|error| failed(error.to_string()))?;
        PfRules::parse(&Source::new(rules, text.as_slice())).map_err(|found| failed(found.to_string()))?;
        self.with("load the rules", |pf| pf.rules = Some(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_remembered_and_default_to_root() {
        let dir = tempfile::tempdir().unwrap();
        let host = SimHost::open(&dir.path().join("host")).unwrap();
        let mysql = Owner { uid: 88, gid: 88 };
        host.files().make_dir(Path::new("/srv/share"), 0o755, mysql).unwrap();
        let again = SimHost::open(&dir.path().join("host")).unwrap();
        assert_eq!(again.files().stat(Path::new("/srv/share")).unwrap().unwrap().owner, mysql);
        assert_eq!(again.files().stat(Path::new("/srv")).unwrap().unwrap().owner, Owner::ROOT);
    }

    #[test]
    fn a_directory_of_something_else_is_not_taken_for_a_host() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("thesis.tex"), "x").unwrap();
        assert_eq!(SimHost::open(dir.path()).unwrap_err().kind(), io::ErrorKind::DirectoryNotEmpty);
    }

    #[test]
    fn broken_rules_are_not_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let host = SimHost::open(dir.path()).unwrap();
        host.files().replace(Path::new("/etc/pf.conf"), b"pass \"\n", 0o600).unwrap();
        assert!(host.packet_filter().load(Path::new("/etc/pf.conf")).is_err());
    }
}
