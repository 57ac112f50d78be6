//! Our own cost of starting and listing jails on the simulated kernel, commands aside:
//!
//! ```sh
//! cargo bench -p jailkit --bench life
//! ```

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use jailkit::host::{Host, SimHost};
use jailkit::jailconf::{JailConf, Resolved};
use jailkit::life::{self, Format, List, Options, Selection, Silent};
use jailkit::source::Source;
use jailkit::stack::Owner;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Each thing is measured this often, and its best time counts.
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    println!("a jail with ten mounts, started: {:?}", best(|| start_all(1, 10))?.0);
    for jails in [250, 500, 1000, 2000, 4000] {
        let (started, listed) = best(|| start_all(jails, 0))?;
        println!("{jails} jails with dependencies, planned and started: {started:?}; listed as JSON: {listed:?}");
    }
    Ok(())
}

fn best(measure: impl Fn() -> Result<(Duration, Duration)>) -> Result<(Duration, Duration)> {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let (started, listed) = measure()?;
        best = (best.0.min(started), best.1.min(listed));
    }
    Ok(best)
}

fn start_all(jails: usize, mounts: usize) -> Result<(Duration, Duration)> {
    let dir = tempfile::tempdir()?;
    let host = SimHost::open(dir.path())?;
    let make = |path: &str| host.files().make_dir(Path::new(path), 0o755, Owner::ROOT);
    make("/srv/share")?;
    make("/srv/jail")?;
    (0..mounts).try_for_each(|mount| make(&format!("/srv/jail/{mount}")))?;
    let text = jail_conf(jails, mounts)?;
    let begun = Instant::now();
    let conf: Resolved = JailConf::parse(&Source::new("jail.conf", text))?.resolve()?;
    let names: [&str; 0] = [];
    let summary = life::start(&host, &conf, &names, &Options::default(), &Silent)?;
    let started = begun.elapsed();
    if !summary.is_well() {
        return Err(format!("{:?}", summary.failures().next()).into());
    }
    let begun = Instant::now();
    let mut list = List::new(&host, Format::default())?;
    list.read(&host, &Selection::default())?;
    let shown = serde_json::to_vec(&list.json())?;
    let listed = begun.elapsed();
    if shown.is_empty() {
        return Err("nothing was listed".into());
    }
    Ok((started, listed))
}

/// Jails that each depend on the one half as far down the file.
fn jail_conf(jails: usize, mounts: usize) -> Result<String> {
    let mut text = String::from("path = /srv/jail;\npersist;\n");
    for jail in 0..jails {
        writeln!(text, "j{jail} {{")?;
        if jail > 0 {
            writeln!(text, "    depend = j{};", jail / 2)?;
        }
        for mount in 0..mounts {
            writeln!(text, "    mount += \"/srv/share /srv/jail/{mount} nullfs ro 0 0\";")?;
        }
        writeln!(text, "}}")?;
    }
    Ok(text)
}
