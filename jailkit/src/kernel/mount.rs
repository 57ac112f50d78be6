//! Mounting with the checks that mount(8) and mount_nullfs(8) make before they ask the kernel.
//!
//! [`Kernel::mount`] is the bare system call. A FreeBSD 13.2 kernel panics on a nullfs that shows a directory on itself
//! or has a file at either end, and tells a missing path and an unknown type apart from neither; what mounts goes
//! through [`mount`].

use std::path::{Path, PathBuf};

use super::{Errno, Kernel, KernelError, MountRequest};

/// Mounts what a request says, unless the kernel would not survive it or not tell what is wrong.
///
/// # Errors
/// [`KernelError`] with our own words for a path that is relative, missing or no directory, for a nullfs whose two
/// directories are the same or one inside the other, and for an unknown type; else what the kernel refused it with.
///
/// # Example
/// ```
/// use jailkit::kernel::{MountRequest, mount, sim::SimKernel};
/// let host = tempfile::tempdir()?;
/// std::fs::create_dir(host.path().join("srv"))?;
/// let kernel = SimKernel::open(host.path())?;
/// let request = MountRequest {
///     fstype: "nullfs".into(),
///     source: Some("/srv".into()),
///     target: "/srv".into(),
///     ..MountRequest::default()
/// };
/// let error = mount(&kernel, &request).unwrap_err();
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
    let target = directory(&request.target)?;
    if request.fstype == "nullfs" && !request.flags.update {
        let source = request.source.as_deref();
        let source = source.ok_or_else(|| refused(Errno::EINVAL, "a nullfs needs a directory to show".to_owned()))?;
        let shown = directory(source)?;
        if shown.starts_with(&target) || target.starts_with(&shown) {
            let message = format!("{} and {} are not distinct", source.display(), request.target.display());
            return Err(refused(Errno::EINVAL, message));
        }
    }
    kernel.mount(request).map_err(|error| match (error.errno, error.message.as_deref()) {
        // The paths are there: it is the type that is not.
        (Errno::ENODEV, _) | (Errno::EINVAL, Some("Invalid fstype")) => {
            refused(Errno::ENODEV, format!("there is no file system type '{}'", request.fstype))
        }
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sim::{Release, SimKernel};

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
