//! Mounting with the checks that mount(8) and mount_nullfs(8) make before they ask the kernel.
//!
//! [`Kernel::mount`] is the bare system call. A FreeBSD 13.2 kernel panics on a nullfs that shows a directory on itself
//! or has a file at either end, and tells a missing path and an unknown type apart from neither; what mounts goes
//! through [`mount`].

use std::path::{Path, PathBuf};

use super::{DevfsRuleset, Errno, Kernel, KernelError, Mount, MountFlags, MountRequest};

/// Requests by type, and what is said of them further.
///
/// # Example
/// ```
/// use jailkit::kernel::{DevfsRuleset, MountRequest};
/// let base = MountRequest::nullfs("/base/usr", "/jails/www/usr").read_only().nosuid();
/// assert!(base.flags.read_only && base.flags.nosuid);
/// let dev = MountRequest::devfs("/jails/www/dev", DevfsRuleset::JAIL);
/// assert_eq!(dev.options, [("ruleset".to_owned(), Some("4".to_owned()))]);
/// let tmp = MountRequest::tmpfs("/jails/www/tmp").option("size", "64m").option("mode", "1777");
/// assert_eq!(tmp.options.len(), 2);
/// let linux = MountRequest::of_type("linsysfs", "/jails/www/sys");
/// assert_eq!(linux.source.as_deref(), Some("linsysfs".as_ref()));
/// ```
impl MountRequest {
    /// A file system of any type that shows no directory or device: its source is called as its type.
    pub fn of_type(fstype: impl Into<String>, target: impl Into<PathBuf>) -> Self {
        let fstype = fstype.into();
        Self { source: Some(fstype.clone().into()), fstype, target: target.into(), ..Self::default() }
    }

    /// A directory shown at another place (mount_nullfs(8)).
    pub fn nullfs(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { source: Some(source.into()), ..Self::of_type("nullfs", target) }
    }

    /// A directory laid over the target, which shows where the directory has nothing (mount_unionfs(8)).
    pub fn unionfs(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { source: Some(source.into()), ..Self::of_type("unionfs", target) }
    }

    /// Devices, hidden and shown by a ruleset of devfs(8), which the kernel applies.
    pub fn devfs(target: impl Into<PathBuf>, ruleset: DevfsRuleset) -> Self {
        Self::of_type("devfs", target).option("ruleset", ruleset.to_string())
    }

    /// A process's open files (fdescfs(4)), on `dev/fd`.
    pub fn fdescfs(target: impl Into<PathBuf>) -> Self {
        Self::of_type("fdescfs", target)
    }

    /// Processes (procfs(4)).
    pub fn procfs(target: impl Into<PathBuf>) -> Self {
        Self::of_type("procfs", target)
    }

    /// Processes as Linux shows them (linprocfs(4)).
    pub fn linprocfs(target: impl Into<PathBuf>) -> Self {
        Self::of_type("linprocfs", target)
    }

    /// Files in memory (tmpfs(4)); the options `size` and `mode` say how much and for whom.
    pub fn tmpfs(target: impl Into<PathBuf>) -> Self {
        Self::of_type("tmpfs", target)
    }

    /// Whether its source is a directory that it shows.
    pub fn shows_a_directory(&self) -> bool {
        matches!(self.fstype.as_str(), "nullfs" | "unionfs")
    }

    /// With `MNT_RDONLY`.
    pub fn read_only(mut self) -> Self {
        self.flags.read_only = true;
        self
    }

    /// With `MNT_NOSUID`.
    pub fn nosuid(mut self) -> Self {
        self.flags.nosuid = true;
        self
    }

    /// With `MNT_NOEXEC`.
    pub fn noexec(mut self) -> Self {
        self.flags.noexec = true;
        self
    }

    /// With `MNT_NOATIME`.
    pub fn noatime(mut self) -> Self {
        self.flags.noatime = true;
        self
    }

    /// With `MNT_UPDATE`: what is mounted at the target gets these flags and options.
    pub fn update(mut self) -> Self {
        self.flags.update = true;
        self
    }

    /// With `MNT_FORCE`.
    pub fn force(mut self) -> Self {
        self.flags.force = true;
        self
    }

    /// With a further option of the file system.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), Some(value.into())));
        self
    }
}

/// The path that the kernel tells for one: without links, `.` and `..`. One that leads nowhere stays as it is.
///
/// Mounts and jails are told by these paths, whatever names they were given by: on a host whose `/home` is a link to
/// `/usr/home`, a jail at `/home/www` is told as one at `/usr/home/www`.
pub fn real_path(kernel: &dyn Kernel, path: &Path) -> PathBuf {
    kernel.find(path).map_or_else(|_| path.to_owned(), |found| found.path)
}

/// What is mounted at a directory itself, topmost, which is given by its [`real_path`]; none where nothing is.
///
/// # Errors
/// [`KernelError`] where the kernel cannot be asked.
pub fn mounted_at(kernel: &dyn Kernel, real: &Path) -> Result<Option<Mount>, KernelError> {
    match kernel.file_system(real) {
        Ok(found) => Ok(Some(found).filter(|found| found.target == real)),
        Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Mounts what a request says, by the paths that its directories have without links, unless the kernel would not survive it or not tell what is wrong.
///
/// # Errors
/// [`KernelError`] with our own words for a path that is relative, missing or no directory, for a nullfs or unionfs whose
/// two directories are the same or one inside the other, and for an unknown type; else what the kernel refused it with.
///
/// # Example
/// ```
/// use jailkit::kernel::{MountRequest, mount, sim::SimKernel};
/// let host = tempfile::tempdir()?;
/// std::fs::create_dir(host.path().join("srv"))?;
/// let kernel = SimKernel::open(host.path())?;
/// let error = mount(&kernel, &MountRequest::nullfs("/srv", "/srv")).unwrap_err();
/// assert_eq!(error.to_string(), "mount nullfs on /srv: /srv and /srv are not distinct");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn mount(kernel: &dyn Kernel, request: &MountRequest) -> Result<(), KernelError> {
    let refused = |errno: Errno, message: String| KernelError {
        call: format!("mount {} on {}", request.fstype, request.target.display()),
        errno,
        message: Some(message),
    };
    let directory = |path: &Path| -> Result<PathBuf, KernelError> {
        if !path.is_absolute() {
            return Err(refused(Errno::EINVAL, format!("'{}' is not an absolute path", path.display())));
        }
        let found =
            kernel.find(path).map_err(|error| refused(error.errno, format!("{}: {}", path.display(), error.errno)))?;
        if !found.is_dir {
            return Err(refused(Errno::ENOTDIR, format!("{} is not a directory", path.display())));
        }
        Ok(found.path)
    };
    if request.fstype.is_empty() {
        return Err(refused(Errno::EINVAL, "no file system type is given".to_owned()));
    }
    let mut asked = request.clone();
    asked.target = directory(&request.target)?;
    if request.shows_a_directory() && !request.flags.update {
        let source = request.source.as_deref();
        let none = || refused(Errno::EINVAL, format!("a {} needs a directory to show", request.fstype));
        let source = source.ok_or_else(none)?;
        let shown = directory(source)?;
        if shown.starts_with(&asked.target) || asked.target.starts_with(&shown) {
            let message = format!("{} and {} are not distinct", source.display(), request.target.display());
            return Err(refused(Errno::EINVAL, message));
        }
        asked.source = Some(shown);
    }
    say_flags(&mut asked);
    kernel.mount(&asked).map_err(|error| {
        if error.errno == Errno::EDEADLK {
            let at = request.target.display();
            return refused(error.errno, format!("it is shown there already; 'umount {at}' takes it away"));
        }
        let says_little = (error.errno, error.message.as_deref()) == (Errno::EINVAL, Some("Invalid fstype"));
        if error.errno != Errno::ENODEV && !says_little {
            return error;
        }
        // The target is there: it is the source that is not, or the type.
        let source = request.source.as_deref().filter(|source| says_little && source.is_absolute());
        if let Some(source) = source
            && let Err(missing) = kernel.find(source)
        {
            return refused(missing.errno, format!("{}: {}", source.display(), missing.errno));
        }
        refused(Errno::ENODEV, format!("there is no file system type '{}'", request.fstype))
    })
}

/// Says the flags in words, too, as mount(8) does: zfs(8) reads its options and forgets the flags (zfs_register_callbacks
/// in `zfs_vfsops.c`). Only words that every file system takes (`global_opts` in `sys/kern/vfs_mount.c`).
fn say_flags(request: &mut MountRequest) {
    let MountFlags { read_only, nosuid, noexec, noatime, update, .. } = request.flags;
    let say = |request: &mut MountRequest, name: &str, others: &[&str]| {
        if !request.options.iter().any(|(said, _)| said == name || others.contains(&said.as_str())) {
            request.options.push((name.to_owned(), None));
        }
    };
    if read_only {
        say(request, "ro", &["rdonly", "rw", "noro"]);
    } else if update {
        // A file system is made writable again by the word alone; the flag can only be set.
        say(request, "noro", &["rw", "ro", "rdonly"]);
    }
    for (is_set, name, other) in [(nosuid, "nosuid", "suid"), (noexec, "noexec", "exec")] {
        if is_set {
            say(request, name, &[other]);
        }
    }
    if noatime && request.fstype == "zfs" {
        say(request, "noatime", &["atime"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sim::{Release, SimKernel};

    #[test]
    fn every_type_is_mounted_told_and_unmounted() {
        let root = tempfile::tempdir().unwrap();
        for dir in ["src", "dst"] {
            std::fs::create_dir(root.path().join(dir)).unwrap();
        }
        let kernel = SimKernel::open(root.path()).unwrap();
        for request in [
            MountRequest::nullfs("/src", "/dst").read_only().nosuid().noexec().noatime(),
            MountRequest::unionfs("/src", "/dst"),
            MountRequest::devfs("/dst", DevfsRuleset::JAIL),
            MountRequest::fdescfs("/dst"),
            MountRequest::procfs("/dst"),
            MountRequest::linprocfs("/dst").nosuid(),
            MountRequest::tmpfs("/dst").option("size", "1m").noexec(),
            MountRequest::of_type("linsysfs", "/dst"),
        ] {
            mount(&kernel, &request).unwrap();
            let source = match request.fstype.as_str() {
                "unionfs" => "<above>:/src".into(),
                _ => request.source.unwrap(),
            };
            let told = kernel.mounts().unwrap().pop().unwrap();
            assert_eq!((told.fstype, told.source, told.flags), (request.fstype, source, request.flags));
            kernel.unmount(Path::new("/dst"), false).unwrap();
        }
        assert_eq!(kernel.mounts().unwrap().len(), 1);
    }

    #[test]
    fn a_mount_is_told_by_the_paths_that_have_no_link() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("usr/home/src")).unwrap();
        std::fs::create_dir(root.path().join("usr/home/dst")).unwrap();
        std::os::unix::fs::symlink("usr/home", root.path().join("home")).unwrap();
        let kernel = SimKernel::open(root.path()).unwrap();
        mount(&kernel, &MountRequest::nullfs("/home/src", "/home/dst")).unwrap();
        let told = kernel.mounts().unwrap().pop().unwrap();
        assert_eq!((told.source.clone(), told.target.clone()), ("/usr/home/src".into(), "/usr/home/dst".into()));
        assert_eq!(kernel.file_system("/home/dst".as_ref()).unwrap(), told);
        assert_eq!(kernel.file_system("/home".as_ref()).unwrap().target, Path::new("/"));
        assert_eq!(kernel.file_system("/none".as_ref()).unwrap_err().errno, Errno::ENOENT);
        assert_eq!(real_path(&kernel, "/home/dst/../src".as_ref()), Path::new("/usr/home/src"));
        assert_eq!(real_path(&kernel, "/home/none".as_ref()), Path::new("/home/none"));
    }

    #[test]
    fn flags_are_said_in_words_too() {
        let strict = MountRequest::of_type("zfs", "/dst").read_only().nosuid().noexec().noatime();
        for (request, words) in [
            (strict.clone(), "ro nosuid noexec noatime"),
            (MountRequest { fstype: "devfs".into(), ..strict }, "ro nosuid noexec"),
            (MountRequest::tmpfs("/dst"), ""),
            (MountRequest::tmpfs("/dst").update(), "noro"),
            (MountRequest::tmpfs("/dst").update().read_only(), "ro"),
        ] {
            let mut said = request.clone();
            say_flags(&mut said);
            let told: Vec<_> = said.options.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(told.join(" "), words, "{request:?}");
            let once = said.clone();
            say_flags(&mut said);
            assert_eq!(said, once);
        }
    }

    #[test]
    fn an_update_makes_read_only_and_writable_again() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("dst")).unwrap();
        let kernel = SimKernel::open(root.path()).unwrap();
        mount(&kernel, &MountRequest::tmpfs("/dst")).unwrap();
        for (request, read_only) in [
            (MountRequest::tmpfs("/dst").update().read_only(), true),
            (MountRequest::tmpfs("/dst").update(), false),
            (MountRequest::tmpfs("/dst").update().read_only().force(), true),
        ] {
            mount(&kernel, &request).unwrap();
            assert_eq!(kernel.mounts().unwrap()[1].flags.read_only, read_only);
        }
        let error = mount(&kernel, &MountRequest::tmpfs("/dst").update().option("mode", "700")).unwrap_err();
        assert_eq!(error.errno, Errno::EOPNOTSUPP);
    }

    #[test]
    fn what_the_kernel_would_not_survive_or_not_explain_is_refused_by_name() {
        for release in ["13.2", "15"] {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(root.path().join("src/inner")).unwrap();
            std::fs::create_dir(root.path().join("dst")).unwrap();
            std::fs::write(root.path().join("file"), "").unwrap();
            std::os::unix::fs::symlink("src", root.path().join("link")).unwrap();
            let kernel = SimKernel::boot(root.path(), release.parse::<Release>().unwrap()).unwrap();
            for (fstype, source, target, errno, message) in [
                ("nullfs", "/src", "/src", Errno::EINVAL, "/src and /src are not distinct"),
                ("nullfs", "/link", "/src", Errno::EINVAL, "/link and /src are not distinct"),
                ("nullfs", "/src", "/src/inner", Errno::EINVAL, "/src and /src/inner are not distinct"),
                ("nullfs", "/src/inner", "/src", Errno::EINVAL, "/src/inner and /src are not distinct"),
                ("nullfs", "/file", "/dst", Errno::ENOTDIR, "/file is not a directory"),
                ("nullfs", "/src", "/file", Errno::ENOTDIR, "/file is not a directory"),
                ("nullfs", "/none", "/dst", Errno::ENOENT, "/none: No such file or directory"),
                ("nullfs", "/src", "/none", Errno::ENOENT, "/none: No such file or directory"),
                ("nullfs", "src", "/dst", Errno::EINVAL, "'src' is not an absolute path"),
                ("unionfs", "/src", "/src/inner", Errno::EINVAL, "/src and /src/inner are not distinct"),
                ("unionfs", "/file", "/dst", Errno::ENOTDIR, "/file is not a directory"),
                ("tmpfs", "tmpfs", "dst", Errno::EINVAL, "'dst' is not an absolute path"),
                ("nosuchfs", "x", "/dst", Errno::ENODEV, "there is no file system type 'nosuchfs'"),
            ] {
                let request = MountRequest {
                    fstype: fstype.into(),
                    source: Some(source.into()),
                    target: target.into(),
                    ..MountRequest::default()
                };
                let error = mount(&kernel, &request).unwrap_err();
                assert_eq!((error.errno, error.message.as_deref()), (errno, Some(message)), "{release} {request:?}");
                assert_eq!(kernel.mounts().unwrap().len(), 1, "{request:?}");
            }
        }
    }
}
