//! Users and their groups, as passwd(5) and group(5) have them.
//!
//! Those of a jail are read from the jail's own files, as text and by the host: nothing of the jail runs for it.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

/// The most groups that every kernel lets a process have (`NGROUPS_MAX`); initgroups(3) leaves out the others.
const MOST_GROUPS: usize = 1023;

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

#[cfg(any(test, target_os = "freebsd"))]
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
    #[cfg_attr(not(any(test, target_os = "freebsd")), expect(dead_code, reason = "a simulated host asks for names"))]
    Uid(u32),
}

impl Who<'_> {
    /// That there is no such user.
    pub(crate) fn missing(self) -> io::Error {
        let missing = match self {
            Who::Named(name) => format!("{name}: no such user"),
            Who::Uid(uid) => format!("unknown uid {uid}"),
        };
        io::Error::new(io::ErrorKind::NotFound, missing)
    }
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
        text.lines().find_map(|line| entry(line).filter(|found| matches(found, who))).ok_or_else(|| who.missing())?;
    let groups = read(Path::new("/etc/group"))?.unwrap_or_default();
    let others = groups.lines().filter_map(|line| membership(line, &account.name));
    let mut known = HashSet::new();
    let all = std::iter::once(account.gid).chain(others).filter(|&gid| known.insert(gid));
    account.groups = all.take(MOST_GROUPS).collect();
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
    // What has a NUL in it is nothing that could be handed to a kernel.
    let fields: Vec<_> = line.splitn(11, |&byte| byte == b':').filter(|field| !field.contains(&0)).collect();
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

    /// initgroups(3) takes as many as the kernel does. What once took time that grew with the square of the file.
    #[test]
    fn of_too_many_groups_the_first_count() {
        let many: String = (100..100_100).map(|gid| format!("g:*:{gid}:www\n")).collect();
        let read = |path: &Path| {
            Ok(match path.to_str() {
                Some("/etc/group") => Some(many.clone().into()),
                _ => read(path)?,
            })
        };
        let found = find(Who::Named("www"), read).unwrap().groups;
        assert_eq!((found.len(), &found[..3]), (1023, &[80, 100, 101][..]));
    }

    #[test]
    fn a_line_that_is_no_user_is_passed_over() {
        let text = "www:*:80:80:\0:0:0:Web:/:\nwww:*:80\nwww:*:-1:80::0:0::/:\n:*:7:7::0:0::/:\nwww:*:1:1::0:0::/:/x\n";
        let read = |path: &Path| Ok((path == Path::new("/etc/master.passwd")).then(|| text.into()));
        assert_eq!(find(Who::Named("www"), read).unwrap().uid, 1);
    }

    #[test]
    fn a_user_who_is_not_there_is_said_to_be_so() {
        assert_eq!(find(Who::Named("nosuch"), read).unwrap_err().to_string(), "nosuch: no such user");
        assert_eq!(find(Who::Uid(7), |_| Ok(None)).unwrap_err().to_string(), "unknown uid 7");
    }
}
