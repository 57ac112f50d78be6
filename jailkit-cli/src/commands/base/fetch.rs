//! `jailkit base fetch`

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jailkit::base::{self, Arch, FetchEvent, Mirror, Patience, Release};

use super::CacheDir;
use super::progress::Meter;
use crate::failure::Failure;
use crate::host;
use crate::terminal::Terminal;

/// Fetch archives of a release into the cache
///
/// MANIFEST comes first, then what it names; each archive is checked against the digest and the number of entries
/// that MANIFEST gives. What broke off goes on where it was. A proxy is taken from http_proxy and its relatives.
///
/// For example: jailkit base fetch 14.2-RELEASE --set base,lib32
#[derive(Args)]
pub(crate) struct Fetch {
    /// The release; that of the host by default
    release: Option<Release>,

    /// The architecture: amd64, arm64 or MACHINE/PROCESSOR; that of this machine by default
    #[arg(long)]
    arch: Option<Arch>,

    /// The archives, separated by commas
    #[arg(long = "set", value_name = "SET", value_delimiter = ',', default_value = "base")]
    sets: Vec<String>,

    /// Where from: the URL that releases/ is below, or a directory or URL that MANIFEST is in
    #[arg(long, value_name = "URL", conflicts_with = "offline")]
    mirror: Option<Mirror>,

    /// A MANIFEST to trust instead of the mirror's
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    manifest: Option<PathBuf>,

    /// Use the cache alone
    #[arg(long)]
    offline: bool,

    /// Fetch it even though it is newer than the host's kernel
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    cache: CacheDir,
}

impl Fetch {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let cache = self.cache.open()?;
        let release = self.release(terminal)?;
        let arch = self.arch.unwrap_or_else(Arch::of_host);
        let mirror = self.mirror.unwrap_or_default();
        if terminal.dry_run() {
            let (sets, dir) = (self.sets.join(", "), cache.dir().display());
            terminal.say(format_args!("would fetch {sets} of {release} for {arch} into {dir}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        let job = base::Fetch {
            release: &release,
            arch: &arch,
            sets: &self.sets,
            mirror: &mirror,
            cache: &cache,
            manifest: self.manifest.as_deref(),
            offline: self.offline,
            patience: Patience::default(),
        };
        let mut meter = Meter::new(terminal);
        let fetched = base::fetch(&job, &mut |event| {
            show(&mut meter, event);
            ControlFlow::Continue(())
        });
        drop(meter);
        let fetched = fetched?;
        if terminal.json() {
            terminal.say_json(&fetched)?;
        } else {
            for one in fetched {
                terminal.say(one.path.display())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The release to fetch, which the host can run.
    fn release(&self, terminal: &Terminal) -> Result<Release, Failure> {
        if let (Some(release), true) = (&self.release, self.force) {
            return Ok(release.clone());
        }
        let osreldate = host::open(terminal)?.kernel().sysctl("kern.osreldate")?;
        let osreldate = u32::try_from(osreldate).unwrap_or_default();
        let Some(release) = &self.release else { return Ok(Release::of_kernel(osreldate)) };
        if release.is_newer_than(osreldate) {
            let kernel = Release::of_kernel(osreldate);
            let refused = format!(
                "{release} is newer than the host's kernel, which is of {kernel}: its programs may not run there; \
                 --force fetches it all the same"
            );
            return Err(Failure::Error(refused.into()));
        }
        Ok(release.clone())
    }
}

fn show(meter: &mut Meter<'_>, event: &FetchEvent) {
    match event {
        FetchEvent::Cached { file } => meter.note(&format!("{file} is in the cache")),
        FetchEvent::Begin { file, have: 0 } => meter.begin(format!("fetching {file}")),
        FetchEvent::Begin { file, have } => meter.begin(format!("fetching {file}, from byte {have}")),
        FetchEvent::Bytes { have, len } => meter.at(*have, *len),
        FetchEvent::Retry { reason, pause } => {
            meter.note(&format!("{reason}; trying again in {} s", pause.as_secs_f32()));
        }
        FetchEvent::Check { file } => meter.begin(format!("checking {file}")),
    }
}
