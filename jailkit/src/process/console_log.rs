//! `exec.consolelog`: the host's file that takes what the commands of a jail print.
//!
//! It may lie in the jail's own tree, where whoever is root in the jail can put something else in its place at any
//! moment, between a look at it and the open, too.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, open, openat};
use nix::sys::stat::{Mode, SFlag, fstatat};

/// Opens a console log to append to, and creates it as jail(8) does; `trees` are the directories in which the jail that
/// it is for may put what it likes, its root directory among them.
///
/// Below those no symbolic link is followed, and nothing blocks on a pipe anywhere.
///
/// # Errors
/// What the system failed with; a symbolic link or `..` below one of the directories; what is neither a file nor a
/// terminal or another such device.
pub(super) fn open_log(log: &Path, trees: &[PathBuf]) -> io::Result<File> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("exec.consolelog: {}: {error}", log.display()));
    let opened = match below(log, trees) {
        Some((tree, below)) => open_below(tree, below),
        None => open(log, flags(), mode()).map_err(io::Error::from),
    };
    checked(opened.map_err(open_failure).map_err(told)?).map_err(told)
}

/// The jail's directory that the log lies in, as the log's path names it, and what of the path lies below it.
///
/// The kernel calls a directory by another name than jail.conf(5) where a symbolic link leads there. Of the directories
/// on the path the first one counts: above it nothing is the jail's, and below it a link may lead to it again.
fn below<'l>(log: &'l Path, trees: &[PathBuf]) -> Option<(&'l Path, &'l Path)> {
    let identity = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    let trees: Vec<_> = trees.iter().filter_map(|tree| identity(tree)).collect();
    let above: Vec<_> = log.ancestors().skip(1).collect();
    let is_tree = |above: &&Path| identity(above).is_some_and(|found| trees.contains(&found));
    let tree = above.into_iter().rev().find(is_tree)?;
    Some((tree, log.strip_prefix(tree).ok()?))
}

fn open_below(tree: &Path, below: &Path) -> io::Result<OwnedFd> {
    let directory = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut at = open(tree, directory, Mode::empty())?;
    let mut parts = below.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "leads back out with '..'"));
        };
        let flags = if parts.peek().is_some() { directory } else { flags() };
        let next = openat(&at, name, flags | OFlag::O_NOFOLLOW, mode());
        at = next.map_err(|errno| link_or(at.as_fd(), Path::new(name), errno.into()))?;
    }
    Ok(at)
}

/// The better reason, where it was a link that was not followed: each system has another errno for that.
fn link_or(dir: impl AsFd, name: &Path, error: io::Error) -> io::Error {
    let found = fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW);
    let is_link = found.is_ok_and(|found| SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFLNK);
    if !is_link {
        return error;
    }
    let reason = format!("'{}' is a symbolic link in the jail; look at who put it there", name.display());
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

fn flags() -> OFlag {
    let append = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND;
    append | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC
}

/// What creat(2) gives a file before the umask (`DEFFILEMODE`).
fn mode() -> Mode {
    Mode::from_bits_truncate(0o666)
}

/// Says of a pipe that nobody reads, and of a socket, what they are.
fn open_failure(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ENXIO | libc::EOPNOTSUPP) => no_file(),
        _ => error,
    }
}

fn no_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "is a pipe or a socket; a file or a terminal is needed")
}

/// The open log, where it is something that can be written without waiting for anybody; from now on writes may block.
fn checked(log: OwnedFd) -> io::Result<File> {
    let log = File::from(log);
    let kind = log.metadata()?.file_type();
    if !kind.is_file() && !kind.is_char_device() {
        return Err(no_file());
    }
    let flags = OFlag::from_bits_retain(fcntl(&log, FcntlArg::F_GETFL)?);
    fcntl(&log, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(log)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A host with a jail, whose root directory the kernel calls `jail`, and which has `shared` mounted.
    struct Desk {
        dir: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(dir.path().join("jail/var/log")).unwrap();
            std::fs::create_dir(dir.path().join("shared")).unwrap();
            std::fs::write(dir.path().join("passwd"), "root\n").unwrap();
            Self { dir }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn open(&self, log: &str) -> io::Result<File> {
            open_log(&self.path(log), &[self.path("jail"), self.path("shared"), self.path("nosuch")])
        }

        fn refused(&self, log: &str) -> String {
            let error = self.open(log).unwrap_err().to_string();
            error.replace(&format!("{}/", self.dir.path().display()), "")
        }
    }

    #[test]
    fn a_log_is_appended_to() {
        let desk = Desk::new();
        for log in ["console.log", "jail/console.log", "jail/var/log/console.log"] {
            for line in [b"one\n", b"two\n"] {
                desk.open(log).unwrap().write_all(line).unwrap();
            }
            assert_eq!(std::fs::read_to_string(desk.path(log)).unwrap(), "one\ntwo\n", "{log}");
        }
        let blocks = |file: &File| fcntl(file, FcntlArg::F_GETFL).unwrap() & OFlag::O_NONBLOCK.bits() == 0;
        assert!(blocks(&desk.open("console.log").unwrap()));
        assert!(open_log(Path::new("/dev/null"), &[]).is_ok_and(|log| blocks(&log)));
    }

    /// What a jail's root may have put there after a look said that all was well.
    #[test]
    fn no_link_of_the_jail_is_followed() {
        let desk = Desk::new();
        let jail = desk.path("jail");
        symlink(desk.path("passwd"), jail.join("absolute")).unwrap();
        symlink("../passwd", jail.join("relative")).unwrap();
        symlink("../nowhere", jail.join("dangling")).unwrap();
        symlink("var", jail.join("inside")).unwrap();
        symlink(desk.dir.path(), jail.join("out")).unwrap();
        // Behind this one, the path is the jail's root directory again.
        symlink(&jail, jail.join("var/again")).unwrap();
        symlink(desk.path("passwd"), desk.path("shared/console.log")).unwrap();
        for (log, link) in [
            ("jail/absolute", "absolute"),
            ("jail/relative", "relative"),
            ("jail/dangling", "dangling"),
            ("jail/inside/console.log", "inside"),
            ("jail/out/passwd", "out"),
            ("shared/console.log", "console.log"),
            ("jail/var/again/console.log", "again"),
        ] {
            let reason =
                format!("exec.consolelog: {log}: '{link}' is a symbolic link in the jail; look at who put it there");
            assert_eq!(desk.refused(log), reason);
        }
        assert_eq!(
            desk.refused("jail/var/../../passwd"),
            "exec.consolelog: jail/var/../../passwd: leads back out with '..'"
        );
        assert_eq!(std::fs::read_to_string(desk.path("passwd")).unwrap(), "root\n");
        assert!(!desk.path("nowhere").exists());
    }

    /// jail.conf(5) may name the jail's root directory by a link, and the kernel by what it leads to.
    #[test]
    fn a_link_to_the_jail_is_the_hosts() {
        let desk = Desk::new();
        symlink("jail", desk.path("jails")).unwrap();
        symlink(desk.path("passwd"), desk.path("jail/link")).unwrap();
        assert!(desk.open("jails/var/log/console.log").is_ok());
        assert!(desk.refused("jails/link").contains("is a symbolic link"));
    }

    #[test]
    fn a_link_of_the_host_is_followed() {
        let desk = Desk::new();
        symlink(desk.path("passwd"), desk.path("console.log")).unwrap();
        desk.open("console.log").unwrap().write_all(b"more\n").unwrap();
        assert_eq!(std::fs::read_to_string(desk.path("passwd")).unwrap(), "root\nmore\n");
    }

    /// A pipe, read by somebody or by nobody, once held up the host's start until the jail pleased.
    #[test]
    fn nothing_waits_for_a_pipe() {
        let desk = Desk::new();
        for log in ["fifo", "jail/fifo"] {
            nix::unistd::mkfifo(&desk.path(log), Mode::S_IRWXU).unwrap();
            let reason = format!("exec.consolelog: {log}: is a pipe or a socket; a file or a terminal is needed");
            assert_eq!(desk.refused(log), reason);
            let reader = open(&desk.path(log), OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()).unwrap();
            assert_eq!(desk.refused(log), reason);
            drop(reader);
        }
        let _socket = std::os::unix::net::UnixListener::bind(desk.path("jail/socket")).unwrap();
        assert!(desk.refused("jail/socket").contains("is a pipe or a socket"));
    }
}
