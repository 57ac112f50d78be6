//! Rulesets of devfs(8), through ioctl(2) on the root directory of a devfs, as devfs(8) does it.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;

use super::ioctl::ask;
use crate::kernel::abi::{self, DevfsRule};
use crate::kernel::devfs::DevfsRuleset;

fn open(at: &Path) -> Result<File, Errno> {
    let opened = File::options().read(true).custom_flags(libc::O_DIRECTORY).open(at);
    opened.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

pub(super) fn use_ruleset(at: &Path, ruleset: DevfsRuleset) -> Result<(), Errno> {
    ask(&open(at)?, abi::DEVFSIO_SUSE, &mut { ruleset.0 })
}

pub(super) fn apply_ruleset(at: &Path, ruleset: DevfsRuleset) -> Result<(), Errno> {
    ask(&open(at)?, abi::DEVFSIO_SAPPLY, &mut { ruleset.0 })
}

/// The rulesets that have a rule: the kernel lists an empty one too, as long as a devfs is given it.
pub(super) fn rulesets() -> Result<Vec<DevfsRuleset>, Errno> {
    let devfs = open("/dev".as_ref())?;
    let mut number = 0u16;
    let mut loaded = Vec::new();
    loop {
        match ask(&devfs, abi::DEVFSIO_SGETNEXT, &mut number) {
            Err(Errno::ENOENT) => return Ok(loaded),
            next => next?,
        }
        if has_rule(&devfs, number)? {
            loaded.push(DevfsRuleset(number));
        }
    }
}

fn has_rule(devfs: &File, ruleset: u16) -> Result<bool, Errno> {
    let mut rule = DevfsRule {
        magic: abi::DEVFS_MAGIC,
        id: u32::from(ruleset) << 16,
        conditions: 0,
        dswflags: 0,
        pattern: [0; 200],
        actions: 0,
        shows: 0,
        uid: 0,
        gid: 0,
        mode: 0,
        included: 0,
    };
    match ask(devfs, abi::DEVFSIO_RGETNEXT, &mut rule) {
        Err(Errno::ENOENT) => Ok(false),
        first => first.map(|()| true),
    }
}
