//! File flags, as chflags(1) names them and archives carry them in `SCHILY.fflags`. Only FreeBSD has them.

use std::os::fd::BorrowedFd;

use crate::base::error::Fault;

/// Sets the flags that a comma-separated list names; names that are not known are passed over.
#[cfg(target_os = "freebsd")]
pub(super) fn set(file: BorrowedFd<'_>, names: &[u8]) -> Result<(), Fault> {
    use nix::sys::stat::FileFlag;

    const NAMES: &[(&[u8], FileFlag)] = &[
        (b"arch", FileFlag::SF_ARCHIVED),
        (b"archived", FileFlag::SF_ARCHIVED),
        (b"sappnd", FileFlag::SF_APPEND),
        (b"sappend", FileFlag::SF_APPEND),
        (b"schg", FileFlag::SF_IMMUTABLE),
        (b"schange", FileFlag::SF_IMMUTABLE),
        (b"simmutable", FileFlag::SF_IMMUTABLE),
        (b"sunlnk", FileFlag::SF_NOUNLINK),
        (b"sunlink", FileFlag::SF_NOUNLINK),
        (b"uappnd", FileFlag::UF_APPEND),
        (b"uappend", FileFlag::UF_APPEND),
        (b"uarch", FileFlag::UF_ARCHIVE),
        (b"uarchive", FileFlag::UF_ARCHIVE),
        (b"uchg", FileFlag::UF_IMMUTABLE),
        (b"uchange", FileFlag::UF_IMMUTABLE),
        (b"uimmutable", FileFlag::UF_IMMUTABLE),
        (b"hidden", FileFlag::UF_HIDDEN),
        (b"uhidden", FileFlag::UF_HIDDEN),
        (b"nodump", FileFlag::UF_NODUMP),
        (b"offline", FileFlag::UF_OFFLINE),
        (b"uoffline", FileFlag::UF_OFFLINE),
        (b"opaque", FileFlag::UF_OPAQUE),
        (b"rdonly", FileFlag::UF_READONLY),
        (b"urdonly", FileFlag::UF_READONLY),
        (b"readonly", FileFlag::UF_READONLY),
        (b"reparse", FileFlag::UF_REPARSE),
        (b"sparse", FileFlag::UF_SPARSE),
        (b"system", FileFlag::UF_SYSTEM),
        (b"uunlnk", FileFlag::UF_NOUNLINK),
        (b"uunlink", FileFlag::UF_NOUNLINK),
    ];
    let mut flags = FileFlag::empty();
    for name in names.split(|&byte| byte == b',') {
        flags |= NAMES.iter().filter(|(known, _)| *known == name).map(|(_, flag)| *flag).collect();
    }
    crate::kernel::native::fchflags(file, flags.bits()).map_err(Fault::system("set its flags"))
}

/// Takes all flags away, as for removing what has them.
#[cfg(target_os = "freebsd")]
pub(crate) fn clear(file: BorrowedFd<'_>) -> std::io::Result<()> {
    Ok(crate::kernel::native::fchflags(file, 0)?)
}

/// There are none here.
#[cfg(not(target_os = "freebsd"))]
pub(crate) fn clear(_file: BorrowedFd<'_>) -> std::io::Result<()> {
    Ok(())
}

/// There are none here.
#[cfg(not(target_os = "freebsd"))]
pub(super) fn set(_file: BorrowedFd<'_>, _names: &[u8]) -> Result<(), Fault> {
    Ok(())
}
