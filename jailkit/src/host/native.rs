//! This FreeBSD system.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{FileError, Files, PacketFilter, PfError};
use crate::base::{self, BaseError, Expect, Extract, Extracted, Progress};
use crate::stack::Owner;

/// The system that jailkit runs on, a FreeBSD.
#[cfg(target_os = "freebsd")]
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeHost;

#[cfg(target_os = "freebsd")]
impl super::Host for NativeHost {
    fn describe(&self) -> String {
        "this host".to_owned()
    }

    fn is_simulated(&self) -> bool {
        false
    }

    fn check_rights(&self) -> Result<(), super::RightsError> {
        if nix::unistd::geteuid().is_root() { Ok(()) } else { Err(super::RightsError { host: self.describe() }) }
    }

    fn files(&self) -> &dyn Files {
        &NativeFiles
    }

    fn kernel(&self) -> &dyn crate::kernel::Kernel {
        &crate::kernel::native::NativeKernel
    }

    fn processes(&self) -> &dyn crate::process::Processes {
        &crate::process::NativeProcesses
    }

    fn packet_filter(&self) -> &dyn PacketFilter {
        &Pfctl
    }
}

/// The files of the system jailkit runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeFiles;

impl Files for NativeFiles {
    fn locate(&self, path: &Path) -> Result<PathBuf, FileError> {
        Ok(path.to_owned())
    }

    fn read_link(&self, path: &Path) -> Result<Option<PathBuf>, FileError> {
        super::files::link_at(path, path)
    }

    fn extract(
        &self,
        archive: &Path,
        expect: Expect,
        targets: &[PathBuf],
        progress: &mut Progress<'_>,
    ) -> Result<Extracted, BaseError> {
        base::extract(&Extract { expect, ..Extract::new(archive, targets) }, progress)
    }

    fn owner(&self, _path: &Path, actual: Owner) -> io::Result<Owner> {
        Ok(actual)
    }

    fn set_owner(&self, _path: &Path, file: &File, owner: Owner) -> io::Result<()> {
        fchown(file, Some(owner.uid), Some(owner.gid))
    }
}

/// pf(4), through pfctl(8): its ioctls are private to the two, and change with each release.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pfctl;

impl Pfctl {
    fn run(self, action: &str, args: &[&OsStr]) -> Result<Output, PfError> {
        let failed = |reason: String| PfError { action: action.to_owned(), reason };
        let output = Command::new("/sbin/pfctl")
            .args(args)
            .env("LC_ALL", "C")
            .output()
            .map_err(|error| failed(format!("/sbin/pfctl does not start: {error}")))?;
        if output.status.success() {
            return Ok(output);
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

impl PacketFilter for Pfctl {
    fn is_enabled(&self) -> Result<bool, PfError> {
        let output = self.run("ask pf for its state", &["-s".as_ref(), "info".as_ref()])?;
        Ok(output.stdout.starts_with(b"Status: Enabled"))
    }

    fn enable(&self) -> Result<(), PfError> {
        if self.is_enabled()? { Ok(()) } else { self.run("enable pf", &["-e".as_ref()]).map(drop) }
    }

    fn disable(&self) -> Result<(), PfError> {
        if self.is_enabled()? { self.run("disable pf", &["-d".as_ref()]).map(drop) } else { Ok(()) }
    }

    fn load(&self, rules: &Path) -> Result<(), PfError> {
        self.run(&format!("load {}", rules.display()), &["-f".as_ref(), rules.as_os_str()]).map(drop)
    }
}
