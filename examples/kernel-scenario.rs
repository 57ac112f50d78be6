//! Runs kernel scenarios on the simulated kernel and prints its answers, a JSON line each.
//!
//! `cargo run --example kernel-scenario -- FILE... [--release 13.2]`: the files run one after the other in one boot,
//! the jails that each leaves over removed before the next. The default is the newest release.

use std::io::{self, Write};

use jailkit::kernel::sim::Release;
use jailkit::kernel::sim::scenario::Runner;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut release = Release::default();
    let mut files = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.strip_prefix("--release") {
            Some("") => release = args.next().ok_or("--release takes a release: 13.2")?.parse()?,
            Some(value) => release = value.trim_start_matches('=').parse()?,
            None => files.push(arg),
        }
    }
    if files.is_empty() {
        return Err("usage: kernel-scenario FILE... [--release RELEASE]".into());
    }
    let root = tempfile::tempdir()?;
    let mut runner = Runner::boot(root.path(), release)?;
    let mut out = io::stdout().lock();
    for file in files {
        let scenario = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        for answer in runner.run(&scenario).map_err(|error| format!("{file}: {error}"))? {
            writeln!(out, "{answer}")?;
        }
        runner.remove_jails();
    }
    Ok(())
}
