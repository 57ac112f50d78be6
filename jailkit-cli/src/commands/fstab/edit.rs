//! `jailkit fstab add` and `jailkit fstab remove`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jailkit::fstab::{Entry, MountOption, MountOptions};

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
        if !MountOptions::new(&self.options).iter().any(|option| matches!(option, MountOption::Access(_))) {
            return Err(Failure::Usage("one of rw, ro, rq and sw must be among the options".to_owned()));
        }
        let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_owned();
        let entry = Entry::builder(bytes(&self.spec), bytes(&self.mountpoint), &self.vfstype).options(&self.options);
        let entry = entry.freq(self.freq).passno(self.passno).build();
        fstab.add(&entry.map_err(|error| Failure::Usage(error.to_string()))?);
        write(&self.file.file, &old, fstab.text(), terminal)
    }
}

/// Remove the lines of a mount point from an fstab, all of them where there are several
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
        if fstab.remove_at(mountpoint) == 0 {
            terminal.note(format_args!("nothing is mounted at {} in this file", self.mountpoint.display()));
            return Ok(ExitCode::FAILURE);
        }
        write(&self.file.file, &old, fstab.text(), terminal)
    }
}
