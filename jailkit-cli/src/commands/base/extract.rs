//! `jailkit base extract`

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{BinaryBytes, HumanCount};
use jailkit::base::{self, Arch, Cache, Cached, Expect, Extracted, Limits, Manifest, Release, Sha256, ThinJail};
use serde::Serialize;

use super::CacheDir;
use super::progress::Meter;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Unpack a base archive: the whole tree, or nothing
///
/// The archive is read once: its digest and number of entries are checked against MANIFEST while the tree grows in a
/// directory beside DIR, which gets its name when all is right. Owners are set where root does it.
///
/// For example: jailkit base extract 14.2-RELEASE /srv/jail/www/fs
#[derive(Args)]
pub(crate) struct Extract {
    /// The archive, or a release whose base.txz is in the cache
    archive: PathBuf,

    /// The directory of this machine to make; it may be there if it is empty
    #[arg(required_unless_present_any = ["into", "verify_only"])]
    dir: Option<PathBuf>,

    /// Another directory; the archive is decompressed once for all of them
    #[arg(long, value_name = "DIR")]
    into: Vec<PathBuf>,

    /// Share DIR read-only among thin jails: each --into names a jail's root directory, gets NAME.own beside it for
    /// what is the jail's own, and the lines of its fstab are printed
    #[arg(long, requires_all = ["dir", "into"])]
    thin: bool,

    /// Check the archive and make nothing
    #[arg(long, conflicts_with_all = ["dir", "into"])]
    verify_only: bool,

    /// The MANIFEST that the archive must agree with; the one beside it by default
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// The digest the archive must have
    #[arg(long, value_name = "HEX", conflicts_with = "manifest")]
    sha256: Option<Sha256>,

    /// Leave something out: a path such as usr/share/doc, or a name at any depth such as '*.a'
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,

    /// The most it may unpack to, such as 4G [default: 1M for each entry that MANIFEST gives]
    #[arg(long, value_name = "SIZE", value_parser = size, allow_negative_numbers = true)]
    max_size: Option<u64>,

    /// Do not wait for the disk: a power failure may then leave a tree that is not whole
    #[arg(long)]
    no_sync: bool,

    #[command(flatten)]
    cache: CacheDir,
}

#[derive(Serialize)]
struct Answer<'a> {
    archive: &'a Path,
    #[serde(flatten)]
    extracted: Extracted,
    /// Whether there was something to check it against.
    checked: bool,
    targets: &'a [PathBuf],
    /// The lines of fstab(5) that thin jails need.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fstab: Vec<String>,
}

impl Extract {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let archive = self.find()?;
        let expect = self.expect(&archive)?;
        let into = self.into.iter().map(|root| if self.thin { own_of(root) } else { root.clone() });
        let targets: Vec<PathBuf> = self.dir.iter().cloned().chain(into).collect();
        if terminal.dry_run() {
            let shown: Vec<_> = targets.iter().map(|target| target.display().to_string()).collect();
            let what = if targets.is_empty() { "check it".to_owned() } else { format!("make {}", shown.join(", ")) };
            terminal.say(format_args!("would read {} and {what}", archive.display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        let limits = Limits { bytes: self.max_size, entries: None };
        let job = base::Extract {
            expect,
            limits,
            exclude: &self.exclude,
            thin: self.thin,
            flush: !self.no_sync,
            ..base::Extract::new(&archive, &targets)
        };
        let mut meter = Meter::new(terminal);
        let doing = if targets.is_empty() { "checking" } else { "extracting" };
        meter.begin(format!("{doing} {}", archive.display()));
        let extracted = base::extract(&job, &mut |event| {
            meter.at(event.read, Some(event.len));
            ControlFlow::Continue(())
        });
        drop(meter);
        let (extracted, checked) = (extracted?, expect.sha256.is_some());
        let answer = Answer { archive: &archive, extracted, checked, targets: &targets, fstab: self.mounts()? };
        answer.say(terminal)?;
        Ok(ExitCode::SUCCESS)
    }

    /// The mount points of the thin jails, and the lines that fill them.
    fn mounts(&self) -> Result<Vec<String>, Failure> {
        let Some(shared) = self.dir.as_deref().filter(|_| self.thin) else { return Ok(Vec::new()) };
        let mut lines = Vec::new();
        for root in &self.into {
            std::fs::create_dir_all(root)?;
            let absolute = |path: &Path| std::path::absolute(path);
            let (shared, own, root) = (absolute(shared)?, absolute(&own_of(root))?, absolute(root)?);
            let mounts = base::thin_mounts(&ThinJail { shared: &shared, own: &own, root: &root });
            lines.extend(mounts.iter().map(|entry| String::from_utf8_lossy(&entry.line()).trim_end().to_owned()));
        }
        Ok(lines)
    }

    /// The archive as a file.
    fn find(&self) -> Result<PathBuf, Failure> {
        let release = self.archive.to_str().and_then(|text| text.parse::<Release>().ok());
        let Some(release) = release.filter(|_| !self.archive.exists()) else { return Ok(self.archive.clone()) };
        let cache = self.cache.open()?;
        let missing = || Failure::Error(format!("{release} is not in the cache; jailkit base fetch {release}").into());
        let manifest = cache.manifest(&release, &Arch::of_host())?.ok_or_else(missing)?;
        let dist = manifest.dists.iter().find(|dist| dist.file == "base.txz").ok_or_else(missing)?;
        let path = cache.path(dist);
        if path.exists() { Ok(path) } else { Err(missing()) }
    }

    /// What the archive must be: as said, as the cache's MANIFEST has it, or as the MANIFEST beside it has it.
    fn expect(&self, archive: &Path) -> Result<Expect, Failure> {
        if let Some(sha256) = self.sha256 {
            return Ok(Expect { sha256: Some(sha256), entries: None });
        }
        if let Some(manifest) = &self.manifest {
            return Ok(Manifest::read(manifest)?.expect_of(archive)?);
        }
        let beside = archive.with_file_name("MANIFEST");
        if beside.exists() {
            return Ok(Manifest::read(&beside)?.expect_of(archive)?);
        }
        let cached = self.cache.open().ok().map(|cache: Cache| cache.list()).transpose()?.unwrap_or_default();
        let same = |cached: &Cached| {
            cached.path.canonicalize().is_ok_and(|path| archive.canonicalize().is_ok_and(|own| own == path))
        };
        let known = cached.into_iter().find(same);
        Ok(known.map_or_else(Expect::default, |cached| Expect {
            sha256: Some(cached.dist.sha256),
            entries: Some(cached.dist.entries),
        }))
    }
}

impl Answer<'_> {
    fn say(&self, terminal: &Terminal) -> Result<(), Failure> {
        if terminal.json() {
            return Ok(terminal.say_json(self)?);
        }
        let Extracted { sha256, entries, bytes, .. } = &self.extracted;
        if !self.checked {
            terminal.note("there was no MANIFEST beside the archive to check it against");
        }
        let agrees = if self.checked { ", as MANIFEST has it" } else { "" };
        terminal.say(format_args!(
            "{}: {} entries, {}, sha256 {sha256}{agrees}",
            self.archive.display(),
            HumanCount(*entries),
            BinaryBytes(*bytes)
        ))?;
        for target in self.targets {
            terminal.say(format_args!("made {}", target.display()))?;
        }
        for line in &self.fstab {
            terminal.say(line)?;
        }
        Ok(())
    }
}

/// Where a thin jail's own part is: `fs.own` beside its root directory `fs`.
fn own_of(root: &Path) -> PathBuf {
    let mut name = root.file_name().unwrap_or_default().to_owned();
    name.push(".own");
    root.with_file_name(name)
}

/// A number of bytes, with K, M, G or T for powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_uppercase) {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        Some(b'T') => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number.ok_or_else(|| "a size is a number of bytes, or reads like 500M or 4G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("0", Some(0)), ("500M", Some(500 << 20)), ("4g", Some(4 << 30)), ("1T", Some(1 << 40))] {
            assert_eq!(size(text).ok(), bytes);
        }
        for text in ["", "M", "-1", "4GB", "99999999T", "½M"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
