//! The simulated kernel: what a call costs, alone and among a thousand jails with ten mounts each.

#![allow(clippy::panic, reason = "a benchmark that cannot run has nothing to return")]

use std::path::PathBuf;

use divan::Bencher;
use jailkit::kernel::sim::SimKernel;
use jailkit::kernel::{
    GetFlags, Jid, Kernel, KernelError, MountRequest, Param, ParamKind, ParamType, SetFlags, Value, mount,
};
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// How many mounts each jail has.
const MOUNTS: usize = 10;

fn host(jails: usize) -> (TempDir, SimKernel) {
    let root = tempfile::tempdir().unwrap_or_else(|error| panic!("no directory to work in: {error}"));
    for dir in ["base", "jails"] {
        std::fs::create_dir(root.path().join(dir)).unwrap_or_else(|error| panic!("{dir}: {error}"));
    }
    for jail in 0..jails {
        for dir in 0..MOUNTS {
            let path = root.path().join(format!("jails/{jail}/{dir}"));
            std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    let kernel = SimKernel::open(root.path()).unwrap_or_else(|error| panic!("no kernel: {error}"));
    (root, kernel)
}

fn start(kernel: &SimKernel, jail: usize) -> Result<(), KernelError> {
    for dir in 0..MOUNTS {
        let request = MountRequest {
            fstype: "nullfs".into(),
            source: Some("/base".into()),
            target: PathBuf::from(format!("/jails/{jail}/{dir}")),
            ..MountRequest::default()
        };
        mount(kernel, &request)?;
    }
    let params = [
        Param::new("name", Value::String(format!("jail{jail}").into_bytes())),
        Param::new("path", Value::String(format!("/jails/{jail}").into_bytes())),
        Param::flag("persist"),
    ];
    kernel.jail_set(&params, SetFlags { create: true, ..SetFlags::default() }).map(drop)
}

fn list(kernel: &SimKernel) -> usize {
    let wanted = [
        ParamType::new("name", ParamKind::String(256)),
        ParamType::new("path", ParamKind::String(1024)),
        ParamType::new("ip4.addr", ParamKind::Ipv4),
    ];
    let (mut last, mut count) = (0, 0);
    while let Ok((Jid(jid), _)) =
        kernel.jail_get(&[Param::new("lastjid", Value::Int(last))], &wanted, GetFlags::default())
    {
        (last, count) = (jid, count + 1);
    }
    count
}

fn started(jails: usize) -> (TempDir, SimKernel) {
    let (root, kernel) = host(jails);
    (0..jails).try_for_each(|jail| start(&kernel, jail)).unwrap_or_else(|error| panic!("{error}"));
    (root, kernel)
}

/// Ten mounts and a creation, for each jail.
#[divan::bench(args = [1, 100, 1000], sample_count = 5, sample_size = 1)]
fn start_jails(bencher: Bencher<'_, '_>, jails: usize) {
    bencher.with_inputs(|| host(jails)).bench_refs(|(_, kernel)| {
        (0..jails).try_for_each(|jail| start(kernel, jail)).unwrap_or_else(|error| panic!("{error}"));
    });
}

/// A process that has read the state before.
#[divan::bench(args = [1, 1000], sample_count = 20)]
fn list_jails(bencher: Bencher<'_, '_>, jails: usize) {
    let (_root, kernel) = started(jails);
    bencher.bench(|| assert_eq!(list(&kernel), jails));
}

/// A process that begins: it reads the state first.
#[divan::bench(args = [1, 1000], sample_count = 20)]
fn open_and_list_jails(bencher: Bencher<'_, '_>, jails: usize) {
    let (root, _kernel) = started(jails);
    bencher.bench(|| SimKernel::open(root.path()).map(|kernel| assert_eq!(list(&kernel), jails)));
}
