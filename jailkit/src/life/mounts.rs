//! What a jail has mounted: `mount`, `mount.fstab`, `mount.devfs`, `mount.fdescfs`, `mount.procfs`.

use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::{Event, LifeError, Living};
use crate::fstab::{Entry, Fstab};
use crate::kernel::{Errno, MountFlags, MountRequest};
use crate::source::Source;

/// The ruleset that jail(8) gives a jail's devfs unless `devfs_ruleset` says another one: `devfsrules_jail`.
const DEVFS_RULESET: &str = "4";

impl Living<'_> {
    /// What is to be mounted, in jail(8)'s order.
    pub(super) fn mounts(&self) -> Result<Vec<MountRequest>, LifeError> {
        let mut requests = Vec::new();
        for line in self.jail.values("mount") {
            requests.extend(entries("mount", line).iter().map(request));
        }
        for file in self.jail.values("mount.fstab") {
            let path = PathBuf::from(file.to_os_str_lossy().into_owned());
            let missing = || LifeError::Param {
                param: "mount.fstab".to_owned(),
                reason: format!("{} is not there", path.display()),
            };
            let text = self.host.files().read(&path)?.ok_or_else(missing)?;
            requests.extend(entries(&path.display().to_string(), &text).iter().map(request));
        }
        let root = self.path()?;
        let synthetic = |fstype: &str, at: &str| MountRequest {
            fstype: fstype.to_owned(),
            source: None,
            target: root.join(at),
            ..MountRequest::default()
        };
        if self.jail.is_true("mount.devfs") {
            let ruleset = self.text("devfs_ruleset").filter(|ruleset| ruleset != "0");
            let ruleset = ruleset.unwrap_or_else(|| DEVFS_RULESET.to_owned());
            let options = vec![("ruleset".to_owned(), Some(ruleset))];
            requests.push(MountRequest { options, ..synthetic("devfs", "dev") });
        }
        if self.jail.is_true("mount.fdescfs") {
            requests.push(synthetic("fdescfs", "dev/fd"));
        }
        if self.jail.is_true("mount.procfs") {
            requests.push(synthetic("procfs", "proc"));
        }
        Ok(requests)
    }

    pub(super) fn mount(&self, request: &MountRequest) -> Result<(), LifeError> {
        self.check_mount_point(&request.target)?;
        self.observer.happens(&Event::Mount { jail: &self.name, target: &request.target });
        Ok(self.host.kernel().mount(request)?)
    }

    /// Unmounts what is mounted of these, the last mounted first.
    pub(super) fn unmount(&self, requests: &[MountRequest]) -> Result<(), LifeError> {
        for request in requests.iter().rev() {
            match self.host.kernel().unmount(&request.target, false) {
                // Nothing is mounted there any more.
                Err(error) if matches!(error.errno, Errno::EINVAL | Errno::ENOENT) => {}
                unmounted => unmounted?,
            }
        }
        Ok(())
    }

    /// The jail may have put a link where something is mounted, and the kernel would follow it out of the jail.
    fn check_mount_point(&self, target: &Path) -> Result<(), LifeError> {
        let root = self.path()?;
        let wrong = |path: &Path, reason| LifeError::MountPoint { path: path.to_owned(), reason };
        let Ok(in_jail) = target.strip_prefix(&root) else {
            return Err(wrong(target, "this mount point is outside the jail"));
        };
        let mut at = root;
        for part in in_jail.components() {
            at.push(part);
            if self.host.files().read_link(&at)?.is_some() {
                return Err(wrong(&at, "a symbolic link on the way to a mount point; look at who put it there"));
            }
        }
        match self.host.files().stat(target)? {
            Some(found) if found.kind == crate::host::FileKind::Dir => Ok(()),
            Some(_) => Err(wrong(target, "this mount point is no directory")),
            None => Err(wrong(target, "this mount point is not there")),
        }
    }

    /// The jail's root directory.
    pub(super) fn path(&self) -> Result<PathBuf, LifeError> {
        let path = self.jail.value("path").map_or(PathBuf::from("/"), |path| path.to_path_lossy().into_owned());
        if path.is_absolute() {
            return Ok(path);
        }
        Err(LifeError::Param { param: "path".to_owned(), reason: format!("{} is not absolute", path.display()) })
    }
}

fn entries(name: &str, text: &[u8]) -> Vec<Entry> {
    Fstab::parse(&Source::new(name, text)).entries().collect()
}

/// An fstab(5) entry as nmount(2) takes it.
fn request(entry: &Entry) -> MountRequest {
    let mut flags = MountFlags::default();
    let mut options = Vec::new();
    for option in entry.mntops.split_str(",") {
        match option {
            b"ro" | b"rdonly" => flags.read_only = true,
            b"nosuid" => flags.nosuid = true,
            b"noexec" => flags.noexec = true,
            b"noatime" => flags.noatime = true,
            b"rw" | b"late" | b"noauto" | b"failok" | b"" => {}
            other => {
                let text = other.to_str_lossy().into_owned();
                options.push(match text.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (text, None),
                });
            }
        }
    }
    let path = |text: &BString| text.to_path_lossy().into_owned();
    MountRequest {
        fstype: entry.vfstype.to_string(),
        source: Some(path(&entry.spec)),
        target: path(&entry.file),
        flags,
        options,
    }
}
