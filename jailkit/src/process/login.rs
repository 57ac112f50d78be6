//! What login.conf(5) gives a user: the environment and the [`Context`] that setusercontext(3) makes of a login class.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};

use super::account::Account;
use super::context::Context;
use super::getcap::{CapError, Database, Entry};

/// The most bytes of an environment (`ARG_MAX`): no program can be started with more.
const MOST: usize = 512 * 1024;

/// A login class that gives a user nothing to go by, for which login_getpwclass(3) and what follows would fail too.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LoginError {
    /// [`CapError`]
    #[error("the login class {0}; mend its /etc/login.conf")]
    Class(#[from] CapError),
    /// There is a login.conf(5), and no class that could be the user's in it.
    #[error("the login class '{class}' is not in its /etc/login.conf, nor is 'default'; add one of them")]
    NoClass { class: String },
    /// The environment is larger than the kernel takes.
    #[error("the login class '{class}' sets more in the environment than a program can be started with")]
    TooLarge { class: String },
}

/// The classes of a login.conf(5).
#[derive(Debug)]
pub(crate) struct LoginConf {
    /// None where there is no such file.
    classes: Option<Database>,
}

impl LoginConf {
    /// Reads the file; none for one that is not there.
    pub(crate) fn parse(text: Option<&[u8]>) -> Self {
        Self { classes: text.map(Database::parse) }
    }

    /// The user's class, as login_getpwclass(3) finds it: `default` for one that is not there, and that with nothing in
    /// it where there is no file at all.
    ///
    /// # Errors
    /// [`LoginError`].
    pub(crate) fn class<'a>(&'a self, account: &'a Account) -> Result<LoginClass<'a>, LoginError> {
        const DEFAULT: &str = "default";
        let wanted = account.login_class();
        let Some(classes) = &self.classes else {
            return Ok(LoginClass { name: DEFAULT, entry: Entry::default(), account });
        };
        for name in [wanted, DEFAULT] {
            if let Some(entry) = classes.entry(name.as_bytes())? {
                return Ok(LoginClass { name, entry, account });
            }
        }
        Err(LoginError::NoClass { class: crate::source::printable(wanted.as_bytes()) })
    }
}

/// A user's login class.
#[derive(Debug)]
pub(crate) struct LoginClass<'a> {
    name: &'a str,
    entry: Entry<'a>,
    account: &'a Account,
}

impl LoginClass<'_> {
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        self.name
    }

    /// What it makes of the user's processes.
    pub(crate) fn context(&self) -> Context {
        Context::of(&self.entry)
    }

    /// What it sets in the environment, and what jail(8) adds; `has` says what is in it already. The class's terminal
    /// type is for who has none, and a path is needed.
    ///
    /// # Errors
    /// [`LoginError::TooLarge`].
    pub(crate) fn environment(&self, has: impl Fn(&str) -> bool) -> Result<Environment, LoginError> {
        let mut environment = Environment::default();
        let mut set = |name: &[u8], value: Option<BString>| {
            let too_large = || LoginError::TooLarge { class: crate::source::printable(self.name.as_bytes()) };
            environment.set(name, value.ok_or_else(too_large)?).ok_or_else(too_large)
        };
        if !has("PATH") {
            set(b"PATH", Some("/bin:/usr/bin".into()))?;
        }
        for (capability, variable) in [("path", "PATH"), ("cdpath", "CDPATH"), ("manpath", "MANPATH")] {
            if let Some(path) = self.entry.string(capability) {
                let path = path.replace(" ", ":").replace("\t", ":").replace(",", ":");
                set(variable.as_bytes(), self.substituted(&path))?;
            }
        }
        for (capability, variable) in
            [("lang", "LANG"), ("charset", "MM_CHARSET"), ("mail", "MAIL"), ("timezone", "TZ"), ("term", "TERM")]
        {
            if let Some(value) = self.entry.string(capability).filter(|_| variable != "TERM" || !has("TERM")) {
                set(variable.as_bytes(), self.substituted(&value))?;
            }
        }
        let setenv = self.entry.string("setenv").unwrap_or_default();
        for assignment in assignments(&setenv) {
            let Some((name, value)) = assignment.split_once_str("=") else { continue };
            let name = name.trim_start_with(|c| matches!(c, ' ' | '\t'));
            if !name.is_empty() {
                set(name, self.substituted(value))?;
            }
        }
        set(b"USER", Some(self.account.name.as_str().into()))?;
        set(b"HOME", Some(self.account.home.as_os_str().as_encoded_bytes().into()))?;
        set(b"SHELL", Some(self.account.shell.clone()))?;
        Ok(environment)
    }

    /// `~` is the user's home directory, with one slash behind it, and `$` the name, as login.conf(5) has it; behind a
    /// backslash they are themselves. None where it becomes too large.
    fn substituted(&self, value: &[u8]) -> Option<BString> {
        let home = self.account.home.as_os_str().as_encoded_bytes();
        let needs_slash = !home.is_empty() && !home.ends_with(b"/");
        let mut text = BString::default();
        let mut bytes = value.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'~' | b'$' if text.last() == Some(&b'\\') => {
                    text.pop();
                    text.push(byte);
                }
                b'$' => text.extend_from_slice(self.account.name.as_bytes()),
                b'~' => {
                    text.extend_from_slice(home);
                    if needs_slash && bytes.peek() != Some(&b'/') {
                        text.push(b'/');
                    }
                }
                byte => text.push(byte),
            }
            if text.len() > MOST {
                return None;
            }
        }
        Some(text)
    }
}

/// The variables that a class sets, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    variables: BTreeMap<BString, BString>,
    /// The bytes of all that was ever set.
    len: usize,
}

impl Environment {
    /// None where there is no more room.
    fn set(&mut self, name: &[u8], value: BString) -> Option<()> {
        self.len += name.len() + value.len() + 2;
        self.variables.insert(name.into(), value);
        (self.len <= MOST).then_some(())
    }

    /// The variables with their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&BStr, &BStr)> {
        self.variables.iter().map(|(name, value)| (name.as_bstr(), value.as_bstr()))
    }
}

/// The assignments of `setenv`: between commas, unless those stand in quotes, which are taken away.
fn assignments(list: &[u8]) -> Vec<BString> {
    let mut found = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (mut quote, mut is_quoted, mut end) = (None, false, rest.len());
        for (at, &byte) in rest.iter().enumerate() {
            match (quote, byte) {
                (Some(open), byte) if byte == open => (quote, is_quoted) = (None, true),
                (None, b'\'' | b'"') => quote = Some(byte),
                (None, b',') => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let (assignment, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        found.push(if is_quoted { unquoted(assignment) } else { assignment.into() });
    }
    found
}

fn unquoted(text: &[u8]) -> BString {
    let mut quote = None;
    let is_text = |&byte: &u8| {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            _ => return true,
        }
        false
    };
    text.iter().copied().filter(is_text).collect::<Vec<u8>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &str = "# comment\ndefault:\\\n\t:passwd_format=sha512:\\\n\t:setenv=MAIL=/var/mail/$,BLOCKSIZE=K:\\\n\
        \t:path=/sbin /bin /usr/local/bin ~/bin:\\\n\t:charset=UTF-8:\\\n\t:lang=C.UTF-8:\n\n\
        root:\\\n\t:ignorenologin:\\\n\t:memorylocked=unlimited:\\\n\t:tc=default:\n";

    fn root() -> Account {
        Account {
            name: "root".into(),
            uid: 0,
            gid: 0,
            groups: vec![0],
            class: String::new(),
            home: "/root".into(),
            shell: "/bin/sh".into(),
        }
    }

    fn conf(text: &str) -> LoginConf {
        LoginConf::parse(Some(text.as_bytes()))
    }

    fn set(text: &str, has: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let environment = conf(text).class(&root()).unwrap().environment(has).unwrap();
        environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// From the transcript of jexec(8) -l: the same variables with the same values.
    #[test]
    fn the_environment_is_the_one_freebsd_gives() {
        let expected = [
            ("BLOCKSIZE", "K"),
            ("HOME", "/root"),
            ("LANG", "C.UTF-8"),
            ("MAIL", "/var/mail/root"),
            ("MM_CHARSET", "UTF-8"),
            ("PATH", "/sbin:/bin:/usr/local/bin:/root/bin"),
            ("SHELL", "/bin/sh"),
            ("USER", "root"),
        ];
        assert_eq!(set(CONF, |_| false), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_class_that_is_not_there_is_the_default_one() {
        let conf = conf(CONF);
        for (uid, class, expected) in
            [(0, "", "root"), (7, "", "default"), (7, "root", "root"), (0, "staff", "default")]
        {
            let account = Account { uid, class: class.into(), ..root() };
            assert_eq!(conf.class(&account).unwrap().name(), expected, "{uid} {class}");
        }
    }

    /// login_getclassbyname(3): without the file the class is `default` and empty; with one that has no `default`, or
    /// whose references lead nowhere, there is no class, and jail(8) runs no command.
    #[test]
    fn without_a_class_there_is_no_command() {
        let root = root();
        let (none, empty) = (LoginConf::parse(None), conf("root:\n"));
        let (none, empty) = (none.class(&root).unwrap(), empty.class(&root).unwrap());
        assert_eq!((none.name(), none.context()), ("default", empty.context()));
        for (text, expected) in [
            ("", "the login class 'root' is not in its /etc/login.conf, nor is 'default'; add one of them"),
            (
                "root:tc=staff:\n",
                "the login class 'root' refers to 'staff' (tc=), which is not there; mend its /etc/login.conf",
            ),
            (
                "root:tc=root:\n",
                "the login class 'root' leads through too many 'tc=' references, or back to itself; mend its \
                 /etc/login.conf",
            ),
        ] {
            assert_eq!(conf(text).class(&root).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn without_a_login_conf_there_is_a_path() {
        let (root, conf) = (root(), LoginConf::parse(None));
        for (has_path, expected) in [(false, Some("/bin:/usr/bin".into())), (true, None)] {
            let found = conf.class(&root).unwrap().environment(|name| has_path && name == "PATH").unwrap();
            assert_eq!(found.iter().find(|(name, _)| *name == "PATH").map(|(_, value)| value), expected);
        }
    }

    /// setclassenvironment(3): `setenv` comes last and may set anything, what is no assignment is passed over, and the
    /// terminal type of who has one stays.
    #[test]
    fn a_class_sets_variables_in_the_order_of_setusercontext() {
        let text =
            "default:path=/sbin:setenv=PATH=/opt/$,junk,EMPTY=, =y,=z,\\tA='1,2',B=x\"y\"z:term=vt100:lang=C.UTF-8:\n";
        let value = |has_term: bool, name: &str| {
            let found = set(text, |variable| has_term && variable == "TERM");
            found.into_iter().find(|(variable, _)| variable == name).map(|(_, value)| value)
        };
        for (name, expected) in [
            ("PATH", Some("/opt/root")),
            ("EMPTY", Some("")),
            ("junk", None),
            ("", None),
            ("A", Some("1,2")),
            ("B", Some("xyz")),
        ] {
            assert_eq!(value(false, name).as_deref(), expected, "{name}");
        }
        assert_eq!((value(false, "TERM").as_deref(), value(true, "TERM")), (Some("vt100"), None));
    }

    /// substvar() and login_getpath(3) of libutil.
    #[test]
    fn home_and_name_are_put_in() {
        for (path, expected) in [
            ("~/bin", "/root/bin"),
            ("~", "/root/"),
            ("~bin, /x", "/root/bin::/x"),
            ("/home/$/bin", "/home/root/bin"),
            ("\\\\~/a\\\\$b\\\\c", "~/a$b\\c"),
        ] {
            let found = set(&format!("default:path={path}:\n"), |_| false);
            assert!(found.contains(&("PATH".to_owned(), expected.to_owned())), "{path}: {found:?}");
        }
    }

    /// What once took memory and time without bound: a long home directory many times, and many variables.
    #[test]
    fn a_hostile_environment_is_too_large() {
        let account = Account { home: format!("/{}", "x".repeat(400_000)).into(), ..root() };
        let many: String = (0..100_000).map(|at| format!("{at}=,")).collect();
        for text in [format!("root:path={}:\n", "~".repeat(400_000)), format!("root:setenv={many}:\n")] {
            let conf = conf(&text);
            let found = conf.class(&account).unwrap().environment(|_| false);
            assert_eq!(found, Err(LoginError::TooLarge { class: "root".into() }));
        }
    }
}
