//! What login.conf(5) gives a user: the environment that setusercontext(3) makes of a login class.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};

use super::account::Account;

/// Classes may refer to classes (`tc=`) this deep.
const MAX_DEPTH: usize = 16;

/// The classes of a login.conf(5).
#[derive(Clone, Debug, Default)]
pub(crate) struct LoginConf {
    classes: HashMap<BString, Vec<BString>>,
}

impl LoginConf {
    /// Reads the file; lines it cannot read say nothing.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut classes = HashMap::new();
        for record in records(text) {
            let mut fields = record.split(|&byte| byte == b':').map(|field| BString::from(field.trim()));
            let names = fields.next().unwrap_or_default();
            let fields: Vec<_> = fields.filter(|field| !field.is_empty()).collect();
            for name in names.split(|&byte| byte == b'|') {
                classes.entry(name.into()).or_insert_with(|| fields.clone());
            }
        }
        Self { classes }
    }

    /// The value of a capability in the user's class: `setenv`, `path`.
    fn value(&self, account: &Account, capability: &str) -> Option<&BStr> {
        let class = match account.class.as_bytes() {
            b"" if account.uid == 0 => BStr::new("root"),
            class => BStr::new(class),
        };
        let known = self.classes.contains_key(class);
        self.find(if known { class } else { BStr::new("default") }, capability, MAX_DEPTH)
    }

    fn find(&self, class: &BStr, capability: &str, depth: usize) -> Option<&BStr> {
        let fields = self.classes.get(class).filter(|_| depth > 0)?;
        for field in fields {
            let (name, value) = field.split_once_str("=").unwrap_or((field, b""));
            if name == capability.as_bytes() {
                return Some(value.as_bstr());
            }
            if name == b"tc"
                && let Some(value) = self.find(value.as_bstr(), capability, depth - 1)
            {
                return Some(value);
            }
        }
        None
    }

    /// The environment of a user with `exec.clean`: what the class sets, and what jail(8) adds.
    pub(crate) fn environment(&self, account: &Account) -> Vec<(BString, BString)> {
        let mut environment: Vec<(BString, BString)> = Vec::new();
        let mut set = |name: &[u8], value: BString| match environment.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => environment.push((name.into(), value)),
        };
        set(b"PATH", "/bin:/usr/bin".into());
        for (capability, variable) in
            [("lang", "LANG"), ("charset", "MM_CHARSET"), ("timezone", "TZ"), ("term", "TERM")]
        {
            if let Some(value) = self.value(account, capability) {
                set(variable.as_bytes(), value.to_owned());
            }
        }
        let setenv = self.value(account, "setenv").unwrap_or_default();
        for assignment in setenv.split(|&byte| byte == b',').filter(|assignment| !assignment.is_empty()) {
            let (name, value) = assignment.split_once_str("=").unwrap_or((assignment, b""));
            set(name, substituted(value, account));
        }
        if let Some(path) = self.value(account, "path") {
            let dirs = path.split(|byte| matches!(byte, b' ' | b'\t' | b',')).filter(|dir| !dir.is_empty());
            let dirs: Vec<_> = dirs.map(|dir| substituted(dir, account)).collect();
            set(b"PATH", bstr::join(":", dirs).into());
        }
        set(b"USER", account.name.as_str().into());
        set(b"HOME", account.home.as_os_str().as_encoded_bytes().into());
        set(b"SHELL", account.shell.clone());
        environment
    }
}

/// The records of the file: lines continued by a backslash joined, comments left out.
fn records(text: &[u8]) -> Vec<BString> {
    let mut records = Vec::new();
    let mut record = BString::default();
    for line in text.lines() {
        if line.trim_start().starts_with(b"#") {
            continue;
        }
        match line.strip_suffix(b"\\") {
            Some(part) => record.extend_from_slice(part),
            None => {
                record.extend_from_slice(line);
                records.push(std::mem::take(&mut record));
            }
        }
    }
    records.push(record);
    records.retain(|record| !record.trim().is_empty());
    records
}

/// `~` is the user's home directory and `$` the name, as login.conf(5) has it; behind a backslash they are themselves.
fn substituted(value: &[u8], account: &Account) -> BString {
    let home = account.home.as_os_str().as_encoded_bytes();
    let mut text = BString::default();
    let mut bytes = value.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => text.extend(bytes.next()),
            b'$' => text.extend_from_slice(account.name.as_bytes()),
            b'~' => {
                text.extend_from_slice(home);
                // Between a home directory and what is in it stands one slash.
                if bytes.peek().is_some_and(|&next| next != b'/') && !home.ends_with(b"/") {
                    text.push(b'/');
                }
            }
            byte => text.push(byte),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &[u8] =
        b"# comment\ndefault:\\\n\t:passwd_format=sha512:\\\n\t:setenv=MAIL=/var/mail/$,BLOCKSIZE=K:\\\n\
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

    /// From the transcript of jexec(8) -l: the same variables with the same values.
    #[test]
    fn the_environment_is_the_one_freebsd_gives() {
        let mut found = LoginConf::parse(CONF).environment(&root());
        found.sort();
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
        assert_eq!(found, expected.map(|(name, value)| (BString::from(name), BString::from(value))));
    }

    #[test]
    fn without_a_login_conf_there_is_a_path() {
        let found = LoginConf::default().environment(&root());
        assert!(found.contains(&("PATH".into(), "/bin:/usr/bin".into())));
    }

    #[test]
    fn classes_that_refer_to_each_other_end() {
        let conf = LoginConf::parse(b"root:tc=a:\na:tc=root:\n");
        assert_eq!(conf.environment(&root()).len(), 4);
    }
}
