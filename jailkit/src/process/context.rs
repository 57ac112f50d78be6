//! What a login class makes of a process: limits, umask, priority and cpus, as setusercontext(3) reads them.

use bstr::{BStr, ByteSlice};

use super::getcap::Entry;

/// What a login class makes of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) limits: Vec<Limit>,
    /// The bits that new files do not get; none for those it had before.
    pub(crate) umask: Option<u16>,
    /// As setpriority(2) takes it; none for the one it had before.
    pub(crate) priority: Option<i32>,
    /// The cpus it may run on; none for all it could before.
    pub(crate) cpus: Option<Cpus>,
}

impl Context {
    /// What the class says; what it says wrongly is as if it said nothing, as under setusercontext(3).
    pub(super) fn of(class: &Entry<'_>) -> Self {
        let limit = |&(name, resource, unit): &(&str, Resource, Unit)| {
            let both = unit.read(class, name);
            let soft = unit.read(class, &format!("{name}-cur")).or(both);
            let hard = unit.read(class, &format!("{name}-max")).or(both);
            (soft.is_some() || hard.is_some()).then_some(Limit { resource, soft, hard })
        };
        // FreeBSD 13 does not know the word.
        let inherits = |capability: &str| class.string(capability).is_some_and(|value| value == "inherit");
        let priority = (!inherits("priority")).then(|| {
            let priority = Unit::Number.read(class, "priority").unwrap_or(0).clamp(-20, 20);
            i32::try_from(priority).unwrap_or(0)
        });
        Self {
            limits: RESOURCES.iter().filter_map(limit).collect(),
            umask: Unit::Number.read(class, "umask").and_then(|mask| u16::try_from(mask).ok()),
            priority,
            cpus: class.string("cpumask").and_then(|list| Cpus::parse(&list)),
        }
    }
}

/// A limit of setrlimit(2); what is none stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) resource: Resource,
    pub(crate) soft: Option<i64>,
    pub(crate) hard: Option<i64>,
}

/// What setrlimit(2) limits, by its number on FreeBSD (`sys/resource.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource(pub(crate) i32);

/// No limit (`RLIM_INFINITY`).
const UNLIMITED: i64 = i64::MAX;

/// The limits that login.conf(5) has, and what their values count (`lib/libutil/login_class.c`).
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
    ("kqueues", Resource(13), Unit::Bytes),
    ("umtxp", Resource(14), Unit::Number),
    ("pipebuf", Resource(15), Unit::Number),
    ("vms", Resource(16), Unit::Number),
];

#[derive(Clone, Copy, Debug)]
enum Unit {
    Number,
    Bytes,
    Seconds,
}

impl Unit {
    /// The value of a capability; none where it is not there or cannot be read. Only a mere number may be given as
    /// `NAME#VALUE`.
    fn read(self, class: &Entry<'_>, capability: &str) -> Option<i64> {
        match (class.string(capability), self) {
            (Some(value), _) => self.parse(value.as_bstr()),
            (None, Self::Number) => class.number(capability),
            (None, Self::Bytes | Self::Seconds) => None,
        }
    }

    /// login_getcapnum(3), login_getcapsize(3) and login_getcaptime(3), `unlimited` among their values.
    fn parse(self, value: &BStr) -> Option<i64> {
        let words: [&[u8]; 5] = [b"infinity", b"inf", b"unlimited", b"unlimit", b"-1"];
        if words.iter().any(|word| value.eq_ignore_ascii_case(word)) {
            return Some(UNLIMITED);
        }
        if matches!(self, Self::Number) {
            return strtoq(value).map(|(number, _)| number);
        }
        // Parts add up: 1h30m.
        let mut total = 0_i64;
        let mut rest: &[u8] = value;
        while !rest.is_empty() {
            let (number, behind) = strtoq(rest)?;
            let (factor, behind) = match behind.split_first() {
                None => (1, behind),
                Some((&suffix, behind)) => (self.factor(suffix)?, behind),
            };
            total = total.wrapping_add(number.cast_unsigned().checked_mul(factor)?.cast_signed());
            rest = behind;
        }
        Some(total)
    }

    fn factor(self, suffix: u8) -> Option<u64> {
        Some(match (self, suffix.to_ascii_lowercase()) {
            (Self::Bytes, b'b') => 512,
            (Self::Bytes, b'k') => 1 << 10,
            (Self::Bytes, b'm') => 1 << 20,
            (Self::Bytes, b'g') => 1 << 30,
            (Self::Bytes, b't') => 1 << 40,
            (Self::Seconds, b's') => 1,
            (Self::Seconds, b'm') => 60,
            (Self::Seconds, b'h') => 60 * 60,
            (Self::Seconds, b'd') => 24 * 60 * 60,
            (Self::Seconds, b'w') => 7 * 24 * 60 * 60,
            (Self::Seconds, b'y') => 365 * 24 * 60 * 60,
            _ => return None,
        })
    }
}

/// A number as strtoq(3) reads it, decimal, octal behind `0` or hexadecimal behind `0x`, and what stands behind it; none
/// where there is no number or one too large.
fn strtoq(text: &[u8]) -> Option<(i64, &[u8])> {
    let text = text.trim_start_with(|c| matches!(c, ' ' | '\t'..='\r'));
    let (is_negative, text) = match text {
        [b'-', text @ ..] => (true, text),
        [b'+', text @ ..] => (false, text),
        text => (false, text),
    };
    let (radix, text) = match text {
        [b'0', b'x' | b'X', digits @ ..] if digits.first().is_some_and(u8::is_ascii_hexdigit) => (16, digits),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    let count = text.iter().take_while(|&&digit| char::from(digit).is_digit(radix)).count();
    let (digits, behind) = text.split_at_checked(count).filter(|(digits, _)| !digits.is_empty())?;
    let digits = digits.iter().filter_map(|&digit| char::from(digit).to_digit(radix));
    let number = digits.into_iter().try_fold(0_i64, |number, digit| {
        let number = number.checked_mul(radix.into())?;
        if is_negative { number.checked_sub(digit.into()) } else { number.checked_add(digit.into()) }
    });
    Some((number?, behind))
}

/// A set of cpus: a bit for each number, as `cpuset_t` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cpus(pub(crate) [u64; 16]);

impl Cpus {
    /// A list of cpus, `0-3,6`; none for `default`, a list that cannot be read, and one with numbers that no kernel has
    /// (1024 and more).
    fn parse(list: &[u8]) -> Option<Self> {
        let mut set = [0_u64; 16];
        let cpu =
            |number: &str| number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse::<usize>().ok())?;
        for part in list.to_str().ok()?.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (cpu(first)?, cpu(last).filter(|last| last / 64 < set.len())?);
            for cpu in first..=last {
                *set.get_mut(cpu / 64)? |= 1 << (cpu % 64);
            }
        }
        Some(Self(set))
    }
}

#[cfg(test)]
mod tests {
    use super::super::getcap::Database;
    use super::*;

    fn context(conf: &str) -> Context {
        Context::of(&Database::parse(conf.as_bytes()).entry(b"root").unwrap().unwrap())
    }

    fn cpus(numbers: &[usize]) -> Option<Cpus> {
        let mut set = [0_u64; 16];
        numbers.iter().for_each(|number| set[number / 64] |= 1 << (number % 64));
        Some(Cpus(set))
    }

    #[test]
    fn a_class_has_limits_umask_priority_and_cpus() {
        let found = context(
            "root:memorylocked=unlimited:maxproc=0x10:openfiles-cur=64:openfiles-max=1k:cputime=1h30m:\
             datasize=64M:stacksize=nonsense:filesize#7:umtxp#070:umask=027:priority=-5:cpumask=0-2,5:\n",
        );
        let limits: Vec<_> = found.limits.iter().map(|limit| (limit.resource.0, limit.soft, limit.hard)).collect();
        let both = |value| (Some(value), Some(value));
        let expected = [
            (0, both(5400)),
            (2, both(64 << 20)),
            (6, both(UNLIMITED)),
            (7, both(16)),
            (8, (Some(64), Some(1))),
            (14, both(0o70)),
        ];
        assert_eq!(limits, expected.map(|(resource, (soft, hard))| (resource, soft, hard)));
        assert_eq!((found.umask, found.priority, found.cpus), (Some(0o027), Some(-5), cpus(&[0, 1, 2, 5])));
    }

    /// setusercontext(3) leaves the umask alone where the class has none, and sets the priority to 0.
    #[test]
    fn what_a_class_does_not_say_stays_as_it_is() {
        let none = Context { limits: Vec::new(), umask: None, priority: Some(0), cpus: None };
        for wrong in ["", "umask=-1:", "umask=x:", "umask=65536:", "priority=x:", "umask=inherit:", "cpumask=Default:"]
        {
            assert_eq!(context(&format!("root:{wrong}\n")), none, "{wrong}");
        }
        assert_eq!(context("root:priority=inherit:\n").priority, None);
        assert_eq!(context("root:priority=99999999999:\n").priority, Some(20));
        assert_eq!(context("root:umask#022:\n").umask, Some(0o22));
    }

    #[test]
    fn values_are_read_as_by_login_cap() {
        let cases: &[(Unit, &str, Option<i64>)] = &[
            (Unit::Bytes, "2b", Some(1024)),
            (Unit::Bytes, "1g512m", Some(1536 << 20)),
            (Unit::Bytes, "4096", Some(4096)),
            (Unit::Bytes, "0x1fb", Some(0x1fb)),
            (Unit::Bytes, "INF", Some(UNLIMITED)),
            (Unit::Bytes, "-1", Some(UNLIMITED)),
            (Unit::Bytes, "", Some(0)),
            (Unit::Seconds, "2w", Some(14 * 86400)),
            (Unit::Number, " +12 of them", Some(12)),
            (Unit::Number, "-9223372036854775808", Some(i64::MIN)),
            (Unit::Number, "0x", Some(0)),
            (Unit::Number, "089", Some(0)),
            (Unit::Number, "", None),
            (Unit::Number, "--1", None),
            (Unit::Bytes, "x", None),
            (Unit::Bytes, "1q", None),
            (Unit::Bytes, "k", None),
            (Unit::Bytes, "0x", None),
            (Unit::Bytes, "99999999999999999999", None),
            (Unit::Bytes, "99999999t", None),
            (Unit::Bytes, "1-", None),
        ];
        for &(unit, text, expected) in cases {
            assert_eq!(unit.parse(text.into()), expected, "{unit:?} {text}");
        }
    }

    #[test]
    fn cpus_are_a_list_of_ranges() {
        for (list, expected) in [
            ("0", cpus(&[0])),
            ("1-3,,64,", cpus(&[1, 2, 3, 64])),
            ("3-1", cpus(&[])),
            ("1023", cpus(&[1023])),
            ("1024", None),
            ("1-2-3", None),
            ("-1", None),
            ("1-", None),
            ("+1", None),
            ("1 2", None),
            ("default", None),
        ] {
            assert_eq!(Cpus::parse(list.as_bytes()), expected, "{list}");
        }
    }

    /// What once overflowed the stack, and filled the memory.
    #[test]
    fn a_hostile_value_is_no_value() {
        let minuses = "-".repeat(1_000_000);
        assert_eq!(Unit::Number.parse(minuses.as_str().into()), None);
        assert_eq!(Unit::Bytes.parse(minuses.as_str().into()), None);
        assert_eq!(Cpus::parse(b"0-18446744073709551615"), None);
        let ranges = "0-1023,".repeat(10_000);
        assert_eq!(Cpus::parse(ranges.as_bytes()), Some(Cpus([u64::MAX; 16])));
    }
}
