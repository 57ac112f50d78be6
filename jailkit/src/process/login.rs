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
        let class = BStr::new(account.login_class());
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

    /// What the class makes of a user's processes: limits, umask, priority and cpus.
    pub(crate) fn context(&self, account: &Account) -> Context {
        let number = |capability: &str| self.value(account, capability).and_then(parse_number);
        let limit = |&(name, resource, unit): &(&str, Resource, Unit)| {
            let parse = |capability: &str| self.value(account, capability).and_then(|value| unit.parse(value));
            let both = parse(name);
            let (soft, hard) = (parse(&format!("{name}-cur")).or(both), parse(&format!("{name}-max")).or(both));
            (soft.is_some() || hard.is_some()).then_some(Limit { resource, soft, hard })
        };
        let priority = number("priority").and_then(|number| i32::try_from(number.cast_signed()).ok()).unwrap_or(0);
        let cpus = self.value(account, "cpumask").filter(|list| !list.eq_ignore_ascii_case(b"default"));
        Context {
            limits: RESOURCES.iter().filter_map(limit).collect(),
            umask: number("umask").and_then(|mask| u16::try_from(mask & 0o777).ok()).unwrap_or(0o022),
            priority: priority.clamp(-20, 20),
            cpus: cpus.and_then(parse_cpus),
        }
    }

    /// What a user's class sets in the environment, and what jail(8) adds; `has` says what is in it already. The
    /// class's terminal type is for who has none, and a path is needed.
    pub(crate) fn environment(&self, account: &Account, has: impl Fn(&str) -> bool) -> Vec<(BString, BString)> {
        let mut environment: Vec<(BString, BString)> = Vec::new();
        let mut set = |name: &[u8], value: BString| match environment.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => environment.push((name.into(), value)),
        };
        if !has("PATH") {
            set(b"PATH", "/bin:/usr/bin".into());
        }
        for (capability, variable) in [("path", "PATH"), ("cdpath", "CDPATH"), ("manpath", "MANPATH")] {
            let Some(path) = self.value(account, capability) else { continue };
            let dirs = path.split(|byte| matches!(byte, b' ' | b'\t' | b',')).filter(|dir| !dir.is_empty());
            let dirs: Vec<_> = dirs.map(|dir| substituted(dir, account)).collect();
            set(variable.as_bytes(), bstr::join(":", dirs).into());
        }
        for (capability, variable) in
            [("lang", "LANG"), ("charset", "MM_CHARSET"), ("timezone", "TZ"), ("term", "TERM")]
        {
            if let Some(value) = self.value(account, capability).filter(|_| variable != "TERM" || !has("TERM")) {
                set(variable.as_bytes(), substituted(value, account));
            }
        }
        let setenv = self.value(account, "setenv").unwrap_or_default();
        for (name, value) in setenv.split(|&byte| byte == b',').filter_map(|assignment| assignment.split_once_str("="))
        {
            set(name, substituted(value, account));
        }
        set(b"USER", account.name.as_str().into());
        set(b"HOME", account.home.as_os_str().as_encoded_bytes().into());
        set(b"SHELL", account.shell.clone());
        environment
    }
}

/// What a login class makes of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) limits: Vec<Limit>,
    /// The bits that new files do not get.
    pub(crate) umask: u16,
    /// As setpriority(2) takes it.
    pub(crate) priority: i32,
    /// The numbers of the cpus it may run on; none for all it could before.
    pub(crate) cpus: Option<Vec<usize>>,
}

/// A limit of setrlimit(2); what is none stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) resource: Resource,
    pub(crate) soft: Option<u64>,
    pub(crate) hard: Option<u64>,
}

/// What setrlimit(2) limits, by its number on FreeBSD (`sys/resource.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource(pub(crate) i32);

/// No limit (`RLIM_INFINITY`).
const UNLIMITED: u64 = i64::MAX as u64;

/// The limits that login.conf(5) has, and what their values count.
const RESOURCES: &[(&str, Resource, Unit)] = &[
    ("cputime", Resource(0), Unit::Seconds),
    ("filesize", Resource(1), Unit::Bytes),
    ("datasize", Resource(2), Unit::Bytes),
    ("stacksize", Resource(3), Unit::Bytes),
    ("coredumpsize", Resource(4), Unit::Bytes),
    ("memoryuse", Resource(5), Unit::Bytes),
    ("memorylocked", Resource(6), Unit::Bytes),
    ("maxproc", Resource(7), Unit::Number),
    ("openfiles", Resource(8), Unit::Number),
    ("sbsize", Resource(9), Unit::Bytes),
    ("vmemoryuse", Resource(10), Unit::Bytes),
    ("pseudoterminals", Resource(11), Unit::Number),
    ("swapuse", Resource(12), Unit::Bytes),
    ("kqueues", Resource(13), Unit::Number),
    ("umtxp", Resource(14), Unit::Number),
    ("pipebuf", Resource(15), Unit::Bytes),
];

#[derive(Clone, Copy, Debug)]
enum Unit {
    Number,
    Bytes,
    Seconds,
}

impl Unit {
    /// A value of this unit, `unlimited` among them; none where it cannot be read.
    fn parse(self, value: &BStr) -> Option<u64> {
        let words: [&[u8]; 4] = [b"infinity", b"inf", b"unlimited", b"unlimit"];
        if words.iter().any(|word| value.eq_ignore_ascii_case(word)) || value == "-1" {
            return Some(UNLIMITED);
        }
        let scale = |suffix: u8| match (self, suffix.to_ascii_lowercase()) {
            (Self::Bytes, b'b') => Some(512),
            (Self::Bytes, b'k') => Some(1 << 10),
            (Self::Bytes, b'm') => Some(1 << 20),
            (Self::Bytes, b'g') => Some(1 << 30),
            (Self::Bytes, b't') => Some(1 << 40),
            (Self::Seconds, b's') => Some(1),
            (Self::Seconds, b'm') => Some(60),
            (Self::Seconds, b'h') => Some(60 * 60),
            (Self::Seconds, b'd') => Some(24 * 60 * 60),
            (Self::Seconds, b'w') => Some(7 * 24 * 60 * 60),
            (Self::Seconds, b'y') => Some(365 * 24 * 60 * 60),
            _ => None,
        };
        if matches!(self, Self::Number) || value.is_empty() {
            return parse_number(value);
        }
        // Parts add up: 1h30m.
        let mut total = 0_u64;
        let mut rest: &[u8] = value;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() || scale(*byte).is_some());
            let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
            let factor = after.first().map_or(Some(1), |&suffix| scale(suffix))?;
            total = total.checked_add(parse_number(number.as_bstr())?.checked_mul(factor)?)?;
            rest = after.get(1..).unwrap_or_default();
        }
        Some(total)
    }
}

/// A number as strtoq(3) reads it: decimal, octal behind `0`, hexadecimal behind `0x`; negative ones wrap.
fn parse_number(value: &BStr) -> Option<u64> {
    let text = value.to_str().ok()?;
    if let Some(negative) = text.strip_prefix('-') {
        return parse_number(negative.into()).map(u64::wrapping_neg);
    }
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
        None if text.starts_with('0') => u64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

/// A list of cpus: `0-3,6`.
fn parse_cpus(list: &BStr) -> Option<Vec<usize>> {
    const MOST: usize = 1024;
    let mut cpus = Vec::new();
    for part in list.to_str().ok()?.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        cpus.extend(first..=last.min(MOST - 1));
    }
    Some(cpus)
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
        let mut found = LoginConf::parse(CONF).environment(&root(), |_| false);
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
    fn a_class_has_limits_umask_priority_and_cpus() {
        let conf = b"root:memorylocked=unlimited:maxproc=0x10:openfiles-cur=64:openfiles-max=1k:cputime=1h30m:\
            datasize=64M:stacksize=nonsense:umask=027:priority=-5:cpumask=0-2,5:\n";
        let found = LoginConf::parse(conf).context(&root());
        let limits: Vec<_> = found.limits.iter().map(|limit| (limit.resource.0, limit.soft, limit.hard)).collect();
        let both = |value| (Some(value), Some(value));
        let expected =
            [(0, both(5400)), (2, both(64 << 20)), (6, both(UNLIMITED)), (7, both(16)), (8, (Some(64), None))];
        assert_eq!(limits, expected.map(|(resource, (soft, hard))| (resource, soft, hard)));
        assert_eq!((found.umask, found.priority, found.cpus), (0o027, -5, Some(vec![0, 1, 2, 5])));
        let none = LoginConf::default().context(&root());
        assert_eq!(none, Context { limits: Vec::new(), umask: 0o022, priority: 0, cpus: None });
    }

    #[test]
    fn sizes_and_times_have_units() {
        let parse = |unit: Unit, text: &str| unit.parse(text.into());
        assert_eq!(parse(Unit::Bytes, "2b"), Some(1024));
        assert_eq!(parse(Unit::Bytes, "1g512m"), Some(1536 << 20));
        assert_eq!(parse(Unit::Bytes, "4096"), Some(4096));
        assert_eq!(parse(Unit::Seconds, "2w"), Some(14 * 86400));
        for wrong in ["", "x", "1q", "k", "99999999999999999999", "1-"] {
            assert_eq!(parse(Unit::Bytes, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn without_a_login_conf_there_is_a_path() {
        let found = LoginConf::default().environment(&root(), |_| false);
        assert!(found.contains(&("PATH".into(), "/bin:/usr/bin".into())));
        let found = LoginConf::default().environment(&root(), |name| name == "PATH");
        assert!(found.iter().all(|(name, _)| name != "PATH"));
    }

    /// setclassenvironment(3): `setenv` comes last and may set anything, what is no assignment is passed over, and the
    /// terminal type of who has one stays.
    #[test]
    fn a_class_sets_variables_in_the_order_of_setusercontext() {
        let conf = LoginConf::parse(b"default:path=/sbin:setenv=PATH=/opt/$,junk,EMPTY=:term=vt100:lang=C.UTF-8:\n");
        let value = |has_term: bool, name: &str| {
            let found = conf.environment(&root(), |variable| has_term && variable == "TERM");
            found.into_iter().find(|(variable, _)| variable == name).map(|(_, value)| value.to_string())
        };
        assert_eq!(value(false, "PATH").as_deref(), Some("/opt/root"));
        assert_eq!(value(false, "EMPTY").as_deref(), Some(""));
        assert_eq!(value(false, "junk"), None);
        assert_eq!((value(false, "TERM").as_deref(), value(true, "TERM")), (Some("vt100"), None));
    }

    #[test]
    fn classes_that_refer_to_each_other_end() {
        let conf = LoginConf::parse(b"root:tc=a:\na:tc=root:\n");
        assert_eq!(conf.environment(&root(), |_| false).len(), 4);
    }
}
