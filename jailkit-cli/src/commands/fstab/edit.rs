//! `jailkit fstab add` and `jailkit fstab remove`

use std::path::PathBuf;
use std::process::ExitCode;

use bstr::BString;
use clap::Args;
use jailkit::fstab::Entry;

use super::FstabFile;
use crate::commands::conf::write;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Add a line to an fstab; nothing happens where it is there already
///
/// For example: jailkit fstab add /etc/fstab.www /usr/ports /srv/jail/www/fs/usr/ports nullfs ro
#[derive(Args)]
pub(crate) struct Add {
    #[command(flatten)]
    file: FstabFile,
    /// What is mounted
    spec: PathBuf,
    /// Where
    mountpoint: PathBuf,
    /// The type of the file system
    vfstype: String,
    /// Its options, between commas; one of rw, ro, rq and sw must be among them
    options: String,
    /// For dump(8)
    #[arg(long, default_value_t = 0)]
    freq: i32,
    /// For fsck(8)
    #[arg(long, default_value_t = 0)]
    passno: i32,
}

impl Add {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut fstab = self.file.parse()?;
        let old = fstab.text().to_vec();
        let Some(access) = self.options.split(',').find(|option| ["rw", "rq", "ro", "sw"].contains(option)) else {
            return Err(Failure::Usage("one of rw, ro, rq and sw must be among the options".to_owned()));
        };
        let bytes = |path: &PathBuf| BString::from(path.as_os_str().as_encoded_bytes());
        fstab.add(&Entry {
            spec: bytes(&self.spec),
            file: bytes(&self.mountpoint),
            vfstype: self.vfstype.as_str().into(),
            mntops: self.options.as_str().into(),
            access: access.into(),
            freq: self.freq,
            passno: self.passno,
        });
        write(&self.file.file, &old, fstab.text(), terminal)
    }
}

/// Remove the lines of a mount point from an fstab
///
/// For example: jailkit fstab remove /etc/fstab.www /srv/jail/www/fs/usr/ports
#[derive(Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    file: FstabFile,
    /// The mount point
    mountpoint: PathBuf,
}

impl Remove {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut fstab = self.file.parse()?;
        let old = fstab.text().to_vec();
        let mountpoint = self.mountpoint.as_os_str().as_encoded_bytes();
        let meant: Vec<_> = fstab.entries().filter(|entry| entry.file == mountpoint).collect();
        if meant.is_empty() {
            terminal.note(format_args!("nothing is mounted at {} in this file", self.mountpoint.display()));
            return Ok(ExitCode::FAILURE);
        }
        meant.iter().for_each(|entry| fstab.remove(entry));
        write(&self.file.file, &old, fstab.text(), terminal)
    }
}
