//! What the kernel refuses a call with.

use std::fmt;

/// An error number with FreeBSD's numbering, on every system: the simulated kernel answers with FreeBSD's.
///
/// An open set: a number without a name here is a value like any other. Source: errno(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Errno {
            /// The table: each number with its name.
            #[cfg(test)]
            pub(super) const ALL: &[(&str, i32)] = &[$((stringify!($name), $number)),*];

            $(#[doc = $text] pub const $name: Self = Self($number);)*

            /// The number's name, `EPERM`; none for a number not in the table.
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some(stringify!($name)),)* _ => None }
            }

            /// What strerror(3) says of it; none for a number not in the table.
            pub fn text(self) -> Option<&'static str> {
                match self.0 { $($number => Some($text),)* _ => None }
            }
        }
    };
}

errnos! {
    EPERM = 1, "Operation not permitted";
    ENOENT = 2, "No such file or directory";
    ESRCH = 3, "No such process";
    EINTR = 4, "Interrupted system call";
    EIO = 5, "Input/output error";
    ENXIO = 6, "Device not configured";
    E2BIG = 7, "Argument list too long";
    EBADF = 9, "Bad file descriptor";
    EDEADLK = 11, "Resource deadlock avoided";
    ENOMEM = 12, "Cannot allocate memory";
    EACCES = 13, "Permission denied";
    EFAULT = 14, "Bad address";
    EBUSY = 16, "Device busy";
    EEXIST = 17, "File exists";
    EXDEV = 18, "Cross-device link";
    ENODEV = 19, "Operation not supported by device";
    ENOTDIR = 20, "Not a directory";
    EISDIR = 21, "Is a directory";
    EINVAL = 22, "Invalid argument";
    ENOTTY = 25, "Inappropriate ioctl for device";
    EFBIG = 27, "File too large";
    ENOSPC = 28, "No space left on device";
    EROFS = 30, "Read-only file system";
    ERANGE = 34, "Result too large";
    EAGAIN = 35, "Resource temporarily unavailable";
    EPROTONOSUPPORT = 43, "Protocol not supported";
    EOPNOTSUPP = 45, "Operation not supported";
    EAFNOSUPPORT = 47, "Address family not supported by protocol family";
    EADDRINUSE = 48, "Address already in use";
    EADDRNOTAVAIL = 49, "Can't assign requested address";
    ELOOP = 62, "Too many levels of symbolic links";
    ENAMETOOLONG = 63, "File name too long";
    ENOTEMPTY = 66, "Directory not empty";
    ENOSYS = 78, "Function not implemented";
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => f.write_str(text),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        use std::io::ErrorKind;
        let kind = match errno {
            Errno::EPERM | Errno::EACCES => ErrorKind::PermissionDenied,
            Errno::ENOENT => ErrorKind::NotFound,
            Errno::EEXIST => ErrorKind::AlreadyExists,
            Errno::ENOTDIR => ErrorKind::NotADirectory,
            Errno::EISDIR => ErrorKind::IsADirectory,
            Errno::EROFS => ErrorKind::ReadOnlyFilesystem,
            Errno::ENOSPC => ErrorKind::StorageFull,
            Errno::EBUSY => ErrorKind::ResourceBusy,
            Errno::EINVAL => ErrorKind::InvalidInput,
            _ => ErrorKind::Other,
        };
        Self::new(kind, errno)
    }
}

impl std::error::Error for Errno {}

/// A call the kernel refused, or that was refused before it reached the kernel because the kernel would not survive it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {}", reason(.errno, .message))]
pub struct KernelError {
    /// The call with what it was about: `jail_set "www"`, `mount /srv/jail/www/fs/dev`.
    pub call: String,
    /// The error number.
    pub errno: Errno,
    /// The kernel's `errmsg`, or jailkit's own words where those tell more; none where the number is all there is.
    pub message: Option<String>,
}

/// A jail descriptor was asked for where the kernel has none.
pub(super) fn needs_15(call: String) -> KernelError {
    let message = "jail descriptors need FreeBSD 15".to_owned();
    KernelError { call, errno: Errno::EOPNOTSUPP, message: Some(message) }
}

fn reason(errno: &Errno, message: &Option<String>) -> String {
    message.clone().unwrap_or_else(|| errno.to_string())
}
