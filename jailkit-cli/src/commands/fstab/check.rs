//! `jailkit fstab check`

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bstr::ByteSlice;
use clap::Args;
use jailkit::fstab::{Context, Found, Look};
use jailkit::host::{FileKind, Host};
use jailkit::jailconf::JailConf;
use jailkit::source::{Severity, Source};

use super::FstabFile;
use crate::failure::Failure;
use crate::host;
use crate::terminal::Terminal;
use crate::text_file::unreadable;

/// Say what is wrong with an fstab: lines that cannot be read, mounts that get in each other's way, what does not exist
///
/// What mount(8) or jail(8) would refuse is an error, and the exit code is then 1; everything else is a warning. With
/// --jail-path or --conf the file is read as jail(8) reads a jail's mount.fstab, else as getfsent(3) reads it. What is
/// mounted, and where, is looked up on FreeBSD and on a simulated host (--root); elsewhere it is looked up on this
/// machine, where something missing is a warning.
///
/// For example: jailkit fstab check /etc/fstab.www --conf /etc/jail.conf
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    file: FstabFile,
    /// The path of the jail whose mount.fstab the file is; may be given several times
    #[arg(long, value_name = "DIR")]
    jail_path: Vec<PathBuf>,
    /// The jail.conf whose jails have the file as their mount.fstab
    #[arg(long, value_name = "JAILCONF", conflicts_with = "jail_path")]
    conf: Option<PathBuf>,
}

impl Check {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let fstab = self.file.parse()?;
        let jails = self.jails()?;
        let global = terminal.global();
        let is_host = cfg!(target_os = "freebsd") || global.root.is_some() || global.host.is_some();
        let host = if is_host { Some(host::open(terminal)?) } else { None };
        let at: &dyn Fn(&Path) -> Found = match &host {
            Some(host) => &|path| on_host(host.as_ref(), path),
            None => &on_this_machine,
        };
        let severity = if is_host { Severity::Error } else { Severity::Warning };
        let found = fstab.check_in(&Context { jails: &jails, look: Some(Look { at, severity }) })?;
        found.iter().for_each(|one| terminal.report(one));
        Ok(ExitCode::SUCCESS)
    }

    /// The paths of the jails whose file it is.
    fn jails(self) -> Result<Vec<PathBuf>, Failure> {
        let Some(conf) = self.conf else { return Ok(self.jail_path) };
        let source = Source::read(&conf).map_err(|error| unreadable(&conf, &error))?;
        let resolved = JailConf::parse(&source)?.resolve()?;
        let file = self.file.file;
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let wanted = real(&file);
        let is_meant = |written: &[u8]| real(&written.as_bstr().to_path_lossy()) == wanted;
        let mut jails = Vec::new();
        for jail in &resolved.jails {
            if jail.values("mount.fstab").iter().any(|written| is_meant(written)) {
                jails.extend(jail.value("path").map(|path| path.to_path_lossy().into_owned()));
            }
        }
        if jails.is_empty() {
            let message =
                format!("no jail of {} has a path, and {} as its mount.fstab", conf.display(), file.display());
            return Err(Failure::Usage(message));
        }
        Ok(jails)
    }
}

fn on_host(host: &dyn Host, path: &Path) -> Found {
    if matches!(host.files().read_link(path), Ok(Some(_))) {
        return Found::Link;
    }
    match host.files().stat(path) {
        Ok(None) => Found::Missing,
        Ok(Some(stat)) if stat.kind == FileKind::Dir => Found::Directory,
        Ok(Some(_)) => Found::Other,
        Err(_) => Found::Unknown,
    }
}

fn on_this_machine(path: &Path) -> Found {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => Found::Directory,
        Ok(found) if found.is_symlink() => Found::Link,
        Ok(_) => Found::Other,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Found::Missing,
        Err(_) => Found::Unknown,
    }
}
