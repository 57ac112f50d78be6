//! The options of one nmount(2).
//!
//! Source: vfs_buildopts, vfs_sanitizeopts, vfs_mergeopts, vfs_donmount, vfs_filteropt and vfs_getopt_size in
//! `sys/kern/vfs_mount.c`.

use super::Refusal;
use super::options::is_same;
use crate::kernel::{Errno, MountFlags, MountRequest};

/// An option with its value, or bare.
pub(super) type MountOption = (String, Option<String>);

/// One call: its options as the file system sees them, and the flags, those included that its options mean.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) request: &'a MountRequest,
    pub(super) flags: MountFlags,
    pub(super) reload: bool,
    pub(super) nocover: bool,
    pub(super) emptydir: bool,
    pub(super) options: Vec<MountOption>,
    pub(super) mine: i32,
}

impl<'a> Call<'a> {
    /// A call by a process in the prison `mine`.
    pub(super) fn new(request: &'a MountRequest, mine: i32) -> Self {
        let flags = request.flags;
        let (reload, nocover, emptydir) = (false, false, false);
        let mut call = Self { request, flags, reload, nocover, emptydir, options: Vec::new(), mine };
        for (name, value) in last_of_each(request.options.clone()) {
            if let Some(name) = call.take(name) {
                call.options.push((name, value));
            }
        }
        call
    }

    /// Sets the flag that an option means; the name under which the file system sees the option, if it does.
    fn take(&mut self, name: String) -> Option<String> {
        let flags = &mut self.flags;
        match name.as_str() {
            "update" => flags.update = true,
            "force" => flags.force = true,
            "reload" => self.reload = true,
            "nocover" => self.nocover = true,
            "cover" => self.nocover = false,
            "emptydir" => self.emptydir = true,
            "noemptydir" => self.emptydir = false,
            "autoro" | "automounted" => {}
            "rdonly" => {
                flags.read_only = true;
                return Some("ro".to_owned());
            }
            "atime" | "clusterr" | "clusterw" | "exec" | "suid" | "symfollow" => return Some(format!("nono{name}")),
            name => {
                match name {
                    "ro" => flags.read_only = true,
                    "rw" | "noro" => flags.read_only = false,
                    "nosuid" => flags.nosuid = true,
                    "noexec" => flags.noexec = true,
                    "noatime" => flags.noatime = true,
                    _ => {}
                }
                return Some(name.to_owned());
            }
        }
        None
    }

    /// Takes in the options that a file system has, as an update does.
    pub(super) fn merge(&mut self, earlier: &[MountOption]) {
        let all = earlier.iter().rev().cloned().chain(std::mem::take(&mut self.options)).collect();
        self.options = last_of_each(all);
    }

    /// Whether an option is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(option, _)| option == name)
    }

    /// The value of an option.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(option, _)| option == name)?.1.as_deref()
    }

    /// The size that an option says, in bytes.
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.value(name).and_then(size)
    }

    /// Refuses an option that neither the file system nor every file system knows, and names the last such.
    pub(super) fn filter(&self, known: &[&str]) -> Result<(), Refusal> {
        const GLOBAL: &[&str] = &["errmsg", "fstype", "fspath", "ro", "rw", "nosuid", "noexec"];
        let is_known = |name: &str| {
            let plain = name.strip_prefix("no").unwrap_or(name);
            [GLOBAL, known].iter().any(|list| list.contains(&name) || list.contains(&plain))
        };
        match self.options.iter().rfind(|(name, _)| !is_known(name)) {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::new(Errno::EINVAL, format!("mount option <{name}> is unknown"))),
        }
    }
}

/// Of options that are the same, a `no` form aside, the last.
fn last_of_each(options: Vec<MountOption>) -> Vec<MountOption> {
    let mut kept: Vec<MountOption> = Vec::new();
    for option in options {
        kept.retain(|(earlier, _)| !is_same(earlier.as_bytes(), option.0.as_bytes()));
        kept.push(option);
    }
    kept
}

/// A number as strtoq(9) reads it, with one of the letters k, m, g and t after it.
pub(super) fn size(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let number = u64::from_str_radix(&digits[..end], radix).ok()?;
    let shift = match &digits[end..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}
