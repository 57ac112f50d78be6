//! `jailkit base list`, `verify` and `remove`: what the cache holds.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;
use indicatif::BinaryBytes;
use jailkit::base::{self, Arch, BaseError, Cached, Expect, Release};
use serde::Serialize;

use super::CacheDir;
use super::progress::Meter;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// List the archives in the cache, by release
#[derive(Args)]
pub(crate) struct List {
    /// Also those that the releases have and that have not been fetched
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    cache: CacheDir,
}

impl List {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut found = self.cache.open()?.list()?;
        found.retain(|cached| self.all || cached.len.is_some());
        if terminal.json() {
            terminal.say_json(&found)?;
            return Ok(ExitCode::SUCCESS);
        }
        if found.is_empty() {
            terminal.note("the cache is empty; jailkit base fetch fills it");
            return Ok(ExitCode::SUCCESS);
        }
        let size = |cached: &Cached| cached.len.map_or_else(|| "-".to_owned(), |len| BinaryBytes(len).to_string());
        let rows: Vec<[String; 5]> = found
            .iter()
            .map(|cached| {
                let Cached { release, arch, dist, .. } = cached;
                [release.to_string(), arch.to_string(), dist.file.clone(), dist.entries.to_string(), size(cached)]
            })
            .collect();
        let head = ["RELEASE", "ARCH", "ARCHIVE", "ENTRIES", "SIZE"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let [release, arch, archive, entries, size] = [0, 1, 2, 3, 4].map(width);
        for [a, b, c, d, e] in &rows {
            terminal.say(format_args!("{a:release$}  {b:arch$}  {c:archive$}  {d:>entries$}  {e:>size$}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Check archives in the cache again: digest, compression, entries
#[derive(Args)]
pub(crate) struct Verify {
    /// The releases; all by default
    releases: Vec<Release>,

    #[command(flatten)]
    cache: CacheDir,
}

#[derive(Serialize)]
struct Verdict {
    #[serde(flatten)]
    cached: Cached,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Verify {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let mut found = self.cache.open()?.list()?;
        if let Some(missing) = self.releases.iter().find(|&one| found.iter().all(|cached| cached.release != *one)) {
            return Err(Failure::Error(format!("{missing} is not in the cache").into()));
        }
        found.retain(|cached| {
            cached.len.is_some() && (self.releases.is_empty() || self.releases.contains(&cached.release))
        });
        let mut meter = Meter::new(terminal);
        let mut verdicts = Vec::new();
        for cached in found {
            meter.begin(format!("checking {} of {} for {}", cached.dist.file, cached.release, cached.arch));
            let error = check(&cached, &mut meter).err();
            if let Some(error) = &error {
                meter.note(&error.to_string());
            }
            verdicts.push(Verdict { cached, error: error.map(|error| error.to_string()) });
        }
        drop(meter);
        let wrong = verdicts.iter().filter(|verdict| verdict.error.is_some()).count();
        if terminal.json() {
            terminal.say_json(&verdicts)?;
        } else {
            terminal
                .say(format_args!("{} archives are what they should be, {wrong} are not", verdicts.len() - wrong))?;
        }
        Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn check(cached: &Cached, meter: &mut Meter<'_>) -> Result<(), BaseError> {
    let expect = Expect { sha256: Some(cached.dist.sha256), entries: Some(cached.dist.entries) };
    let job = base::Extract { expect, ..base::Extract::new(&cached.path, &[]) };
    base::extract(&job, &mut |event| {
        meter.at(event.read, Some(event.len));
        ControlFlow::Continue(())
    })
    .map(drop)
}

/// Remove a release from the cache, with the archives that no other one has
#[derive(Args)]
pub(crate) struct Remove {
    /// The release
    release: Release,

    /// The architecture; that of this machine by default
    #[arg(long)]
    arch: Option<Arch>,

    #[command(flatten)]
    cache: CacheDir,
}

impl Remove {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let cache = self.cache.open()?;
        let (release, arch) = (self.release, self.arch.unwrap_or_else(Arch::of_host));
        if cache.manifest(&release, &arch)?.is_none() {
            return Err(Failure::Error(format!("{release} for {arch} is not in the cache").into()));
        }
        if terminal.dry_run() {
            terminal.say(format_args!("would remove {release} for {arch} from {}", cache.dir().display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        let freed = cache.remove(&release, &arch)?;
        if terminal.json() {
            terminal.say_json(&serde_json::json!({ "release": release, "arch": arch, "freed": freed }))?;
        } else {
            terminal.say(format_args!("removed {release} for {arch}: {} freed", BinaryBytes(freed)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
