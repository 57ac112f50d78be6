//! Unpacking a base system, beside bsdtar(1), tar(1) and xz(1):
//!
//! ```sh
//! cargo bench -p jailkit --bench base
//! ```
//!
//! The archive is made once and kept in the target directory: about 900 MB in 25,000 files, in blocks of 24 MiB as
//! `xz -T0` makes them. Needs libarchive-tools, tar, xz-utils and util-linux (taskset).

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jailkit::base::{Extract, Extracted, extract};

#[path = "base/archive.rs"]
mod archive;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Each thing is measured this often, in turns, and its best time counts.
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compare(),
        // This process itself, measured from outside.
        ["extract", archive, flush, targets @ ..] => unpack(Path::new(archive), *flush == "flush", targets),
        _ => Err("usage: cargo bench --bench base".into()),
    }
}

fn unpack(archive: &Path, flush: bool, targets: &[&str]) -> Result<()> {
    let targets: Vec<PathBuf> = targets.iter().map(PathBuf::from).collect();
    let done: Extracted =
        extract(&Extract { flush, ..Extract::new(archive, &targets) }, &mut |_| ControlFlow::Continue(()))?;
    let peak = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF)?.max_rss();
    println!("{} {} {peak}", done.entries, done.bytes);
    Ok(())
}

/// A command that is measured, and where its tree goes.
struct Contender {
    name: &'static str,
    cores: usize,
    command: fn(&Path, &Path) -> Command,
    best: Duration,
    peak: Option<u64>,
}

impl Contender {
    fn new(name: &'static str, cores: usize, command: fn(&Path, &Path) -> Command) -> Self {
        Self { name, cores, command, best: Duration::MAX, peak: None }
    }

    fn run(&mut self, archive: &Path, dir: &Path) -> Result<()> {
        let target = dir.join("tree");
        fs::create_dir(&target)?;
        let inner = (self.command)(archive, &target);
        let cores = if self.cores == 1 { "0" } else { "0,1" };
        let mut command = Command::new("taskset");
        command.args(["-c", cores]).arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
        let start = Instant::now();
        let output = command.stderr(Stdio::inherit()).output()?;
        let time = start.elapsed();
        if !output.status.success() {
            return Err(format!("{}: {}", self.name, output.status).into());
        }
        self.best = self.best.min(time);
        // What this process says of itself: entries, bytes, kilobytes at its peak.
        let said = String::from_utf8_lossy(&output.stdout);
        if let Some(peak) = said.split_ascii_whitespace().nth(2).and_then(|peak| peak.parse::<u64>().ok()) {
            self.peak = self.peak.max(Some(peak));
        }
        // Not timed, and the next one starts with a quiet disk.
        for entry in fs::read_dir(dir)? {
            fs::remove_dir_all(entry?.path())?;
        }
        nix::unistd::sync();
        Ok(())
    }
}

fn this(archive: &Path, flush: &str, targets: &[PathBuf]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_default());
    command.arg("extract").arg(archive).arg(flush).args(targets);
    command
}

fn shell(line: &str, archive: &Path, target: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line, "sh"]).arg(archive).arg(target);
    command
}

fn contenders() -> Vec<Contender> {
    let jailkit = |archive: &Path, target: &Path| this(archive, "no-flush", &[target.to_owned()]);
    let bsdtar = |archive: &Path, target: &Path| shell(r#"bsdtar -xpf "$1" -C "$2""#, archive, target);
    let xz = |archive: &Path, target: &Path| shell(r#"xz -dc -T2 "$1" >/dev/null"#, archive, target);
    vec![
        Contender::new("jailkit", 2, jailkit),
        Contender::new("bsdtar -xpf", 2, bsdtar),
        Contender::new("tar -xJf", 2, |archive, target| shell(r#"tar -xpJf "$1" -C "$2""#, archive, target)),
        Contender::new("xz -dc -T2 >/dev/null", 2, xz),
        Contender::new("jailkit, flushed to the disk", 2, |archive, target| {
            this(archive, "flush", &[target.to_owned()])
        }),
        Contender::new("bsdtar, then sync -f", 2, |archive, target| {
            shell(r#"bsdtar -xpf "$1" -C "$2" && sync -f "$2""#, archive, target)
        }),
        Contender::new("jailkit, two trees", 2, |archive, target| {
            this(archive, "no-flush", &[target.to_owned(), target.with_file_name("other")])
        }),
        Contender::new("jailkit, checked only", 2, |archive, _| this(archive, "no-flush", &[])),
        Contender::new("jailkit, one core", 1, jailkit),
        Contender::new("bsdtar, one core", 1, bsdtar),
    ]
}

fn compare() -> Result<()> {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let archive = archive::made_in(kept)?;
    let dir = kept.join("base-bench-trees");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir(&dir)?;
    let mut contenders = contenders();
    for round in 1..=ROUNDS {
        for contender in &mut contenders {
            eprintln!("round {round} of {ROUNDS}: {}", contender.name);
            contender.run(&archive, &dir)?;
        }
    }
    fs::remove_dir_all(&dir)?;
    report(&contenders);
    Ok(())
}

fn report(contenders: &[Contender]) {
    let seconds =
        |name: &str| contenders.iter().find(|one| one.name == name).map_or(f64::NAN, |one| one.best.as_secs_f64());
    println!("{:32} {:>8} {:>10}", "best of 3", "seconds", "peak");
    for one in contenders {
        let peak = one.peak.map_or_else(String::new, |peak| format!("{} MB", peak / 1024));
        println!("{:32} {:8.2} {peak:>10}", one.name, one.best.as_secs_f64());
    }
    let jailkit = seconds("jailkit");
    println!();
    println!("jailkit / bsdtar                 {:8.2}   at most 0.60", jailkit / seconds("bsdtar -xpf"));
    println!("jailkit / tar                    {:8.2}", jailkit / seconds("tar -xJf"));
    println!("jailkit / xz -dc -T2             {:8.2}   at most 1.20", jailkit / seconds("xz -dc -T2 >/dev/null"));
    println!("one core / two cores             {:8.2}", seconds("jailkit, one core") / jailkit);
    println!(
        "flushed: jailkit / bsdtar        {:8.2}",
        seconds("jailkit, flushed to the disk") / seconds("bsdtar, then sync -f")
    );
}
