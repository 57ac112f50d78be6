//! What a jail has mounted: `mount`, `mount.fstab`, `mount.devfs`, `mount.fdescfs` and `mount.procfs`.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::JailError;
use crate::fstab::{Fstab, JailMount, JailMountError};
use crate::host::Host;
use crate::jailconf::ResolvedJail;
use crate::kernel::{DevfsRuleset, MountFlags, MountRequest};
use crate::source::Source;

/// A mount, and the parameter that says so.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct MountPoint {
    pub(super) param: String,
    pub(super) request: MountRequest,
}

/// File systems whose options only a program of their own can make ready for the kernel, such as mount_nfs(8):
/// `use_mountprog` of mount(8), without those that jailkit knows itself.
const WITH_PROGRAM: &[&str] = &["cd9660", "fusefs", "mfs", "msdosfs", "nfs", "smbfs", "udf"];

impl MountPoint {
    /// The ruleset that a devfs is given.
    pub(super) fn ruleset(&self) -> Option<DevfsRuleset> {
        let is_ruleset = |(name, _): &&(String, Option<String>)| self.request.fstype == "devfs" && name == "ruleset";
        let (_, number) = self.request.options.iter().rev().find(is_ruleset)?;
        number.as_deref()?.parse().ok().map(DevfsRuleset)
    }

    /// Whether mount(8) has to mount it, and umount(8) to unmount it.
    pub(super) fn needs_program(&self) -> bool {
        let options = &self.request.options;
        WITH_PROGRAM.contains(&self.request.fstype.as_str()) || options.iter().any(|(name, _)| name == "mountprog")
    }

    /// The parameter, as commands are told with it.
    pub(super) fn command_param(&self) -> &'static str {
        if self.param == "mount.fstab" { "mount.fstab" } else { "mount" }
    }

    /// `/sbin/mount -t nfs -o ro host:/srv /srv/www/data`, as jail(8) runs it.
    pub(super) fn mount_command(&self) -> Vec<BString> {
        let request = &self.request;
        let flags = request.flags;
        let set = [
            (flags.read_only, "ro"),
            (flags.nosuid, "nosuid"),
            (flags.noexec, "noexec"),
            (flags.noatime, "noatime"),
            (flags.update, "update"),
            (flags.force, "force"),
        ];
        let mut words: Vec<String> =
            set.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| (*word).to_owned()).collect();
        words.extend(request.options.iter().map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.clone(),
        }));
        let mut argv: Vec<BString> = vec!["/sbin/mount".into(), "-t".into(), request.fstype.as_str().into()];
        if !words.is_empty() {
            argv.extend(["-o".into(), words.join(",").into()]);
        }
        let source = request.source.as_deref().unwrap_or(".".as_ref());
        argv.extend([source, &request.target].map(|path| BString::from(path.as_os_str().as_bytes())));
        argv
    }

    /// `/sbin/umount -t nfs /srv/www/data`
    pub(super) fn unmount_command(&self) -> Vec<BString> {
        let target = self.request.target.as_os_str().as_bytes();
        vec!["/sbin/umount".into(), "-t".into(), self.request.fstype.as_str().into(), target.into()]
    }
}

/// Options of fstab(5) that are no options of the mount.
const NOT_OF_THE_MOUNT: &[&str] = &["", "auto", "failok", "late", "noauto", "rq", "rw", "sw", "xx"];

/// All mounts of a jail, in the order they are made. What is no mount, and an fstab(5) that cannot be read, is added to
/// `faults`.
pub(super) fn mount_points(host: &dyn Host, jail: &ResolvedJail, faults: &mut Vec<JailError>) -> Vec<MountPoint> {
    let mut points = Vec::new();
    let mut add = |point: Result<MountPoint, JailError>| match point {
        Ok(point) => points.push(point),
        Err(error) => faults.push(error),
    };
    for line in jail.values("mount") {
        if let Some(read) = JailMount::read(line).transpose() {
            add(point("mount", read, line));
        }
    }
    for file in jail.values("mount.fstab").iter().filter(|file| !file.is_empty()) {
        let source = match read_fstab(host, &file.to_path_lossy()) {
            Ok(source) => source,
            Err(error) => {
                add(Err(error));
                continue;
            }
        };
        for (span, read) in Fstab::parse(&source).jail_mounts() {
            add(point("mount.fstab", read, source.slice(span)));
        }
    }
    let ruleset = jail.value("devfs_ruleset").map_or_else(|| DevfsRuleset::JAIL.to_string(), ToString::to_string);
    let synthetic =
        [("mount.devfs", "devfs", "dev"), ("mount.fdescfs", "fdescfs", "dev/fd"), ("mount.procfs", "procfs", "proc")];
    for (param, fstype, at) in synthetic.into_iter().filter(|(param, ..)| jail.is_true(param)) {
        let Some(root) = jail.value("path") else {
            add(Err(JailError::Param { param: param.into(), reason: "the jail has no path".to_owned() }));
            continue;
        };
        let options = if fstype == "devfs" { vec![("ruleset".to_owned(), Some(ruleset.clone()))] } else { Vec::new() };
        let target = root.to_path_lossy().join(at);
        let request = MountRequest { fstype: fstype.to_owned(), target, options, ..MountRequest::default() };
        add(Ok(MountPoint { param: param.to_owned(), request }));
    }
    points
}

fn read_fstab(host: &dyn Host, path: &Path) -> Result<Source, JailError> {
    let missing = || JailError::Path {
        param: "mount.fstab".to_owned(),
        path: path.to_owned(),
        reason: "No such file or directory".to_owned(),
    };
    let text = host.files().read(path)?.ok_or_else(missing)?;
    Ok(Source::new(path, text))
}

/// What jail(8) has read as what the kernel is asked for.
fn point(param: &'static str, read: Result<JailMount, JailMountError>, line: &[u8]) -> Result<MountPoint, JailError> {
    let wrong = |error| JailError::Param { param: param.into(), reason: format!("{}: {error}", line.as_bstr()) };
    let JailMount { spec, file, vfstype, mntops } = read.map_err(wrong)?;
    let path = |name: BString| name.to_path_lossy().into_owned();
    let request = mount_request(&vfstype.to_str_lossy(), path(spec), path(file), &mntops.to_str_lossy());
    Ok(MountPoint { param: param.to_owned(), request })
}

/// What mount(8) makes of an fstab(5) entry: its type, what is mounted where, and its options with commas between them.
pub fn mount_request(fstype: &str, source: PathBuf, target: PathBuf, words: &str) -> MountRequest {
    let mut flags = MountFlags::default();
    let mut options = Vec::new();
    for word in words.split(',') {
        match word {
            "ro" | "rdonly" => flags.read_only = true,
            "rw" | "noro" => flags.read_only = false,
            "nosuid" => flags.nosuid = true,
            "noexec" => flags.noexec = true,
            "noatime" => flags.noatime = true,
            "update" => flags.update = true,
            "force" => flags.force = true,
            word if NOT_OF_THE_MOUNT.contains(&word) => {}
            word => options.push(match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word.to_owned(), None),
            }),
        }
    }
    let source = Some(source).filter(|source| source != Path::new("."));
    MountRequest { fstype: fstype.to_owned(), source, target, flags, options }
}
