//! Users and their groups, as passwd(5) and group(5) have them.
//!
//! Those of a jail are read from the jail's own files, as text and by the host: nothing of the jail runs for it.

use std::io;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// All groups, the first one first.
    pub(crate) groups: Vec<u32>,
    /// The class in login.conf(5); empty for the default.
    pub(crate) class: String,
    pub(crate) home: PathBuf,
    /// The login shell; `/bin/sh` where passwd(5) says nothing.
    pub(crate) shell: BString,
}

impl Account {
    /// The class in login.conf(5) that is the user's: login_getpwclass(3).
    pub(crate) fn login_class(&self) -> &str {
        match self.class.as_str() {
            "" if self.uid == 0 => "root",
            "" => "default",
            class => class,
        }
    }
}

/// Which user is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    Named(&'a str),
    Uid(u32),
}

/// Finds a user in the files of a system, which `read` reads.
///
/// # Errors
/// What reading failed with; [`io::ErrorKind::NotFound`] where there is no such user.
pub(crate) fn find(who: Who<'_>, read: impl Fn(&Path) -> io::Result<Option<Vec<u8>>>) -> io::Result<Account> {
    // Only master.passwd(5) has the login class.
    let text = match read(Path::new("/etc/master.passwd"))? {
        Some(text) => text,
        None => read(Path::new("/etc/passwd"))?.unwrap_or_default(),
    };
    let mut account =
        text.lines().find_map(|line| entry(line).filter(|found| matches(found, who))).ok_or_else(|| {
            let missing = match who {
                Who::Named(name) => format!("{name}: no such user"),
                Who::Uid(uid) => format!("unknown uid {uid}"),
            };
            io::Error::new(io::ErrorKind::NotFound, missing)
        })?;
    let groups = read(Path::new("/etc/group"))?.unwrap_or_default();
    account.groups = vec![account.gid];
    for gid in groups.lines().filter_map(|line| membership(line, &account.name)) {
        if !account.groups.contains(&gid) {
            account.groups.push(gid);
        }
    }
    Ok(account)
}

fn matches(account: &Account, who: Who<'_>) -> bool {
    match who {
        Who::Named(name) => account.name == name,
        Who::Uid(uid) => account.uid == uid,
    }
}

/// A line of passwd(5), with seven fields, or of master.passwd(5), with ten.
fn entry(line: &[u8]) -> Option<Account> {
    let fields: Vec<_> = line.split(|&byte| byte == b':').collect();
    let (class, home, shell) = match fields.as_slice() {
        [_, _, _, _, _, home, shell] => (&b""[..], home, shell),
        [_, _, _, _, class, _, _, _, home, shell] => (*class, home, shell),
        _ => return None,
    };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    Some(Account {
        name: text(fields[0]).filter(|name| !name.is_empty() && !name.starts_with('#'))?,
        uid: text(fields[2])?.parse().ok()?,
        gid: text(fields[3])?.parse().ok()?,
        groups: Vec::new(),
        class: text(class)?,
        home: home.to_path_lossy().into_owned(),
        shell: if shell.is_empty() { "/bin/sh".into() } else { BString::from(*shell) },
    })
}

/// The group of a line of group(5), where the user is a member.
fn membership(line: &[u8], user: &str) -> Option<u32> {
    let mut fields = line.split(|&byte| byte == b':');
    let gid = std::str::from_utf8(fields.nth(2)?).ok()?.parse().ok()?;
    fields.next()?.split(|&byte| byte == b',').any(|member| member == user.as_bytes()).then_some(gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
        let master =
            "# $FreeBSD$\nroot:$6$x:0:0::0:0:Charlie &:/root:/bin/csh\nwww:*:80:80:www:0:0:Web:/nonexistent:\n";
        Ok(match path.to_str() {
            Some("/etc/master.passwd") => Some(master.into()),
            Some("/etc/group") => Some("wheel:*:0:root\nwww:*:80:\nvideo:*:44:root,www\n".into()),
            _ => None,
        })
    }

    #[test]
    fn a_user_has_his_groups_class_and_shell() {
        let www = find(Who::Named("www"), read).unwrap();
        assert_eq!((www.uid, www.gid, www.groups), (80, 80, vec![80, 44]));
        assert_eq!((www.class.as_str(), www.shell.as_bstr()), ("www", "/bin/sh".into()));
        assert_eq!(find(Who::Uid(0), read).unwrap().home, Path::new("/root"));
    }

    #[test]
    fn a_user_who_is_not_there_is_said_to_be_so() {
        assert_eq!(find(Who::Named("nosuch"), read).unwrap_err().to_string(), "nosuch: no such user");
        assert_eq!(find(Who::Uid(7), |_| Ok(None)).unwrap_err().to_string(), "unknown uid 7");
    }
}
